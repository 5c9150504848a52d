"""Staying near an expert: the Wasserstein distance of policies from it, and what leaving it costs.

    minimise  loss_a  subject to  mean W2^2(pi_a(. | o_a), expert) <= epsilon_a      for each agent a

    Lagrangian:      loss_a + lambda_a (W2_a^2 / epsilon_a - 1)
    multiplier:      ln lambda_a <- clip(ln lambda_a + rate (W2_a^2 / epsilon_a - 1), -ln most, ln most)
    epsilon:         epsilon_a = factor(progress) x W2_a^2 of the clone on rounds that it has not learned from

W2^2 of two Gaussians with independent numbers is |mu - nu|^2 + |sigma - tau|^2 (Givens, Shortt 1984, doi
10.1307/mmj/1029003026); an expert has tau = 0. All are means over the numbers that an agent has.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

SMALLEST: Final = 1e-6
"""Of epsilon, where a clone does exactly what its expert does."""


def wasserstein2(mean: Tensor, deviation: Tensor | None, labels: Tensor, used: Tensor) -> Tensor:
    """W2^2 of Gaussians from points [A, N], the mean over the numbers that are ``used`` [A, 1, D].

    ``mean``, ``deviation`` (None: not counted) and ``labels`` [A, N, D].
    """
    apart = (mean - labels).square()
    if deviation is not None:
        apart = apart + deviation.square()
    return (apart * used).sum(dim=2) / used.sum(dim=2).clamp(min=1.0)


def epsilon_at(progress: float, factors: tuple[float, float], floor: Tensor) -> Tensor:
    """Largest distance of each agent [A] where ``progress`` of the training is done, linear between the ``factors``."""
    first, last = factors
    return (floor * (first + (last - first) * progress)).clamp(min=SMALLEST)


def stepped(log_multiplier: Tensor, distance: Tensor, epsilon: Tensor, rate: float, most: float) -> Tensor:
    """The logarithms of the multipliers [A] after a step, for distances [A]."""
    bound = math.log(most)
    return torch.clamp(log_multiplier + rate * (distance / epsilon - 1.0), -bound, bound)
