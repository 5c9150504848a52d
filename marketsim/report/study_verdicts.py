"""What `marketsim compare` says of a study, for its page: the values of each choice, each against the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from marketsim.analysis.compare.arms import ComparedArm, arms_of_study
from marketsim.analysis.compare.verdicts import COVERS, DIFFERS, compare
from marketsim.analysis.compare.wording import HEADLINE_NAMES, comparison_table, has_intervals, verdict_text
from marketsim.analysis.studies.designs import GRID
from marketsim.analysis.studies.folder import Study
from marketsim.core.currency import label_of

MOST_PAIRS: Final = 8
"""Comparisons that a page holds."""
_UNITS: Final = {"-": "", "%": " percentage points"}
"""How a difference in a unit reads, where not as the unit."""
_MOST_NAMED: Final = 5
"""Differences that a sentence names."""


class StudyComparison(NamedTuple):
    """Two values of one varied path."""

    base: str
    other: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    verdict: str
    notes: tuple[str, ...]
    sentence: str
    """The comparison in one sentence."""


def comparisons(study: Study) -> tuple[list[StudyComparison], str]:
    """Every value of every choice (of a study without one: of its first axis) against the first; and what is left out.

    Nothing for sampled designs, whose points have no counterparts.
    """
    if study.design["design"] != GRID:
        return [], ""
    several = [axis for axis in study.axes if len(axis.levels) > 1]
    choices = [axis.paths[0] for axis in several if not axis.numeric] or [axis.paths[0] for axis in several[:1]]
    pairs = [
        (arms[0], other, tuple(notes))
        for arms, _, notes in (arms_of_study(study, path) for path in choices)
        for other in arms[1:]
    ]
    more = len(pairs) - MOST_PAIRS
    left_out = f"{more} more: marketsim compare {study.path} --by PATH" if more > 0 else ""
    currency = label_of(study.manifest)
    return [_compared(*pair, currency) for pair in pairs[:MOST_PAIRS]], left_out


def _compared(base: ComparedArm, other: ComparedArm, notes: tuple[str, ...], currency: str) -> StudyComparison:
    names = [name for name in HEADLINE_NAMES if any(name in sample for sample in base.samples.values())]
    verdicts = compare(base, other, names)
    head, rows = comparison_table(verdicts, currency)
    verdict = verdict_text(verdicts)
    said = (*notes, *([COVERS] if has_intervals(verdicts) else []))
    moved = [row for row in rows if row[-1] == DIFFERS]
    return StudyComparison(
        base.name, other.name, head, rows, verdict, said, _sentence(base.name, other.name, moved, verdict)
    )


def _sentence(base: str, other: str, moved: Sequence[tuple[str, ...]], verdict: str) -> str:
    told = [f"{row[0]} {row[4]}{_UNITS.get(row[1], f' {row[1]}')}" for row in moved[:_MOST_NAMED]]
    more = len(moved) - len(told)
    rest = f" and {more} more" if more > 0 else ""
    differs = f" Beyond the noise: {', '.join(told)}{rest}." if told else ""
    return f"With {other} in place of {base}: {verdict}{differs}"
