"""Periodic call auction (science A1): all orders of a slot are matched at once where supply meets demand.

The volume is the largest at which the marginal bid is not below the marginal ask. Orders better than their side's
marginal price trade in full, those at it share the rest in proportion to their energy (largest remainders, ties
by arrival).

``uniform``: one price, floor((marginal bid + marginal ask) / 2). ``pay_as_bid``: the highest bid meets the lowest ask,
and so on; each buyer pays its bid, and the seller gets it.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from marketsim.core.arrays import BoolArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.records import Orders
from marketsim.market.common_factor import share
from marketsim.market.crossing import cross
from marketsim.market.params import CallAuctionParams
from marketsim.market.pool import Clearing, PoolEngine


def _ration(prices: IntArray, energy: IntArray, marginal_ticks: int, better: BoolArray, total: int) -> IntArray:
    """Energy of each order: in full where better than the margin, shared at the margin, none beyond."""
    taken = np.where(better, energy, 0)
    at_margin = np.flatnonzero(prices == marginal_ticks)
    taken[at_margin] = share(total - int(taken.sum()), energy[at_margin])
    return taken


def clear(
    orders: Orders,
    buys: IntArray,
    sells: IntArray,
    retail_ticks: int,  # noqa: ARG001 - prices come from the orders
    feed_in_ticks: int,  # noqa: ARG001
    uniform: bool,
) -> Clearing | None:
    """Clear one market: at one price, or each trade at its buyer's bid."""
    crossing = cross(orders, buys, sells)
    if crossing is None:
        return None
    bids, asks = orders.price_ticks[crossing.buys], orders.price_ticks[crossing.sells]
    bid, ask = int(bids[crossing.last_buy]), int(asks[crossing.last_sell])
    return Clearing(
        buy=crossing.buys,
        buy_wh=_ration(bids, orders.energy_wh[crossing.buys], bid, bids > bid, crossing.energy_wh),
        sell=crossing.sells,
        sell_wh=_ration(asks, orders.energy_wh[crossing.sells], ask, asks < ask, crossing.energy_wh),
        buyer_ticks=np.full_like(bids, (bid + ask) // 2) if uniform else bids,
    )


def build(params: CallAuctionParams, context: BuildContext) -> PoolEngine:  # noqa: ARG001 - part of the port
    """The engine."""
    return PoolEngine("call_auction", partial(clear, uniform=params.pricing == "uniform"))
