"""StateSizes of the games that learners of numbers play: those whose actions are numbers within bounds."""

from __future__ import annotations

from typing import NamedTuple

from marketsim.core import game
from marketsim.core.arrays import BoolArray, FloatArray
from marketsim.core.errors import Problem, ScenarioError


class NumberShape(NamedTuple):
    """StateSizes of a game that never change: a part of every checkpoint."""

    n_markets: int
    n_agents: int
    """In one market."""
    n_features: int
    n_state: int
    low: FloatArray
    """Bounds of each agent's numbers [A, D]; a number whose bounds are equal means nothing to an agent."""
    high: FloatArray
    slots: int
    """Steps of an episode."""

    @property
    def n_numbers(self) -> int:
        """Of an action."""
        return int(self.low.shape[1])

    @property
    def used(self) -> BoolArray:
        """Which numbers mean something to which agent [A, D]."""
        return self.high > self.low


def number_shape_of(shape: game.Shape, learner: str) -> NumberShape:
    """StateSizes of a game of numbers; ScenarioError for one of choices, RunError for one that is not sound."""
    game.demand_sound(shape)
    space = shape.actions
    if not isinstance(space, game.Box):
        message = f"{learner} sets numbers, and actions of this game are choices"
        raise ScenarioError([Problem(message, "learning.learner", learner, "name a learner of choices, such as ppo")])
    sizes = (shape.n_markets, shape.n_agents, shape.n_features, shape.n_state)
    return NumberShape(*sizes, space.low.copy(), space.high.copy(), shape.slots)


def guided(played: game.Game, learner: str) -> game.GuidedGame:
    """The game with its expert; ScenarioError where it has none."""
    if isinstance(played, game.GuidedGame):
        return played
    message = f"{learner} is to learn from an expert, and this game has none"
    hint = "name a game that has an expert, or leave out what learns from one (cloning, start: cloning, imitation)"
    raise ScenarioError([Problem(message, "learning.learner", learner, hint)])


def sloped(played: game.Game, learner: str) -> game.SlopedGame:
    """The game with its slopes; ScenarioError where it knows none."""
    if isinstance(played, game.SlopedGame):
        return played
    message = f"{learner} follows slopes through the game, and this game knows none"
    hint = "choose --set learning.game=setpoints, or a learner that needs no slopes, such as sac"
    raise ScenarioError([Problem(message, "learning.learner", learner, hint)])
