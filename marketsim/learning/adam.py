"""Adam over a stack of networks, each row by itself: any row can go back to what it was."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-5
"""Epsilon as usual for PPO, where gradients are small."""


class AdamState(NamedTuple):
    """Parameters and moments of R networks."""

    weights: Tensor
    """[R, P]"""
    mean: Tensor
    """Running mean of the gradient [R, P]."""
    square: Tensor
    """Running mean of its square [R, P]."""
    steps: Tensor
    """Steps that each row has made [R, 1]."""


def new_state(weights: Tensor) -> AdamState:
    """State before the first step."""
    return AdamState(weights, torch.zeros_like(weights), torch.zeros_like(weights), torch.zeros(len(weights), 1))


def copied(state: AdamState) -> AdamState:
    """A state that later steps do not touch."""
    return AdamState(*(part.clone() for part in state))


def step(state: AdamState, gradient: Tensor, learning_rate: float) -> None:
    """One step of all rows, in place. Kingma, Ba 2015, arXiv 1412.6980, algorithm 1.

    A row that should have stood still is brought back with ``restore``: rows never touch each other.
    """
    state.steps.add_(1.0)
    state.mean.lerp_(gradient, 1.0 - BETA_1)
    state.square.mul_(BETA_2).addcmul_(gradient, gradient, value=1.0 - BETA_2)
    steps = state.steps.double()  # 1 - 0.999 in single precision is off by 2e-5
    size = (-learning_rate / (1.0 - BETA_1**steps)).float()
    deviation = state.square.sqrt().mul_((1.0 - BETA_2**steps).rsqrt().float()).add_(EPSILON)
    state.weights.addcdiv_(state.mean * size, deviation)


def restore(state: AdamState, before: AdamState, rows: Tensor) -> None:
    """Bring ``rows`` [R] back to what they were ``before``: weights, both moments and count of steps."""
    for now, then in zip(state, before, strict=True):
        now[rows] = then[rows]


def clipped(gradient: Tensor, longest: float) -> Tensor:
    """Gradient [R, P] with each row scaled down to the length ``longest`` where it is longer."""
    length = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
    factor = torch.clamp(longest / (length + 1e-6), max=1.0)
    return gradient * factor
