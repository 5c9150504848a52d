"""Learners of plugins: what they need is looked at, and what they leave behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from marketsim.core.game import Game
from marketsim.core.game_rules import sound_needs, sound_rounds
from marketsim.core.learner import GameNeeds, Learner, Progress
from marketsim.core.rule_terms import Wrong
from marketsim.core.walls import held
from marketsim.learning.curves import CURVES


class GuardedLearner:
    """Port ``Learner`` over a plugin's, which stands behind its wall; PluginFault for what it does wrong."""

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        needs = held(learner, "needs", sound_needs, lambda: learner.needs)
        asked = needs.rounds

        def rounds(agents: int, slots: int) -> int:
            return held(learner, "needs.rounds", sound_rounds, lambda: asked(agents, slots))

        self._needs = needs._replace(rounds=rounds)

    @property
    def needs(self) -> GameNeeds:
        """As said when it was built."""
        return self._needs

    def train(
        self,
        game: Game,
        folder: Path,
        *,
        seed: int,
        scenario_hash: str,
        resume: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> Path:
        """See ``core.learner.Learner``; the checkpoint and the curves are there."""

        def trained() -> Path:
            return self._learner.train(
                game, folder, seed=seed, scenario_hash=scenario_hash, resume=resume, progress=progress
            )

        return held(self._learner, "train", lambda found: _left_behind(found, folder), trained)


def _left_behind(found: Any, folder: Path) -> Path:
    if not isinstance(found, Path):
        raise Wrong(f"it has to return the path of its last checkpoint, not {type(found).__name__}")
    if not found.is_file() or found.resolve().parent != folder.resolve():
        raise Wrong(f"it has to return a checkpoint that it wrote into {folder}, and {found} is none")
    if not (folder / CURVES).is_file():
        raise Wrong(f"it has to write its curves into {folder}, and there is no {CURVES}")
    return found
