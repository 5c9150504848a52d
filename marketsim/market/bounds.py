"""Price bounds: feed-in tariff <= limit price <= retail price, all charges included (science A1)."""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import BoolArray
from marketsim.core.records import Orders, Reason, Rejects, Side, Tariffs, empty_rejects


def within_bounds(orders: Orders, tariffs: Tariffs) -> tuple[BoolArray, Rejects]:
    """Which orders may trade with peers [n_orders], and the rejection of those whose limit lies outside the tariffs.

    Prices are not moved. An order without a limit price (negative: utility only) may not trade with peers either, but
    nothing of it is rejected.
    """
    limit, market = orders.limit_ticks, orders.market
    priced = limit >= 0
    below = priced & (limit < tariffs.feed_in_ticks[market])
    above = priced & (limit > tariffs.retail_ticks[market])
    inside = priced & ~(below | above)
    row = np.flatnonzero((below | above) & (orders.energy_wh > 0))
    if len(row) == 0:
        return inside, empty_rejects()
    buying = orders.side[row] == Side.BUY
    rejects = Rejects(
        buy_order=np.where(buying, row, -1),
        sell_order=np.where(buying, -1, row),
        energy_wh=orders.energy_wh[row],
        reason=np.where(below[row], Reason.PRICE_BELOW_FEED_IN, Reason.PRICE_ABOVE_RETAIL).astype(np.int64),
        element=np.full(len(row), -1, dtype=np.int64),
        side=orders.side[row],
    )
    return inside, rejects
