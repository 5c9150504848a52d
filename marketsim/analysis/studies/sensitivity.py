"""Which of the varied values matters: Sobol indices, rank correlations, or the swing between the ends of a grid."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from marketsim.analysis.studies.axes import Axis
from marketsim.analysis.studies.designs import GRID, LHS, import_salib, unit_problem
from marketsim.analysis.studies.table import OK, holds_numbers, kpi_names
from marketsim.core.arrays import FloatArray

if TYPE_CHECKING:
    import pandas as pd

LEVEL: Final = 0.95
_FEWEST: Final = 4
"""Points below which a rank correlation says nothing."""


class Sensitivity(NamedTuple):
    """How much one axis moves one KPI."""

    kpi: str
    axis: str
    measure: str
    """``swing``: mean of the KPI at the highest level less that at the lowest; ``spearman``: rank correlation;
    ``sobol``: share of the variance."""
    value: float
    """Swing, correlation, or first-order index."""
    low: float | None
    """Interval of 95 %; None where there is none."""
    high: float | None
    total: float | None
    """Total index, of Sobol alone: with everything in which the axis has a part."""


def sensitivities(table: pd.DataFrame, axes: Sequence[Axis], design: str, seed: int) -> tuple[Sensitivity, ...]:
    """Every KPI that moves against every axis; KPIs that are undefined in a point are left out.

    Values are means over seeds at each point. Swings need an axis of numbers. Sobol's indices (Saltelli et al. 2010,
    Computer Physics Communications 181, 259-270) need all points: they are left out where a run has failed.
    """
    means = means_of_points(table)
    found: list[Sensitivity] = []
    for kpi in kpi_names(table, [path for axis in axes for path in axis.paths]):
        if kpi not in means or not holds_numbers(means[kpi]) or means[kpi].isna().any() or means[kpi].nunique() < 2:
            continue
        values = means[kpi].to_numpy(dtype=np.float64)
        if design == GRID:
            found += _swings(kpi, values, means, axes)
        elif design == LHS:
            found += _ranks(kpi, values, means, axes)
        elif len(means) == table["point"].nunique():
            found += _sobol(kpi, values, axes, seed)
    return tuple(found)


def means_of_points(table: pd.DataFrame) -> pd.DataFrame:
    """Varied values and mean KPIs of each point all of whose runs succeeded."""
    complete = table.groupby("point")["status"].transform(lambda status: status.eq(OK).all())
    return table[complete.astype(bool)].groupby("point").agg(_first_or_mean)


def _first_or_mean(column: pd.Series[Any]) -> Any:
    return column.iloc[0] if column.dtype == object else column.astype("float64").mean()


def _swings(kpi: str, values: FloatArray, means: pd.DataFrame, axes: Sequence[Axis]) -> Iterator[Sensitivity]:
    for axis in axes:
        if axis.numeric and len(axis.levels) > 1:
            places = means[axis.paths[0]].to_numpy(dtype=np.float64)
            swing = float(values[places == places.max()].mean() - values[places == places.min()].mean())
            yield Sensitivity(kpi, axis.label, "swing", swing, None, None, None)


def _ranks(kpi: str, values: FloatArray, means: pd.DataFrame, axes: Sequence[Axis]) -> Iterator[Sensitivity]:
    from scipy.stats import spearmanr

    if len(values) < _FEWEST:
        return
    for axis in axes:
        places = _positions(means, axis)
        if np.ptp(places) > 0.0:
            rho = float(spearmanr(places, values).statistic)
            low, high = _fisher_interval(rho, len(values))
            yield Sensitivity(kpi, axis.label, "spearman", rho, low, high, None)


def _positions(means: pd.DataFrame, axis: Axis) -> FloatArray:
    """Values of an axis as numbers; levels that are none by their place in the list."""
    column = means[axis.paths[0]]
    if column.dtype != object:
        return column.to_numpy(dtype=np.float64)
    places = {value: place for place, value in enumerate(dict.fromkeys(column))}
    return np.array([places[value] for value in column], dtype=np.float64)


def _fisher_interval(rho: float, count: int) -> tuple[float, float]:
    """By Fisher's transform with the variance of ranks (Bonett and Wright 2000, Psychometrika 65, 23-28)."""
    from scipy.stats import norm

    if abs(rho) > 1.0 - 1e-12:
        return rho, rho
    half = float(norm.ppf(0.5 + LEVEL / 2.0)) * np.sqrt((1.0 + rho**2 / 2.0) / (count - 3))
    return float(np.tanh(np.arctanh(rho) - half)), float(np.tanh(np.arctanh(rho) + half))


def _sobol(kpi: str, values: FloatArray, axes: Sequence[Axis], seed: int) -> Iterator[Sensitivity]:
    analysis = import_salib("SALib.analyze.sobol")
    with warnings.catch_warnings(action="ignore"):  # about its own numerics
        found = analysis.analyze(
            unit_problem(len(axes)), values, calc_second_order=False, num_resamples=200, conf_level=LEVEL, seed=seed
        )
    for place, axis in enumerate(axes):
        first, half = float(found["S1"][place]), float(found["S1_conf"][place])
        yield Sensitivity(kpi, axis.label, "sobol", first, first - half, first + half, float(found["ST"][place]))


def sensitivity_table(found: Sequence[Sensitivity]) -> pd.DataFrame:
    """A row a KPI and axis."""
    import pandas as pd

    return pd.DataFrame([each._asdict() for each in found], columns=list(Sensitivity._fields))
