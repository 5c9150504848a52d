"""The learners of numbers as a scenario names them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from marketsim.core.build import BuildContext
from marketsim.core.fence import Fence
from marketsim.core.game import Game
from marketsim.core.learner import GameNeeds, Progress
from marketsim.learning.extra import need_tensorboard, need_torch
from marketsim.learning.numbers.params import NumberLearnerParams, StartedParams
from marketsim.learning.numbers.shape import NumberShape, number_shape_of

if TYPE_CHECKING:
    from marketsim.learning.numbers.algorithm import Start
    from marketsim.learning.numbers.checkpoint import NumberCheckpoint


class NumberLearner:
    """A learner of numbers; MissingDependency where torch, or TensorBoard if it is asked for, is not installed."""

    def __init__(self, name: str, params: NumberLearnerParams, fence: Fence) -> None:
        need_torch("Training")
        if params.tensorboard:
            need_tensorboard(name)
        self.name, self.params, self._fence = name, params, fence

    @property
    def needs(self) -> GameNeeds:
        """What the game that it will play has to know."""
        return GameNeeds(self.params.markets, shared=False, rounds=self.params.rounds)

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
        """See ``core.learner.Learner`` and ``numbers.loop``."""
        from marketsim.learning.ppo.trainer import CHECKPOINT

        self.trained(game, folder, seed=seed, scenario_hash=scenario_hash, resume=resume, progress=progress)
        return folder / CHECKPOINT

    def trained(
        self,
        game: Game,
        folder: Path,
        *,
        seed: int = 1,
        scenario_hash: str = "",
        resume: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> NumberCheckpoint:
        """The same; the last checkpoint's contents."""
        shape = number_shape_of(game.shape, self.name)
        from marketsim.learning.number_kinds import KINDS, algorithm_of
        from marketsim.learning.numbers.loop import NumberTraining

        algorithm = algorithm_of(self.name, self.params, shape, game)
        return NumberTraining(game, algorithm, shape, folder).run(
            KINDS,
            seed=seed,
            scenario_hash=scenario_hash,
            start=lambda: self._start(shape),
            resume=resume,
            progress=progress,
        )

    def _start(self, shape: NumberShape) -> Start | None:
        """What was learned before; CheckpointError where that does not fit the game or the parameters."""
        params = self.params
        if not isinstance(params, StartedParams) or params.start is None or params.start.checkpoint is None:
            return None
        from marketsim.learning.number_kinds import start_of

        return start_of(params.start.checkpoint.file(self._fence), shape, params)


def build_cloning(params: NumberLearnerParams, context: BuildContext) -> NumberLearner:
    """Learner ``cloning``."""
    return NumberLearner("cloning", params, context.fence)


def build_sac(params: NumberLearnerParams, context: BuildContext) -> NumberLearner:
    """Learner ``sac``."""
    return NumberLearner("sac", params, context.fence)


def build_matd3(params: NumberLearnerParams, context: BuildContext) -> NumberLearner:
    """Learner ``matd3``."""
    return NumberLearner("matd3", params, context.fence)


def build_maddpg(params: NumberLearnerParams, context: BuildContext) -> NumberLearner:
    """Learner ``maddpg``."""
    return NumberLearner("maddpg", params, context.fence)


def build_mappo(params: NumberLearnerParams, context: BuildContext) -> NumberLearner:
    """Learner ``mappo``."""
    return NumberLearner("mappo", params, context.fence)


def build_adjoint(params: NumberLearnerParams, context: BuildContext) -> NumberLearner:
    """Learner ``adjoint``."""
    return NumberLearner("adjoint", params, context.fence)
