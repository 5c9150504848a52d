"""Bills that are as equal a burden on incomes as they can be while nobody pays more than alone.

With a_i the bill alone, m_i the income, b_i = x_i / m_i the burden and C what all pay together, x_i <= a_i and sum x = C. Where
all together pay more than alone, x_i >= a_i: nobody pays less while others pay more.

**Least worst burden** (Rawls): b_i = min(a_i / m_i, t), with the one t at which the shares sum to C; it is closed, exact for any
number of members, and also makes the second largest burden least, and so on.

**Least Gini** of burdens: sum_ij |b_i - b_j| / sum |b|, a linear fractional programme by Dinkelbach's method (1967) on HiGHS. So
that the denominator is linear no burden changes its sign: who pays alone pays at least 0. Only where all would pay alone and
are paid together, all are paid.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.errors import RunError

MOST_PAIRED: Final = 100
"""Members whose burdens a programme compares by pairs."""
_MOST_STEPS: Final = 50
_NOTHING: Final = 1e-12
_CLOSE: Final = 1e-8


def least_worst(alone: FloatArray, incomes: FloatArray, total: float) -> FloatArray:
    """Shares of least worst burden [n]."""
    sign = 1.0 if total <= alone.sum() else -1.0
    return sign * incomes * _filled(sign * alone / incomes, incomes, sign * total)


def _filled(highest: FloatArray, incomes: FloatArray, total: float) -> FloatArray:
    """min(highest, t) with the t at which sum income min(highest, t) = total <= sum income highest."""
    order = np.argsort(highest, kind="stable")
    ranked, weight = highest[order], incomes[order]
    below = np.concatenate(([0.0], np.cumsum(weight * ranked)[:-1]))
    level = (total - below) / np.cumsum(weight[::-1])[::-1]
    under = np.flatnonzero(level <= ranked)
    return np.minimum(highest, level[under[0]] if len(under) else np.inf)


def least_gini(alone: FloatArray, incomes: FloatArray, total: float) -> FloatArray:
    """Shares of least Gini coefficient of burdens [n]; at most ``MOST_PAIRED`` members."""
    sign = 1.0 if total <= alone.sum() else -1.0
    highest = sign * alone / incomes
    unit = max(float(np.abs(highest).max()), _NOTHING)
    pairs = _Pairs(highest / unit, incomes / incomes.sum(), sign * total / unit / float(incomes.sum()))
    burden = _filled(pairs.highest, pairs.incomes, pairs.total)
    apart, size = pairs.apart(burden), pairs.size(burden)
    for _ in range(_MOST_STEPS):
        if size <= _NOTHING or apart <= _NOTHING:
            break
        ratio = apart / size
        found = pairs.solved(ratio)
        apart, size = pairs.apart(found), pairs.size(found)
        if apart >= (ratio - _CLOSE) * size:
            break
        burden = found
    return sign * unit * incomes * _alike_to_alike(burden, highest, incomes)


def _alike_to_alike(burden: FloatArray, highest: FloatArray, incomes: FloatArray) -> FloatArray:
    """Means over members with the same bill alone and the same income: no less equal, and no reason to differ."""
    _, group = np.unique(np.column_stack((highest, incomes)), axis=0, return_inverse=True)
    group = group.ravel()
    return np.asarray((np.bincount(group, burden) / np.bincount(group))[group])


class _Pairs:
    """The programme: burdens, then for each pair by how much the second is above the first."""

    def __init__(self, highest: FloatArray, incomes: FloatArray, total: float) -> None:
        self.highest, self.incomes, self.total = highest, incomes, total
        pays = highest > 0
        signs_stay = bool((~pays).any()) or total >= 0
        self._sign = np.where(pays & signs_stay, 1.0, -1.0)
        self._bounds = _Bounds(np.where(self._sign > 0, 0.0, -np.inf), highest if signs_stay else 0.0 * highest)
        self._pairs = np.triu_indices(len(highest), 1)

    def apart(self, burden: FloatArray) -> float:
        """Sum of the distances of all pairs."""
        rank = 2.0 * np.arange(len(burden)) - (len(burden) - 1)
        return float(rank @ np.sort(burden))

    def size(self, burden: FloatArray) -> float:
        """Sum of the sizes of the burdens."""
        return float(self._sign @ burden)

    def solved(self, ratio: float) -> FloatArray:
        """Burdens of least distance less ``ratio`` times size [n]."""
        from scipy.optimize import linprog
        from scipy.sparse import csr_array, eye_array, hstack

        n, (first, second) = len(self.highest), self._pairs
        k = len(first)
        ones, none, rows = np.ones(k), np.zeros(k), np.arange(k)
        # |b_i - b_j| = b_i - b_j + 2 max(b_j - b_i, 0)
        over = csr_array((np.append(-ones, ones), (np.append(rows, rows), np.append(first, second))), (k, n))
        ahead = np.bincount(first, minlength=n) - np.bincount(second, minlength=n)
        low, high = np.append(self._bounds.low, none), np.append(self._bounds.high, np.inf * ones)
        above: Any = hstack((over, -eye_array(k)))
        bounds: Any = np.column_stack((low, high))
        found = linprog(
            c=np.append(ahead - ratio * self._sign, 2.0 * ones),
            A_ub=above,
            b_ub=none,
            A_eq=np.append(self.incomes, none)[None, :],
            b_eq=[self.total],
            bounds=bounds,
            method="highs",
        )
        if found.x is None:
            raise RunError(f"shares of least Gini of {n} members were not found: {found.message}")
        return np.asarray(found.x[:n])


class _Bounds(NamedTuple):
    low: FloatArray
    high: FloatArray
