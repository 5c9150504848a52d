"""The glue of a round of matching, compiled: the orders that enter the book, and what comes back of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from marketsim.core import columns_kernel as column
from marketsim.core.compiled import kernel
from marketsim.core.records import Orders, Side, Trades
from marketsim.core.records_kernel import I1, ORDERS, TRADES

_BUY = int(Side.BUY)
KEPT, BUYER, SELLER = 0, 1, 2
"""Whose limit price a round of trades breaks, if anybody's."""


@kernel(types.void(I1, I1, I1, I1, I1, types.int64[::1]))
def at_hub(side: Any, agent: Any, limit: Any, buy_ticks: Any, sell_ticks: Any, price: Any) -> None:
    """Limit price of each order less, or plus, its agent's network charge [n_orders]."""
    for i in range(len(side)):
        a = agent[i]
        price[i] = limit[i] - buy_ticks[a] if side[i] == _BUY else limit[i] + sell_ticks[a]


@kernel((I1, I1, ORDERS))
def open_orders(index: Any, filled: Any, orders: Any) -> Any:
    """The orders ``index`` with what is left of them; rows of ``Orders`` [10, n_index]."""
    orders = Orders(*orders)
    table = np.empty((column.N_ORDER, len(index)), dtype=np.int64)
    for row in range(len(index)):
        i = index[row]
        table[column.ORDER_MARKET, row] = orders.market[i]
        table[column.ORDER_AGENT, row] = orders.agent[i]
        table[column.ORDER_CONNECTION, row] = orders.connection[i]
        table[column.ORDER_SIDE, row] = orders.side[i]
        table[column.ORDER_PRICE_TICKS, row] = orders.price_ticks[i]
        table[column.ORDER_ENERGY_WH, row] = orders.energy_wh[i] - filled[i]
        table[column.ORDER_FIRM_WH, row] = max(orders.firm_wh[i] - filled[i], 0)
        table[column.ORDER_COMPONENT, row] = orders.component[i]
        table[column.ORDER_FALLBACK, row] = orders.fallback[i]
        table[column.ORDER_LIMIT_TICKS, row] = orders.limit_ticks[i]
    return table


@kernel((TRADES, I1, I1, I1, I1, I1, types.int64[::1]))
def take_trades(found: Any, index: Any, agent: Any, limit: Any, buy_ticks: Any, sell_ticks: Any, filled: Any) -> Any:
    """Trades of a round with positions in the full table and prices with additive charges [7, n_trades].

    Adds to what the orders have ``filled``. Returns also whose limit price does not hold, if anybody's.
    """
    found = Trades(*found)
    table, status = np.empty((column.N_TRADE, len(found.energy_wh)), dtype=np.int64), KEPT
    for row in range(len(found.energy_wh)):
        b, s, wh = index[found.buy_order[row]], index[found.sell_order[row]], found.energy_wh[row]
        pays = found.buyer_ticks[row] + buy_ticks[agent[b]]
        gets = found.seller_ticks[row] - sell_ticks[agent[s]]
        if pays > limit[b]:
            status = BUYER
        elif gets < limit[s] and status == KEPT:
            status = SELLER
        filled[b] += wh
        filled[s] += wh
        table[column.TRADE_BUY_ORDER, row] = b
        table[column.TRADE_SELL_ORDER, row] = s
        table[column.TRADE_ENERGY_WH, row] = wh
        table[column.TRADE_PRICE_TICKS, row] = found.price_ticks[row]
        table[column.TRADE_BUYER_TICKS, row] = pays
        table[column.TRADE_SELLER_TICKS, row] = gets
        table[column.TRADE_MOVES, row] = found.moves[row]
    return table, status
