"""What an evaluation found: estimates of every arm, paired comparisons, and the aims with what was reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from marketsim.analysis.evaluation.arms import RULE
from marketsim.analysis.evaluation.frontier import CONSTANTS, CONSTANTS_IN_TRANCHES, beyond_constants
from marketsim.analysis.evaluation.measures import MEASURES, PRIMARY, Measure, by_name
from marketsim.analysis.evaluation.statistics import DRAWS, Estimate, PairedDifference, compare, estimate, holm
from marketsim.analysis.evaluation.totals import WeeklyTotals, stacked
from marketsim.profiles.parts import DaySplit

ALONE: Final = "utility_only"
"""Arm with everybody trading with the utility alone, against which savings and margins are counted."""
TRAINED: Final = "trained"
"""Arm of the policies of a training run."""
NONE, PLACEBO, TRUTHFUL, CRITIC = "none", "placebo", "truthful", "critic"
JUDGED: Final = (RULE, CRITIC, "rule_tranches", "none_tranches", TRAINED)
"""Arms that are held against the aims, and compared with learning without a critic."""
CONTROLS: Final = {CRITIC: (NONE, PLACEBO, "critic_placebo", "rule_shared", RULE)}
"""Arms that a judged one is compared with in the primary measure: the subject with all, others with ``none``."""
ENOUGH: Final = {"ftg": 0.98, "fbs": 0.90}
MARGIN: Final = 0.90
POINT: Final = 0.01


class Pair(NamedTuple):
    """An arm against another one in a measure."""

    arm: str
    other: str
    measure: str
    found: PairedDifference
    p_holm: float
    """Corrected over all pairs of the measures outside the reward; NaN where nothing is corrected."""


class Aim(NamedTuple):
    """A stated aim and what an arm reached of it."""

    arm: str
    text: str
    reached: bool | None
    """None: cannot be said, an arm is missing."""
    found: str


class Exploit(NamedTuple):
    """What an agent gains, as a share of its turnover with the same policies before."""

    arm: str
    agent: str
    mean: float
    by_seed: tuple[float, ...]


class Evaluation(NamedTuple):
    """All arms on the same test days."""

    subject: str
    """Arm that the others are compared with."""
    part: DaySplit
    """Days that it was evaluated on."""
    seeds: tuple[int, ...]
    weeks: int
    estimates: Mapping[str, Mapping[str, Estimate]]
    """By arm and measure."""
    pairs: tuple[Pair, ...]
    bills: Mapping[str, tuple[float, ...]]
    """Mean bill of each agent over seeds and weeks, as a share of its turnover alone, above its bill alone; by arm."""
    beyond: Mapping[str, Estimate]
    """FBS less the best that constants reach at the same FTG, by arm; empty without constants."""
    aims: tuple[Aim, ...]


def evaluate_totals(
    totals: Mapping[str, Sequence[WeeklyTotals]],
    seeds: Sequence[int],
    subject: str = RULE,
    part: DaySplit = "test",
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
    others = [name for name in arms if name not in (ALONE, *CONSTANTS, *CONSTANTS_IN_TRANCHES)]
    beyond = beyond_constants(arms, others, alone, rng_seed, draws)
    aims = tuple(aim for name in arms if name in JUDGED for aim in _aims(name, estimates, pairs, bills, beyond))
    return Evaluation(subject, part, tuple(seeds), weeks, estimates, pairs, bills, beyond, aims)


def _pairs(
    subject: str, arms: Mapping[str, WeeklyTotals], alone: WeeklyTotals, rng_seed: int, draws: int
) -> tuple[Pair, ...]:
    """The subject against every arm, and other judged arms against their controls, in the primary measure; each judged arm
    against learning without a critic, the subject also against the placebo, in the measures outside the reward.
    """

    def found(name: str, other: str, measure: Measure) -> PairedDifference:
        return compare(measure, arms[name], arms[other], alone, np.random.default_rng(rng_seed), draws)

    judged = [name for name in arms if name in JUDGED or name == subject]
    primary = [
        Pair(name, other, PRIMARY, found(name, other, by_name(PRIMARY)), float("nan"))
        for name in judged
        for other in (arms if name == subject else CONTROLS.get(name, (NONE,)))
        if other in arms and other not in (name, ALONE)
    ]
    outside = [measure for measure in MEASURES if not measure.rewarded]
    compared = [
        (name, other, measure.name, found(name, other, measure))
        for name in judged
        for other in ((NONE, PLACEBO) if name == subject else (NONE,))
        if other in arms and other != name
        for measure in outside
    ]
    corrected = holm([each.p for *_, each in compared])
    return (*primary, *(Pair(*each, p) for each, p in zip(compared, corrected, strict=True)))


def _excess(arm: WeeklyTotals, alone: WeeklyTotals) -> tuple[float, ...]:
    """Mean over seeds of (bill - bill alone) / turnover alone of each agent; positive: it pays more."""
    paid = (arm.bill + arm.wear).sum(axis=1) - (alone.bill + alone.wear).sum(axis=1)
    turnover = alone.turnover.sum(axis=1)
    share = np.divide(paid, turnover, out=np.zeros_like(paid), where=turnover > 0)
    return tuple(float(value) for value in share.mean(axis=0))


def _aims(
    arm: str,
    estimates: Mapping[str, Mapping[str, Estimate]],
    pairs: Sequence[Pair],
    bills: Mapping[str, tuple[float, ...]],
    beyond: Mapping[str, Estimate],
) -> tuple[Aim, ...]:
    own = estimates[arm]
    against_none = {pair.measure: pair.found.difference for pair in pairs if (pair.arm, pair.other) == (arm, NONE)}
    scores = [
        Aim(arm, f"{name.upper()} a slot at least {least:.2f}", own[name].mean >= least, f"{own[name].mean:.3f}")
        for name, least in ENOUGH.items()
    ]
    worst = max(bills[arm])
    return (
        *scores,
        _against(arm, "FBS over the week above none", against_none.get("fbs_week"), lambda span: span.low > 0.0),
        _within(arm, "FTB", 1, against_none.get("ftb")),
        _within(arm, "worst-off saving", 1, against_none.get("worst_off")),
        _within(arm, "trade efficiency", 2, against_none.get("trade_efficiency")),
        _margin(arm, estimates),
        Aim(
            arm,
            "no agent's mean bill above its bill with the utility alone",
            worst <= 0.0,
            f"worst {100 * worst:+.2f} %",
        ),
        _against(arm, "beyond the frontier of constants", beyond.get(arm), lambda span: span.low > 0.0, "no constants"),
    )


def _against(
    arm: str, text: str, span: Estimate | None, reached: Callable[[Estimate], bool], absent: str = "no arm none"
) -> Aim:
    if span is None:
        return Aim(arm, text, None, absent)
    return Aim(arm, text, reached(span), f"{span.mean:+.3f} [{span.low:+.3f}, {span.high:+.3f}]")


def _within(arm: str, what: str, points: int, span: Estimate | None) -> Aim:
    """Not below learning without a critic, by an interval that ends no more than so many points below it."""
    text = f"{what} no more than {points} point{'s' if points > 1 else ''} below none, interval included"
    return _against(arm, text, span, lambda span: span.low >= -POINT * points)


def _margin(arm: str, estimates: Mapping[str, Mapping[str, Estimate]]) -> Aim:
    """Network charges of the scenario are the operator's, and count as margin."""
    text = f"margin with charges within a point of truthful's, or {100 * MARGIN:.0f} % of that with the utility alone"
    kept = estimates[arm]["margin_kept"].mean
    if TRUTHFUL not in estimates:
        return Aim(arm, text, True if kept >= MARGIN else None, f"{100 * kept:.1f} %, no arm {TRUTHFUL}")
    truthful = estimates[TRUTHFUL]["margin_kept"].mean
    return Aim(arm, text, kept >= min(MARGIN, truthful - POINT), f"{100 * kept:.1f} %, truthful {100 * truthful:.1f} %")


def exploit_aims(exploits: Sequence[Exploit]) -> tuple[Aim, ...]:
    """Whether single agents gain no more against the policies of an arm than against those that learned without a critic."""
    without = {each.agent: each.mean for each in exploits if each.arm == NONE}
    text = "{} gains no more by learning anew than against none"
    return tuple(
        Aim(
            each.arm,
            text.format(each.agent),
            each.mean <= without[each.agent] if each.agent in without else None,
            f"{100 * each.mean:+.2f} %, "
            + (f"none {100 * without[each.agent]:+.2f} %" if each.agent in without else f"no arm {NONE}"),
        )
        for each in exploits
        if each.arm != NONE
    )
