"""What critics of attention have in common: tokens in front, values behind, and parameters in rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from marketsim.learning.critics.critic import CriticShape, tokens

EPSILON: Final = 1e-5
"""Under the root of a mean square."""


def rms_norm(x: Tensor, gain: Tensor) -> Tensor:
    """X / sqrt(mean(x^2) + epsilon) x gain, along the last axis. Zhang, Sennrich 2019, arXiv 1910.07467, equation 4."""
    return x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + EPSILON) * gain


def drawn(n_in: int, n_out: int, generator: torch.Generator) -> Tensor:
    """Weights of variance 1 / n_in, flat."""
    return torch.randn(n_in * n_out, generator=generator) / math.sqrt(n_in)


def embedding_sizes(shape: CriticShape, width: int) -> list[int]:
    """Weights of a token, and each agent's own bias."""
    return [shape.n_token * width, shape.n_agents * width]


def embedding_initial(shape: CriticShape, width: int, generator: torch.Generator) -> list[Tensor]:
    """Parameters of the embedding to begin with; own biases tell agents apart from the start."""
    return [
        drawn(shape.n_token, width, generator),
        0.1 * torch.randn(shape.n_agents * width, generator=generator),
    ]


def embedded(
    shape: CriticShape, width: int, layers: Sequence[Tensor], seen: Tensor, actions: Tensor, state: Tensor
) -> Tensor:
    """Tokens x_i = W_e [o_i, u_i, s] + b_i of each agent [K, N, A, width]."""
    weights, bias = layers
    flat = tokens(seen, actions, state).reshape(1, -1, shape.n_token).expand(shape.n_critics, -1, -1)
    x = torch.bmm(flat, weights.view(shape.n_critics, shape.n_token, width))
    own = bias.view(shape.n_critics, 1, shape.n_agents, width)
    return x.view(shape.n_critics, -1, shape.n_agents, width) + own


def readout_sizes(width: int) -> list[int]:
    """Gain of a norm, a hidden layer of twice the width, and the value."""
    return [width, width * 2 * width, 2 * width, 2 * width, 1]


def readout_initial(width: int, generator: torch.Generator) -> list[Tensor]:
    """Parameters of the readout to begin with."""
    hidden = [drawn(width, 2 * width, generator), torch.zeros(2 * width)]
    return [torch.ones(width), *hidden, drawn(2 * width, 1, generator), torch.zeros(1)]


def read_out(layers: Sequence[Tensor], x: Tensor) -> Tensor:
    """Values Q_i = w_2 silu(W_1 norm(x_i) + b_1) + b_2 of tokens [K, N, A, width] [K, N, A]."""
    gain, weights, bias, last, last_bias = layers
    n_critics, n, n_agents, width = x.shape
    normed = rms_norm(x, gain.view(n_critics, 1, 1, width)).reshape(n_critics, -1, width)
    hidden = torch.baddbmm(bias.unsqueeze(1), normed, weights.view(n_critics, width, 2 * width))
    hidden = torch.nn.functional.silu(hidden)
    value = torch.baddbmm(last_bias.unsqueeze(1), hidden, last.unsqueeze(2))
    return value.view(n_critics, n, n_agents)


def projected(x: Tensor, weights: Tensor, heads: int) -> Tensor:
    """X W in ``heads`` parts of equal width: tokens [K, N, A, width] as [K, N, heads, A, out / heads]."""
    n_critics, n, n_agents, width = x.shape
    flat = torch.bmm(x.reshape(n_critics, -1, width), weights.view(n_critics, width, -1))
    return flat.view(n_critics, n, n_agents, heads, -1).transpose(2, 3)


def joined_heads(x: Tensor, weights: Tensor) -> Tensor:
    """Heads [K, N, heads, A, width / heads] side by side times W [K, N, A, width]."""
    n_critics, n, _, n_agents, _ = x.shape
    flat = x.transpose(2, 3).reshape(n_critics, n * n_agents, -1)
    return torch.bmm(flat, weights.view(n_critics, flat.shape[2], -1)).view(n_critics, n, n_agents, -1)
