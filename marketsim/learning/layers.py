"""Layers of small networks, of which many are evaluated as one stack by batched matrix products.

The parameters of a network are a row of one array [R, P], so that optimisers, checkpoints and what undoes a step need no
notion of layers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

HIDDEN_GAIN: Final = math.sqrt(2.0)
"""Gain of the orthogonal initialisation of hidden layers."""


@dataclass(frozen=True, slots=True)
class NetworkLayers:
    """Layers of one kind of network, as they follow each other in a row of parameters."""

    widths: tuple[int, ...]
    """Inputs, hidden layers, outputs."""
    own_bias: int
    """Number of agents with a bias of their own on the first layer; 0 where each has a network."""

    @property
    def sizes(self) -> list[int]:
        """Numbers of parameters: weights and bias of each layer, then the agents' own biases."""
        layers = [size for i, o in zip(self.widths, self.widths[1:], strict=False) for size in (i * o, o)]
        return [*layers, self.own_bias * self.widths[1]]

    @property
    def n_parameters(self) -> int:
        """In one row."""
        return sum(self.sizes)

    def initial(self, last_gain: float, generator: torch.Generator) -> Tensor:
        """A row of orthogonal weights and zero biases; Saxe et al. 2014, arXiv 1312.6120."""
        parts = []
        for layer, (n_in, n_out) in enumerate(zip(self.widths, self.widths[1:], strict=False)):
            gain = last_gain if layer == len(self.widths) - 2 else HIDDEN_GAIN
            parts += [_orthogonal(n_in, n_out, gain, generator), torch.zeros(n_out)]
        if self.own_bias:
            parts.append(_orthogonal(self.own_bias, self.widths[1], 1.0, generator))
        return torch.cat([part.reshape(-1) for part in parts])

    def evaluate(self, layers: Sequence[Tensor], inputs: Tensor) -> Tensor:
        """Outputs [A, out, N] for inputs [A, N, in]; ``layers`` are the parameters of this net, split by ``sizes``.

        What follows works along the outputs, which is several times as fast where they do not come last.
        """
        n_networks, (n_agents, n, _) = len(layers[0]), inputs.shape
        hidden = inputs.reshape(n_networks, -1, self.widths[0])
        *inner, last = range(len(self.widths) - 1)
        for layer in inner:
            weights, bias = layers[2 * layer : 2 * layer + 2]
            hidden = torch.baddbmm(bias.unsqueeze(1), hidden, weights.view(n_networks, *self.widths[layer : layer + 2]))
            if layer == 0 and self.own_bias:
                named = hidden.view(n_agents, n, -1) + layers[-1].view(n_agents, 1, -1)
                hidden = named.view(n_networks, -1, self.widths[1])
            hidden = tanh_(hidden)
        weights, bias = (part.view(n_networks, -1, self.widths[-1]).mT for part in layers[2 * last : 2 * last + 2])
        outputs = torch.baddbmm(bias, weights, hidden.mT).view(n_networks, self.widths[-1], -1, n)
        return outputs.transpose(1, 2).reshape(n_agents, self.widths[-1], n)


class _Tanh(torch.autograd.Function):
    """2 / (1 + exp(-2 x)) - 1 in place: equal to 1e-7, and in less than half the time of torch's own."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        """The tangent, where x was."""
        context.mark_dirty(x)
        y = x.mul_(2.0).sigmoid_().mul_(2.0).sub_(1.0)
        context.save_for_backward(y)
        return y

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        """Gradient (1 - y^2)."""
        (y,) = context.saved_tensors
        before: Tensor = torch.ops.aten.tanh_backward(gradient, y)
        return before


def tanh_(x: Tensor) -> Tensor:
    """Hyperbolic tangent in place."""
    y: Tensor = _Tanh.apply(x)  # type: ignore[no-untyped-call]
    return y


def _orthogonal(n_in: int, n_out: int, gain: float, generator: torch.Generator) -> Tensor:
    return torch.nn.init.orthogonal_(torch.empty(n_in, n_out), gain, generator=generator)
