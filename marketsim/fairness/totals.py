"""Running totals that stay exact, and running means, in constant memory."""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.metric import defined, ratio

_SAFE = 2**62


class AgentTotals:
    """Exact running totals of several integer quantities for each agent; no int64 overflow however long the run.

    Sums are kept in int64 and moved to Python integers while the next slot, of amounts below 2^62, still fits.
    """

    def __init__(self, n_quantities: int, n_agents: int) -> None:
        self.part = np.zeros((n_quantities, n_agents), dtype=np.int64)
        """Add the amounts of a slot here, then call ``grown``."""
        self._moved = [[0] * n_agents for _ in range(n_quantities)]
        self._bound = 0

    def grown(self, largest: int) -> None:
        """Amounts were added to ``part``, none of them larger than ``largest`` in size."""
        self._bound += largest
        if self._bound >= _SAFE:
            self._moved = [self.values(quantity) for quantity in range(len(self._moved))]
            self.part[:] = 0
            self._bound = 0

    def values(self, quantity: int) -> list[int]:
        """Totals of one quantity [n_agents]."""
        part = self.part[quantity].tolist()
        return [had + new for had, new in zip(self._moved[quantity], part, strict=True)]

    def scaled(self, quantity: int, scale: float) -> FloatArray:
        """Totals of one quantity divided by ``scale`` [n_agents]."""
        return np.array([total / scale for total in self.values(quantity)], dtype=np.float64)


class WeightedMeans:
    """Running means of several scores with common weights, each over where it is defined (not NaN)."""

    def __init__(self, n_scores: int) -> None:
        self._sum = np.zeros(n_scores)
        self._weight = np.zeros(n_scores, dtype=np.int64)
        self._defined = np.zeros(n_scores, dtype=np.int64)
        self._mean = np.zeros(n_scores)
        self._seen = 0

    def add(self, scores: FloatArray, weights: IntArray) -> list[float | None]:
        """Take in scores [n_scores, k] with their weights [k]; returns the means of these alone."""
        from marketsim.fairness.totals_kernel import add_scores

        add_scores(scores, weights, self._sum, self._weight, self._defined, self._mean)
        self._seen += len(weights)
        return [defined(mean) for mean in self._mean.tolist()]

    def means(self) -> list[float | None]:
        """Means of all so far, None where there was no weight."""
        return [ratio(part, whole) for part, whole in zip(self._sum.tolist(), self._weight.tolist(), strict=True)]

    def null_shares(self) -> list[float | None]:
        """Share of the observations in which each score was undefined."""
        return [ratio(self._seen - known, self._seen) for known in self._defined.tolist()]
