"""Losses of proximal policy optimisation as pure functions.

Time stands in the names: ``r_t`` is the reward for the action taken on what was seen at ``tm1``; ``v_tm1`` and ``v_t``
are the values before and after it.
"""

from __future__ import annotations

import torch
from torch import Tensor


def generalised_advantage(r_t: Tensor, discount_t: Tensor, v_tm1: Tensor, v_t: Tensor, lambda_: float) -> Tensor:
    """Generalised advantage estimate of each action [T, ...], from tensors of that shape.

    A_t = d_t + discount_t lambda A_t+1, d_t = r_t + discount_t v_t - v_tm1. ``discount_t`` is 0 where the episode ends.
    Schulman et al. 2016, arXiv 1506.02438, equation 16.
    """
    if not r_t.shape == discount_t.shape == v_tm1.shape == v_t.shape:
        raise AssertionError("rewards, discounts and values have different shapes")
    delta_t = r_t + discount_t * v_t - v_tm1
    advantage_t = torch.empty_like(delta_t)
    following = torch.zeros_like(delta_t[0])
    for t in reversed(range(len(delta_t))):
        following = delta_t[t] + lambda_ * discount_t[t] * following
        advantage_t[t] = following
    return advantage_t


def standardised(values: Tensor) -> Tensor:
    """Values [A, N] with mean 0 and deviation 1 in each row; a row without spread becomes 0."""
    centred = values - values.mean(dim=1, keepdim=True)
    return centred / (centred.square().mean(dim=1, keepdim=True).sqrt() + 1e-8)


def clipped_policy_loss(log_ratio: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """Loss of each row [A] from log probability ratios new to old and advantages [A, N].

    -mean(min(r a, clip(r, 1 - clip, 1 + clip) a)). Schulman et al. 2017, arXiv 1707.06347, equation 7.
    """
    ratio = log_ratio.exp()
    clipped = ratio.clamp(1.0 - clip, 1.0 + clip)
    return -torch.minimum(ratio * advantage, clipped * advantage).mean(dim=1)


def value_loss(value: Tensor, target: Tensor) -> Tensor:
    """Half the mean squared error of each row [A] of values [A, N]."""
    return 0.5 * (value - target).square().mean(dim=1)


def approximate_kl(log_ratio: Tensor) -> Tensor:
    """Divergence of the old from the new policy [nat] of each row [A], from log ratios at old actions [A, N].

    mean((r - 1) - log r): unbiased, never negative, and of little variance.
    """
    return (log_ratio.expm1() - log_ratio).mean(dim=1)


def clipped_share(log_ratio: Tensor, clip: float) -> Tensor:
    """Share of each row's [A, N] actions whose ratio lies beyond the clip range [A]."""
    return ((log_ratio.exp() - 1.0).abs() > clip).to(log_ratio.dtype).mean(dim=1)


def explained_variance(value: Tensor, target: Tensor) -> Tensor:
    """1 - Var(target - value) / Var(target) of each row [A]; NaN where the target has no variance."""
    spread = target.var(dim=1, correction=0)
    explained = 1.0 - (target - value).var(dim=1, correction=0) / spread
    return torch.where(spread > 0.0, explained, torch.nan)
