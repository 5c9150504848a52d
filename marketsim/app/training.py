"""Training the agents of a scenario: the game, its learner, and a folder to keep what was learned."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from marketsim.app.memory import keep_memory
from marketsim.app.parts import placed
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.running import RUNS, manifest_facts
from marketsim.core.errors import CheckpointError, InputError, Problem, RunError, RunFolderError, ScenarioError
from marketsim.core.files import append_to
from marketsim.core.game import Game, Shape
from marketsim.core.learner import Progress
from marketsim.core.walls import PluginFault
from marketsim.fairness.critic import CriticTally, Critique
from marketsim.games.context import Reviewed
from marketsim.games.guard import whose
from marketsim.games.market.params import MarketGameParams
from marketsim.games.setpoints.params import SetpointsGameParams
from marketsim.learning.curves import read_curves
from marketsim.learning.mappo.params import MappoParams
from marketsim.learning.params import LearnerParams
from marketsim.results.folder import CRITIC, SCENARIO, SUMMARY, folder_name, write_json
from marketsim.results.session import Session
from marketsim.results.training_figure import draw_curves
from marketsim.results.training_folder import TRAINING, is_training
from marketsim.scenario.dump import dump, scenario_hash

_IN_RUNS: Final = (MarketGameParams, SetpointsGameParams)
"""Games whose policies a strategy plays in runs."""
_LOG = logging.getLogger("marketsim.training")

PARTS = 10
"""Begin and end of a training are summed up by the first and last of so many parts."""
STOPS: Final = ("stopped", "undone")
"""Curves of a learner that are counted over the whole training, where it has them."""
MOVEMENT: Final = ("kl", "entropy")
"""Curves of a learner that the summary tells the begin and end of, where it has them."""


class Training(NamedTuple):
    """A finished training."""

    folder: Path
    checkpoint: Path
    """What ``strategy: {learned: {checkpoint: ...}}`` names."""
    summary: dict[str, Any]
    """Flat; also in ``summary.json``."""
    game: str
    """What was played, by its name."""
    acts: bool
    """Whether the strategy ``learned`` acts by its policies, and ``marketsim evaluate`` compares them."""


def default_training_folder(ready: ReadyScenario, now: datetime) -> Path:
    """Folder of a training that was not told where to go."""
    return RUNS / folder_name(f"{ready.name}-training", ready.seed, now)


def latest_training(ready: ReadyScenario) -> Path:
    """Folder of the latest training of this scenario and seed under ``runs``; RunFolderError if there is none."""
    pattern = default_training_folder(ready, datetime.now()).name.rpartition("-")[0] + "-*"
    found = sorted(folder for folder in RUNS.glob(pattern) if is_training(folder))
    if not found:
        hint = "name its folder by --out, or leave out --resume to begin one"
        raise RunFolderError([Problem("there is no training to resume", file=str(RUNS / pattern), hint=hint)])
    return found[-1]


def train_scenario(
    ready: ReadyScenario, folder: Path, *, resume: bool = False, progress: Callable[[Progress], None] | None = None
) -> Training:
    """Train the agents of a scenario as its section ``learning`` says.

    Writes the resolved scenario, manifest, curves, a figure of them and checkpoints into ``folder``. With ``resume`` the
    training there goes on and ends as if it had never stopped; one that came to no checkpoint begins anew, and says so.
    Raises RunFolderError or CheckpointError for a folder
    that cannot be used, MissingDependency without the extra, RunError where a part fails; what was learned is kept.
    """
    from marketsim.app.game import build_game, learner_of

    learner = learner_of(ready)
    keep_memory()
    hashed = scenario_hash(ready.model, ready.agents)
    held = Session(folder, TRAINING, resume=resume)
    held.begin(manifest_facts(ready, "torch"), {SCENARIO: dump(ready.model, ready.agents, folder)})
    with held:
        if held.anew:
            _LOG.warning("the training in %s was ended before its first checkpoint: it begins anew", folder)
        game = build_game(ready, needs=learner.needs)
        notes = CriticNotes(folder / CRITIC, game.critiques if isinstance(game, Reviewed) else list)

        def note(now: Progress) -> None:
            notes.take(now.row.update)
            if progress is not None:
                progress(now)

        with _let_go_after_errors(game, ready):
            checkpoint = learner.train(
                game, folder, seed=ready.seed, scenario_hash=hashed, resume=held.resumes, progress=note
            )
        facts = game.close()
        curves = read_curves(folder)
        if not curves["update"]:
            message = "the checkpoint says that the training has ended, and there is no update of it"
            raise CheckpointError([Problem(message, file=str(checkpoint), hint="train anew into another --out")])
        notes.take(len(curves["update"]))
        fallbacks = {"fallbacks": dict(sorted(notes.tally.reasons.items()))} if isinstance(game, Reviewed) else {}
        held.note({"critic" if fallbacks else "game": {**facts, **fallbacks}} if facts else {})
        shape = game.shape
        summary = {
            "scenario": ready.name,
            "seed": ready.seed,
            **summed_up(curves, shape),
            **notes.tally.summary(),
            "checkpoint": checkpoint.name,
            "wall_s": round(held.wall_s, 3),
        }
        _write_up(folder, curves, _limits(ready.model.learning.learner.params), shape, summary)
    played = ready.model.learning.game
    return Training(folder, checkpoint, summary, played.name, isinstance(played.params, _IN_RUNS))


@contextmanager
def _let_go_after_errors(game: Game, ready: ReadyScenario) -> Iterator[None]:
    """Close a game after an error, which is what is told: what a plugin's does wrong beside it is logged."""
    try:
        yield
    except BaseException as error:  # an interrupt, too: a game may have a critic that is still being asked
        try:
            game.close(wait=False)
        except PluginFault as fault:
            _LOG.warning("%s", fault)
        if isinstance(error, ScenarioError):
            raise _unplayable(error, ready, game) from error
        raise


