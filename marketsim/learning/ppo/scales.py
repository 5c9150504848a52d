"""Running scales of what agents see and earn: part of every checkpoint, frozen where a policy is evaluated."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.game import Features
from marketsim.learning.ppo.policy import ObservationScale

_SMALLEST: Final = 1e-8
"""Variance below which nothing is scaled up."""


class Moments(NamedTuple):
    """Number, mean and mean squared deviation of a stream of numbers."""

    number: float
    mean: FloatArray
    variance: FloatArray

    def joined(self, values: FloatArray) -> Moments:
        """With more ``values`` [n, ...]. Chan, Golub, LeVeque 1983, doi 10.1080/00031305.1983.10483115."""
        more = float(len(values))
        total = self.number + more
        shift = values.mean(axis=0) - self.mean
        spread = self.variance * self.number + values.var(axis=0) * more + shift**2 * (self.number * more / total)
        return Moments(total, self.mean + shift * (more / total), spread / total)

    @property
    def inverse(self) -> FloatArray:
        """One over the deviation; 1 where there is none yet."""
        return 1.0 / np.sqrt(np.where(self.variance > _SMALLEST, self.variance, 1.0))


class RunningMoments(NamedTuple):
    """Everything that is scaled, for A agents."""

    seen: Moments
    """Observations [A, F]."""
    state: Moments
    """State of a market [G]."""
    returns: Moments
    """Discounted sums of rewards so far in the episode [A]."""


def new_scales(n_agents: int, n_features: int, n_state: int) -> RunningMoments:
    """Scales before anything was seen: all ones."""

    def empty(*shape: int) -> Moments:
        return Moments(0.0, np.zeros(shape), np.ones(shape))

    return RunningMoments(empty(n_agents, n_features), empty(n_state), empty(n_agents))


def observation_scale(moments: Moments) -> ObservationScale:
    """The scale of observations as it stands."""
    return ObservationScale(moments.mean.astype(np.float32), moments.inverse.astype(np.float32))


def scaled_state(moments: Moments, state: Features) -> Features:
    """State features [..., G] scaled and held to +-10."""
    scaled = (state - moments.mean) * moments.inverse
    return np.clip(scaled, -10.0, 10.0).astype(np.float32)


def discounted_sums(reward: FloatArray, ended: FloatArray, gamma: float) -> FloatArray:
    """Discounted sums of the rewards so far in the episode [T, ...] of rewards of that shape; ``ended`` [T]."""
    sums = np.empty_like(reward)
    running = np.zeros_like(reward[0])
    for t in range(len(reward)):
        running = gamma * running + reward[t]
        sums[t] = running
        running = running * (1.0 - ended[t])
    return sums
