"""Mid-market rate: everything that both sides have, in proportion, at the middle of retail price and feed-in tariff.

The rest of the longer side goes to the utility. So buyers pay on average mid E/D + retail (D - E)/D, and sellers get
mid E/S + feed-in (S - E)/S, with E = min(S, D), as published (Long et al., Peer-to-peer energy trading in a community
microgrid, IEEE PES General Meeting 2017, doi 10.1109/PESGM.2017.8274546). The middle is rounded down to a tick.
"""

from __future__ import annotations

from marketsim.core.arrays import IntArray
from marketsim.core.build import BuildContext
from marketsim.core.records import Orders
from marketsim.market.administrative import pool_at
from marketsim.market.params import MidMarketRateParams
from marketsim.market.pool import Clearing, PoolEngine


def clear(orders: Orders, buys: IntArray, sells: IntArray, retail_ticks: int, feed_in_ticks: int) -> Clearing | None:
    """Clear one market."""
    return pool_at(orders, buys, sells, (retail_ticks + feed_in_ticks) // 2)


def build(params: MidMarketRateParams, context: BuildContext) -> PoolEngine:  # noqa: ARG001 - part of the port
    """The engine."""
    return PoolEngine("mid_market_rate", clear)
