"""Port of what is learned: many copies of one market game side by side, stepped together.

Shapes: M markets, A agents a market, F features of an observation, G features of the state of a market, H heads of
an action. The composition root implements it on the simulation itself; tests use small games with known answers.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    """Which heads mean something to which agent; of the others choice 0 is always made, and nothing learned [A, H]."""
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


class Layout(NamedTuple):
    """What policies need to act where there is no game, in any scenario: a part of every checkpoint.

    An observation is ``clip((x - offset) * factor, -bound, bound)`` of features x in natural units.
    """

    agents: tuple[str, ...]
    """Whose policies they are, by name [A]."""
    features: tuple[str, ...]
    """Names of what they see [F]."""
    offset: FloatArray
    """[A, F]"""
    factor: FloatArray
    """[A, F]"""
    bound: float
    """Largest size of a scaled feature."""


class Game(Protocol):
    """A batch of market games."""

    @property
    def shape(self) -> Shape:
        """Sizes of the game."""
        ...

    @property
    def layout(self) -> Layout:
        """Whose game it is, and what its features mean."""
        ...

    def memory(self) -> Mapping[str, FloatArray]:
        """What rewards remember across episodes (running means, scales of caps), by name; a part of every checkpoint."""
        ...

    def recall(self, memory: Mapping[str, FloatArray]) -> None:
        """Go on from what ``memory`` returned after the last episode that counts; without it, from nothing."""
        ...

    def reset(self, episode: int) -> tuple[Features, Features]:
        """Begin episode ``episode`` (from 0) in all markets: what is seen [M, A, F], and the state [M, G].

        The same game and episode look alike, whatever came before; only ``memory`` goes from one to the next.
        """
        ...

    def step(self, actions: IntArray) -> Step:
        """Play a slot; ``actions`` [M, A, H] count from 0."""
        ...
