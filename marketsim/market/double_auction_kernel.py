"""The continuous double auction, compiled: all markets in one call, every trade asked of the gate.

All orders are known when the call begins, so each one's place in the book can be ranked beforehand (``rank_kernel``),
and a book is a set of ranks (``rank_set_kernel``). ``reference_book`` does the same in plain Python.

What runs for each order is compiled as ``borrowing``: counting references to the arrays of ``Slate``, ``Book`` and
``Tape`` at every access made it ten times slower.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from marketsim.core import columns_kernel as column
from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.compiled import ADMIT_POINTER, kernel
from marketsim.core.records import BLAMES_SINK, MOVES_SINK, MOVES_SOURCE, NOWHERE, Side
from marketsim.core.records_kernel import I1
from marketsim.market.rank_kernel import Index, RankArray, rank_orders
from marketsim.market.rank_set_kernel import ASKS, BIDS, Book, enter_book, leave_book, new_book, next_rank

OK, UNSORTED, FALSE_GATE = 0, 1, 2
"""Status of a call: markets not ascending; the gate admitted less than nothing or more than asked."""

BUY, SELL, WH, PRICE, MOVES = range(5)
"""Rows of ``Tape.trades``."""
_PARKED, _OTHER, _WH, _REASON, _ELEMENT = range(5)
"""Rows of ``Tape.refusals``."""
_N_TRADES, _N_REFUSALS, _N_PARKED, _STATUS = range(4)
_NEVER = -1
_BUYS, _SELLS = int(Side.BUY), int(Side.SELL)


class Slate(NamedTuple):
    """The orders of all markets, and what is left of them [n_orders]."""

    agent: IntArray
    connection: IntArray
    is_bid: BoolArray
    key: IntArray
    """Price of an ask, bitwise complement of a bid's: better prices are lower, and i meets j iff key[j] <= ~key[i]."""
    open_wh: IntArray
    firm_wh: IntArray
    rank: RankArray
    """Place of the order among those of its market, both sides in one numbering."""
    at_rank: RankArray
    """The order of each rank, from the market's first position on."""
    parked_in: NDArray[np.int32]
    """Pass in which the order was parked."""


class Tape(NamedTuple):
    """What happened so far."""

    trades: IntArray
    """[5, .]"""
    refusals: IntArray
    """[5, .]"""
    counters: IntArray


class Rules(NamedTuple):
    """How a market finds its prices."""

    midpoint: bool
    charge: IntArray
    """Of each pair of connections [ticks], of no size without."""


@kernel(borrowing=True)
def _index(i: Index) -> Index:
    """The same number, known to be no less than 0: the compiler then drops the code for indices from the end."""
    return np.int64(np.uint32(i))


@kernel(borrowing=True)
def _note(tape: Tape, parked: Index, other: Index, wh: Index, reason: int, element: int) -> None:
    row = tape.counters[_N_REFUSALS]
    tape.refusals[_PARKED, row] = parked
    tape.refusals[_OTHER, row] = other
    tape.refusals[_WH, row] = wh
    tape.refusals[_REASON, row] = reason
    tape.refusals[_ELEMENT, row] = element
    tape.counters[_N_REFUSALS] = row + 1
    tape.counters[_N_PARKED] += 1


@kernel(borrowing=True)
def _book_trade(slate: Slate, tape: Tape, buy: Index, sell: Index, wh: Index, price: Index, moves: int) -> None:
    row = _index(tape.counters[_N_TRADES])
    tape.trades[BUY, row] = buy
    tape.trades[SELL, row] = sell
    tape.trades[WH, row] = wh
    tape.trades[PRICE, row] = price
    tape.trades[MOVES, row] = moves
    tape.counters[_N_TRADES] = row + 1
    slate.open_wh[buy] -= wh
    slate.open_wh[sell] -= wh
    if moves != MOVES_SOURCE | MOVES_SINK:
        slate.firm_wh[buy] = max(slate.firm_wh[buy] - wh, 0)
        slate.firm_wh[sell] = max(slate.firm_wh[sell] - wh, 0)


