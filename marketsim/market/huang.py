"""Multi-unit double auction, truthful in price at given quantities.

Huang, Scheller-Wolf and Sycara, Design of a multi-unit double auction e-market, Computational Intelligence 18(4), 2002,
596-617, doi 10.1111/1467-8640.t01-1-00206. With K the marginal buyer and L the marginal seller of the crossing, buyers
before K trade at the bid of K and sellers before L at the ask of L; K and L themselves do not trade. The longer side
bears its excess in equal parts; an order smaller than its part gives up all it has, and the others bear the rest. What
buyers pay beyond what sellers get goes to the operator.

An order's own price thus decides only whether it trades, never at which price or how much. No truthfulness is claimed
under a gate, nor for an agent with several orders. ``Trades.price_ticks`` is the floor of the mean of both prices.
"""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.core.build import BuildContext
from marketsim.core.records import Orders
from marketsim.market.crossing import cross
from marketsim.market.params import HuangParams
from marketsim.market.pool import Clearing, PoolEngine


def equal_burden(energy_wh: IntArray, total: int) -> IntArray:
    """Reduce quantities by the same amount each, to no less than 0, to a sum of ``total`` <= sum of quantities.

    The whole Wh that do not divide evenly are left to the first.
    """
    low, high = 0, int(energy_wh.max(initial=0))
    while low < high:
        burden = (low + high) // 2
        if int(np.maximum(energy_wh - burden, 0).sum()) <= total:
            high = burden
        else:
            low = burden + 1
    left = np.maximum(energy_wh - low, 0)
    lucky = np.flatnonzero(energy_wh >= low)[: total - int(left.sum())]
    left[lucky] += 1
    return left


def clear(
    orders: Orders,
    buys: IntArray,
    sells: IntArray,
    retail_ticks: int,  # noqa: ARG001 - prices come from the orders
    feed_in_ticks: int,  # noqa: ARG001
) -> Clearing | None:
    """Clear one market."""
    crossing = cross(orders, buys, sells)
    if crossing is None or crossing.last_buy == 0 or crossing.last_sell == 0:
        return None
    winners_buy = np.sort(crossing.buys[: crossing.last_buy])
    winners_sell = np.sort(crossing.sells[: crossing.last_sell])
    demand, supply = orders.energy_wh[winners_buy], orders.energy_wh[winners_sell]
    total = min(int(demand.sum()), int(supply.sum()))
    bid = orders.price_ticks[crossing.buys[crossing.last_buy]]
    return Clearing(
        buy=winners_buy,
        buy_wh=equal_burden(demand, total),
        sell=winners_sell,
        sell_wh=equal_burden(supply, total),
        buyer_ticks=np.full(len(winners_buy), bid),
        seller_ticks=int(orders.price_ticks[crossing.sells[crossing.last_sell]]),
    )


def build(params: HuangParams, context: BuildContext) -> PoolEngine:  # noqa: ARG001 - part of the port
    """The engine."""
    return PoolEngine("huang", clear)
