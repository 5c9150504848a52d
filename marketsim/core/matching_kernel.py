"""The glue of a round of matching, compiled: the orders that enter the book, and what comes back of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from marketsim.core.compiled import kernel
from marketsim.core.records import Side

_I1 = types.Array(types.int64, 1, "C", readonly=True)
_B1 = types.Array(types.boolean, 1, "C", readonly=True)
_BUY = int(Side.BUY)
KEPT, BUYER, SELLER = 0, 1, 2
"""Whose limit price a round of trades breaks, if anybody's."""


@kernel(types.void(_I1, _I1, _I1, _I1, _I1, types.int64[::1]))
def at_hub(side: Any, agent: Any, limit: Any, buy_ticks: Any, sell_ticks: Any, price: Any) -> None:
    """Limit price of each order less, or plus, its agent's network charge [n_orders]."""
    for i in range(len(side)):
        a = agent[i]
        price[i] = limit[i] - buy_ticks[a] if side[i] == _BUY else limit[i] + sell_ticks[a]


@kernel((*(_I1,) * 12,))
def open_orders(
    index: Any, filled: Any,
    market: Any, agent: Any, connection: Any, side: Any, price: Any, energy_wh: Any, firm_wh: Any, component: Any,
    fallback: Any, limit: Any,
) -> Any:  # fmt: skip
    """The orders ``index`` with what is left of them; rows of ``Orders`` [10, n_index]."""
    table = np.empty((10, len(index)), dtype=np.int64)
    for row in range(len(index)):
        i = index[row]
        table[0, row], table[1, row], table[2, row], table[3, row] = market[i], agent[i], connection[i], side[i]
        table[4, row], table[5, row] = price[i], energy_wh[i] - filled[i]
        table[6, row] = max(firm_wh[i] - filled[i], 0)
        table[7, row], table[8, row], table[9, row] = component[i], fallback[i], limit[i]
    return table


@kernel((*(_I1,) * 12, types.int64[::1]))
def take_trades(
    buy: Any, sell: Any, energy_wh: Any, price: Any, buyer_ticks: Any, seller_ticks: Any, moves: Any,
    index: Any, agent: Any, limit: Any, buy_ticks: Any, sell_ticks: Any,
    filled: Any,
) -> Any:  # fmt: skip
    """Trades of a round with positions in the full table and prices with additive charges [7, n_trades].

    Adds to what the orders have ``filled``. Returns also whose limit price does not hold, if anybody's.
    """
    table, status = np.empty((7, len(buy)), dtype=np.int64), KEPT
    for row in range(len(buy)):
        b, s, wh = index[buy[row]], index[sell[row]], energy_wh[row]
        pays, gets = buyer_ticks[row] + buy_ticks[agent[b]], seller_ticks[row] - sell_ticks[agent[s]]
        if pays > limit[b]:
            status = BUYER
        elif gets < limit[s] and status == KEPT:
            status = SELLER
        filled[b] += wh
        filled[s] += wh
        table[0, row], table[1, row], table[2, row], table[3, row] = b, s, wh, price[row]
        table[4, row], table[5, row], table[6, row] = pays, gets, moves[row]
    return table, status
