"""Port between the loop of a training and what learns in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
import torch
from torch import Tensor

from marketsim.core.arrays import BoolArray, FloatArray
from marketsim.core.rng import Streams
from marketsim.learning.adam import AdamState
from marketsim.learning.numbers.params import NumberLearnerParams
from marketsim.learning.numbers.policy import GaussianPolicy
from marketsim.learning.numbers.replay import Replay
from marketsim.learning.numbers.rollout import PlayedEpisode

LearnedState: TypeAlias = dict[str, Tensor]
"""All that is learned, by name: weights, moments of optimisers, multipliers. Of 32-bit floats."""
StateSizes: TypeAlias = Mapping[str, tuple[int, ...]]
"""Shapes of a state, by name."""


class Start(NamedTuple):
    """What policies begin with that were learned before."""

    weights: Tensor
    """[A, P]"""
    floor: Tensor
    """Distance of each from the expert on what it had not learned from [A]; NaN where nobody measured it."""


class RoundReport(NamedTuple):
    """What a round's learning says of itself, by the names of the algorithm's columns; what is left out is undefined."""

    values: Mapping[str, float]
    of_agents: Mapping[str, FloatArray]
    """[A] each."""


class Algorithm(Protocol):
    """What learns from the episodes of a game of numbers, a round (an episode in all markets) after the other."""

    @property
    def name(self) -> str:
        """As scenarios call it."""
        ...

    @property
    def params(self) -> NumberLearnerParams:
        """As the scenario says."""
        ...

    @property
    def columns(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names of what it says of a round, and of an agent in it."""
        ...

    @property
    def rounds(self) -> int:
        """Of the whole training."""
        ...

    @property
    def kept(self) -> int:
        """Episodes that a replay keeps."""
        ...

    @property
    def remembers(self) -> bool:
        """Whether it learns from episodes before the last, so that a resumed training needs them."""
        ...

    @property
    def labelled(self) -> bool:
        """Whether it asks the game's expert."""
        ...

    @property
    def sloped(self) -> bool:
        """Whether it asks the game for its slopes."""
        ...

    def sizes(self) -> StateSizes:
        """Shapes of its state."""
        ...

    def initial(self, generator: torch.Generator, start: Start | None) -> LearnedState:
        """LearnedState before the first round."""
        ...

    def policy(self, state: LearnedState) -> GaussianPolicy:
        """The policies as they stand."""
        ...

    def player(self, state: LearnedState, number: int) -> GaussianPolicy | None:
        """Who plays round ``number``, counted from 0; None: the expert."""
        ...

    def critical(self, played: PlayedEpisode) -> BoolArray | None:
        """Which slots [T, M] are to be learned from more often; None: no slot more than another."""
        ...

    def learn(
        self, state: LearnedState, replay: Replay, played: PlayedEpisode, number: int, streams: Streams
    ) -> tuple[LearnedState, RoundReport]:
        """The state after round ``number``, which was ``played`` and is in the ``replay``; ``state`` may be written into."""
        ...


def adam_sizes(name: str, rows: int, width: int) -> dict[str, tuple[int, ...]]:
    """Shapes of weights and optimiser of R networks, by name."""
    return {
        **{f"{name}.{part}": (rows, width) for part in ("weights", "mean", "square")},
        f"{name}.steps": (rows, 1),
    }


def adam_of(state: LearnedState, name: str) -> AdamState:
    """Weights and optimiser of a name; steps write into the state."""
    return AdamState(*(state[f"{name}.{part}"] for part in AdamState._fields))


def adam_parts(name: str, adam: AdamState) -> LearnedState:
    """Weights and optimiser as parts of a state."""
    return {f"{name}.{part}": tensor for part, tensor in adam._asdict().items()}


def normals(streams: Streams, name: str, counter: int, shape: tuple[int, ...]) -> Tensor:
    """Standard normal numbers of a counter, of any shape; by the same hash as all that is drawn."""
    seed = int(streams.keys(name, counter)[0] >> np.uint64(1))
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
