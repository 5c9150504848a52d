"""The learner as a scenario names it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from marketsim.core.build import BuildContext
from marketsim.core.game import Game
from marketsim.core.learner import GameNeeds, Progress
from marketsim.learning.extra import need_tensorboard, need_torch
from marketsim.learning.params import LearnerParams


class Ppo:
    """Learner ``ppo``; MissingDependency where torch, or TensorBoard if it is asked for, is not installed."""

    def __init__(self, params: LearnerParams) -> None:
        need_torch("Training")
        if params.tensorboard:
            need_tensorboard("ppo")
        self.params = params

    @property
    def needs(self) -> GameNeeds:
        """What the game that it will play has to know."""
        params = self.params
        return GameNeeds(
            markets=params.markets,
            shared=params.policies != "independent",
            rounds=params.rounds,
            rounds_per_update=params.rounds_per_update,
            alike=params.policies == "alike",
        )

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
        """See ``core.learner.Learner`` and ``trainer.train``."""
        from marketsim.learning.ppo.trainer import train

        return train(
            game, self.params, folder, seed=seed, scenario_hash=scenario_hash, resume=resume, progress=progress
        ).checkpoint


def build(params: LearnerParams, context: BuildContext) -> Ppo:  # noqa: ARG001 - part of the port
    """Learner ``ppo``."""
    return Ppo(params)
