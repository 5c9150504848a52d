"""The continuous double auction, compiled: all markets in one call, every trade asked of the gate.

All orders are known when the call begins, so each one's place in the book can be ranked beforehand (``rank_kernel``),
and a book is a set of ranks (``rank_set_kernel``). ``reference_book`` does the same in plain Python. What enters here are
parts of orders (``parts_kernel``), one an order where it is not split. Among resting orders at one price the earliest
trades first; ``shared_auction_kernel`` shares instead.

What runs for each order is compiled as ``borrowing``: counting references to the arrays of ``Slate``, ``Book`` and
``Tape`` at every access made it ten times slower.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.compiled import ADMIT_POINTER, kernel
from marketsim.core.records_kernel import I1
from marketsim.market.rank_kernel import Index, rank_orders
from marketsim.market.rank_set_kernel import ASKS, BIDS, Book, enter_book, leave_book, new_book, next_rank
from marketsim.market.trade_kernel import (
    CHARGES,
    N_PARKED,
    N_REFUSALS,
    N_TRADES,
    NEVER,
    OK,
    PARTS,
    STATUS,
    UNSORTED,
    Rules,
    Slate,
    Tape,
    index,
    new_slate,
    price_of,
    still_open,
    trade,
    with_room,
)


@kernel(borrowing=True)
def _next_by_price(slate: Slate, book: Book, start: Index, i: Index, row: int, rank: Index) -> Index:
    """Next resting order from ``rank`` on that meets order ``i`` and is another agent's: its rank, or -1."""
    while rank >= 0:
        j: Index = np.int64(slate.at_rank[start + rank])
        if slate.key[j] > ~slate.key[i]:
            return -1
        if slate.agent[j] != slate.agent[i]:
            return rank
        rank = next_rank(book, row, rank + 1)
    return -1


@kernel(borrowing=True)
def _next_all_in(slate: Slate, book: Book, start: Index, i: Index, row: int, charge: IntArray) -> Index:
    """The resting order that leaves most between the prices after the charge, ties by arrival: its rank, or -1."""
    found, earliest = -1, 0
    most: Index = 0
    rank = book.best[row]
    while rank >= 0:
        j: Index = np.int64(slate.at_rank[start + rank])
        buy, sell = (j, i) if row == BIDS else (i, j)
        gain = ~slate.key[buy] - slate.key[sell] - charge[slate.connection[buy], slate.connection[sell]]
        if gain >= 0 and slate.agent[j] != slate.agent[i]:
            if found < 0 or gain > most or (gain == most and j < earliest):
                found, most, earliest = rank, gain, j
        rank = next_rank(book, row, rank + 1)
    return found


@kernel(borrowing=True)
def _enter(
    slate: Slate,
    book: Book,
    tape: Tape,
    admit: Any,
    ints: Any,
    floats: Any,
    start: Index,
    i: Index,
    rules: Rules,
    turn: int,
) -> None:
    """An order arrives: it walks the other side while prices cross, and rests with what is left."""
    own, other = (BIDS, ASKS) if slate.is_bid[i] else (ASKS, BIDS)
    by_pair, parked = rules.charge.shape[0] > 0, -1
    rank = book.best[other] if by_pair or book.best_key[other] <= ~slate.key[i] else -1
    while rank >= 0 and parked != i and slate.open_wh[i] > 0:
        if by_pair:
            rank = _next_all_in(slate, book, start, i, other, rules.charge)
        else:
            rank = _next_by_price(slate, book, start, i, other, rank)
        if rank >= 0:
            j: Index = np.int64(slate.at_rank[start + rank])
            buy, sell = (i, j) if own == BIDS else (j, i)
            price = price_of(slate, buy, sell, other == BIDS, rules)
            wanted = min(slate.open_wh[i], slate.open_wh[j])
            parked = trade(slate, tape, admit, ints, floats, buy, sell, price, wanted)
            if parked >= 0:
                slate.parked_in[parked] = turn
            if parked == j or slate.open_wh[j] == 0:
                leave_book(book, other, rank, slate.key, slate.at_rank, start)
                rank = book.best[other] if by_pair else next_rank(book, other, rank)
    if slate.open_wh[i] > 0 and parked != i:
        enter_book(book, own, np.int64(slate.rank[i]), slate.key[i])


