"""Port of learning algorithms, and the one that comes with the package: proximal policy optimisation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from marketsim.core.build import BuildContext
from marketsim.learning.curves import Progress
from marketsim.learning.extra import need_tensorboard, need_torch
from marketsim.learning.game import Game
from marketsim.learning.params import LearnerParams


class Learner(Protocol):
    """What a scenario names under ``learning.learner``."""

    @property
    def markets(self) -> int:
        """Markets that it plays side by side."""
        ...

    def rounds(self, n_agents: int, slots: int) -> int:
        """Episodes of the game (each in all markets) that the whole training takes."""
        ...

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
        """Train the agents of ``game``, write curves and checkpoints into ``folder``; the last checkpoint."""
        ...


class Ppo:
    """Learner ``ppo``; MissingDependency where torch, or TensorBoard if it is asked for, is not installed."""

    def __init__(self, params: LearnerParams) -> None:
        need_torch("Training")
        if params.tensorboard:
            need_tensorboard()
        self.params = params

    @property
    def markets(self) -> int:
        """Markets that it plays side by side."""
        return self.params.markets

    def rounds(self, n_agents: int, slots: int) -> int:
        """Episodes of the game that the whole training takes."""
        return self.params.rounds(n_agents, slots)

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
        """See ``Learner`` and ``trainer.train``."""
        from marketsim.learning.trainer import train

        trained = train(
            game,
            self.params,
            folder,
            seed=seed,
            scenario_hash=scenario_hash,
            resume=resume,
            progress=progress,
        )
        return trained.checkpoint


def build(params: LearnerParams, context: BuildContext) -> Ppo:  # noqa: ARG001 - part of the port
    """Learner ``ppo``."""
    return Ppo(params)
