"""Port of what is learned: many copies of one market game side by side, stepped together.

Shapes: M markets, A agents a market, F features of an observation, G features of the state of a market, H heads of
an action. The composition root implements it on the simulation itself; tests use small games with known answers.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from marketsim.core.arrays import BoolArray, FloatArray, IntArray

Features = NDArray[np.float32]
"""Scaled observations, about [-1, 1]."""


class Shape(NamedTuple):
    """Sizes of a game that never change."""

    n_markets: int
    n_agents: int
    """In one market."""
    n_features: int
    n_state: int
    heads: tuple[int, ...]
    """Number of choices of each categorical head."""
    used: BoolArray
    """Which heads mean something to which agent; the others are sampled but never learned [A, H]."""
    slots: int
    """Steps of an episode; all markets end together."""


class Step(NamedTuple):
    """What a step brought to every agent, and what is seen next."""

    seen: Features
    """[M, A, F]."""
    state: Features
    """For centralised critics [M, G]."""
    economic: FloatArray
    """Economic reward, scaled [M, A]."""
    shaping: FloatArray
    """Fairness shaping after centring, ramp and cap [M, A]; the reward is the sum of both."""
    scores: FloatArray
    """FTG, FBS, FPP of the critic in the slot; NaN where undefined [M, 3]."""
    ended: bool
    """Whether the episode is over; ``seen`` is then the last look, not the first of a new episode."""


class Game(Protocol):
    """A batch of market games."""

    @property
    def shape(self) -> Shape:
        """Sizes of the game."""
        ...

    def reset(self, episode: int) -> tuple[Features, Features]:
        """Begin episode ``episode`` (from 0) in all markets: what is seen [M, A, F], and the state [M, G].

        The same game and episode begin alike, whatever came before.
        """
        ...

    def step(self, actions: IntArray) -> Step:
        """Play a slot; ``actions`` [M, A, H] count from 0."""
        ...
