"""Differential attention of agents to each other: what two attentions have in common, as noise, is taken off.

    x_i = W_e [o_i, u_i, s] + b_i                                                    a token an agent
    [Q1; Q2], [K1; K2], V = norm(X) W_Q, norm(X) W_K, norm(X) W_V                    in h heads; Q1 of width d = width / 2h
    head = (softmax(Q1 K1^T / sqrt(d)) - lambda softmax(Q2 K2^T / sqrt(d))) V        V of width 2d
    lambda = exp(l_q1 . l_k1) - exp(l_q2 . l_k2) + lambda_init                       the same for all heads
    DiffAttn(X) = concat_h((1 - lambda_init) norm(head_h)) W_O
    Q_i = w_2 silu(W_1 norm(y_i) + b_1) + b_2,  Y = X + DiffAttn(X)                  a value an agent

o what agents see, u what they do, s the state of the market. Ye et al. 2024, arXiv 2410.05258, equations 1 to 3, norms of
the root mean square; lambda_init of its first layer, 0.8 - 0.6 exp(0) = 0.2. Weights are the same for all agents, but for b_i.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from marketsim.learning.critics import blocks
from marketsim.learning.critics.critic import CriticShape


@dataclass(frozen=True, slots=True)
class DifferentialCritic:
    """A stack of critics of differential attention: a ``CentralCritic``."""

    shape: CriticShape
    width: int
    heads: int
    lambda_init: float

    @property
    def half(self) -> int:
        """d: width of a query or key of one of the two attentions of a head."""
        return self.width // (2 * self.heads)

    @property
    def sizes(self) -> list[int]:
        """Embedding; gain of the norm, W_Q, W_K, W_V, W_O, the four vectors of lambda, gain of the heads' norm; readout."""
        own = [self.width, *[self.width**2] * 4, 4 * self.half, 2 * self.half]
        return [*blocks.embedding_sizes(self.shape, self.width), *own, *blocks.readout_sizes(self.width)]

    def initial(self, generator: torch.Generator) -> Tensor:
        """Weights of variance 1 / inputs, gains of 1, vectors of lambda of deviation 0.1."""
        return torch.stack([self._row(generator) for _ in range(self.shape.n_critics)])

    def _row(self, generator: torch.Generator) -> Tensor:
        own = [torch.ones(self.width), *(blocks.drawn(self.width, self.width, generator) for _ in range(4))]
        own += [0.1 * torch.randn(4 * self.half, generator=generator), torch.ones(2 * self.half)]
        before = blocks.embedding_initial(self.shape, self.width, generator)
        return torch.cat([*before, *own, *blocks.readout_initial(self.width, generator)])

    def values(self, layers: Sequence[Tensor], seen: Tensor, actions: Tensor, state: Tensor) -> Tensor:
        """The equations above."""
        x = blocks.embedded(self.shape, self.width, layers[:2], seen, actions, state)
        return blocks.read_out(layers[9:], x + self.attention(layers[2:9], x))

    def attention(self, layers: Sequence[Tensor], x: Tensor) -> Tensor:
        """DiffAttn of tokens [K, N, A, width]; ``layers`` as in ``sizes`` from the gain of the norm to that of the heads'."""
        gain, w_q, w_k, w_v, w_o, vectors, head_gain = layers
        normed = blocks.rms_norm(x, gain.view(len(x), 1, 1, self.width))
        q, k = (blocks.projected(normed, weights, 2 * self.heads) for weights in (w_q, w_k))
        both = torch.softmax(q @ k.mT / math.sqrt(self.half), dim=-1)
        first, second = both[:, :, 0::2], both[:, :, 1::2]
        difference = first - self.lambda_of(vectors).view(-1, 1, 1, 1, 1) * second
        head = difference @ blocks.projected(normed, w_v, self.heads)
        scaled = (1.0 - self.lambda_init) * blocks.rms_norm(head, head_gain.view(len(x), 1, 1, 1, 2 * self.half))
        return blocks.joined_heads(scaled, w_o)

    def lambda_of(self, vectors: Tensor) -> Tensor:
        """Lambda of each critic [K] from l_q1, l_k1, l_q2 and l_k2 one after the other [K, 4 d]."""
        q1, k1, q2, k2 = vectors.view(-1, 4, self.half).unbind(dim=1)
        return ((q1 * k1).sum(dim=1)).exp() - ((q2 * k2).sum(dim=1)).exp() + self.lambda_init
