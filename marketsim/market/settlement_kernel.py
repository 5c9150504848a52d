"""Booking of a slot's payments in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from marketsim.core.compiled import kernel
from marketsim.core.records import LedgerLine

_PURCHASES, _SALES, _CHARGES = (
    int(LedgerLine.PEER_PURCHASES),
    int(LedgerLine.PEER_SALES),
    int(LedgerLine.NETWORK_CHARGES),
)
_IMPORTS, _EXPORTS, _LINES = int(LedgerLine.IMPORTS), int(LedgerLine.EXPORTS), len(LedgerLine)


@kernel()
def book(
    buyer: Any, seller: Any, energy_wh: Any, price_ticks: Any, buyer_ticks: Any, seller_ticks: Any,
    market: Any, import_wh: Any, export_wh: Any, retail_ticks: Any, feed_in_ticks: Any,
) -> Any:  # fmt: skip
    """What each agent pays by line [5, n_agents], each utility and each operator [n_markets]; all int64."""
    n_agents, n_markets = len(market), len(retail_ticks)
    money = np.zeros((_LINES, n_agents), dtype=np.int64)
    utility, operator = np.zeros(n_markets, dtype=np.int64), np.zeros(n_markets, dtype=np.int64)
    for row in range(len(energy_wh)):
        b, s, wh, price = buyer[row], seller[row], energy_wh[row], price_ticks[row]
        money[_PURCHASES, b] += wh * price
        money[_SALES, s] -= wh * price
        money[_CHARGES, b] += wh * (buyer_ticks[row] - price)
        money[_CHARGES, s] += wh * (price - seller_ticks[row])
        operator[market[b]] -= wh * (buyer_ticks[row] - seller_ticks[row])
    for a in range(n_agents):
        m = market[a]
        money[_IMPORTS, a] = import_wh[a] * retail_ticks[m]
        money[_EXPORTS, a] = -export_wh[a] * feed_in_ticks[m]
        utility[m] -= money[_IMPORTS, a] + money[_EXPORTS, a]
    return money, utility, operator
