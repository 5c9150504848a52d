"""Gaussian policies of all agents as one stack of small networks; parameters are handed in, never kept."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import torch
from torch import Tensor

from marketsim.core.game import Box
from marketsim.learning.layers import NetworkLayers
from marketsim.learning.numbers.policy import GaussianPolicy, GaussianTables
from marketsim.learning.numbers.shape import NumberShape

LAST_GAIN: Final = 0.01
"""Of the last layer: every policy begins in the middle of its ranges."""
_HALF_LOG_2_PI: Final = 0.5 * math.log(2.0 * math.pi)


class Gaussian(NamedTuple):
    """Independent normal distributions of scaled numbers, for N looks of each agent [A, N, D]."""

    mean: Tensor
    log_deviation: Tensor

    def sample(self, normal: Tensor) -> Tensor:
        """Mean + deviation x ``normal`` [A, N, D], so that gradients reach both."""
        return self.mean + self.log_deviation.exp() * normal

    def log_density(self, numbers: Tensor, used: Tensor) -> Tensor:
        """Of ``numbers`` [A, N, D], the sum over those that are ``used`` [A, 1, D] [A, N]."""
        standard = (numbers - self.mean) * (-self.log_deviation).exp()
        return ((-0.5 * standard.square() - self.log_deviation - _HALF_LOG_2_PI) * used).sum(dim=2)

    def entropy(self, used: Tensor) -> Tensor:
        """Differential entropy of the numbers that are ``used`` [A, 1, D] [nat] [A, N]: sum of ln(deviation sqrt(2 pi e))."""
        return ((self.log_deviation + (0.5 + _HALF_LOG_2_PI)) * used).sum(dim=2)


@dataclass(frozen=True, slots=True)
class Actors:
    """The shape of the policies of a game: a network for each agent, two outputs a number."""

    layers: NetworkLayers
    box: Box
    deviation: tuple[float, float]
    """Least and most deviation, in halves of the range of a number."""
    used: Tensor
    """1 for numbers that mean something to an agent, else 0 [A, 1, D]."""

    @property
    def n_agents(self) -> int:
        """Rows of the stack."""
        return len(self.used)

    def initial(self, generator: torch.Generator) -> Tensor:
        """Parameters to begin with [A, P]."""
        return torch.stack([self.layers.initial(LAST_GAIN, generator) for _ in range(self.n_agents)])

    def split(self, weights: Tensor) -> list[Tensor]:
        """Parameters [A, P] as views of one layer each."""
        return list(torch.split(weights, self.layers.sizes, dim=1))

    def distribution(self, layers: Sequence[Tensor], features: Tensor) -> Gaussian:
        """What each agent would do on what it sees [A, N, F]; numbers that mean nothing have the mean 0."""
        mean, spread = self.layers.evaluate(layers, features).mT.chunk(2, dim=2)
        least, most = (math.log(each) for each in self.deviation)
        return Gaussian(torch.tanh(mean) * self.used, least + (0.5 * (most - least)) * (1.0 + torch.tanh(spread)))

    def policy(self, weights: Tensor) -> GaussianPolicy:
        """The policies as they stand, frozen; they act without torch."""
        row = weights[:, : self.layers.n_parameters].detach().numpy()
        edges = np.cumsum([0, *self.layers.sizes])
        parts = [row[:, begin:end] for begin, end in itertools.pairwise(edges)][:-1]
        tables = GaussianTables(
            widths=np.array(self.layers.widths, dtype=np.int64),
            weights=np.ascontiguousarray(np.concatenate(parts[::2], axis=1)),
            biases=np.ascontiguousarray(np.concatenate(parts[1::2], axis=1)),
            deviation=self.deviation,
        )
        return GaussianPolicy(tables, self.box)


def actor_layers(n_features: int, hidden: Sequence[int], n_numbers: int) -> NetworkLayers:
    """Layers of a policy."""
    return NetworkLayers((n_features, *hidden, 2 * n_numbers), 0)


def make_actors(shape: NumberShape, hidden: Sequence[int], deviation: tuple[float, float]) -> Actors:
    """Policies for a game of numbers."""
    layers = actor_layers(shape.n_features, hidden, shape.n_numbers)
    used = torch.from_numpy(shape.used.astype(np.float32)).unsqueeze(1)
    return Actors(layers, Box(shape.low, shape.high), deviation, used)
