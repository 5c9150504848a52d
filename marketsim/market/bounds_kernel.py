"""Price bounds of all orders in one pass."""

from __future__ import annotations

from typing import Any

from numba import types

from marketsim.core.compiled import kernel
from marketsim.core.records import UTILITY_ONLY_TICKS, Reason
from marketsim.core.records_kernel import I1

_UTILITY_ONLY = int(UTILITY_ONLY_TICKS)
_BELOW, _ABOVE = int(Reason.PRICE_BELOW_FEED_IN), int(Reason.PRICE_ABOVE_RETAIL)


@kernel(types.boolean(I1, I1, I1, I1, I1, types.boolean[::1], types.int64[::1]))
def sort_out(
    limit: Any, market: Any, energy_wh: Any, retail: Any, feed_in: Any,
    inside: Any, reason: Any,
) -> bool:  # fmt: skip
    """Write which orders may trade, and why others are rejected (0: not at all) [n_orders]; whether any is."""
    any_rejected = False
    for i in range(len(limit)):
        m, price = market[i], limit[i]
        inside[i] = feed_in[m] <= price <= retail[m]
        reason[i] = 0
        if price > _UTILITY_ONLY and not inside[i] and energy_wh[i] > 0:
            reason[i] = _BELOW if price < feed_in[m] else _ABOVE
            any_rejected = True
    return any_rejected
