"""How far a critic's scores agree with the rule's, beside what a critic that never looks would reach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.fairness.prompt import SCORES

_STEP: Final = 100
"""Answers are whole per cent."""


class ScoreAgreement(NamedTuple):
    """One score of a critic against the rule's, over the slots in which both are known."""

    what: str
    """Which slots: ``scenario`` or ``made up``."""
    score: str
    slots: int
    error: float | None
    """Mean |critic - rule|."""
    constant_error: float | None
    """The same of the best constant: the rule's median."""
    rank: float | None
    """Spearman's rank correlation; None where the critic or the rule says one thing only."""
    commonest: float | None
    """The answer that was given most often."""
    commonest_share: float | None


def agreements(what: str, critic: FloatArray, rule: FloatArray) -> list[ScoreAgreement]:
    """Of each score, from [n_slots, 3] each; NaN where undefined or not answered."""
    return [_agreement(what, name, critic[:, k], rule[:, k]) for k, name in enumerate(SCORES)]


def _agreement(what: str, name: str, critic: FloatArray, rule: FloatArray) -> ScoreAgreement:
    known = np.isfinite(critic) & np.isfinite(rule)
    ours, theirs = critic[known], rule[known]
    if not len(ours):
        return ScoreAgreement(what, name, 0, None, None, None, None, None)
    values, counts = np.unique(np.round(ours * _STEP), return_counts=True)
    most = int(np.argmax(counts))
    return ScoreAgreement(
        what,
        name,
        len(ours),
        _rounded(np.abs(ours - theirs).mean()),
        _rounded(np.abs(theirs - np.median(theirs)).mean()),
        rank_correlation(ours, theirs),
        _rounded(values[most] / _STEP),
        _rounded(counts[most] / len(ours)),
    )


def rank_correlation(ours: FloatArray, theirs: FloatArray) -> float | None:
    """Spearman's rank correlation, ties at their mean rank; None where one side does not vary."""
    first, second = _ranks(ours), _ranks(theirs)
    if not len(first) or np.ptp(first) == 0.0 or np.ptp(second) == 0.0:
        return None
    return _rounded(float(np.corrcoef(first, second)[0, 1]))


def _ranks(values: FloatArray) -> FloatArray:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2.0)[place])


def _rounded(value: float) -> float:
    return round(float(value), 6)


def verdict(rows: Sequence[ScoreAgreement], answered: int, asked: int, order_gap: float | None) -> str:
    """One line on what a critic is worth, by its scores of slots that differ.

    ``rows`` are agreements over one set of slots, ``answered`` and ``asked`` count all questions, ``order_gap`` is the
    largest mean difference of a score with participants in another order.
    """
    if too_few(answered, asked):
        return f"too few answers: {answered} of {asked} questions; nothing can be said of the rest"
    known = [row for row in rows if row.slots and row.constant_error]
    if not known:
        return "the rule's scores do not differ from slot to slot: nothing to tell a critic by"
    if all((row.commonest_share or 0.0) >= CONSTANT for row in known):
        said = ", ".join(f"{row.score.upper()} {row.commonest:.2f}" for row in known)
        return (
            f"says the same of nearly every slot ({said}): no judgement; do not use (a constant has a perfect retest, order "
            "and wording)"
        )
    error, constant = (float(np.mean([row[place] for row in known])) for place in (3, 4))
    if error >= constant:
        return f"worse than a constant (error {error:.3f}, best constant {constant:.3f}); do not use"
    blind = [row for row in known if row.rank is None or row.rank < LEAST_RANK]
    if blind:
        said = ", ".join(f"{row.score.upper()} {'none' if row.rank is None else f'{row.rank:.2f}'}" for row in blind)
        return f"better than a constant, but does not rank slots as the rule does (rank correlation {said}); do not use"
    if order_gap is not None and order_gap > MOST_ORDER_GAP:
        return f"follows the rule, but minds the order of participants (by {order_gap:.3f}); do not use"
    ranks = ", ".join(f"{row.score.upper()} {row.rank:.2f}" for row in known)
    return f"follows the rule (error {error:.3f}, best constant {constant:.3f}; rank correlation {ranks})"


LEAST_ANSWERS: Final = 10
LEAST_SHARE: Final = 0.5
CONSTANT: Final = 0.9
"""Share of the commonest answer from which on a critic does not look."""
LEAST_RANK: Final = 0.5
MOST_ORDER_GAP: Final = 0.1


def too_few(answered: int, asked: int) -> bool:
    """Whether so many answers to so many questions say nothing."""
    return answered < LEAST_ANSWERS or answered < LEAST_SHARE * asked
