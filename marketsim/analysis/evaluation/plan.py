"""An evaluation as it is asked for: of a scenario, or of a training; and the folder that it writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from marketsim.analysis.evaluation.arms import LEARNED, RULE, EvaluationArm, choose_arms
from marketsim.analysis.evaluation.exploit import check_agents, exploitability
from marketsim.analysis.evaluation.jobs import EvaluateCell, episodes_of, learners_of
from marketsim.analysis.evaluation.plane import plane
from marketsim.analysis.evaluation.present import as_json, figure, markdown
from marketsim.analysis.evaluation.results import JUDGED, NONE, TRAINED, exploit_aims
from marketsim.analysis.evaluation.study import Evaluated, cells_of, evaluate_arms
from marketsim.analysis.execution.mapping import executor_for
from marketsim.analysis.execution.port import Executor
from marketsim.analysis.execution.resumed import demand_folder, demand_same, folder_of, resume_command
from marketsim.app.ready import load_scenario
from marketsim.app.running import manifest_facts
from marketsim.core.errors import InputError, Problem
from marketsim.core.progress import ProgressCallback
from marketsim.profiles.parts import DaySplit
from marketsim.results import manifests
from marketsim.results.folder import MANIFEST, SCENARIO, write_json, write_text
from marketsim.results.session import FolderKind, Session
from marketsim.results.training_folder import is_training, trained_checkpoint

EVALUATION: Final = FolderKind("an evaluation", "marketsim evaluation 1", manifests.EVALUATION)
RESULT, TABLES = "evaluation.json", "evaluation.md"
FIGURES, PLANES = ("evaluation.svg", "evaluation.png"), ("plane.svg", "plane.png")
_SEEDS: Final = 3


@dataclass(frozen=True)
class EvaluationPlan:
    """What is evaluated, and where it is written."""

    folder: Path
    job: EvaluateCell
    arms: tuple[EvaluationArm, ...]
    seeds: tuple[int, ...]
    subject: str
    facts: Mapping[str, Any]
    """Of the manifest."""
    resume_command: str
    checkpoints: Mapping[str, Path] = field(default_factory=dict)
    exploit: tuple[str, ...] = ()
    """Agents that are trained anew against the policies that the others learned in each of ``exploited``."""
    exploited: tuple[EvaluationArm, ...] = ()
    figures: tuple[Path, ...] = ()
    """Where the plane of FTG and FBS is drawn, too."""
    resume: bool = False

    def run(self, workers: int | None = None, progress: ProgressCallback | None = None) -> Evaluated:
        """Train, evaluate, compare and write; RunFolderError where the folder holds something else.

        An interrupt keeps what has been done; the manifest then says so.
        """
        with self._begun():
            done = self._evaluated(executor_for(workers), progress)
            self._write(done)
        return done

    def _begun(self) -> Session:
        held, facts = Session(self.folder, EVALUATION, resume=self.resume), self._facts()
        if held.resumes:
            demand_same(self.folder / MANIFEST, held.earlier, facts, _OF_THE_DESIGN)
        held.begin(facts, {})
        return held

    def _evaluated(self, executor: Executor, progress: ProgressCallback | None) -> Evaluated:
        done = evaluate_arms(
            self.job,
            self.arms,
            self.seeds,
            self.folder,
            executor,
            subject=self.subject,
            checkpoints=self.checkpoints,
            progress=progress,
        )
        if not self.exploit:
            return done
        cells = cells_of(self.exploited, done.found.seeds, self.folder, self.checkpoints)
        exploits = exploitability(self.job, cells, self.exploit, self.folder, executor, progress)
        found = done.found._replace(aims=(*done.found.aims, *exploit_aims(exploits)))
        return done._replace(found=found, exploits=exploits)

    def _facts(self) -> dict[str, Any]:
        return {
            **self.facts,
            "arms": [arm.name for arm in self.arms],
            "seeds": list(self.seeds),
            "weeks": self.job.weeks,
            "part": self.job.part,
            "longer": self.job.longer,
            "exploit": list(self.exploit),
            "overrides": dict(self.job.overrides),
        }

    def _write(self, done: Evaluated) -> None:
        write_json(self.folder / RESULT, told_by(done))
        write_text(self.folder / TABLES, markdown(done.found, done.exploits))
        figure(done.found, [self.folder / name for name in FIGURES])
        plane(done.found, [*(self.folder / name for name in PLANES), *self.figures])


def told_by(done: Evaluated) -> dict[str, Any]:
    """Everything that an evaluation found, what failed in it and what single agents gain, for JSON."""
    failed, exploits = ([each._asdict() for each in some] for some in (done.failed, done.exploits))
    return {**as_json(done.found), "failed": failed, "exploits": exploits}


_OF_THE_DESIGN: Final = ("scenario", "scenario_hash", "seeds", "weeks", "part", "longer", "exploit", "overrides")


def evaluation_of(
    what: Path,
    overrides: Mapping[str, Any] | None = None,
    *,
    arms: Sequence[str] = (),
    seeds: int | None = None,
    weeks: int = 4,
    part: DaySplit = "test",
    out: str | Path | None = None,
    exploit: Sequence[str] = (),
    longer: int = 1,
    figures: Sequence[Path] = (),
    resume: bool = False,
    trust: bool = False,
    tell: Callable[[Path], None] | None = None,
) -> EvaluationPlan:
    """The plan for a scenario or a training run.

    ``seeds`` counts paired seeds, from the scenario's own seed on; ``exploit`` names agents to train anew against the policies
    of the others, in arms that are judged, without a critic, and in those that ``arms`` names; ``longer`` multiplies the
    episodes of every training; ``figures`` are further files for the plane of FTG and FBS; ``trust`` and ``tell`` are for
    ``load_scenario``. Raises InputError for an unknown arm or agent and all that ``load_scenario`` raises.
    """
    demand_folder(out, resume=resume)
    changes = dict(overrides or {})
    trained = is_training(what)
    ready = load_scenario(what / SCENARIO if trained else what, changes, trust=trust, tell=tell)
    learners_of(ready)  # before anything is made of another game
    own = choose_arms(arms, ready.model.critic.name, ready.model.market.engine.name)
    subject, checkpoints = RULE, {}
    if trained:
        own = (
            *(arm for arm in own if not arm.trained),
            EvaluationArm(TRAINED, "the policies of the training run", {LEARNED: {}}),
        )
        subject, checkpoints = TRAINED, {TRAINED: _readable(trained_checkpoint(what.absolute()))}
    count = (1 if trained else _SEEDS) if seeds is None else seeds
    folder = folder_of(ready, out)
    if longer > 1 and any(arm.trained for arm in own):
        episodes_of(ready)
    exploited = _exploited(own, arms) if exploit else ()
    return EvaluationPlan(
        folder=folder,
        job=EvaluateCell(ready.source, {}, weeks, part, longer),
        arms=own,
        seeds=tuple(range(ready.seed, ready.seed + count)),
        subject=subject,
        facts=manifest_facts(ready),
        resume_command=_command(
            what, changes, arms, exploit, seeds, weeks, part, folder, figures=figures, longer=longer, trust=trust
        ),
        checkpoints=checkpoints,
        exploit=check_agents(ready, exploit),
        exploited=exploited,
        figures=tuple(path.absolute() for path in figures),
        resume=resume,
    )


def _exploited(arms: Sequence[EvaluationArm], named: Sequence[str]) -> tuple[EvaluationArm, ...]:
    """Arms whose traders are exploited; InputError where none learns."""
    found = tuple(arm for arm in arms if arm.trained and arm.name in (NONE, *JUDGED, *named))
    if not found:
        hint = f"choose --arm {RULE}, or another of {', '.join((NONE, *JUDGED))}"
        message = "there is nothing to exploit without an arm that learns"
        raise InputError([Problem(message, hint=hint, file="--exploit")])
    return found


def _readable(checkpoint: Path) -> Path:
    """The policies of a training, looked at before anything is simulated: CheckpointError where they cannot be used."""
    from marketsim.agents.strategies.learned import demand_of_market
    from marketsim.learning.learned import load_policy

    demand_of_market(checkpoint, load_policy(checkpoint).layout)
    return checkpoint


def _command(
    what: Path,
    changes: Mapping[str, Any],
    arms: Sequence[str],
    exploit: Sequence[str],
    seeds: int | None,
    weeks: int,
    part: DaySplit,
    folder: Path,
    *,
    figures: Sequence[Path],
    longer: int,
    trust: bool,
) -> str:
    words = [word for name in exploit for word in ("--exploit", name)]
    words += [word for path in figures for word in ("--figure", str(path))]
    words += ["--longer", str(longer)] if longer > 1 else []
    words += ["--seeds", str(seeds)] if seeds is not None else []
    words += ["--weeks", str(weeks), "--part", part]
    return resume_command(what, changes, arms, folder, words, trust=trust)
