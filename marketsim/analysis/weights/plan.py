"""An evaluation of weights as it is asked for, and the folder that it writes; it goes on where it was stopped."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.analysis.execution.mapping import Job, executor_for, map_runs
from marketsim.analysis.execution.port import JobOutcome
from marketsim.analysis.execution.resumed import FailedCell, demand_folder, demand_same, folder_of, resume_command
from marketsim.analysis.execution.store import FolderStore
from marketsim.analysis.weights.curve import WeightAnswer, response_curve
from marketsim.analysis.weights.jobs import LEARNED, RULES, CommunityCell, PlayWeights, TrainCell, stacked
from marketsim.analysis.weights.present import as_json, markdown
from marketsim.analysis.weights.results import WeightsFound, compare_weights
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.running import manifest_facts
from marketsim.core.errors import InputError, Problem, RunError
from marketsim.core.learned_weights import policy_of_weights
from marketsim.core.progress import ProgressCallback
from marketsim.games.equity.params import EquityGameParams
from marketsim.learning.learned import load_policy
from marketsim.profiles.parts import DaySplit
from marketsim.results import manifests
from marketsim.results.folder import MANIFEST, write_json, write_text
from marketsim.results.session import FolderKind, Session

WEIGHTS: Final = FolderKind("an evaluation of weights", "marketsim weights 1", manifests.WEIGHTS)
RESULT, TABLES = "weights.json", "weights.md"
CELLS: Final = "arms"
"""Folder of what each policy and community came to."""
COMMUNITIES: Final[Mapping[DaySplit, tuple[int, ...]]] = {
    "test": tuple(range(100_001, 100_009)),
    "validation": tuple(range(200_001, 200_005)),
    "training": tuple(range(1, 6)),
}
"""Seeds that communities are drawn with."""
_POLICIES: Final = 5
_OF_THE_DESIGN: Final = ("scenario", "scenario_hash", "arms", "seeds", "part", "episodes", "checkpoint", "overrides")


class WeightsDone(NamedTuple):
    """An evaluation and what is missing in it."""

    found: WeightsFound
    curve: tuple[WeightAnswer, ...]
    """Empty where no policy was evaluated."""
    failed: tuple[FailedCell, ...]


@dataclass(frozen=True)
class WeightsPlan:
    """What is evaluated, and where it is written."""

    folder: Path
    job: PlayWeights
    rules: tuple[str, ...]
    seeds: tuple[int, ...]
    """Of the policies that are trained."""
    checkpoint: Path | None
    """A policy that was trained before, in their place."""
    part: DaySplit
    facts: Mapping[str, Any]
    resume_command: str
    resume: bool = False

    def run(self, workers: int | None = None, progress: ProgressCallback | None = None) -> WeightsDone:
        """Train, play, compare and write; RunFolderError where the folder holds something else.

        An interrupt keeps what has been done; the manifest then says so.
        """
        held = Session(self.folder, WEIGHTS, resume=self.resume)
        if held.resumes:
            demand_same(self.folder / MANIFEST, held.earlier, self.facts, _OF_THE_DESIGN)
        held.begin(dict(self.facts), {})
        with held:
            done = self._done(workers, progress)
            write_json(self.folder / RESULT, told(done))
            write_text(self.folder / TABLES, markdown(done.found, done.curve))
        return done

    def _done(self, workers: int | None, progress: ProgressCallback | None) -> WeightsDone:
        """Policies first, then communities, which are played under all of them."""
        trained = [TrainCell(seed, self.folder / CELLS) for seed in self.seeds]
        seeds = COMMUNITIES[self.part]
        n_cells = len(trained) + len(seeds)
        outcomes = self._mapped(trained, workers, progress, 0, n_cells)
        failed = [
            FailedCell(LEARNED, cell.seed, str(outcomes[cell.key].failure)) for cell in trained if _lost(cell, outcomes)
        ]
        ready = [cell for cell in trained if not _lost(cell, outcomes)]
        paths = tuple(cell.checkpoint for cell in ready) if self.checkpoint is None else (self.checkpoint,)
        cells = [CommunityCell(seed, self.rules, paths) for seed in seeds]
        outcomes |= self._mapped(cells, workers, progress, len(trained), n_cells)
        failed += [
            FailedCell("community", cell.seed, str(outcomes[cell.key].failure))
            for cell in cells
            if _lost(cell, outcomes)
        ]
        found = [(cell.seed, outcomes[cell.key].value) for cell in cells if not _lost(cell, outcomes)]
        if not found:
            raise RunError(f"no community went well; the first failure: {failed[0].reason}")
        arms = tuple(found[0][1]["arms"])
        compared = compare_weights(
            self.part,
            [seed for seed, _ in found],
            [path.parent.parent.name for path in paths],
            found[0][1]["days"],
            {arm: stacked([value["arms"][arm] for _, value in found]) for arm in arms},
            np.array([value["bound"] for _, value in found]),
        )
        curve = response_curve([policy_of_weights(path, load_policy(path)) for path in paths]) if paths else ()
        return WeightsDone(compared, curve, tuple(failed))

    def _mapped(
        self,
        cells: Sequence[TrainCell | CommunityCell],
        workers: int | None,
        progress: ProgressCallback | None,
        offset: int,
        n_cells: int,
    ) -> dict[str, JobOutcome]:
        told_of = None if progress is None else lambda done, _: progress(offset + done, n_cells)
        jobs = [Job(cell.key, cell) for cell in cells]
        found = map_runs(self.job, jobs, executor_for(workers), FolderStore(self.folder / CELLS), told_of)
        return {job.key: outcome for job, outcome in zip(jobs, found, strict=True)}


def _lost(cell: TrainCell | CommunityCell, outcomes: Mapping[str, JobOutcome]) -> bool:
    return outcomes[cell.key].failure is not None


def told(done: WeightsDone) -> dict[str, Any]:
    """Everything that an evaluation found and what failed in it, for JSON."""
    return {**as_json(done.found, done.curve), "failed": [each._asdict() for each in done.failed]}


def plays_weights(ready: ReadyScenario) -> bool:
    """Whether a scenario is about weights of members."""
    return isinstance(ready.model.learning.game.params, EquityGameParams)


def weights_of(
    what: Path,
    ready: ReadyScenario,
    overrides: Mapping[str, Any],
    *,
    arms: Sequence[str] = (),
    seeds: int | None = None,
    part: DaySplit = "test",
    episodes: int | None = None,
    out: str | Path | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
) -> WeightsPlan:
    """The plan for a scenario about weights, or for the policy of a ``checkpoint``; InputError for an unknown arm.

    ``seeds`` counts policies, each trained on communities of its own, from the scenario's seed on. ``part``: which communities
    are played, none of them one that a policy was trained in but with ``training``.
    """
    demand_folder(out, resume=resume)
    chosen = _chosen(arms)
    count = 0 if checkpoint is not None or LEARNED not in chosen else seeds or _POLICIES
    own = tuple(range(ready.seed, ready.seed + count))
    taken = sorted(set(own) & {seed for name, each in COMMUNITIES.items() if name != "training" for seed in each})
    if taken:
        hint = "choose another seed of the scenario"
        said = "a policy would be trained in a community that it is evaluated in"
        raise InputError([Problem(said, "seed", str(taken[0]), hint)])
    folder = folder_of(ready, out)
    facts = {
        **manifest_facts(ready),
        "arms": list(chosen),
        "seeds": list(own),
        "part": part,
        "episodes": episodes,
        "checkpoint": None if checkpoint is None else str(checkpoint),
        "overrides": dict(overrides),
    }
    more = ["--seeds", str(count)] if count else []
    more += ["--part", part, *([] if episodes is None else ["--episodes", str(episodes)])]
    return WeightsPlan(
        folder=folder,
        job=PlayWeights(ready.source, dict(overrides), episodes),
        rules=tuple(name for name in chosen if name != LEARNED),
        seeds=own,
        checkpoint=checkpoint if LEARNED in chosen else None,
        part=part,
        facts=facts,
        resume_command=resume_command(what, overrides, arms, folder, more, trust=ready.source.trust),
        resume=resume,
    )


def _chosen(names: Sequence[str]) -> tuple[str, ...]:
    """Arms in the order of the tables, equal weights always among them."""
    known = (*RULES, LEARNED)
    unknown = [name for name in names if name not in known]
    if unknown:
        close = difflib.get_close_matches(unknown[0], known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"arms: {', '.join(known)}"
        raise InputError([Problem("there is no such arm of weights", value=repr(unknown[0]), hint=hint, file="--arm")])
    return tuple(name for name in known if not names or name in names or name == "equal")
