"""Policies of the game of set-points that were trained, as a chooser of set-points in any scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from marketsim.agents.params import LearnedParams
from marketsim.agents.setpoints.devices import Steerable
from marketsim.agents.setpoints.features import NAMES, SEES, PoolSight, SetpointScaling
from marketsim.agents.setpoints.player import SetpointPlayer
from marketsim.agents.strategies.learned import demand_features, refused, whose_policies
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.learner import NumberPolicy, Trained
from marketsim.core.records import Observations
from marketsim.core.setpoints import ACTIONS, IDLE, Setpoints, to_setpoints

_KVAR: Final = ACTIONS.index("kvar")


def left_to_grid(actions: FloatArray) -> FloatArray:
    """The same actions [..., 5] with nothing asked of inverters, which ``grid.reactive`` then runs alone."""
    quiet = np.array(actions)
    quiet[..., _KVAR] = IDLE[_KVAR]
    return quiet


class ChosenByPolicies:
    """Implements ``Chooser``: what policies that see what they saw in training would set."""

    def __init__(
        self, policy: NumberPolicy, scaling: SetpointScaling, whose: IntArray, *, sampled: bool, asks: bool
    ) -> None:
        """``whose`` [k]: positions of the agents' policies in the checkpoint; ``asks``: for reactive power, too."""
        self._policy, self._scaling, self._whose = policy, scaling, whose
        self._sampled, self._asks = sampled, asks
        self.sees: tuple[str, ...] = (*SEES, *(("keys",) if sampled else ()))

    def points(self, seen: Observations, devices: Steerable) -> Setpoints:
        """See ``Chooser``."""
        return to_setpoints(self.actions(seen, devices), devices.ratings, devices.available(seen))

    def actions(self, seen: Observations, devices: Steerable) -> FloatArray:
        """The same as actions [k, 5]."""
        features = self._scaling(PoolSight(seen, devices.generator))
        actions = self._policy.act(features, self._whose, seen.keys if self._sampled else None)
        return actions if self._asks else left_to_grid(actions)


def policies_for(
    path: Path, trained: Trained, whose: IntArray, *, sampled: bool = False, asks: bool = True
) -> ChosenByPolicies:
    """Policies ``whose`` [k] of a checkpoint as a chooser; CheckpointError where they set or see something else."""
    policy, layout = _of_setpoints(path, trained), trained.layout
    scaling = SetpointScaling(layout.offset, layout.factor).of(whose)
    return ChosenByPolicies(policy, scaling, whose, sampled=sampled, asks=asks)


def _of_setpoints(path: Path, trained: Trained) -> NumberPolicy:
    policy, features = trained.policy, tuple(trained.layout.features)
    if not isinstance(policy, NumberPolicy) or policy.box.low.shape[1] != len(ACTIONS):
        game = trained.layout.game
        message = f"these policies were trained in the game {game}, and a strategy acts in the market or by set-points"
        raise refused(path, message, hint="train by learning: {game: setpoints, learner: cloning}")
    demand_features(path, [name for name in features if name not in NAMES])
    if features != NAMES:
        missing = ", ".join(name for name in NAMES if name not in features)
        raise refused(path, "these policies do not see all that set-points are chosen by", missing, "train them anew")
    return policy


def setpoint_player(path: Path, trained: Trained, params: LearnedParams, context: BuildContext) -> SetpointPlayer:
    """Policies of numbers for the agents of ``context``; CheckpointError where they set something else, or know none of them."""
    _of_setpoints(path, trained)
    whose = whose_policies(path, trained.layout.agents, params, context)
    sampled, asks = params.actions == "sampled", params.reactive == "learned"
    return SetpointPlayer(policies_for(path, trained, whose, sampled=sampled, asks=asks), context)
