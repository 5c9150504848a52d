"""Running totals that stay exact, and running means, in constant memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.metric import ratio

_SAFE = 2**62


class AgentTotals:
    """Exact running totals of several integer quantities for each agent; no int64 overflow however long the run.

    Sums are kept in int64 and moved to Python integers before they could wrap.
    """

    def __init__(self, n_quantities: int, n_agents: int) -> None:
        self._part = np.zeros((n_quantities, n_agents), dtype=np.int64)
        self._moved = [[0] * n_agents for _ in range(n_quantities)]
        self._bound = 0

    def add(self, amounts: Sequence[IntArray]) -> None:
        """Add an amount of each quantity and agent [n_quantities, n_agents]."""
        table = np.stack(amounts)
        largest = max(int(table.max(initial=0)), -int(table.min(initial=0)))
        if self._bound + largest >= _SAFE:
            self._moved = [self.values(quantity) for quantity in range(len(self._moved))]
            self._part[:] = 0
            self._bound = 0
        self._bound += largest
        self._part += table

    def values(self, quantity: int) -> list[int]:
        """Totals of one quantity [n_agents]."""
        part = self._part[quantity].tolist()
        return [had + new for had, new in zip(self._moved[quantity], part, strict=True)]

    def scaled(self, quantity: int, scale: float) -> FloatArray:
        """Totals of one quantity divided by ``scale`` [n_agents]."""
        return np.array([total / scale for total in self.values(quantity)], dtype=np.float64)


class WeightedMeans:
    """Running means of several scores with common weights, each over where it is defined (not NaN)."""

    def __init__(self, n_scores: int) -> None:
        self._sum = [0.0] * n_scores
        self._weight = [0] * n_scores
        self._defined = [0] * n_scores
        self._seen = 0

    def add(self, scores: FloatArray, weights: IntArray) -> list[float | None]:
        """Take in scores [n_scores, k] with their weights [k]; returns the means of these alone."""
        heavy = weights.tolist()
        self._seen += len(heavy)
        means = []
        for row, values in enumerate(scores.tolist()):
            total, weight, known = 0.0, 0, 0
            for value, heaviness in zip(values, heavy, strict=True):
                if value == value:
                    total += value * heaviness
                    weight += heaviness
                    known += 1
            self._sum[row] += total
            self._weight[row] += weight
            self._defined[row] += known
            means.append(ratio(total, weight))
        return means

    def means(self) -> list[float | None]:
        """Means of all so far, None where there was no weight."""
        return [ratio(part, whole) for part, whole in zip(self._sum, self._weight, strict=True)]

    def null_shares(self) -> list[float | None]:
        """Share of the observations in which each score was undefined."""
        return [ratio(self._seen - known, self._seen) for known in self._defined]
