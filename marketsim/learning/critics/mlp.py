"""A multilayer perceptron over everything at once.

    Q(s, o, u) = W_L tanh(... tanh(W_1 [o_1, ..., o_A, u_1, ..., u_A, s] + b_1) ...) + b_L

o what agents see, u what they do, s the state of the market; Q has a value an agent. Lowe et al. 2017, arXiv 1706.02275, give
each agent a critic of its own over the same inputs; here they share the hidden layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from marketsim.learning.critics.critic import CriticShape
from marketsim.learning.layers import NetworkLayers


@dataclass(frozen=True, slots=True)
class MlpCritic:
    """A stack of perceptrons: a ``CentralCritic``."""

    shape: CriticShape
    net: NetworkLayers

    @classmethod
    def of(cls, shape: CriticShape, hidden: Sequence[int]) -> MlpCritic:
        """With hidden layers of the given widths."""
        inputs = shape.n_agents * (shape.n_features + shape.n_numbers) + shape.n_state
        return cls(shape, NetworkLayers((inputs, *hidden, shape.n_agents), 0))

    @property
    def sizes(self) -> list[int]:
        """Weights and bias of each layer."""
        return self.net.sizes

    def initial(self, generator: torch.Generator) -> Tensor:
        """Orthogonal weights."""
        return torch.stack([self.net.initial(1.0, generator) for _ in range(self.shape.n_critics)])

    def values(self, layers: Sequence[Tensor], seen: Tensor, actions: Tensor, state: Tensor) -> Tensor:
        """The equation above."""
        everything = torch.cat([seen.flatten(1), actions.flatten(1), state], dim=1)
        stacked = everything.expand(self.shape.n_critics, *everything.shape)
        return self.net.evaluate(layers, stacked).mT
