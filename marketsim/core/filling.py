"""Weighted filling: scarce energy among those who ask for it, more of each demand for who has more weight."""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray


def fill(weights: FloatArray, demand_wh: IntArray, total_wh: int) -> IntArray:
    """``a_i = min(d_i, theta w_i d_i)`` with one theta at which they sum to ``total_wh``, to whole Wh [n].

    Closed form: who has most weight is served in full first, so theta follows from a sort. Whole Wh by largest remainder, among
    equals to who has more weight: sums are exact, nobody gets more than it asks for, and of equal demands the heavier no less.
    ``weights`` > 0; all are served in full where there is enough.
    """
    if total_wh >= int(demand_wh.sum()):
        return demand_wh.copy()
    exact = np.minimum(demand_wh, _level(weights, demand_wh, total_wh) * weights * demand_wh)
    parts = np.minimum(np.floor(exact).astype(np.int64), demand_wh)
    order = np.lexsort((-weights, -(exact - parts)))
    left = total_wh - int(parts.sum())
    while left > 0:
        open_ = order[parts[order] < demand_wh[order]][:left]
        parts[open_] += 1
        left -= len(open_)
    for row in order[::-1][: max(-left, 0)].tolist():
        parts[row] -= 1
    return parts


def _level(weights: FloatArray, demand_wh: IntArray, total_wh: int) -> float:
    """Theta, above which nobody is left who is not served in full."""
    order = np.argsort(-weights, kind="stable")
    heavy, demand = weights[order], demand_wh[order].astype(np.float64)
    served = np.cumsum(demand) - demand
    weighted = np.cumsum((heavy * demand)[::-1])[::-1]
    level = np.divide(total_wh - served, weighted, out=np.full(len(heavy), np.inf), where=weighted > 0.0)
    first = int(np.argmax(level * heavy < 1.0))
    return float(level[first])
