"""Many arms on many seeds: trained and evaluated side by side, in a folder that goes on where it was stopped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from marketsim.analysis.evaluation.arms import EvaluationArm
from marketsim.analysis.evaluation.jobs import Cell, EvaluateCell, totals_from_json
from marketsim.analysis.evaluation.results import ALONE, Evaluation, Exploit, evaluate_totals
from marketsim.analysis.evaluation.totals import WeeklyTotals
from marketsim.analysis.execution.mapping import Job, map_runs
from marketsim.analysis.execution.port import Executor, JobOutcome
from marketsim.analysis.execution.resumed import FailedCell
from marketsim.analysis.execution.store import FolderStore
from marketsim.core.errors import RunError
from marketsim.core.progress import ProgressCallback
from marketsim.profiles.parts import DaySplit

CELLS: Final = "arms"
"""Folder of what each arm and seed came to."""


class Evaluated(NamedTuple):
    """An evaluation and what is missing in it."""

    found: Evaluation
    failed: tuple[FailedCell, ...]
    exploits: tuple[Exploit, ...] = ()
    """What single agents gain against the policies of all others."""


def evaluate_arms(
    job: EvaluateCell,
    arms: Sequence[EvaluationArm],
    seeds: Sequence[int],
    folder: Path,
    executor: Executor,
    *,
    subject: str,
    checkpoints: Mapping[str, Path] | None = None,
    progress: ProgressCallback | None = None,
) -> Evaluated:
    """Train and evaluate ``arms`` on ``seeds``, keeping each outcome below ``folder``; what is there is not done again.

    ``subject`` is the arm that the others are compared with; ``checkpoints`` are policies of arms that exist already.
    A seed that failed in any arm is left out of all comparisons and reported. Raises RunError where no seed is left.
    """
    cells = cells_of(arms, seeds, folder, checkpoints or {})
    jobs = [Job(cell.key, cell) for cell in cells]
    outcomes = map_runs(job, jobs, executor, FolderStore(folder / CELLS), progress)
    return summed_up(cells, outcomes, subject, job.part)


def cells_of(
    arms: Sequence[EvaluationArm], seeds: Sequence[int], folder: Path, checkpoints: Mapping[str, Path]
) -> list[Cell]:
    """All arms of a seed after each other."""
    return [
        Cell(arm, seed, folder / CELLS / f"{arm.name}-{seed}", checkpoints.get(arm.name))
        for seed in seeds
        for arm in arms
    ]


def summed_up(cells: Sequence[Cell], outcomes: Sequence[JobOutcome], subject: str, part: DaySplit) -> Evaluated:
    """The evaluation of what all cells came to."""
    failed = tuple(
        FailedCell(cell.arm.name, cell.seed, str(outcome.failure.message))
        for cell, outcome in zip(cells, outcomes, strict=True)
        if outcome.failure is not None
    )
    lost = {each.seed for each in failed}
    totals: dict[str, list[WeeklyTotals]] = defaultdict(list)
    seeds: dict[int, None] = {}
    for cell, outcome in zip(cells, outcomes, strict=True):
        if cell.seed not in lost:
            totals[cell.arm.name].append(totals_from_json(outcome.value))
            seeds[cell.seed] = None
    if ALONE not in totals:
        raise RunError(f"no seed went well in all arms; the first failure: {failed[0].reason}")
    return Evaluated(evaluate_totals(totals, tuple(seeds), subject, part), failed)
