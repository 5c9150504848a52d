"""The double auction that shares among equal prices, compiled: the walk of ``double_auction_kernel`` but for one step.

An arriving order that cannot take all that rests at the best price is shared among all who rest there, in proportion to
what they have open, in whole Wh: the largest remainders get the Wh that are left over, of equal ones the earliest. The
gate is asked for each share in order of arrival; what it refuses of one is shared among the others in the same way.
A module of its own, so that only who shares compiles it.
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

_TURN = STATUS + 1
"""One more counter of the tape: the pass."""


@kernel(borrowing=True)
def _gain(slate: Slate, i: Index, j: Index, row: int, charge: IntArray) -> Index:
    """What is left between the prices of ``i`` and of ``j``, which rests in ``row``, after the charge of the pair."""
    buy, sell = (j, i) if row == BIDS else (i, j)
    return ~slate.key[buy] - slate.key[sell] - charge[slate.connection[buy], slate.connection[sell]]


@kernel(borrowing=True)
def _best_level(slate: Slate, book: Book, start: Index, i: Index, row: int, level: IntArray) -> int:
    """List who rests at the best price that ``i`` meets, other agents' only, in order of arrival; how many there are."""
    n, rank = 0, book.best[row]
    while rank >= 0:
        j: Index = np.int64(slate.at_rank[start + rank])
        if slate.key[j] > ~slate.key[i] or (n > 0 and slate.key[j] != slate.key[level[0]]):
            break
        if slate.agent[j] != slate.agent[i]:
            level[n] = j
            n += 1
        rank = next_rank(book, row, rank + 1)
    return n


@kernel(borrowing=True)
def _best_level_all_in(
    slate: Slate, book: Book, start: Index, i: Index, row: int, charge: IntArray, level: IntArray
) -> int:
    """The same where pairs are charged: who leaves most between the prices after the charge; by price, then arrival."""
    n, rank = 0, book.best[row]
    most: Index = 0
    while rank >= 0:
        j: Index = np.int64(slate.at_rank[start + rank])
        gain = _gain(slate, i, j, row, charge)
        if slate.agent[j] != slate.agent[i] and gain >= 0 and (n == 0 or gain >= most):
            n = n if n > 0 and gain == most else 0
            most, level[n] = gain, j
            n += 1
        rank = next_rank(book, row, rank + 1)
    return n


@kernel(part=True)
def _shares(slate: Slate, level: IntArray, asked: Index) -> IntArray:
    """How much of ``asked`` each part of ``level`` gets, never more than it has open; all of it, or all that is open.

    Shares are asked x open / total rounded down, found by a division in floating point and corrected by its remainder in
    whole numbers: exact for totals below 2^60 Wh.
    """
    n, total = len(level), np.int64(0)
    share, behind = np.empty(n, np.int64), np.empty(n, np.int64)
    for k in range(n):
        share[k] = slate.open_wh[level[k]]
        total += share[k]
    if total <= asked:
        return share
    left = asked
    for k in range(n):
        open_wh = share[k]
        share[k] = np.int64(float(asked) * float(open_wh) / float(total))
        remainder = asked * open_wh - share[k] * total  # products wrap around, their difference does not
        while remainder < 0:
            share[k] -= 1
            remainder += total
        while remainder >= total:
            share[k] += 1
            remainder -= total
        behind[k] = -remainder
        left -= share[k]
    if left > 0:
        order = np.argsort(behind, kind="mergesort")  # stable: ties by arrival
        for place in range(left):
            share[order[place]] += 1
    return share


@kernel(part=True)
def _deal(
    slate: Slate,
    book: Book,
    tape: Tape,
    admit: Any,
    ints: Any,
    floats: Any,
    start: Index,
    i: Index,
    rules: Rules,
    level: IntArray,
) -> Index:
    """Trade the arriving part ``i`` with its shares of ``level``; the part that was parked last, -1 if none was.

    Ends where ``i`` itself is parked.
    """
    other = ASKS if slate.is_bid[i] else BIDS
    share, parked = _shares(slate, level, slate.open_wh[i]), -1
    for k in range(len(level)):
        j: Index = level[k]
        if share[k] == 0:
            continue
        buy, sell = (i, j) if other == ASKS else (j, i)
        price = price_of(slate, buy, sell, other == BIDS, rules)
        parked = trade(slate, tape, admit, ints, floats, buy, sell, price, share[k])
        if parked >= 0:
            slate.parked_in[parked] = tape.counters[_TURN]
        if parked == j or slate.open_wh[j] == 0:
            leave_book(book, other, np.int64(slate.rank[j]), slate.key, slate.at_rank, start)
        if parked == i:
            break
    return parked


@kernel(part=True)
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
    level: IntArray,
) -> Tape:
    """A part arrives: level by level it is shared on the other side while prices cross, and rests with what is left."""
    own, other = (BIDS, ASKS) if slate.is_bid[i] else (ASKS, BIDS)
    counters = tape.counters
    while slate.open_wh[i] > 0 and slate.parked_in[i] == NEVER:
        if rules.charge.shape[0] > 0:
            n = _best_level_all_in(slate, book, start, i, other, rules.charge, level)
            level[:n].sort()  # by arrival
        else:
            n = _best_level(slate, book, start, i, other, level)
        if n == 0:
            break
        trades = with_room(tape.trades, counters[N_TRADES], 3 * n)  # a share meets three pairs of legs at most
        refusals = with_room(tape.refusals, counters[N_REFUSALS], n)
        tape = Tape(trades, refusals, counters)
        _deal(slate, book, tape, admit, ints, floats, start, i, rules, level[:n])
    if slate.open_wh[i] > 0 and slate.parked_in[i] == NEVER:
        enter_book(book, own, np.int64(slate.rank[i]), slate.key[i])
    return tape


@kernel(part=True)
def _match_market(
    slate: Slate, tape: Tape, admit: Any, ints: Any, floats: Any, start: Index, stop: int, rules: Rules, passes: int
) -> Tape:
    """Arrivals of one market, then passes of the parked parts until nothing more is admitted."""
    rank_orders(slate.is_bid, slate.key, slate.rank, slate.at_rank, start, stop)
    counters = tape.counters
    book, level = new_book(stop - start), np.empty(stop - start, np.int64)
    for turn in range(passes + 1):
        counters[N_PARKED], counters[_TURN] = 0, turn
        before = counters[N_TRADES]
        for i in range(start, stop):
            if turn == 0 or NEVER < slate.parked_in[i] < turn:
                slate.parked_in[i] = NEVER
                tape = _enter(slate, book, tape, admit, ints, floats, start, index(i), rules, level)
        if counters[N_PARKED] == 0 or (turn > 0 and counters[N_TRADES] == before):
            break
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
    """As ``double_auction_kernel.match_markets``, shared among equal prices."""
    market = parts[0]
    n = len(market)
    slate = new_slate(parts[1:], order_of, firm)
    counters = np.zeros(_TURN + 1, np.int64)
    tape = Tape(np.empty((5, n), np.int64), np.empty((5, n), np.int64), counters)
    start: Index = np.int64(0)
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
