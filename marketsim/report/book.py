"""Depth of the order book, slot by slot."""

from __future__ import annotations

from typing import Any

from marketsim.core.units import TICKS_PER_CURRENCY, WH_PER_KWH
from marketsim.report.series import plain
from marketsim.results.reader import Run
from marketsim.results.table_columns import BOOK_LEVELS


def depth(run: Run, slots: range) -> dict[str, Any] | None:
    """Bids and asks [kWh] at each price level of each slot of the first market; None where a run recorded none."""
    if not run.has_table("book"):
        return None
    table = run.table("book", slot=slots)
    if not table.num_rows:
        return None
    first = table.column("market").to_numpy() == 0
    shape = (-1, BOOK_LEVELS)
    price, bid, ask = (table.column(name).to_numpy()[first] for name in ("price_ticks", "bid_wh", "ask_wh"))
    prices = price.reshape(shape)
    return {
        "prices": [
            plain(row / TICKS_PER_CURRENCY, 5) for row in (prices[:1] if (prices == prices[0]).all() else prices)
        ],
        "bid": [plain(row / WH_PER_KWH, 2) for row in bid.reshape(shape)],
        "ask": [plain(row / WH_PER_KWH, 2) for row in ask.reshape(shape)],
    }
