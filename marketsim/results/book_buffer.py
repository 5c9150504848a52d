"""Depth of the order book of each slot, by price level: bids and asks as they stood when the market opened."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]

from marketsim.core.arrays import IntArray
from marketsim.core.records import UTILITY_ONLY_TICKS, Orders, SlotRecord
from marketsim.results.table_columns import BOOK_LEVELS, TableLayout

_STEPS: Final = np.arange(BOOK_LEVELS)


@lru_cache(maxsize=64)
def level_prices(feed_in_ticks: int, retail_ticks: int) -> IntArray:
    """Prices of the levels, evenly from the feed-in tariff to retail, rounded down to a tick [BOOK_LEVELS]."""
    low, high = min(feed_in_ticks, retail_ticks), max(feed_in_ticks, retail_ticks)
    prices = np.asarray(low + _STEPS * (high - low) // (BOOK_LEVELS - 1), dtype=np.int64)
    prices.flags.writeable = False
    return prices


def book_of(orders: Orders, prices: IntArray, market: int) -> tuple[IntArray, IntArray]:
    """Energy of bids and of asks at each level [BOOK_LEVELS]; orders outside the tariffs or for the utility left out.

    Summed from above, bids give the demand at a level; summed from below, asks give the supply: both exactly. Where a
    market has several rounds, orders count once, with their last limit.
    """
    own = (orders.market == market) & (orders.limit_ticks > UTILITY_ONLY_TICKS)
    buys = orders.side > 0
    bids, asks = np.flatnonzero(own & buys), np.flatnonzero(own & ~buys)
    bid_level = np.searchsorted(prices, orders.price_ticks[bids], side="right")  # 0: below the lowest level
    ask_level = np.searchsorted(prices, orders.price_ticks[asks], side="left")  # BOOK_LEVELS: above the highest
    bid_wh = np.bincount(bid_level, weights=orders.energy_wh[bids], minlength=BOOK_LEVELS + 1)[1:]
    ask_wh = np.bincount(ask_level, weights=orders.energy_wh[asks], minlength=BOOK_LEVELS + 1)[:-1]
    return bid_wh.astype(np.int64), ask_wh.astype(np.int64)


class BookBuffer:
    """Rows of the table of book: every level of every market."""

    def __init__(self, layout: TableLayout, capacity: int) -> None:
        self._capacity, self._n_markets = capacity, layout.community.n_markets
        self._market = pa.array(np.repeat(np.arange(self._n_markets), BOOK_LEVELS).astype(np.int32))
        self._level = pa.array(np.tile(_STEPS, self._n_markets).astype(np.int32))
        self._renew()

    def _renew(self) -> None:
        self._block = np.empty((3, self._capacity, self._n_markets, BOOK_LEVELS), dtype=np.int64)

    def put(self, row: int, record: SlotRecord) -> None:
        """Count a slot's orders into slot ``row`` of the group."""
        tariffs = record.inputs.tariffs
        for market in range(self._n_markets):
            prices = level_prices(int(tariffs.feed_in_ticks[market]), int(tariffs.retail_ticks[market]))
            self._block[0, row, market] = prices
            self._block[1:, row, market] = book_of(record.orders, prices, market)

    def take(self, slots: IntArray) -> dict[str, pa.Array]:
        """Columns of the first ``len(slots)`` slots of the group."""
        n_slots = len(slots)
        price, bid, ask = (pa.array(column[:n_slots].reshape(-1)) for column in self._block)
        arrays = {
            "slot": pa.array(np.repeat(slots, self._n_markets * BOOK_LEVELS).astype(np.int32)),
            "market": pa.concat_arrays([self._market] * n_slots),
            "level": pa.concat_arrays([self._level] * n_slots),
            "price_ticks": price,
            "bid_wh": bid,
            "ask_wh": ask,
        }
        self._renew()
        return arrays