@kernel(borrowing=True)
def _trade(
    slate: Slate, tape: Tape, admit: Any, ints: Any, floats: Any, buy: Index, sell: Index, price: Index
) -> Index:
    """Trade what both orders have open, a row for each pair of legs. Returns the order to be parked; -1: none."""
    left = min(slate.open_wh[buy], slate.open_wh[sell])
    source: Index
    sink: Index
    admitted: Index
    while left > 0:
        leg, moves, source, sink = left, 0, NOWHERE, NOWHERE
        if slate.firm_wh[sell] > 0:
            leg = min(leg, slate.firm_wh[sell])
        else:
            source = slate.connection[sell]
            moves |= MOVES_SOURCE
        if slate.firm_wh[buy] > 0:
            leg = min(leg, slate.firm_wh[buy])
        else:
            sink = slate.connection[buy]
            moves |= MOVES_SINK
        admitted, code, element = leg, 0, -1
        if moves != 0:
            admitted, code, element = admit(ints, floats, source, sink, leg)
            if admitted < 0 or admitted > leg:
                tape.counters[_STATUS] = FALSE_GATE
                admitted = 0
        if admitted > 0:
            _book_trade(slate, tape, buy, sell, admitted, price, moves)
            left -= admitted
        if admitted < leg:
            parked, other = (buy, sell) if code & BLAMES_SINK else (sell, buy)
            _note(tape, parked, other, left, code & ~BLAMES_SINK, element)
            return parked
    return -1


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
def _price(slate: Slate, buy: Index, sell: Index, resting_is_bid: bool, rules: Rules) -> Index:
    """Price at the hub, which is what the seller gets; the buyer pays the pair's charge on top."""
    bid, ask = ~slate.key[buy], slate.key[sell]
    if rules.charge.shape[0] > 0:
        bid -= rules.charge[slate.connection[buy], slate.connection[sell]]
    if rules.midpoint:
        return (bid & ask) + ((bid ^ ask) >> 1)  # floor of the mean, without overflow
    return bid if resting_is_bid else ask


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
            price = _price(slate, buy, sell, other == BIDS, rules)
            parked = _trade(slate, tape, admit, ints, floats, buy, sell, price)
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
        if turn == 0 or _NEVER < slate.parked_in[i] < turn:
            slate.parked_in[i] = _NEVER
            _enter(slate, book, tape, admit, ints, floats, start, _index(i), rules, turn)


@kernel(part=True)
def _with_room(table: IntArray, used: int, wanted: int) -> IntArray:
    """The table, or a larger copy, with room for ``wanted`` more columns."""
    if used + wanted <= table.shape[1]:
        return table
    larger = np.empty((table.shape[0], 2 * table.shape[1] + wanted), dtype=np.int64)
    for row in range(table.shape[0]):
        for place in range(used):
            larger[row, place] = table[row, place]
    return larger


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
    counters[_N_PARKED] = n
    while turn <= passes and traded and counters[_N_PARKED] > 0:
        trades = _with_room(tape.trades, counters[_N_TRADES], 3 * n)
        refusals = _with_room(tape.refusals, counters[_N_REFUSALS], n)
        tape = Tape(trades, refusals, counters)
        counters[_N_PARKED] = 0
        before = counters[_N_TRADES]
        _pass(slate, book, tape, admit, ints, floats, start, stop, rules, turn)
        traded = turn == 0 or counters[_N_TRADES] > before
        turn += 1
    return tape


