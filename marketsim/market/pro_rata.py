"""One pool in proportion, at a fixed place between feed-in tariff and retail price.

At the midpoint, the default, this is the ceiling that needs no learning: everybody's fill rate and price are the same.
It then trades as ``mid_market_rate`` does.
"""

from __future__ import annotations

from functools import partial

from marketsim.core.arrays import IntArray
from marketsim.core.build import BuildContext
from marketsim.core.records import Orders
from marketsim.market.administrative import pool_at
from marketsim.market.params import ProRataParams
from marketsim.market.pool import Clearing, PoolEngine

_PARTS = 1_000_000


def clear(
    orders: Orders, buys: IntArray, sells: IntArray, retail_ticks: int, feed_in_ticks: int, parts: int
) -> Clearing | None:
    """Clear one market ``parts`` millionths of the way from the feed-in tariff to the retail price, rounded down."""
    return pool_at(orders, buys, sells, feed_in_ticks + (retail_ticks - feed_in_ticks) * parts // _PARTS)


def build(params: ProRataParams, context: BuildContext) -> PoolEngine:  # noqa: ARG001 - part of the port
    """The engine."""
    return PoolEngine("pro_rata", partial(clear, parts=round(params.position * _PARTS)))
