"""Policies and critics of all agents as one stack of small networks, evaluated by batched matrix products.

All parameters are one array [R, P], a row a network: R = A where every agent has its own, R = 1 where they share one.
Optimiser, trust region and checkpoint then need no notion of layers; undoing an agent is copying a row.
A shared network knows whom it acts for by a bias of each agent on its first layer, which is what a learned
embedding of the agent, joined to its observation, amounts to; one for agents that are alike has none.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from marketsim.learning.layers import NetworkLayers
from marketsim.learning.params import LearnerParams
from marketsim.learning.ppo.heads import Heads, make_heads
from marketsim.learning.ppo.policy import PolicyTables
from marketsim.learning.ppo.shape import PolicyShape

POLICY_GAIN, VALUE_GAIN = 0.01, 1.0
"""Gains of the last layers; a small one lets every policy begin nearly uniform."""


class ChoiceOutcomes(NamedTuple):
    """What policies may choose on N looks of each agent."""

    log_probabilities: Sequence[Tensor]
    """Of every choice of each head [A, size, N]."""

    def log_probability(self, choices: Tensor) -> Tensor:
        """Of the choices made [A, N, heads], all heads together [A, N]."""
        return log_probability(self.log_probabilities, choices)

    def entropy(self) -> Tensor:
        """Of all heads together [nat], mean over N of each agent [A]."""
        return entropy(self.log_probabilities)


@dataclass(frozen=True, slots=True)
class Networks:
    """The shape of policies and critics of a game; parameters are handed in, never kept."""

    n_agents: int
    n_networks: int
    policy: NetworkLayers
    value: NetworkLayers
    heads: Heads
    bias: Tensor
    """Of forbidden choices [A, logits, 1]."""

    @property
    def n_parameters(self) -> int:
        """Of one network: policy, then critic."""
        return self.policy.n_parameters + self.value.n_parameters

    def initial(self, generator: torch.Generator) -> Tensor:
        """Parameters to begin with [R, P]."""
        rows = [
            torch.cat([self.policy.initial(POLICY_GAIN, generator), self.value.initial(VALUE_GAIN, generator)])
            for _ in range(self.n_networks)
        ]
        return torch.stack(rows)

    def layers(self, weights: Tensor) -> list[Tensor]:
        """Parameters [R, P] as views [R, size] of one layer each: the policy's, then the critic's."""
        return list(torch.split(weights, [*self.policy.sizes, *self.value.sizes], dim=1))

    def log_probabilities(self, layers: Sequence[Tensor], features: Tensor) -> list[Tensor]:
        """Of every choice of each head [A, size, N]; ``features`` [A, N, F]."""
        logits = self.policy.evaluate(layers[: len(self.policy.sizes)], features) + self.bias
        return [torch.log_softmax(each, dim=1) for each in torch.split(logits, list(self.heads.sizes), dim=1)]

    def outcomes(self, layers: Sequence[Tensor], features: Tensor) -> ChoiceOutcomes:
        """What the policies may choose on ``features`` [A, N, F]."""
        return ChoiceOutcomes(self.log_probabilities(layers, features))

    def values(self, layers: Sequence[Tensor], inputs: Tensor) -> Tensor:
        """Values [A, N] of what the critic sees [A, N, F or F + G]."""
        return self.value.evaluate(layers[len(self.policy.sizes) :], inputs).squeeze(1)

    def tables(self, weights: Tensor) -> PolicyTables:
        """The policies as tables that act without torch."""
        row = weights[:, : self.policy.n_parameters].detach().numpy()
        edges = np.cumsum([0, *self.policy.sizes])
        parts = [row[:, begin:end] for begin, end in itertools.pairwise(edges)]
        biases = [np.repeat(part, self.n_agents // self.n_networks, axis=0) for part in parts[1:-1:2]]
        if self.policy.own_bias:
            biases[0] = biases[0] + parts[-1].reshape(self.n_agents, -1)
        biases[-1] = biases[-1] + self.heads.bias
        return PolicyTables(
            widths=np.array(self.policy.widths, dtype=np.int64),
            heads=self.heads,
            networks=np.arange(self.n_agents) // (self.n_agents // self.n_networks),
            weights=np.ascontiguousarray(np.concatenate(parts[:-1:2], axis=1)),
            biases=np.ascontiguousarray(np.concatenate(biases, axis=1)),
        )


def log_probability(log_probabilities: Sequence[Tensor], choices: Tensor) -> Tensor:
    """Of the choices made [A, N, heads], all heads together [A, N]."""
    made = torch.split(choices.mT, 1, dim=1)
    chosen = [each.gather(1, head).squeeze(1) for each, head in zip(log_probabilities, made, strict=True)]
    return torch.stack(chosen).sum(dim=0)


def entropy(log_probabilities: Sequence[Tensor]) -> Tensor:
    """Of all heads together [nat], mean over N of each agent [A]."""
    heads = [-(each.exp() * each).sum(dim=1).mean(dim=1) for each in log_probabilities]
    return torch.stack(heads).sum(dim=0)


def layers_of(shape: PolicyShape, params: LearnerParams, n_logits: int) -> tuple[NetworkLayers, NetworkLayers]:
    """Layers of the policies and of the critics, for heads of ``n_logits`` choices together."""
    own_bias = shape.n_agents if params.policies == "shared" else 0
    seen_by_critic = shape.n_features + (shape.n_state if params.critic == "central" else 0)
    policy = NetworkLayers((shape.n_features, *params.hidden, n_logits), own_bias)
    return policy, NetworkLayers((seen_by_critic, *params.hidden, 1), own_bias)


def make_networks(shape: PolicyShape, params: LearnerParams) -> Networks:
    """Networks for a game as the parameters ask."""
    heads = make_heads(shape.heads, shape.used, joint=params.joint_head)
    policy, value = layers_of(shape, params, heads.n_logits)
    return Networks(
        n_agents=shape.n_agents,
        n_networks=shape.n_agents if params.policies == "independent" else 1,
        policy=policy,
        value=value,
        heads=heads,
        bias=torch.from_numpy(heads.bias).unsqueeze(2),
    )
