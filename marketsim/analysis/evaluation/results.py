"""What an evaluation found: estimates of every arm, paired comparisons, and the aims with what was reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from marketsim.analysis.evaluation.measures import MEASURES, PRIMARY, Measure, by_name
from marketsim.analysis.evaluation.statistics import DRAWS, Estimate, PairedDifference, compare, estimate, holm
from marketsim.analysis.evaluation.totals import WeeklyTotals, stacked

ALONE: Final = "utility_only"
"""Arm with everybody trading with the utility alone, against which savings and margins are counted."""
RULE, NONE, PLACEBO, TRUTHFUL = "rule", "none", "placebo", "truthful"
GOOD: Final = 0.80
"""Aim for each score of the learner with the rule critic."""
CEILING: Final = 0.90
"""The critic has something to do only if learning without one stays below this."""
MARGIN: Final = 0.90
MOST_LOST: Final = 0.02
"""What welfare and the worst-off saving may lose against learning without a critic."""


class Pair(NamedTuple):
    """An arm against another one in a measure."""

    arm: str
    other: str
    measure: str
    found: PairedDifference
    p_holm: float
    """Corrected over all pairs of the measures outside the reward; NaN where nothing is corrected."""


class Aim(NamedTuple):
    """A stated aim and what was reached."""

    text: str
    reached: bool | None
    """None: cannot be said, an arm is missing."""
    found: str


class Evaluation(NamedTuple):
    """All arms on the same test days."""

    subject: str
    """Arm that the others are compared with."""
    seeds: tuple[int, ...]
    weeks: int
    estimates: Mapping[str, Mapping[str, Estimate]]
    """By arm and measure."""
    pairs: tuple[Pair, ...]
    bills: Mapping[str, tuple[float, ...]]
    """Mean bill of each agent over seeds and weeks, as a share of its turnover alone, above its bill alone; by arm."""
    aims: tuple[Aim, ...]


def evaluate_totals(
    totals: Mapping[str, Sequence[WeeklyTotals]],
    seeds: Sequence[int],
    subject: str = RULE,
    rng_seed: int = 0,
    draws: int = DRAWS,
) -> Evaluation:
    """Compare arms by their weekly totals, one entry a seed, the same seeds in all; ``ALONE`` must be among them.

    ``subject`` is the arm that the others are compared with, if it is there; the same ``rng_seed`` gives the same draws.
    """
    arms = {name: stacked(runs) for name, runs in totals.items()}
    weeks = min(arm.gains.shape[1] for arm in arms.values())
    arms = {name: WeeklyTotals(*(field[:, :weeks] for field in arm)) for name, arm in arms.items()}
    alone = arms[ALONE]

    def rng() -> np.random.Generator:
        return np.random.default_rng(rng_seed)  # the same draws for all: arms are compared on the same samples

    estimates = {
        name: {measure.name: estimate(measure, arm, alone, rng(), draws) for measure in MEASURES}
        for name, arm in arms.items()
    }
    pairs = _pairs(subject, arms, alone, rng_seed, draws)
    bills = {name: _excess(arm, alone) for name, arm in arms.items()}
    aims = _aims(subject, estimates, pairs, bills)
    return Evaluation(subject, tuple(seeds), weeks, estimates, pairs, bills, aims)


def _pairs(
    subject: str, arms: Mapping[str, WeeklyTotals], alone: WeeklyTotals, rng_seed: int, draws: int
) -> tuple[Pair, ...]:
    """The subject against every other arm in the primary measure; against none and placebo in those outside the reward."""
    if subject not in arms:
        return ()
    outside = [measure for measure in MEASURES if not measure.rewarded]
    wanted = [(other, by_name(PRIMARY)) for other in arms if other not in (subject, ALONE)]
    secondary = [(other, measure) for other in (NONE, PLACEBO) if other in arms for measure in outside]

    def found(other: str, measure: Measure) -> PairedDifference:
        return compare(measure, arms[subject], arms[other], alone, np.random.default_rng(rng_seed), draws)

    primary = [Pair(subject, other, measure.name, found(other, measure), float("nan")) for other, measure in wanted]
    compared = [(other, measure, found(other, measure)) for other, measure in secondary]
    corrected = holm([each.p for _, _, each in compared])
    return (
        *primary,
        *(
            Pair(subject, other, measure.name, each, p)
            for (other, measure, each), p in zip(compared, corrected, strict=True)
        ),
    )


def _excess(arm: WeeklyTotals, alone: WeeklyTotals) -> tuple[float, ...]:
    """Mean over seeds of (bill - bill alone) / turnover alone of each agent; positive: it pays more."""
    paid = (arm.bill + arm.wear).sum(axis=1) - (alone.bill + alone.wear).sum(axis=1)
    turnover = alone.turnover.sum(axis=1)
    share = np.divide(paid, turnover, out=np.zeros_like(paid), where=turnover > 0)
    return tuple(float(value) for value in share.mean(axis=0))


def _aims(
    subject: str,
    estimates: Mapping[str, Mapping[str, Estimate]],
    pairs: Sequence[Pair],
    bills: Mapping[str, tuple[float, ...]],
) -> tuple[Aim, ...]:
    if subject not in estimates:
        return ()
    own = estimates[subject]
    primary = {pair.other: pair.found for pair in pairs if pair.measure == PRIMARY}
    scores = [
        Aim(f"{subject}: {name.upper()} at least {GOOD:.2f}", own[name].mean >= GOOD, f"{own[name].mean:.3f}")
        for name in ("ftg", "fbs", "fpp")
    ]
    above = [_above(subject, primary.get(other), other) for other in (TRUTHFUL, NONE, PLACEBO)]
    worst = max(bills[subject])
    money = [
        Aim("no agent's mean bill above its bill with the utility alone", worst <= 0.0, f"worst {100 * worst:+.2f} %"),
        Aim(
            f"utility margin at least {100 * MARGIN:.0f} % of that with the utility alone",
            own["margin_kept"].mean >= MARGIN,
            f"{100 * own['margin_kept'].mean:.1f} %",
        ),
    ]
    return (*scores, *above, *money, *_works(subject, estimates))


def _above(subject: str, found: PairedDifference | None, other: str) -> Aim:
    text = f"{subject}: FBS above {other}, interval excludes 0"
    if found is None:
        return Aim(text, None, f"no arm {other}")
    span = found.difference
    return Aim(text, span.low > 0.0, f"{span.mean:+.3f} [{span.low:+.3f}, {span.high:+.3f}]")


def _works(subject: str, estimates: Mapping[str, Mapping[str, Estimate]]) -> tuple[Aim, ...]:
    """The conditions under which a better FBS is the critic's merit."""
    if NONE not in estimates:
        return ()
    own, none = estimates[subject], estimates[NONE]
    lost = [(name, none[name].mean - own[name].mean) for name in ("welfare", "worst_off")]
    return (
        Aim(
            f"learning without a critic stays below {CEILING:.1f} in FBS",
            none["fbs"].mean < CEILING,
            f"{none['fbs'].mean:.3f}",
        ),
        *(
            Aim(
                f"{by_name(name).text.rstrip('.')}: the critic costs less than {100 * MOST_LOST:.0f} points",
                loss < MOST_LOST,
                f"{-100 * loss:+.2f} points",
            )
            for name, loss in lost
        ),
    )
