"""Whether two arms differ in a KPI beyond the noise between their seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from marketsim.analysis.compare.arms import ComparedArm
from marketsim.core.arrays import FloatArray

LEVEL: Final = 0.95
FEWEST: Final = 5
"""Seeds below which a bootstrap interval promises what it does not hold."""
COVERS: Final = (
    "Intervals are over seeds. They cover what seeds draw: agents, noise, arrival. Weather is in them only where seeds draw it "
    "(profiles.days, or the clouds of profiles: synthetic); else all runs have that of the same dates."
)
"""What an interval over seeds says nothing about, in words."""
_RESAMPLES: Final = 9_999
_SEED: Final = 1

EQUAL, DIFFERS, NOISE = "equal", "differs", "within noise"
ONE_SEED, FEW_SEEDS, UNDEFINED = "one seed", "few seeds", "undefined"


class KpiVerdict(NamedTuple):
    """One KPI in two arms."""

    kpi: str
    base: float | None
    """Mean over the seeds of the first arm."""
    other: float | None
    difference: float | None
    """``other`` less ``base``, over common seeds where there are any."""
    low: float | None
    """Bootstrap interval of the difference; None below ``FEWEST`` seeds."""
    high: float | None
    seeds: int
    """Pairs of seeds; without common seeds those of the smaller arm."""
    paired: bool
    verdict: str
    """``equal`` in every seed, ``differs`` if the interval excludes 0, ``within noise`` if not, ``one seed`` or
    ``few seeds`` where nothing can be said of noise, ``undefined``."""


def compare(base: ComparedArm, other: ComparedArm, kpis: Sequence[str] | None = None) -> tuple[KpiVerdict, ...]:
    """Every KPI that is a number in either arm, or the given ones."""
    return tuple(_verdict(kpi, base, other) for kpi in (_numbers(base, other) if kpis is None else kpis))


def _numbers(base: ComparedArm, other: ComparedArm) -> Iterator[str]:
    names = dict.fromkeys(name for arm in (base, other) for sample in arm.samples.values() for name in sample)
    skipped = {"seed", "wall_s"}
    for name in names:
        values = [sample.get(name) for arm in (base, other) for sample in arm.samples.values()]
        if name not in skipped and not any(isinstance(value, str) for value in values):
            yield name


def _verdict(kpi: str, base: ComparedArm, other: ComparedArm) -> KpiVerdict:
    common = [seed for seed in base.samples if seed in other.samples]
    left = _values(base, kpi, common or list(base.samples))
    right = _values(other, kpi, common or list(other.samples))
    if left is None or right is None:
        return KpiVerdict(kpi, _mean(left), _mean(right), None, None, None, 0, bool(common), UNDEFINED)
    pairs = min(len(left), len(right))
    difference = float(right.mean() - left.mean())
    facts = (kpi, float(left.mean()), float(right.mean()), difference)
    if common and (left == right).all():
        return KpiVerdict(*facts, 0.0, 0.0, pairs, True, EQUAL)
    if pairs < FEWEST:
        return KpiVerdict(*facts, None, None, pairs, bool(common), ONE_SEED if pairs == 1 else FEW_SEEDS)
    low, high = _paired_interval(right - left) if common else _interval(left, right)
    return KpiVerdict(*facts, low, high, pairs, bool(common), NOISE if low <= 0.0 <= high else DIFFERS)


def _values(arm: ComparedArm, kpi: str, seeds: Sequence[int]) -> FloatArray | None:
    values = [arm.samples[seed].get(kpi) for seed in seeds]
    return None if any(value is None for value in values) else np.array(values, dtype=np.float64)


def _mean(values: FloatArray | None) -> float | None:
    return None if values is None else float(values.mean())


def _paired_interval(differences: FloatArray) -> tuple[float, float]:
    """Of the mean difference, by the bias-corrected and accelerated bootstrap (Efron 1987)."""
    if np.ptp(differences) == 0.0:
        return float(differences[0]), float(differences[0])
    return _bootstrapped((differences,), np.mean, "BCa")


def _interval(left: FloatArray, right: FloatArray) -> tuple[float, float]:
    """Of the difference of means of independent samples, by the percentile bootstrap."""

    def gap(a: FloatArray, b: FloatArray, axis: int = -1) -> FloatArray:
        means: FloatArray = np.mean(b, axis=axis) - np.mean(a, axis=axis)
        return means

    if np.ptp(left) == 0.0 and np.ptp(right) == 0.0:
        return (float(right[0] - left[0]),) * 2
    return _bootstrapped((left, right), gap, "percentile")


def _bootstrapped(
    samples: tuple[FloatArray, ...], statistic: Callable[..., Any], method: Literal["BCa", "percentile"]
) -> tuple[float, float]:
    from scipy.stats import bootstrap

    rng = np.random.default_rng(_SEED)
    found = bootstrap(samples, statistic, confidence_level=LEVEL, n_resamples=_RESAMPLES, method=method, rng=rng)
    return float(found.confidence_interval.low), float(found.confidence_interval.high)
