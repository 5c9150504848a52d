"""Designs: every combination, evenly spread samples, and the scheme that Sobol's indices need."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.analysis.studies.axes import Axis, Span, axes_of, axes_of_texts
from marketsim.analysis.studies.designs import points_of
from marketsim.core.errors import InputError, MissingDependency

AXES = axes_of_texts(["a=0:1", "b=x,y"])


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_a_grid_is_every_combination_once_the_last_axis_fastest(sizes):
    axes = axes_of({f"p{place}": list(range(size)) for place, size in enumerate(sizes)})
    assert list(points_of(axes, "grid", None, 1)) == list(itertools.product(*(range(size) for size in sizes)))


def test_paired_values_stay_together():
    axes = axes_of({("a", "b"): [(1, "x"), (2, "y")], "c": [True, False]})
    assert points_of(axes, "grid", None, 1) == ((1, "x", True), (1, "x", False), (2, "y", True), (2, "y", False))


@settings(max_examples=30)
@given(st.integers(1, 60), st.integers(0, 2**31))
def test_a_latin_hypercube_has_one_sample_in_each_stratum(samples, seed):
    """Of every axis that is a range; lists get equal shares, to one."""
    points = points_of(AXES, "lhs", samples, seed)
    strata = sorted(int(point[0] * samples) for point in points)
    assert strata == list(range(samples))
    counts = [[point[1] for point in points].count(name) for name in "xy"]
    assert abs(counts[0] - counts[1]) <= 1


@pytest.mark.parametrize("design", ["lhs", "sobol"])
def test_the_seed_decides_the_samples(design):
    """The same seed gives the same points, another one others."""
    assert points_of(AXES, design, 8, 5) == points_of(AXES, design, 8, 5)
    assert points_of(AXES, design, 8, 5) != points_of(AXES, design, 8, 6)


def test_a_sobol_design_has_samples_times_axes_plus_two_points():
    """Blocks of two base points and, for each axis, the first with that axis taken from the second (Saltelli 2010)."""
    axes = axes_of_texts(["a=0:1", "b=0:1", "c=0:1"])
    points = np.array(points_of(axes, "sobol", 16, 1))
    assert points.shape == (16 * 5, 3)
    for block in points.reshape(16, 5, 3):
        first, last = block[0], block[4]
        for axis in range(3):
            expected = first.copy()
            expected[axis] = last[axis]
            assert block[1 + axis] == pytest.approx(expected)


@given(st.integers(-5, 5), st.integers(1, 6), st.floats(0, 1, exclude_max=True))
def test_whole_numbers_are_equally_likely(low, width, share):
    """Both ends included."""
    axis = Axis(("a",), (), Span(float(low), float(low + width), whole=True))
    points = points_of((axis,), "lhs", 10 * (width + 1), 3)
    counts = [[point[0] for point in points].count(value) for value in range(low, low + width + 1)]
    assert counts == [10] * (width + 1)


@pytest.mark.parametrize(
    ("texts", "design", "samples", "message"),
    [
        (["a=0:4"], "grid", None, "--design: a: a full grid needs values (got 0:4)\n    say how many values, as in 0:4:9, or sample it with --design lhs"),
        (["a=1,2"], "grid", 8, "--design: a full grid takes no samples (got 8)\n    leave --samples out, or use --design lhs"),
        (["a=0:4"], "lhs", None, "--design: a lhs design needs a number of samples\n    for example --samples 64"),
        (["a=0:4"], "sobol", 0, "--design: a sobol design needs a number of samples (got 0)\n    for example --samples 64"),
        (["a=0:4"], "sobol", 12, "--design: the samples of a Sobol design must be a power of two (got 12)\n    for example 64 or 128"),
    ],
)  # fmt: skip
def test_designs_that_do_not_fit_say_what_to_do(texts, design, samples, message):
    with pytest.raises(InputError) as caught:
        points_of(axes_of_texts(texts), design, samples, 1)
    assert str(caught.value) == message


def test_without_salib_a_sobol_design_says_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "SALib.sample.sobol", None)
    with pytest.raises(MissingDependency, match=r"a Sobol design needs SALib: pip install 'marketsim\[sensitivity\]'"):
        points_of(AXES, "sobol", 8, 1)
    assert len(points_of(AXES, "lhs", 8, 1)) == 8
