"""What every walk of the double auction does with two orders that meet: they trade, leg by leg, as far as the gate admits.

An order enters in one part or in several (``parts_kernel``); each part has its own place in the book and its own open
energy, and all parts of an order share its firm energy, which fills first whichever part trades. ``order_of`` says whose
part a part is.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from marketsim.core import columns_kernel as column
from marketsim.core.arrays import BoolArray, IntArray
from marketsim.core.compiled import kernel
from marketsim.core.records import BLAMES_SINK, MOVES_SINK, MOVES_SOURCE, NOWHERE, Side
from marketsim.core.records_kernel import I1
from marketsim.market.rank_kernel import Index, RankArray

OK, UNSORTED, FALSE_GATE = 0, 1, 2
"""Status of a call: markets not ascending; the gate admitted less than nothing or more than asked."""

BUY, SELL, WH, PRICE, MOVES = range(5)
"""Rows of ``Tape.trades``."""
_PARKED, _OTHER, _WH, _REASON, _ELEMENT = range(5)
"""Rows of ``Tape.refusals``."""
N_TRADES, N_REFUSALS, N_PARKED, STATUS = range(4)
"""Counters of a tape."""
NEVER = -1
"""``Slate.parked_in`` of a part that is not parked."""
_BUYS, _SELLS = int(Side.BUY), int(Side.SELL)


class Slate(NamedTuple):
    """The parts of the orders of all markets, and what is left of them [n_parts]; see ``order_of`` for whole orders."""

    agent: IntArray
    connection: IntArray
    is_bid: BoolArray
    key: IntArray
    """Price of an ask, bitwise complement of a bid's: better prices are lower, and i meets j iff key[j] <= ~key[i]."""
    open_wh: IntArray
    firm_wh: IntArray
    """Firm energy that is left of the part's order, the same for all parts of one."""
    sibling: IntArray
    """Another part of the same order, so that all are gone through in a ring; of no size where all orders are whole."""
    order_of: IntArray
    """The order of each part; of no size where all orders are whole."""
    rank: RankArray
    """Place of the part among those of its market, both sides in one numbering."""
    at_rank: RankArray
    """The part of each rank, from the market's first position on."""
    parked_in: NDArray[np.int32]
    """Pass in which the part was parked."""


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
def index(i: Index) -> Index:
    """The same number, known to be no less than 0: the compiler then drops the code for indices from the end."""
    return np.int64(np.uint32(i))


@kernel(borrowing=True)
def _note(tape: Tape, parked: Index, other: Index, wh: Index, reason: int, element: int) -> None:
    row = tape.counters[N_REFUSALS]
    tape.refusals[_PARKED, row] = parked
    tape.refusals[_OTHER, row] = other
    tape.refusals[_WH, row] = wh
    tape.refusals[_REASON, row] = reason
    tape.refusals[_ELEMENT, row] = element
    tape.counters[N_REFUSALS] = row + 1
    tape.counters[N_PARKED] += 1


@kernel(borrowing=True)
def _spend_firm(slate: Slate, i: Index, wh: Index) -> None:
    """Take what a part traded off the firm energy of its order, which all of its parts know."""
    left = max(slate.firm_wh[i] - wh, 0)
    slate.firm_wh[i] = left
    if slate.sibling.shape[0] > 0:
        other = slate.sibling[i]
        while other != i:
            slate.firm_wh[other] = left
            other = slate.sibling[other]


@kernel(borrowing=True)
def _book_trade(slate: Slate, tape: Tape, buy: Index, sell: Index, wh: Index, price: Index, moves: int) -> None:
    row = index(tape.counters[N_TRADES])
    tape.trades[BUY, row] = buy
    tape.trades[SELL, row] = sell
    tape.trades[WH, row] = wh
    tape.trades[PRICE, row] = price
    tape.trades[MOVES, row] = moves
    tape.counters[N_TRADES] = row + 1
    slate.open_wh[buy] -= wh
    slate.open_wh[sell] -= wh
    if moves != MOVES_SOURCE | MOVES_SINK:
        _spend_firm(slate, buy, wh)
        _spend_firm(slate, sell, wh)


