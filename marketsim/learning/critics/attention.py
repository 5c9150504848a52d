"""Plain attention of agents to each other.

    x_i = W_e [o_i, u_i, s] + b_i                                                    a token an agent
    Q, K, V = norm(X) W_Q, norm(X) W_K, norm(X) W_V                                  in h heads of width d = width / h
    Attn(X) = concat_h(softmax(Q_h K_h^T / sqrt(d)) V_h) W_O
    Q_i = w_2 silu(W_1 norm(y_i) + b_1) + b_2,  Y = X + Attn(X)                      a value an agent

o what agents see, u what they do, s the state of the market. Vaswani et al. 2017, arXiv 1706.03762, equation 1, with the norm in
front; attention over agents in a critic: Iqbal, Sha 2019, arXiv 1810.02912. Weights are the same for all agents, but for b_i.
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
class AttentionCritic:
    """A stack of critics of plain attention: a ``CentralCritic``."""

    shape: CriticShape
    width: int
    heads: int

    @property
    def sizes(self) -> list[int]:
        """Embedding; gain of the norm, W_Q, W_K, W_V, W_O; readout."""
        own = [self.width, *[self.width**2] * 4]
        return [*blocks.embedding_sizes(self.shape, self.width), *own, *blocks.readout_sizes(self.width)]

    def initial(self, generator: torch.Generator) -> Tensor:
        """Weights of variance 1 / inputs, gains of 1."""
        return torch.stack([self._row(generator) for _ in range(self.shape.n_critics)])

    def _row(self, generator: torch.Generator) -> Tensor:
        own = [torch.ones(self.width), *(blocks.drawn(self.width, self.width, generator) for _ in range(4))]
        before = blocks.embedding_initial(self.shape, self.width, generator)
        return torch.cat([*before, *own, *blocks.readout_initial(self.width, generator)])

    def values(self, layers: Sequence[Tensor], seen: Tensor, actions: Tensor, state: Tensor) -> Tensor:
        """The equations above."""
        x = blocks.embedded(self.shape, self.width, layers[:2], seen, actions, state)
        return blocks.read_out(layers[7:], x + self.attention(layers[2:7], x))

    def attention(self, layers: Sequence[Tensor], x: Tensor) -> Tensor:
        """Attn of tokens [K, N, A, width]; ``layers`` are the gain of the norm, W_Q, W_K, W_V and W_O."""
        gain, w_q, w_k, w_v, w_o = layers
        normed = blocks.rms_norm(x, gain.view(len(x), 1, 1, self.width))
        q, k, v = (blocks.projected(normed, weights, self.heads) for weights in (w_q, w_k, w_v))
        scores = q @ k.mT / math.sqrt(self.width // self.heads)
        return blocks.joined_heads(torch.softmax(scores, dim=-1) @ v, w_o)
