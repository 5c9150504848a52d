"""Sizes of the games that this learner plays: those whose actions are choices."""

from __future__ import annotations

from typing import NamedTuple

from marketsim.core import game
from marketsim.core.arrays import BoolArray
from marketsim.core.errors import Problem, ScenarioError


class PolicyShape(NamedTuple):
    """Sizes of a game that never change: a part of every checkpoint."""

    n_markets: int
    n_agents: int
    """In one market."""
    n_features: int
    n_state: int
    heads: tuple[int, ...]
    """Number of choices of each categorical head."""
    used: BoolArray
    """Which heads mean something to which agent [A, H]."""
    slots: int
    """Steps of an episode."""


def shape_of(shape: game.Shape) -> PolicyShape:
    """Sizes of a game with categorical actions; ScenarioError for one with others, RunError for one that is not sound."""
    game.demand_sound(shape)
    actions = shape.actions
    if not isinstance(actions, game.Categorical):
        message, hint = "ppo chooses among choices, and actions of this game are numbers", "name a learner of numbers"
        raise ScenarioError([Problem(message, "learning.learner", "ppo", hint)])
    sizes = (shape.n_markets, shape.n_agents, shape.n_features, shape.n_state)
    return PolicyShape(*sizes, tuple(actions.heads), actions.used, shape.slots)
