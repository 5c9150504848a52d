"""Taking back what an inexact gate admitted: residual exchange first, then trades, the last first.

A rolled-back firm purchase becomes an import, never lost load.
"""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import BoolArray
from marketsim.core.exchange import Residual
from marketsim.core.ports import Gate
from marketsim.core.records import (
    BOTH,
    MOVES_SINK,
    MOVES_SOURCE,
    NOWHERE,
    Orders,
    Reason,
    Rejects,
    Side,
    Trades,
    empty_rejects,
)

_Row = tuple[int, int, int, int, int, int]


def _refusal(buy_order: int, sell_order: int, energy_wh: int) -> _Row:
    side = BOTH if buy_order >= 0 <= sell_order else int(Side.BUY if buy_order >= 0 else Side.SELL)
    return buy_order, sell_order, energy_wh, int(Reason.ROLLED_BACK), -1, side


def roll_back(gate: Gate, orders: Orders, trades: Trades, residual: Residual) -> tuple[Trades, Residual, Rejects]:
    """Undo until no market's AC state is broken beyond its untraded state.

    Returns the trades and the exchange that stand, and what was undone.
    """
    broken = gate.broken()
    if not broken.any():
        return trades, residual, empty_rejects()
    residual = Residual(residual.imports.copy(), residual.exports.copy(), residual.by_right)
    stands = np.ones(trades.size, dtype=bool)
    undone: list[_Row] = []
    for market in np.flatnonzero(broken):
        undone += _undo_exchange(gate, orders, residual, int(market))
        undone += _undo_trades(gate, orders, trades, stands, int(market))
    columns = np.array(undone, dtype=np.int64).reshape(-1, len(Rejects._fields)).T
    standing = Trades(*(column[stands] for column in trades))
    return standing, residual, Rejects(*(np.ascontiguousarray(column) for column in columns))


def _undo_exchange(gate: Gate, orders: Orders, residual: Residual, market: int) -> list[_Row]:
    """Zero rows of ``residual`` in place, imports and then exports, the last first."""
    undone: list[_Row] = []
    for is_import, table in ((True, residual.imports), (False, residual.exports)):
        rows = np.flatnonzero((orders.market == market) & (table > 0))
        for row in rows[::-1]:
            if not gate.broken()[market]:
                return undone
            energy, connection = int(table[row]), int(orders.connection[row])
            source, sink = (NOWHERE, connection) if is_import else (connection, NOWHERE)
            gate.release(market, source, sink, energy)
            table[row] = 0
            undone.append(_refusal(int(row) if is_import else -1, -1 if is_import else int(row), energy))
    return undone


def _undo_trades(gate: Gate, orders: Orders, trades: Trades, stands: BoolArray, market: int) -> list[_Row]:
    """Clear rows of ``stands`` in place, the last trade first; trades that move nothing are left alone."""
    undone: list[_Row] = []
    for row in np.flatnonzero((orders.market[trades.buy_order] == market) & (trades.moves > 0))[::-1]:
        if not gate.broken()[market]:
            break
        buy, sell, moves = int(trades.buy_order[row]), int(trades.sell_order[row]), int(trades.moves[row])
        source = int(orders.connection[sell]) if moves & MOVES_SOURCE else NOWHERE
        sink = int(orders.connection[buy]) if moves & MOVES_SINK else NOWHERE
        gate.release(market, source, sink, int(trades.energy_wh[row]))
        stands[row] = False
        undone.append(_refusal(buy, sell, int(trades.energy_wh[row])))
    return undone
