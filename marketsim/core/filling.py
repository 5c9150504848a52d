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
    return np.asarray(fill_rows(weights[None], demand_wh[None], np.array([total_wh]))[0])


def fill_rows(weights: FloatArray, demand_wh: IntArray, total_wh: IntArray) -> IntArray:
    """``fill`` of many scarcities at once, each by itself [k, n], [k, n], [k] -> [k, n]; who asks for 0 changes nothing."""
    enough = total_wh >= demand_wh.sum(axis=1)
    theta = np.where(enough, 0.0, _levels(weights, demand_wh, total_wh))[:, None]
    exact = np.minimum(demand_wh, theta * weights * demand_wh)
    parts = np.minimum(np.floor(exact).astype(np.int64), demand_wh)
    order = np.lexsort((-weights, -(exact - parts)), axis=-1)
    given, wanted = (np.take_along_axis(each, order, axis=1) for each in (parts, demand_wh))
    left = np.where(enough, 0, total_wh - given.sum(axis=1))
    while (more := left > 0).any():
        takes = _first(given[more] < wanted[more], left[more])
        given[more] += takes
        left[more] -= takes.sum(axis=1)
    if (less := left < 0).any():
        given[less] -= _first(given[less][:, ::-1] > 0, -left[less])[:, ::-1]
    filled = np.empty_like(parts)
    np.put_along_axis(filled, order, given, axis=1)
    return np.where(enough[:, None], demand_wh, filled)


def _first(among: np.ndarray, counts: IntArray) -> IntArray:
    """1 for the first so many of each row that are true [k, n]."""
    return np.asarray(among & (np.cumsum(among, axis=1) <= counts[:, None]), dtype=np.int64)


def _levels(weights: FloatArray, demand_wh: IntArray, total_wh: IntArray) -> FloatArray:
    """Theta of each row, above which nobody is left who is not served in full [k]."""
    order = np.argsort(-weights, axis=1, kind="stable")
    heavy, demand = (
        np.take_along_axis(weights, order, axis=1),
        np.take_along_axis(demand_wh, order, axis=1).astype(float),
    )
    served = np.cumsum(demand, axis=1) - demand
    weighted = np.cumsum((heavy * demand)[:, ::-1], axis=1)[:, ::-1]
    level = np.full(heavy.shape, np.inf)
    np.divide(total_wh[:, None] - served, weighted, out=level, where=weighted > 0.0)
    first = np.argmax(level * heavy < 1.0, axis=1)
    return np.asarray(np.take_along_axis(level, first[:, None], axis=1)[:, 0])
