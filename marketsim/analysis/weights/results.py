"""What an evaluation of weights found: estimates of every arm, paired differences, and what was to be reached.

Communities are what is drawn again, and within each the policies (``analysis.evaluation.statistics``); a rule has the same value
beside every policy. All arms are compared at the same day of the same communities, the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from marketsim.analysis.evaluation.statistics import (
    DRAWS,
    Estimate,
    PairedDifference,
    compare_of,
    estimate_of,
    holm,
)
from marketsim.analysis.weights.jobs import LEARNED
from marketsim.core.arrays import FloatArray

EQUAL: Final = "equal"
FEEDBACK: Final = "feedback"


class ArmEquity(NamedTuple):
    """Equity of an arm, of communities and policies; adds up over the second axis."""

    fields: FloatArray
    """Those of ``games.equity.measures.CommunityEquity`` [S, W, 4]."""
    policies: FloatArray
    """Ones [S, W]."""


class WeightMeasure(NamedTuple):
    """A number of an arm and community."""

    name: str
    text: str
    of: Callable[[FloatArray], FloatArray]
    """From the fields of ``CommunityEquity`` [..., 4]."""


MEASURES: Final = (
    WeightMeasure("burden_gini", "Gini coefficient of burdens", lambda fields: fields[..., 0]),
    WeightMeasure("burden_worst", "heaviest burden", lambda fields: fields[..., 1]),
    WeightMeasure("access_gini", "Gini coefficient of access", lambda fields: fields[..., 2]),
    WeightMeasure("gini_sum", "sum of both coefficients", lambda fields: fields[..., 0] + fields[..., 2]),
    WeightMeasure("paid", "what all pay", lambda fields: fields[..., 3]),
)
COMPARED: Final = ("burden_gini", "burden_worst", "access_gini", "gini_sum")


class WeightPair(NamedTuple):
    """An arm less another one in a measure."""

    arm: str
    other: str
    measure: str
    found: PairedDifference
    p_holm: float
    """Corrected over all pairs of the table."""


class WeightAim(NamedTuple):
    """Something that was to be reached, and in how many communities it was."""

    text: str
    reached: bool
    found: str


class WeightsFound(NamedTuple):
    """All arms on the same communities."""

    part: str
    communities: tuple[int, ...]
    policies: tuple[str, ...]
    days: int
    values: Mapping[str, FloatArray]
    """By arm: communities, policies (one of a rule), fields of ``CommunityEquity`` [S, W, 4]."""
    bound: FloatArray
    """Least Gini coefficient and least worst burden of each community [S, 2]."""
    estimates: Mapping[str, Mapping[str, Estimate]]
    pairs: tuple[WeightPair, ...]
    aims: tuple[WeightAim, ...]


def compare_weights(
    part: str,
    communities: Sequence[int],
    policies: Sequence[str],
    days: int,
    values: Mapping[str, FloatArray],
    bound: FloatArray,
    draws: int = DRAWS,
) -> WeightsFound:
    """Everything that is told of the arms."""
    most = max(own.shape[1] for own in values.values())
    stacked = {arm: _beside(own, most) for arm, own in values.items()}
    estimates = {
        arm: {
            each.name: estimate_of(_statistic(each), (own,), own, np.random.default_rng(1), draws) for each in MEASURES
        }
        for arm, own in stacked.items()
    }
    pairs = _pairs(stacked, draws)
    aims = aims_of(values, bound)
    return WeightsFound(part, tuple(communities), tuple(policies), days, values, bound, estimates, pairs, aims)


def _beside(own: FloatArray, policies: int) -> ArmEquity:
    fields = np.repeat(own, policies // own.shape[1], axis=1)
    return ArmEquity(fields, np.ones(fields.shape[:2]))


def _statistic(measure: WeightMeasure, place: int = 0) -> Callable[[Sequence[ArmEquity], ArmEquity], FloatArray]:
    return lambda arms, _: measure.of(arms[place].fields / arms[place].policies[..., None])


def _pairs(stacked: Mapping[str, ArmEquity], draws: int) -> tuple[WeightPair, ...]:
    """Every arm against equal weights, and policies against every rule."""
    wanted = [(arm, EQUAL) for arm in stacked if arm != EQUAL and EQUAL in stacked]
    wanted += [(LEARNED, other) for other in stacked if LEARNED in stacked and other not in (LEARNED, EQUAL)]
    found = [
        (arm, other, each.name, _compared(stacked[arm], stacked[other], each, draws))
        for arm, other in wanted
        for each in MEASURES
        if each.name in COMPARED
    ]
    corrected = holm([pair[3].p for pair in found])
    return tuple(WeightPair(*pair, p) for pair, p in zip(found, corrected, strict=True))


def _compared(here: ArmEquity, there: ArmEquity, measure: WeightMeasure, draws: int) -> PairedDifference:
    first, second = _statistic(measure), _statistic(measure, 1)
    return compare_of(first, second, (here, there), there, np.random.default_rng(1), draws)


def aims_of(values: Mapping[str, FloatArray], bound: FloatArray) -> tuple[WeightAim, ...]:
    """What feedback and policies were to reach against equal weights, on the same day; empty where equal weights are left out."""
    equal = values.get(EQUAL)
    if equal is None:
        return ()
    aims: list[WeightAim] = []
    if FEEDBACK in values:
        aims += _of_feedback(values[FEEDBACK][:, 0], equal[:, 0], bound)
    if LEARNED in values:
        both = [own[..., 0] + own[..., 2] for own in (values[LEARNED], equal)]
        less = 1.0 - (both[0].mean(axis=0) / both[1].mean())
        told = f"{100 * less.mean():.1f} % less, by policy {100 * less.min():.1f} to {100 * less.max():.1f} %"
        finite = bool(np.isfinite(values[LEARNED]).all())
        aims.append(
            WeightAim("learned: sum of both coefficients at least 15 % below equal", bool(less.mean() >= 0.15), told)
        )
        aims.append(WeightAim("learned: every number is one", finite, "yes" if finite else "no"))
    return tuple(aims)


def _of_feedback(own: FloatArray, equal: FloatArray, bound: FloatArray) -> list[WeightAim]:
    n = len(own)
    gini, worst = (1.0 - own[:, place] / equal[:, place] for place in (0, 1))
    closed = (equal[:, 0] - own[:, 0]) / (equal[:, 0] - bound[:, 0])
    apart = float(np.abs(own[:, 3] - equal[:, 3]).max())
    aims = [
        (f"{name} at least {100 * least:.0f} % below equal", less >= least, less)
        for name, least, less in (
            ("feedback: Gini coefficient of burdens", 0.25, gini),
            ("feedback: heaviest burden", 0.35, worst),
        )
    ]
    aims.append(("feedback: at least 75 % of the way from equal to the bound, in burdens", closed >= 0.75, closed))
    told = [
        WeightAim(
            text, bool(met.all()), f"in {int(met.sum())} of {n}; {100 * less.min():.1f} to {100 * less.max():.1f} %"
        )
        for text, met, less in aims
    ]
    return [
        *told,
        WeightAim("feedback: what all pay is that of equal, to 1e-9", apart <= 1e-9, f"{apart:.1e} apart at most"),
    ]
