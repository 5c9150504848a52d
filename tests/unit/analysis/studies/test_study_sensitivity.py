"""What matters: against functions whose indices are known."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from marketsim.analysis.studies.axes import axes_of
from marketsim.analysis.studies.designs import points_of
from marketsim.analysis.studies.sensitivity import sensitivities, sensitivity_table


def table_of(axes, design, samples, kpi, seed=1):
    """A study's table whose KPI ``kpi`` is a function of the values."""
    points = points_of(axes, design, samples, seed)
    paths = [path for axis in axes for path in axis.paths]
    table = pd.DataFrame(points, columns=paths)
    table.insert(0, "run", range(len(points)))
    table.insert(1, "point", range(len(points)))
    return table.assign(seed=1, status="ok", error=None, kpi=[kpi(*point) for point in points])


@pytest.mark.full
def test_sobol_indices_of_the_ishigami_function():
    """sin x1 + 7 sin^2 x2 + 0.1 x3^4 sin x1 on [-pi, pi]^3: the indices are known exactly (Ishigami and Homma 1990)."""
    a, b, pi = 7.0, 0.1, np.pi
    variance = a**2 / 8 + b * pi**4 / 5 + b**2 * pi**8 / 18 + 0.5
    first = np.array([0.5 * (1 + b * pi**4 / 5) ** 2, a**2 / 8, 0.0]) / variance
    cross = 8 * b**2 * pi**8 / 225 / variance
    total = first + np.array([cross, 0.0, cross])
    axes = axes_of({f"x{place}": f"{-pi!r}:{pi!r}" for place in (1, 2, 3)})
    table = table_of(axes, "sobol", 512, lambda x, y, z: np.sin(x) + a * np.sin(y) ** 2 + b * z**4 * np.sin(x))
    found = sensitivities(table, axes, "sobol", 1)
    assert [each.axis for each in found] == ["x1", "x2", "x3"]
    assert [each.value for each in found] == pytest.approx(first, abs=0.07)
    assert [each.total for each in found] == pytest.approx(total, abs=0.07)
    assert all(each.low <= known <= each.high for each, known in zip(found, first, strict=True))


def test_sobol_indices_of_a_sum_are_the_shares_of_its_variance():
    """3 x + 4 y: 9/25 and 16/25, first and total alike."""
    axes = axes_of({"x": "0:1", "y": "0:1"})
    found = sensitivities(table_of(axes, "sobol", 256, lambda x, y: 3 * x + 4 * y), axes, "sobol", 1)
    assert [each.value for each in found] == pytest.approx([9 / 25, 16 / 25], abs=0.02)
    assert [each.total for each in found] == pytest.approx([9 / 25, 16 / 25], abs=0.02)


def test_sobol_indices_need_every_run():
    """With a failed run the scheme has a hole: nothing is said rather than something wrong."""
    axes = axes_of({"x": "0:1", "y": "0:1"})
    table = table_of(axes, "sobol", 8, lambda x, y: x + y)
    assert len(sensitivities(table, axes, "sobol", 1)) == 2
    table.loc[3, "status"] = "failed"
    assert sensitivities(table, axes, "sobol", 1) == ()


def test_rank_correlations_see_what_is_monotone():
    """exp(9 x) has rank correlation 1 with x, and nearly none with what it ignores; intervals hold the value."""
    axes = axes_of({"x": "0:1", "y": "0:1", "z": ["a", "b"]})
    table = table_of(axes, "lhs", 200, lambda x, y, z: float(np.exp(9 * x)))
    x, y, z = sensitivities(table, axes, "lhs", 1)
    assert x.value == pytest.approx(1.0)
    assert abs(y.value) < 0.2
    assert y.low <= y.value <= y.high
    assert y.low <= 0.0 <= y.high
    assert z.axis == "z"


@pytest.mark.full
def test_the_interval_of_a_rank_correlation_covers_it():
    """In about 95 % of studies the interval holds the correlation of the whole population (0.4 by construction)."""
    axes = axes_of({"x": "0:1"})
    population = np.random.default_rng(5)
    held = 0
    for seed in range(40):
        table = table_of(axes, "lhs", 60, lambda x: x, seed)
        table["kpi"] = table["x"] + population.normal(0.0, 0.62, len(table))
        (found,) = sensitivities(table, axes, "lhs", 1)
        held += found.low <= 0.405 <= found.high
    assert held >= 35


def test_the_swing_of_a_grid_is_between_the_ends():
    """Averaged over everything else."""
    axes = axes_of({"x": [0, 1, 2], "y": [0, 10], "z": ["a", "b"]})
    found = sensitivities(table_of(axes, "grid", None, lambda x, y, z: 2 * x + y + (z == "b")), axes, "grid", 1)
    assert [(each.axis, each.measure, each.value) for each in found] == [("x", "swing", 4.0), ("y", "swing", 10.0)]


def test_means_over_seeds_are_what_is_measured():
    axes = axes_of({"x": [0, 1]})
    one = table_of(axes, "grid", None, lambda x: x)
    both = pd.concat([one.assign(kpi=one["kpi"] + 0.5), one.assign(kpi=one["kpi"] - 0.5, seed=2)])
    (found,) = sensitivities(both, axes, "grid", 1)
    assert found.value == 1.0


def test_kpis_that_do_not_move_or_are_undefined_are_left_out():
    axes = axes_of({"x": [0, 1]})
    table = table_of(axes, "grid", None, lambda x: x).assign(flat=3.0, hole=[None, 1.0], words=["a", "b"])
    table["words"] = table["words"].astype("object")
    assert {each.kpi for each in sensitivities(table.drop(columns="words"), axes, "grid", 1)} == {"kpi"}


def test_the_table_has_a_row_a_kpi_and_axis():
    axes = axes_of({"x": [0, 1], "y": [0, 1]})
    table = table_of(axes, "grid", None, lambda x, y: x - y).assign(k=list(itertools.accumulate([1, 2, 3, 4])))
    rows = sensitivity_table(sensitivities(table, axes, "grid", 1))
    assert rows[["kpi", "axis"]].to_numpy().tolist() == [["kpi", "x"], ["kpi", "y"], ["k", "x"], ["k", "y"]]
    assert sensitivity_table(()).columns.tolist() == rows.columns.tolist()
