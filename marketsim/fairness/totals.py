"""Running totals that stay exact, and running means, in constant memory."""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.metric import ratio

_SAFE = 2**62


class RowTotals:
    """Exact running total of an integer quantity for each agent; no int64 overflow however long the run.

    Sums are kept in int64 and moved to Python integers before they could wrap.
    """

    def __init__(self, n_agents: int) -> None:
        self._part = np.zeros(n_agents, dtype=np.int64)
        self._bound = 0
        self._moved = [0] * n_agents

    def add(self, amounts: IntArray) -> None:
        """Add an amount each [n_agents]."""
        largest = int(np.maximum.reduce(np.abs(amounts), initial=0))
        if self._bound + largest >= _SAFE:
            self._moved = self.values()
            self._part[:] = 0
            self._bound = 0
        self._bound += largest
        self._part += amounts

    def values(self) -> list[int]:
        """The totals [n_agents]."""
        return [moved + part for moved, part in zip(self._moved, self._part.tolist(), strict=True)]

    def scaled(self, scale: float) -> FloatArray:
        """The totals divided by ``scale`` [n_agents]."""
        return np.array([total / scale for total in self.values()], dtype=np.float64)


class WeightedMeans:
    """Running means of several scores with common weights, each over where it is defined (not NaN)."""

    def __init__(self, n_scores: int) -> None:
        self._sum = np.zeros(n_scores)
        self._weight = [0] * n_scores
        self._defined = np.zeros(n_scores, dtype=np.int64)
        self._seen = 0

    def add(self, scores: FloatArray, weights: IntArray) -> list[float | None]:
        """Take in scores [n_scores, k] with their weights [k]; returns the means of these alone."""
        known = ~np.isnan(scores)
        total = np.where(known, scores * weights, 0.0).sum(axis=1)
        weight = (known * weights).sum(axis=1).tolist()
        self._sum += total
        self._weight = [sum_ + new for sum_, new in zip(self._weight, weight, strict=True)]
        self._defined += known.sum(axis=1)
        self._seen += scores.shape[1]
        return [ratio(part, whole) for part, whole in zip(total.tolist(), weight, strict=True)]

    def means(self) -> list[float | None]:
        """Means of all so far, None where there was no weight."""
        return [ratio(part, whole) for part, whole in zip(self._sum.tolist(), self._weight, strict=True)]

    def null_shares(self) -> list[float | None]:
        """Share of the observations in which each score was undefined."""
        return [ratio(self._seen - known, self._seen) for known in self._defined.tolist()]
