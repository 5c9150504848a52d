"""Extremes and violations of one power flow, in one pass over its buses and branches."""

from __future__ import annotations

import math

from numba import types

from marketsim.core.arrays import FloatArray
from marketsim.core.compiled import kernel
from marketsim.core.records_kernel import F1, F2


@kernel(part=True)
def overloaded(loading: FloatArray, limit: float) -> bool:
    """Whether any branch exceeds the limit; NaN is no rating [n_branches]."""
    for branch in range(len(loading)):
        if loading[branch] > limit:
            return True
    return False


_SNAPSHOT = types.Tuple((*(types.float64,) * 4, *(types.int64,) * 5))  # type: ignore[no-untyped-call]


@kernel(_SNAPSHOT(F2, F2, F2, F2, F1, F1, types.float64))
def measure_grid(
    v: FloatArray, firm_v: FloatArray, loading: FloatArray, firm_loading: FloatArray,
    v_min: FloatArray, v_max: FloatArray, limit: float,
) -> tuple[float, float, float, float, int, int, int, int, int]:  # fmt: skip
    """Fields of ``grid.Snapshot`` over all markets; node 0 is the source and left out."""
    lowest, highest, heaviest, depth = math.inf, -math.inf, -math.inf, 0.0
    buses, outside, caused, broken, firm_broken = 0, 0, 0, 0, 0
    for m in range(v.shape[0]):
        before, firm_before = outside, False
        for node in range(1, v.shape[1]):
            now, had = v[m, node], firm_v[m, node]
            firm_out = had < v_min[node] or had > v_max[node]
            firm_before = firm_before or firm_out
            if math.isnan(now):
                continue
            buses += 1
            lowest, highest = min(lowest, now), max(highest, now)
            if now < v_min[node] or now > v_max[node]:
                outside += 1
                caused += not firm_out
                depth += max(v_min[node] - now, now - v_max[node])
        for branch in range(loading.shape[1]):
            if loading[m, branch] > heaviest:
                heaviest = loading[m, branch]
        broken += outside > before or overloaded(loading[m], limit)
        firm_broken += firm_before or overloaded(firm_loading[m], limit)
    return lowest, highest, heaviest, depth, buses, outside, caused, broken, firm_broken
