"""Price bounds: feed-in tariff <= price <= retail price, all charges included (science A1).

For limit prices ``within_bounds`` sees to it. So a buyer never pays more than retail, and a seller never gets less than
the feed-in tariff. Where a charge is negative, the other bound of the two needs a hand, too: ``WithinTariffs``.
"""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import BoolArray, IntArray
from marketsim.core.ports import Engine, Gate
from marketsim.core.records import Orders, Rejects, Side, Tariffs, Trades, empty_rejects
from marketsim.market import bounds_kernel


def within_bounds(orders: Orders, tariffs: Tariffs) -> tuple[BoolArray, Rejects]:
    """Which orders may trade with peers [n_orders], and the rejection of those whose limit lies outside the tariffs.

    Prices are not moved. An order without a limit price (utility only) may not trade with peers either, but
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


class WithinTariffs:
    """An engine under charges that may be negative. No buyer then pays less than the feed-in tariff, and no seller gets
    more than retail.

    Where the price at the hub would have it so, the pair trades at the nearest price that has not: what a counter-flow
    earns beyond one side's bound goes to the other side, and beyond both to the operator. Who trades with whom and how
    much is the engine's own answer, and both limits hold as they did.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.name, self.rounds = engine.name, engine.rounds

    def match(
        self, orders: Orders, gate: Gate, tariffs: Tariffs, pair_ticks: IntArray | None = None
    ) -> tuple[Trades, Rejects]:
        """Trades and refusals of the engine, prices held within the tariffs."""
        trades, rejects = self._engine.match(orders, gate, tariffs, pair_ticks)
        buy, sell = trades.buy_order, trades.sell_order
        retail, feed_in = tariffs.retail_ticks[orders.market[buy]], tariffs.feed_in_ticks[orders.market[buy]]
        least_buyer = feed_in - (orders.limit_ticks[buy] - orders.price_ticks[buy])
        most_seller = retail + (orders.price_ticks[sell] - orders.limit_ticks[sell])
        raised = np.maximum(least_buyer - trades.buyer_ticks, 0)
        moved = raised - np.maximum(trades.seller_ticks + raised - most_seller, 0)
        held = trades._replace(
            price_ticks=trades.price_ticks + moved,
            buyer_ticks=np.maximum(trades.buyer_ticks + moved, least_buyer),
            seller_ticks=trades.seller_ticks + moved,
        )
        return held, rejects