def _unplayable(error: ScenarioError, ready: ReadyScenario, game: Game) -> InputError:
    """What a learner cannot play, with its place in the scenario, and whose game it is."""
    owner = f"; it is that of {whose(game)}" if whose(game) else ""
    return placed(ScenarioError([each._replace(hint=f"{each.hint}{owner}") for each in error.problems]), ready)


def _write_up(
    folder: Path,
    curves: Mapping[str, Sequence[float]],
    limits: dict[str, float],
    shape: Shape,
    summary: Mapping[str, object],
) -> None:
    """What stands in the folder at the end beside the policies; RunError where the disk takes no more."""
    try:
        draw_curves(curves, limits, folder, shape.rewards, shape.scores)
        write_json(folder / SUMMARY, summary)
    except OSError as error:
        raise RunError(
            f"cannot write the training to {folder}: {error.strerror or error}; its policies are kept"
        ) from error


class CriticNotes:
    """What critics write down in a training: counted, and kept where it is more than a formula's answer."""

    def __init__(self, path: Path, drain: Callable[[], Sequence[Critique]]) -> None:
        self._path, self._drain = path, drain
        self.tally = CriticTally()

    def take(self, update: int) -> None:
        """Take in what was written since the last update."""
        critiques = self._drain()
        self.tally.count(critiques)
        lines = [
            json.dumps({"update": update, **critique.entry()}, ensure_ascii=False, allow_nan=False) + "\n"
            for critique in critiques
            if critique.source != "rule" or critique.error is not None
        ]
        if lines:
            with append_to(self._path) as file:
                file.writelines(lines)


def summed_up(curves: Mapping[str, Sequence[float]], shape: Shape) -> dict[str, Any]:
    """Counts, and means of each curve over the first and the last tenth of the updates; null where undefined."""
    updates = len(curves["update"])
    part = max(1, updates // PARTS)
    found: dict[str, Any] = {
        "updates": updates,
        "episodes": int(curves["episodes"][-1]),
        "agent_steps": int(curves["agent_steps"][-1]),
        **{name: int(sum(curves[name])) for name in STOPS if name in curves},
    }
    shown = ("total", *shape.rewards, "lowest", *shape.scores, *MOVEMENT)
    for name in (name for name in shown if name in curves):
        found[f"{name}_first"] = _mean(curves[name][:part])
        found[f"{name}_last"] = _mean(curves[name][-part:])
    return found


def _mean(values: Sequence[float]) -> float | None:
    defined = [value for value in values if value == value]
    return sum(defined) / len(defined) if defined else None


def _limits(params: object) -> dict[str, float]:
    """Lines in the panel of movement, of learners that have a trust region."""
    if not isinstance(params, LearnerParams | MappoParams):
        return {}
    region = params.trust_region
    return {"ends an update": region.stop * region.target, "undoes an epoch": region.undo * region.target}