@kernel(borrowing=True)
def trade(
    slate: Slate, tape: Tape, admit: Any, ints: Any, floats: Any, buy: Index, sell: Index, price: Index, left: Index
) -> Index:
    """Trade ``left`` Wh, which both have open, a row for each pair of legs. Returns the part to be parked; -1: none."""
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
                tape.counters[STATUS] = FALSE_GATE
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
def price_of(slate: Slate, buy: Index, sell: Index, resting_is_bid: bool, rules: Rules) -> Index:
    """Price at the hub, which is what the seller gets; the buyer pays the pair's charge on top."""
    bid, ask = ~slate.key[buy], slate.key[sell]
    if rules.charge.shape[0] > 0:
        bid -= rules.charge[slate.connection[buy], slate.connection[sell]]
    if rules.midpoint:
        return (bid & ask) + ((bid ^ ask) >> 1)  # floor of the mean, without overflow
    return bid if resting_is_bid else ask


@kernel(part=True)
def with_room(table: IntArray, used: int, wanted: int) -> IntArray:
    """The table, or a larger copy, with room for ``wanted`` more columns."""
    if used + wanted <= table.shape[1]:
        return table
    larger = np.empty((table.shape[0], 2 * table.shape[1] + wanted), dtype=np.int64)
    for row in range(table.shape[0]):
        for place in range(used):
            larger[row, place] = table[row, place]
    return larger


@kernel(part=True)
def still_open(slate: Slate, refusals: IntArray, n: int) -> IntArray:
    """The refusals of ``n`` that stand, a row an order, in order of the last of them; rows of ``Rejects``, positions of orders.

    Of each part counts its last refusal, as far as its energy was not traded later; an order's row tells the sum of its
    parts and the reason of the last.
    """
    kept = np.empty((column.N_REJECT, n), dtype=np.int64)
    seen = np.zeros(len(slate.open_wh) if n > 0 else 0, dtype=np.bool_)
    row_of = np.full(len(slate.open_wh) if n > 0 else 0, -1)  # there are no more orders than parts
    whole = len(slate.order_of) == 0
    first = n
    for row in range(n - 1, -1, -1):
        parked, other = refusals[_PARKED, row], refusals[_OTHER, row]
        wh = min(refusals[_WH, row], slate.open_wh[parked])
        if wh > 0 and not seen[parked]:
            own = parked if whole else slate.order_of[parked]
            others = other if whole else slate.order_of[other]
            if row_of[own] >= 0:
                kept[column.REJECT_ENERGY_WH, row_of[own]] += wh
            else:
                first -= 1
                row_of[own] = first
                buys = slate.is_bid[parked]
                kept[column.REJECT_BUY_ORDER, first] = own if buys else others
                kept[column.REJECT_SELL_ORDER, first] = others if buys else own
                kept[column.REJECT_ENERGY_WH, first] = wh
                kept[column.REJECT_REASON, first] = refusals[_REASON, row]
                kept[column.REJECT_ELEMENT, first] = refusals[_ELEMENT, row]
                kept[column.REJECT_SIDE, first] = _BUYS if buys else _SELLS
        seen[parked] = True
    return kept[:, first:]


@kernel(part=True)
def new_slate(parts: Any, order_of: Any, firm: Any) -> Slate:
    """All parts before the first one arrives; ``parts``: agent, connection, side, price and energy [n_parts].

    ``order_of``: the order of each, of no size where all are whole; ``firm`` [n_orders].
    """
    agent, connection, side, price, energy = parts
    n = len(agent)
    is_bid = np.empty(n, np.bool_)
    key, open_wh, firm_wh = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    whole = len(order_of) == 0
    for i in range(n):
        is_bid[i] = side[i] == _BUYS
        key[i] = ~price[i] if is_bid[i] else price[i]
        open_wh[i] = max(energy[i], 0)
        firm_wh[i] = max(firm[i] if whole else firm[order_of[i]], 0)
    sibling, first = np.arange(0 if whole else n), np.full(0 if whole else len(firm), -1)
    for i in range(len(sibling)):  # a new part goes into the ring behind the first one
        known = first[order_of[i]]
        if known < 0:
            first[order_of[i]] = i
        else:
            sibling[i], sibling[known] = sibling[known], i
    rank, at_rank = np.empty(n, np.uint32), np.empty(n, np.uint32)
    parked_in = np.empty(n, np.int32)
    return Slate(agent, connection, is_bid, key, open_wh, firm_wh, sibling, order_of, rank, at_rank, parked_in)


CHARGES = types.Array(types.int64, 3, "A", readonly=True)
"""Type of the charges of pairs of connections, market by market."""
PARTS = types.UniTuple(I1, 6)  # type: ignore[no-untyped-call]
"""Type of market, agent, connection, side, price and energy of parts."""