@kernel(borrowing=True)
def _pass(
    slate: Slate,
    book: Book,
    tape: Tape,
    admit: Any,
    ints: Any,
    floats: Any,
    start: Index,
    stop: int,
    rules: Rules,
    turn: int,
) -> None:
    """Turn 0: every order arrives. Later turns: the orders parked before this turn, in order of arrival."""
    for i in range(start, stop):
        if turn == 0 or NEVER < slate.parked_in[i] < turn:
            slate.parked_in[i] = NEVER
            _enter(slate, book, tape, admit, ints, floats, start, index(i), rules, turn)


@kernel(part=True)
def _match_market(
    slate: Slate,
    tape: Tape,
    admit: Any,
    ints: Any,
    floats: Any,
    start: Index,
    stop: int,
    rules: Rules,
    passes: int,
) -> Tape:
    """Arrivals of one market, then passes of the parked orders until nothing more is admitted.

    A trade's row ends an order, crosses a leg boundary or is cut by a refusal; a pass parks an order at most once.
    """
    rank_orders(slate.is_bid, slate.key, slate.rank, slate.at_rank, start, stop)
    n, counters = stop - start, tape.counters
    book = new_book(n)
    turn: Index = np.int64(0)
    traded = True
    counters[N_PARKED] = n
    while turn <= passes and traded and counters[N_PARKED] > 0:
        trades = with_room(tape.trades, counters[N_TRADES], 3 * n)
        refusals = with_room(tape.refusals, counters[N_REFUSALS], n)
        tape = Tape(trades, refusals, counters)
        counters[N_PARKED] = 0
        before = counters[N_TRADES]
        _pass(slate, book, tape, admit, ints, floats, start, stop, rules, turn)
        traded = turn == 0 or counters[N_TRADES] > before
        turn += 1
    return tape


@kernel(
    (
        PARTS,
        I1,
        I1,
        types.boolean,
        types.int64,
        CHARGES,
        ADMIT_POINTER,
        types.int64[:, :, ::1],
        types.float64[:, :, ::1],
    )
)
def match_markets(
    parts: Any,
    order_of: Any,
    firm: Any,
    midpoint: bool,
    passes: int,
    charges: IntArray,
    admit: Callable[..., tuple[int, int, int]],
    ints: IntArray,
    floats: FloatArray,
) -> tuple[IntArray, IntArray, int]:
    """Match the parts of all markets in order of arrival, markets contiguous and ascending.

    ``parts``: market, agent, connection, side, price and energy of each [n_parts]; ``order_of`` [n_parts] the order that it
    is of, of no size where all are whole; ``firm`` [n_orders] the firm energy of each order. ``charges`` [n_markets,
    n_connections, n_connections] are pair charges [ticks], of no size without. Returns trades (buy, sell, Wh, price, moves)
    [5, n_trades] in positions of parts, refusals (buy, sell, Wh, reason, element, side) [6, n_rejects] in positions of
    orders, status.
    """
    market = parts[0]
    n = len(market)
    slate = new_slate(parts[1:], order_of, firm)
    counters = np.zeros(4, np.int64)
    tape = Tape(np.empty((5, 3 * n), np.int64), np.empty((5, n), np.int64), counters)
    start: Index = np.int64(0)  # a literal 0 has a type of its own, for which all would be compiled once more
    while start < n and counters[STATUS] == OK:
        m = market[start]
        stop = start + 1
        while stop < n and market[stop] == m:
            stop += 1
        if stop < n and market[stop] < m:
            counters[STATUS] = UNSORTED
        else:
            rules = Rules(midpoint, charges[m if charges.shape[1] > 0 else 0])
            tape = _match_market(slate, tape, admit, ints[m], floats[m], start, stop, rules, passes)
        start = stop
    kept = still_open(slate, tape.refusals, counters[N_REFUSALS])
    return tape.trades[:, : counters[N_TRADES]], kept, counters[STATUS]
