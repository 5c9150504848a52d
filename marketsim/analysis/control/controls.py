"""Who may control a day: rules, the scenario's expert, and policies that were trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from marketsim.agents.params import SetpointsParams
from marketsim.agents.setpoints.learned import policies_for
from marketsim.agents.setpoints.rules import OwnUseRules
from marketsim.agents.strategies.learned import places_of
from marketsim.core.arrays import FloatArray
from marketsim.core.game import Features
from marketsim.core.learner import Trained
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
    """Port ``days.DayControl``: the means of trained policies, which see what they saw in their training."""

    def __init__(self, path: Path, trained: Trained, game: SetpointsGame, *, left: bool) -> None:
        """``left``: reactive power is the grid's alone. CheckpointError where they are no policies of these players."""
        whose = np.tile(places_of(path, trained.layout.agents, game.layout.agents), game.shape.n_markets)
        self._policies = policies_for(path, trained, whose, asks=not left)

    def actions(self, game: SetpointsGame, seen: Features) -> FloatArray:  # noqa: ARG002 - scaled for this game
        """See ``DayControl``."""
        actions = self._policies.actions(*game.looked)
        return actions.reshape(game.shape.n_markets, game.shape.n_agents, len(ACTIONS))
