"""Booking of a slot's payments in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from marketsim.core.compiled import kernel
from marketsim.core.records import LedgerLine, Trades
from marketsim.core.records_kernel import I1, I2, TRADES

_PURCHASES, _SALES = int(LedgerLine.PEER_PURCHASES), int(LedgerLine.PEER_SALES)
_CHARGES, _IMPORTS, _EXPORTS = int(LedgerLine.NETWORK_CHARGES), int(LedgerLine.IMPORTS), int(LedgerLine.EXPORTS)
_LINES = len(LedgerLine)


_HALF = 32
_LOW = (1 << _HALF) - 1


@kernel((TRADES, *(I1,) * 6))
def book(
    trades: Any, agent: Any, market: Any, import_wh: Any, export_wh: Any, retail_ticks: Any, feed_in_ticks: Any
) -> Any:
    """What each agent pays by line [6, n_agents], each utility and each operator [n_markets]; all int64."""
    trades = Trades(*trades)
    n_agents, n_markets = len(market), len(retail_ticks)
    money = np.zeros((_LINES, n_agents), dtype=np.int64)
    utility, operator = np.zeros(n_markets, dtype=np.int64), np.zeros(n_markets, dtype=np.int64)
    for row in range(len(trades.energy_wh)):
        b, s = agent[trades.buy_order[row]], agent[trades.sell_order[row]]
        wh, price = trades.energy_wh[row], trades.price_ticks[row]
        pays, gets = trades.buyer_ticks[row], trades.seller_ticks[row]
        money[_PURCHASES, b] += wh * price
        money[_SALES, s] -= wh * price
        money[_CHARGES, b] += wh * (pays - price)
        money[_CHARGES, s] += wh * (price - gets)
        operator[market[b]] -= wh * (pays - gets)
    for a in range(n_agents):
        m = market[a]
        money[_IMPORTS, a] = import_wh[a] * retail_ticks[m]
        money[_EXPORTS, a] = -export_wh[a] * feed_in_ticks[m]
        utility[m] -= money[_IMPORTS, a] + money[_EXPORTS, a]
    return money, utility, operator


@kernel(types.UniTuple(types.int64, 2)(I2, I1, I1))  # type: ignore[no-untyped-call]
def sum_halves(money: Any, utility: Any, operator: Any) -> tuple[int, int]:
    """Sums of the upper and of the lower 32 bits of all payments, which cannot wrap apart."""
    high, low = 0, 0
    for line in range(money.shape[0]):
        for a in range(money.shape[1]):
            high += money[line, a] >> _HALF
            low += money[line, a] & _LOW
    for m in range(len(utility)):
        high += (utility[m] >> _HALF) + (operator[m] >> _HALF)
        low += (utility[m] & _LOW) + (operator[m] & _LOW)
    return high, low