@kernel(part=True)
def _still_open(is_bid: BoolArray, open_wh: IntArray, refusals: IntArray, n: int) -> IntArray:
    """The last refusal of each parked order, as far as its energy was not traded later; in order of refusal."""
    kept = np.empty((column.N_REJECT, n), dtype=np.int64)
    seen = np.zeros(len(open_wh) if n > 0 else 0, dtype=np.bool_)
    first = n
    for row in range(n - 1, -1, -1):
        parked, other = refusals[_PARKED, row], refusals[_OTHER, row]
        wh = min(refusals[_WH, row], open_wh[parked])
        if wh > 0 and not seen[parked]:
            first -= 1
            kept[column.REJECT_BUY_ORDER, first] = parked if is_bid[parked] else other
            kept[column.REJECT_SELL_ORDER, first] = other if is_bid[parked] else parked
            kept[column.REJECT_ENERGY_WH, first] = wh
            kept[column.REJECT_REASON, first] = refusals[_REASON, row]
            kept[column.REJECT_ELEMENT, first] = refusals[_ELEMENT, row]
            kept[column.REJECT_SIDE, first] = _BUYS if is_bid[parked] else _SELLS
        seen[parked] = True
    return kept[:, first:]


@kernel(part=True)
def _slate(
    agent: IntArray, connection: IntArray, side: IntArray, price: IntArray, energy: IntArray, firm: IntArray
) -> Slate:
    """All orders before the first one arrives."""
    n = len(agent)
    is_bid = np.empty(n, np.bool_)
    key, open_wh, firm_wh = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    for i in range(n):
        is_bid[i] = side[i] == _BUYS
        key[i] = ~price[i] if is_bid[i] else price[i]
        open_wh[i] = max(energy[i], 0)
        firm_wh[i] = max(firm[i], 0)
    rank, at_rank = np.empty(n, np.uint32), np.empty(n, np.uint32)
    return Slate(agent, connection, is_bid, key, open_wh, firm_wh, rank, at_rank, np.empty(n, np.int32))


_CHARGES = types.Array(types.int64, 3, "A", readonly=True)
_ORDERED = types.UniTuple(I1, 7)  # type: ignore[no-untyped-call]


@kernel(
    (_ORDERED, types.boolean, types.int64, _CHARGES, ADMIT_POINTER, types.int64[:, :, ::1], types.float64[:, :, ::1])
)
def match_markets(
    orders: Any,
    midpoint: bool,
    passes: int,
    charges: IntArray,
    admit: Callable[..., tuple[int, int, int]],
    ints: IntArray,
    floats: FloatArray,
) -> tuple[IntArray, IntArray, int]:
    """Match the orders of all markets in order of arrival, markets contiguous and ascending.

    ``orders``: the first seven fields of ``Orders``, which are all that matters here. ``charges`` [n_markets, n_connections,
    n_connections] are pair charges [ticks], of no size without. Returns trades (buy, sell, Wh, price, moves) [5, n_trades],
    refusals (buy, sell, Wh, reason, element, side) [6, n_rejects], status.
    """
    market, agent, connection, side, price, energy, firm = orders
    n = len(market)
    slate = _slate(agent, connection, side, price, energy, firm)
    counters = np.zeros(4, np.int64)
    tape = Tape(np.empty((5, 3 * n), np.int64), np.empty((5, n), np.int64), counters)
    start: Index = np.int64(0)  # a literal 0 has a type of its own, for which all would be compiled once more
    while start < n and counters[_STATUS] == OK:
        m = market[start]
        stop = start + 1
        while stop < n and market[stop] == m:
            stop += 1
        if stop < n and market[stop] < m:
            counters[_STATUS] = UNSORTED
        else:
            rules = Rules(midpoint, charges[m if charges.shape[1] > 0 else 0])
            tape = _match_market(slate, tape, admit, ints[m], floats[m], start, stop, rules, passes)
        start = stop
    kept = _still_open(slate.is_bid, slate.open_wh, tape.refusals, counters[_N_REFUSALS])
    return tape.trades[:, : counters[_N_TRADES]], kept, counters[_STATUS]
