"""Who may control a day: rules, the scenario's expert, and policies that were trained."""

from __future__ import annotations

import numpy as np

from marketsim.agents.params import SetpointsParams
from marketsim.agents.setpoints.learned import left_to_grid
from marketsim.agents.setpoints.rules import OwnUseRules
from marketsim.core.arrays import FloatArray
from marketsim.core.game import Features
from marketsim.core.learner import NumberPolicy
from marketsim.core.setpoints import ACTIONS, to_actions
from marketsim.games.setpoints.game import SetpointsGame


class ByRules:
    """Port ``days.DayControl``: rules, which see what players see in full."""

    def __init__(self, params: SetpointsParams, game: SetpointsGame) -> None:
        self._rules = OwnUseRules(params, game.context)

    def actions(self, game: SetpointsGame, seen: Features) -> FloatArray:  # noqa: ARG002 - scaled for learners
        """See ``DayControl``."""
        looked, devices = game.looked
        points = self._rules.points(looked, devices)
        actions = to_actions(points, devices.ratings, devices.available(looked))
        return actions.reshape(game.shape.n_markets, game.shape.n_agents, len(ACTIONS))


class ByExpert:
    """Port ``days.DayControl``: the labels of the scenario's expert."""

    def actions(self, game: SetpointsGame, seen: Features) -> FloatArray:  # noqa: ARG002 - the expert sees the day
        """See ``DayControl``; ScenarioError where the scenario has no expert."""
        return game.labels()


class ByPolicies:
    """Port ``days.DayControl``: the means of trained policies; with ``left`` reactive power is the grid's alone."""

    def __init__(self, policy: NumberPolicy, *, left: bool) -> None:
        self._policy, self._left = policy, left

    def actions(self, game: SetpointsGame, seen: Features) -> FloatArray:  # noqa: ARG002 - it is seen
        """See ``DayControl``."""
        markets, agents, features = seen.shape
        actions = self._policy.act(seen.reshape(-1, features), np.tile(np.arange(agents), markets), None)
        actions = actions.reshape(markets, agents, len(ACTIONS))
        return left_to_grid(actions) if self._left else actions
