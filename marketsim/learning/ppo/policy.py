"""Policies that act: numpy in and out, one thread, no torch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from marketsim.core.arrays import FloatArray, IntArray, KeyArray
from marketsim.core.game import Features
from marketsim.core.rng import uniforms
from marketsim.learning.ppo.heads import Heads


class PolicyTables(NamedTuple):
    """Policies of A agents in R networks, as the kernel reads them."""

    widths: IntArray
    """Inputs, hidden layers, logits."""
    heads: Heads
    networks: IntArray
    """Row of ``weights`` that acts for an agent [A]."""
    weights: NDArray[np.float32]
    """[R, sum of in x out over layers]."""
    biases: NDArray[np.float32]
    """With the bias of forbidden choices in the last layer [A, sum of out]."""


class ObservationScale(NamedTuple):
    """How observations are scaled before a network sees them; frozen."""

    mean: NDArray[np.float32]
    """[A, F]"""
    inverse: NDArray[np.float32]
    """One over the deviation [A, F]."""

    def __call__(self, features: Features, agents: IntArray) -> Features:
        """Scaled features [n, F] of the given agents [n], held to +-10."""
        scaled = (features - self.mean[agents]) * self.inverse[agents]
        return np.asarray(np.clip(scaled, np.float32(-10.0), np.float32(10.0)))


class FrozenPolicy:
    """Frozen policies of the agents of one market."""

    def __init__(self, tables: PolicyTables, scale: ObservationScale | None = None) -> None:
        self._tables = tables
        self._scale = scale
        self._head_sizes = np.array(tables.heads.sizes, dtype=np.int64)

    @property
    def n_agents(self) -> int:
        """Agents that it can act for."""
        return len(self._tables.networks)

    @property
    def n_features(self) -> int:
        """Features that it sees."""
        return int(self._tables.widths[0])

    @property
    def heads(self) -> tuple[int, ...]:
        """Number of choices of each head of an action."""
        return self._tables.heads.played

    @property
    def network_heads(self) -> tuple[int, ...]:
        """Number of choices of each head of its networks: one of all combinations with a joint head."""
        return self._tables.heads.sizes

    def to_played(self, choices: IntArray) -> IntArray:
        """What ``choose`` gives [n, heads] as actions of the game [n, H]."""
        return self._tables.heads.to_played(choices)

    def act(self, features: Features, agents: IntArray, keys: KeyArray | None = None) -> IntArray:
        """Actions [n, H] of the ``agents`` [n], positions in their market, on what they see [n, F].

        Sampled with the counter-based ``keys`` [n], a key a row; without keys the most probable action. A row's action
        depends on nothing but that row.
        """
        return self.to_played(self.choose(features, agents, keys))

    def choose(self, features: Features, agents: IntArray, keys: KeyArray | None = None) -> IntArray:
        """The same as choices of the network's heads [n, heads]."""
        from marketsim.learning.ppo.policy_kernel import choose

        if features.shape != (len(agents), self.n_features):
            raise AssertionError(f"features {features.shape} of {len(agents)} agents, {self.n_features} expected")
        seen = features if self._scale is None else self._scale(features, agents)
        tables = self._tables
        chosen = np.empty((len(agents), len(self._head_sizes)), dtype=np.int64)
        drawn = self._uniforms(keys)
        choose(
            tables.widths, self._head_sizes, tables.weights, tables.biases, tables.networks,
            np.ascontiguousarray(seen, dtype=np.float32), agents, drawn, keys is not None, chosen,
        )  # fmt: skip
        return chosen

    def _uniforms(self, keys: KeyArray | None) -> FloatArray:
        if keys is None:
            return np.empty((0, len(self._head_sizes)))
        return np.stack([uniforms(keys, head) for head in range(len(self._head_sizes))], axis=1)
