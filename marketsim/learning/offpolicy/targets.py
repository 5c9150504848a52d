"""What critics are fitted to, and how their targets follow, as pure functions."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from marketsim.core.arrays import FloatArray


def least(values: Tensor) -> Tensor:
    """The least of the critics' values [K, N, A] of each agent [N, A]. Fujimoto et al. 2018, arXiv 1802.09477, equation 10."""
    return values.amin(dim=0)


def bootstrapped(reward: Tensor, discount: Tensor, next_value: Tensor, next_entropy: Tensor | None = None) -> Tensor:
    """Target of each agent's value [N, A]: r + discount (Q' + priced entropy of what follows).

    ``reward`` and ``next_value`` [N, A], ``discount`` [N, 1], 0 where the episode ended; ``next_entropy`` [N, A] is
    temperature x entropy. Haarnoja et al. 2018, arXiv 1812.05905, equation 3.
    """
    following = next_value if next_entropy is None else next_value + next_entropy
    return reward + discount * following


def critic_loss(values: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Half the mean squared error of each critic [K] of values [K, N, A], each transition by its ``weight`` [N, 1]."""
    return 0.5 * ((values - target).square() * weight).mean(dim=(1, 2))


def follow(target: Tensor, weights: Tensor, tau: float) -> None:
    """Target <- (1 - tau) target + tau weights, in place. Lillicrap et al. 2015, arXiv 1509.02971, algorithm 1."""
    target.lerp_(weights, tau)


def return_size(reward: FloatArray, gamma: float) -> float:
    """Root mean square of the discounted rewards ahead in an episode [T, ...]; 1 where there are none."""
    ahead, squares = np.zeros_like(reward[0]), 0.0
    for slot in reversed(reward):
        ahead = slot + gamma * ahead
        squares += float(np.mean(ahead**2))
    size = float(np.sqrt(squares / len(reward)))
    return size if size > 1e-8 else 1.0


def target_entropy(deviation_entropy: float, used: Tensor) -> Tensor:
    """Entropy aimed at by each agent [A]: that of one number, ``deviation_entropy`` [nat], times those it has [A, 1, D]."""
    return deviation_entropy * used.sum(dim=(1, 2))
