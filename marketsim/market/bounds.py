"""Price bounds: feed-in tariff <= limit price <= retail price, all charges included (science A1)."""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import BoolArray
from marketsim.core.records import Orders, Rejects, Side, Tariffs, empty_rejects
from marketsim.market import bounds_kernel


def within_bounds(orders: Orders, tariffs: Tariffs) -> tuple[BoolArray, Rejects]:
    """Which orders may trade with peers [n_orders], and the rejection of those whose limit lies outside the tariffs.

    Prices are not moved. An order without a limit price (negative: utility only) may not trade with peers either, but
    nothing of it is rejected.
    """
    inside, reason = np.empty(orders.size, dtype=np.bool_), np.empty(orders.size, dtype=np.int64)
    rejected = bounds_kernel.sort_out(
        orders.limit_ticks,
        orders.market,
        orders.energy_wh,
        tariffs.retail_ticks,
        tariffs.feed_in_ticks,
        inside,
        reason,
    )
    if not rejected:
        return inside, empty_rejects()
    row = np.flatnonzero(reason)
    buying = orders.side[row] == Side.BUY
    rejects = Rejects(
        buy_order=np.where(buying, row, -1),
        sell_order=np.where(buying, -1, row),
        energy_wh=orders.energy_wh[row],
        reason=reason[row],
        element=np.full(len(row), -1, dtype=np.int64),
        side=orders.side[row],
    )
    return inside, rejects
