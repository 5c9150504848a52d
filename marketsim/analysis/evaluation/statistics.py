"""Paired comparison of two arms: hierarchical bootstrap over seeds, then weeks; Holm's correction.

Weeks of one seed share its market (who owns what, how loads are shifted), so they are not independent: seeds are drawn
with replacement, and within each drawn seed its weeks. Both arms use the same draws, since they ran on the same days.
Saravanan, Berman, Sober 2020 (Neurons, Behavior, Data Analysis and Theory 3(5)) describe the method.

Totals are any record of arrays [S, W, ...] that add up over the second axis, whatever its blocks are: weeks of a market, or
months of a feeder's days.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

import numpy as np

from marketsim.analysis.evaluation.measures import Measure
from marketsim.analysis.evaluation.totals import WeeklyTotals
from marketsim.core.arrays import FloatArray, IntArray

DRAWS: Final = 10_000
LEVEL: Final = 0.95
_CHUNK: Final = 500
"""Draws handled at once, so that memory stays small."""


Summed = TypeVar("Summed", bound=tuple[Any, ...])
Statistic: TypeAlias = Callable[[Sequence[Summed], Summed], FloatArray]
"""A number of each seed [..., S] from totals over its weeks: of some arms, and of what all are held against."""


class Estimate(NamedTuple):
    """A mean over seeds with its interval."""

    mean: float
    low: float
    high: float
    by_seed: FloatArray
    """The value of each seed over all its weeks [S]."""


class PairedDifference(NamedTuple):
    """Arm less another arm, paired."""

    difference: Estimate
    p: float
    """Two-sided: how often the resampled difference lies on the other side of zero. NaN where undefined."""


def draw_weeks(n_seeds: int, n_weeks: int, draws: int, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Positions of drawn seeds [B, S, 1] and of the weeks drawn within each [B, S, W]."""
    seeds = rng.integers(n_seeds, size=(draws, n_seeds, 1))
    return seeds, rng.integers(n_weeks, size=(draws, n_seeds, n_weeks))


def estimate(
    measure: Measure, arm: WeeklyTotals, alone: WeeklyTotals, rng: np.random.Generator, draws: int = DRAWS
) -> Estimate:
    """Mean and interval of a measure of one arm; totals are stacked [S, W, ...]."""
    return estimate_of(lambda arms, base: measure.compute(arms[0], base), (arm,), alone, rng, draws)


def estimate_of(
    statistic: Statistic[Summed],
    arms: Sequence[Summed],
    alone: Summed,
    rng: np.random.Generator,
    draws: int = DRAWS,
) -> Estimate:
    """Mean and interval of what is told of several arms together, on the same draws; totals are stacked [S, W, ...]."""
    by_seed = statistic([_over_weeks(arm) for arm in arms], _over_weeks(alone))
    return _summary(by_seed, _resampled((statistic,), arms, alone, rng, draws)[0])


def compare(
    measure: Measure,
    arm: WeeklyTotals,
    other: WeeklyTotals,
    alone: WeeklyTotals,
    rng: np.random.Generator,
    draws: int = DRAWS,
) -> PairedDifference:
    """``arm`` less ``other`` in one measure, on the same seeds and weeks [S, W, ...]."""
    return compare_of(
        lambda arms, base: measure.compute(arms[0], base),
        lambda arms, base: measure.compute(arms[1], base),
        (arm, other),
        alone,
        rng,
        draws,
    )


def compare_of(
    here: Statistic[Summed],
    there: Statistic[Summed],
    arms: Sequence[Summed],
    alone: Summed,
    rng: np.random.Generator,
    draws: int = DRAWS,
) -> PairedDifference:
    """One statistic less another one, on the same draws; totals are stacked [S, W, ...]."""
    over, base = [_over_weeks(arm) for arm in arms], _over_weeks(alone)
    by_seed = here(over, base) - there(over, base)
    drawn = _resampled((here, there), arms, alone, rng, draws)
    resampled = drawn[0] - drawn[1]
    known = resampled[np.isfinite(resampled)]
    if not len(known):
        return PairedDifference(_summary(by_seed, resampled), float("nan"))
    tail = min(int((known <= 0.0).sum()), int((known >= 0.0).sum()))
    return PairedDifference(_summary(by_seed, resampled), min(1.0, 2.0 * (tail + 1) / (len(known) + 1)))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for being several (Holm 1979); NaN stays and does not count."""
    from statsmodels.stats.multitest import multipletests  # type: ignore[import-untyped]

    values = np.asarray(p_values, dtype=np.float64)
    known = np.isfinite(values)
    corrected = np.full(len(values), np.nan)
    if known.any():
        corrected[known] = multipletests(values[known], method="holm")[1]
    return [float(value) for value in corrected]


def _over_weeks(totals: Summed) -> Summed:
    return type(totals)(*(field.sum(axis=1) for field in totals))


def _resampled(
    statistics: Sequence[Statistic[Summed]],
    arms: Sequence[Summed],
    alone: Summed,
    rng: np.random.Generator,
    draws: int,
) -> FloatArray:
    """Mean over drawn seeds of each statistic, the same draws for all [n_statistics, B]."""
    n_seeds, n_weeks = alone[0].shape[:2]
    out = np.empty((len(statistics), draws))
    for first in range(0, draws, _CHUNK):
        here = slice(first, min(first + _CHUNK, draws))
        seeds, weeks = draw_weeks(n_seeds, n_weeks, here.stop - here.start, rng)
        base, *drawn = (type(each)(*(field[seeds, weeks].sum(axis=2) for field in each)) for each in (alone, *arms))
        for row, statistic in enumerate(statistics):
            out[row, here] = _mean(statistic(drawn, base))
    return out


def _mean(values: FloatArray) -> FloatArray:
    """Mean over the last axis without what is undefined; NaN where nothing is defined."""
    known = np.isfinite(values)
    count = known.sum(axis=-1)
    total = np.where(known, values, 0.0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _summary(by_seed: FloatArray, resampled: FloatArray) -> Estimate:
    known = resampled[np.isfinite(resampled)]
    tails = (1.0 - LEVEL) / 2.0
    low, high = np.quantile(known, [tails, 1.0 - tails]) if len(known) else (np.nan, np.nan)
    return Estimate(float(_mean(by_seed[None, :])[0]), float(low), float(high), by_seed)
