"""Orders in parts: each enters the auction in up to K tranches, one round of arrivals after another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from marketsim.core.compiled import kernel
from marketsim.market.trade_kernel import PARTS

MARKET, AGENT, CONNECTION, SIDE, PRICE, ENERGY, ORDER_OF = range(7)
"""Rows of a table of parts."""
N_ROWS = 7


@kernel((PARTS, types.int64))
def split(orders: Any, tranches: Any) -> Any:
    """Parts of all orders in order of arrival; a table [7, n_parts].

    ``orders``: market, agent, connection, side, price and energy [n_orders], the orders of a market together. In a market the
    first parts of all orders arrive in the orders' sequence, then the second ones, and so on. The first parts of an order
    are the larger ones, by 1 Wh at most; there is none of 0 Wh.
    """
    market, agent, connection, side, price, energy = orders
    n_orders, n_parts = len(market), 0
    for i in range(n_orders):
        n_parts += min(max(energy[i], 0), tranches)
    table, row, start = np.empty((N_ROWS, n_parts), dtype=np.int64), 0, 0
    while start < n_orders:
        stop, most = start, 0
        while stop < n_orders and market[stop] == market[start]:
            most = max(most, min(energy[stop], tranches))
            stop += 1
        for turn in range(most):
            for i in range(start, stop):
                if energy[i] <= turn:
                    continue
                table[MARKET, row], table[AGENT, row], table[CONNECTION, row] = market[i], agent[i], connection[i]
                table[SIDE, row], table[PRICE, row], table[ORDER_OF, row] = side[i], price[i], i
                table[ENERGY, row] = energy[i] // tranches + (turn < energy[i] % tranches)
                row += 1
        start = stop
    return table
