"""Pools at a price that the tariffs and the energy on offer decide."""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.core.records import Orders
from marketsim.market.common_factor import share
from marketsim.market.pool import Clearing


def pool_at(orders: Orders, buys: IntArray, sells: IntArray, price_ticks: int) -> Clearing | None:
    """Trade min(supply, demand) of the orders whose limits accept the price, each side in proportion to its energy.

    An owner's limit is never overridden: who does not accept the price does not trade.
    """
    buys = buys[orders.price_ticks[buys] >= price_ticks]
    sells = sells[orders.price_ticks[sells] <= price_ticks]
    demand, supply = orders.energy_wh[buys], orders.energy_wh[sells]
    total = min(int(demand.sum()), int(supply.sum()))
    if total == 0:
        return None
    return Clearing(
        buy=buys,
        buy_wh=share(total, demand),
        sell=sells,
        sell_wh=share(total, supply),
        buyer_ticks=np.full(len(buys), price_ticks),
    )
