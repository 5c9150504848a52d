"""An evaluation of controls as it is asked for, and the folder that it writes; it goes on where it was stopped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from marketsim.analysis.control.arms import BOUND, CLONE_CURVE, IDLE, ControlArm, choose_controls, controls_beside
from marketsim.analysis.control.curves import curve_of, curves_csv, draw_curves
from marketsim.analysis.control.jobs import ControlCell, ControlResult, PlayCell, from_lists
from marketsim.analysis.control.present import as_json, figure, markdown
from marketsim.analysis.control.results import ControlsFound, compare_controls
from marketsim.analysis.control.written import WrittenFolder, library_arms, written_arms, written_folder
from marketsim.analysis.execution.mapping import Job, executor_for, map_runs
from marketsim.analysis.execution.port import Executor, JobOutcome
from marketsim.analysis.execution.resumed import FailedCell, demand_folder, demand_same, folder_of, resume_command
from marketsim.analysis.execution.store import FolderStore
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.running import manifest_facts
from marketsim.core.errors import RunError
from marketsim.core.progress import ProgressCallback
from marketsim.games.setpoints.params import SetpointsGameParams
from marketsim.profiles.parts import DaySplit
from marketsim.results import manifests
from marketsim.results.folder import MANIFEST, write_json, write_text
from marketsim.results.session import FolderKind, Session

CONTROLS: Final = FolderKind("an evaluation of controls", "marketsim controls 1", manifests.CONTROLS)
RESULT, TABLES = "controls.json", "controls.md"
FIGURES: Final = ("controls.svg", "controls.png")
CURVES: Final = "curves.csv"
CURVES_DRAWN: Final = ("curves.svg", "curves.png")
CELLS: Final = "arms"
"""Folder of what each arm and seed came to."""
_SEEDS: Final = 5


class ControlsDone(NamedTuple):
    """An evaluation and what is missing in it."""

    found: ControlsFound
    failed: tuple[FailedCell, ...]
    without_curves: tuple[str, ...] = ()
    """Arms and seeds that were trained, and whose folder of the training has no learning curves any more."""


@dataclass(frozen=True)
class ControlsPlan:
    """What is evaluated, and where it is written."""

    folder: Path
    job: PlayCell
    arms: tuple[ControlArm, ...]
    seeds: tuple[int, ...]
    facts: Mapping[str, Any]
    """Of the manifest."""
    resume_command: str
    resume: bool = False

    def run(self, workers: int | None = None, progress: ProgressCallback | None = None) -> ControlsDone:
        """Train, play, compare and write; RunFolderError where the folder holds something else.

        An interrupt keeps what has been done; the manifest then says so.
        """
        with self._begun():
            done = self._played(executor_for(workers), progress)
            write_json(self.folder / RESULT, told(done))
            write_text(self.folder / TABLES, markdown(done.found))
            figure(done.found, [self.folder / name for name in FIGURES])
            return done._replace(without_curves=self._with_curves(done))

    def _with_curves(self, done: ControlsDone) -> tuple[str, ...]:
        """Write the learning curves of what was trained; whose are missing."""
        lost = {each.seed for each in done.failed}
        trained = [cell for cell in self._cells() if cell.arm.learner and cell.seed not in lost]
        found = {cell.key: curve_of(cell.arm.name, cell.seed, cell.own) for cell in trained}
        curves = [curve for curve in found.values() if curve is not None]
        if curves:
            write_text(self.folder / CURVES, curves_csv(curves))
            draw_curves(curves, [self.folder / name for name in CURVES_DRAWN])
        return tuple(key for key, curve in found.items() if curve is None)

    def _cells(self) -> list[ControlCell]:
        return [ControlCell(arm, seed, self.folder / CELLS) for seed in self.seeds for arm in self.arms]

    def _begun(self) -> Session:
        held = Session(self.folder, CONTROLS, resume=self.resume)
        if held.resumes:
            demand_same(self.folder / MANIFEST, held.earlier, self.facts, _OF_THE_DESIGN)
        held.begin(dict(self.facts), {})
        return held

    def _played(self, executor: Executor, progress: ProgressCallback | None) -> ControlsDone:
        """Arms that begin with the policies of others come after them."""
        cells = self._cells()
        first, later = ([cell for cell in cells if bool(cell.arm.begins_with) == after] for after in (False, True))
        outcomes: dict[str, JobOutcome] = {}
        for stage in (first, later):
            jobs = [Job(cell.key, cell) for cell in stage]
            offset = len(outcomes)
            told_of = None if progress is None else lambda done, _, base=offset: progress(base + done, len(cells))
            store = FolderStore(self.folder / CELLS)
            found = map_runs(self.job, jobs, executor, store, told_of)
            outcomes |= {job.key: outcome for job, outcome in zip(jobs, found, strict=True)}
        return summed_up(cells, outcomes, self.job.part)


def summed_up(cells: Sequence[ControlCell], outcomes: Mapping[str, JobOutcome], part: DaySplit) -> ControlsDone:
    """The evaluation of what all cells came to; a seed that failed in any arm is left out, and reported."""
    failed = tuple(
        FailedCell(cell.arm.name, cell.seed, str(failure.message))
        for cell in cells
        if (failure := outcomes[cell.key].failure) is not None
    )
    lost = {each.seed for each in failed}
    results: dict[str, list[ControlResult]] = defaultdict(list)
    for cell in cells:
        if cell.seed not in lost:
            results[cell.arm.name].append(from_lists(outcomes[cell.key].value))
    if not {IDLE, BOUND} <= set(results):
        raise RunError(f"no seed went well in all arms; the first failure: {failed[0].reason}")
    seeds = tuple(dict.fromkeys(cell.seed for cell in cells if cell.seed not in lost))
    return ControlsDone(compare_controls(results, seeds, part), failed)


def told(done: ControlsDone) -> dict[str, Any]:
    """Everything that an evaluation found and what failed in it, for JSON."""
    return {**as_json(done.found), "failed": [each._asdict() for each in done.failed]}


_OF_THE_DESIGN: Final = ("scenario", "scenario_hash", "part", "episodes", "learners", "overrides", "written")


def plays_setpoints(ready: ReadyScenario) -> bool:
    """Whether a scenario is about controls of a feeder, and not about the market."""
    return isinstance(ready.model.learning.game.params, SetpointsGameParams)


def controls_of(
    what: Path,
    ready: ReadyScenario,
    overrides: Mapping[str, Any],
    *,
    arms: Sequence[str] = (),
    seeds: int | None = None,
    part: DaySplit = "test",
    episodes: int | None = None,
    learners: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    written: Sequence[Path] = (),
) -> ControlsPlan:
    """The plan for a scenario about set-points, or for the policies of a ``checkpoint``; InputError for an unknown arm.

    ``seeds`` counts paired seeds of learning and of noise, from the scenario's own on; the community is the same in all.
    ``episodes`` and ``learners`` (parameters of every learner) replace what the learners have. ``written``: folders of experts
    from words, each of which brings an arm of its name, and one of its clones.
    """
    demand_folder(out, resume=resume)
    folders = [written_folder(each) for each in written]
    more = (*library_arms(), *written_arms(folders))
    own = choose_controls(_named(arms, folders), more) if checkpoint is None else controls_beside(checkpoint, arms)
    count = seeds or (_SEEDS if checkpoint is None else 1)
    all_seeds = tuple(range(ready.seed, ready.seed + count))
    folder = folder_of(ready, out)
    facts = {
        **manifest_facts(ready),
        "arms": [arm.name for arm in own],
        "seeds": list(all_seeds),
        "part": part,
        "episodes": episodes,
        "learners": dict(learners or {}),
        "overrides": dict(overrides),
        "written": [each._asdict() for each in folders] or None,
    }
    more_words = ["--seeds", str(count), "--part", part]
    more_words += [word for each in written for word in ("--written", str(each))]
    more_words += [] if episodes is None else ["--episodes", str(episodes)]
    return ControlsPlan(
        folder=folder,
        job=PlayCell(ready.source, {}, part, episodes, learners),
        arms=own,
        seeds=all_seeds,
        facts=facts,
        resume_command=resume_command(what, overrides, arms, folder, more_words, trust=ready.source.trust),
        resume=resume,
    )


def _named(arms: Sequence[str], folders: Sequence[WrittenFolder]) -> list[str]:
    """Arms that are asked for; those of folders with them, and what these are held against."""
    if not folders:
        return list(arms)
    return [*arms, CLONE_CURVE, *(arm.name for arm in written_arms(folders))]
