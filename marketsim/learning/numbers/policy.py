"""Gaussian policies that act: numpy in and out, one thread, no torch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from marketsim.core.arrays import FloatArray, IntArray, KeyArray
from marketsim.core.game import Box, Features
from marketsim.core.rng import uniforms


class GaussianTables(NamedTuple):
    """Policies of A agents, as the kernel reads them."""

    widths: IntArray
    """Inputs, hidden layers, two numbers an action."""
    weights: NDArray[np.float32]
    """[A, sum of in x out over layers]."""
    biases: NDArray[np.float32]
    """[A, sum of out]."""
    deviation: tuple[float, float]
    """Least and most deviation around the mean, in halves of the range of a number."""


class GaussianPolicy:
    """Frozen policies of the agents of one market, for actions that are numbers: ``core.learner.NumberPolicy``."""

    def __init__(self, tables: GaussianTables, box: Box) -> None:
        self._tables, self._box = tables, box
        self._log_deviation = (float(np.log(tables.deviation[0])), float(np.log(tables.deviation[1])))

    @property
    def n_agents(self) -> int:
        """Agents that it can act for."""
        return len(self._tables.weights)

    @property
    def n_features(self) -> int:
        """Features that it sees."""
        return int(self._tables.widths[0])

    @property
    def box(self) -> Box:
        """Bounds of each agent's numbers, in units of the game."""
        return self._box

    def act(self, features: Features, agents: IntArray, keys: KeyArray | None = None) -> FloatArray:
        """Actions [n, D] of the ``agents`` [n], positions in their market, on what they see [n, F].

        Drawn with the counter-based ``keys`` [n], a key a row; without keys the means. A row's action depends on nothing
        but that row.
        """
        return to_played(self.draw(features, agents, keys), self._box, agents)

    def draw(self, features: Features, agents: IntArray, keys: KeyArray | None = None) -> FloatArray:
        """The same in halves of the ranges around their middles, about [-1, 1] and not yet held to it."""
        from marketsim.learning.numbers.gaussian_kernel import draw

        if features.shape != (len(agents), self.n_features):
            raise AssertionError(f"features {features.shape} of {len(agents)} agents, {self.n_features} expected")
        tables = self._tables
        drawn = np.empty((len(agents), self._box.low.shape[1]))
        chances = np.empty((0, 0)) if keys is None else _chances(keys, 2 * drawn.shape[1])
        draw(
            tables.widths, tables.weights, tables.biases, self._log_deviation,
            np.ascontiguousarray(features, dtype=np.float32), agents, chances, keys is not None, drawn,
        )  # fmt: skip
        return drawn


def to_played(scaled: FloatArray, box: Box, agents: IntArray) -> FloatArray:
    """Actions of the game [n, D] of scaled numbers [n, D], held to the bounds of the ``agents`` [n]."""
    low, high = box.low[agents], box.high[agents]
    share = 0.5 * (np.clip(scaled, -1.0, 1.0) + 1.0)
    return np.asarray(np.clip(low + share * (high - low), low, high))


def to_scaled(actions: FloatArray, box: Box) -> FloatArray:
    """Actions of the game [..., A, D] in halves of their ranges around the middle; 0 where a range is none."""
    width = box.high - box.low
    middle = 0.5 * (box.high + box.low)
    return np.asarray((actions - middle) * np.divide(2.0, width, out=np.zeros_like(width), where=width > 0.0))


def _chances(keys: KeyArray, n: int) -> FloatArray:
    return np.stack([uniforms(keys, place) for place in range(n)], axis=1)
