"""What all engines that clear a market at once have in common: pairing, the gate, records.

A mechanism decides for each market who trades how much at which price (``Clearing``), as if there were no grid. If the
gate does not admit all of it, every order is held to the largest common factor (``common_factor``); prices stay.

Buyers and sellers of a pool are anonymous. They are paired from the top of both lists, in the mechanism's order
(north-west corner rule), so that n buyers and m sellers make at most n + m - 1 pairs; a pair whose two orders belong
to one agent swaps partners with another. What could trade only with itself does not trade.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np

from marketsim.core import records
from marketsim.core.arrays import IntArray, joined
from marketsim.core.ports import Gate
from marketsim.core.records import Orders, Rejects, Side, Tariffs, Trades
from marketsim.market.common_factor import Stop, Transfers, commit_largest, share


class Clearing(NamedTuple):
    """What a mechanism decides for one market; the energy of both sides is the same."""

    buy: IntArray
    """Orders that buy, in the order of pairing."""
    buy_wh: IntArray
    sell: IntArray
    sell_wh: IntArray
    buyer_ticks: IntArray
    """What each buyer pays [n_buy]."""
    seller_ticks: int | None = None
    """What sellers get; None: what their buyer pays."""


class Mechanism(Protocol):
    """Clears one market; a pure function."""

    def __call__(
        self, orders: Orders, buys: IntArray, sells: IntArray, retail_ticks: int, feed_in_ticks: int
    ) -> Clearing | None:
        """Decide over the orders at positions ``buys`` and ``sells``, none of them empty; None: no trade."""
        ...


class Pairs(NamedTuple):
    """Parts of a clearing: positions in its lists, energy, and the ends that move."""

    buyer: IntArray
    seller: IntArray
    wh: IntArray
    moves: IntArray


class PoolEngine:
    """Port ``Engine`` for a mechanism that clears each market at once."""

    rounds = 1

    def __init__(self, name: str, mechanism: Mechanism) -> None:
        self.name = name
        self._mechanism = mechanism

    def match(
        self, orders: Orders, gate: Gate, tariffs: Tariffs, pair_ticks: IntArray | None = None
    ) -> tuple[Trades, Rejects]:
        """Trades and refusals, market after market."""
        if pair_ticks is not None:
            raise ValueError(f"{self.name} has one pool for all and cannot take charges between pairs")

        def cleared(market: int, rows: IntArray) -> tuple[Trades, Rejects] | None:
            buys, sells = (rows[orders.side[rows] == side] for side in (Side.BUY, Side.SELL))
            if not len(buys) or not len(sells):
                return None
            prices = int(tariffs.retail_ticks[market]), int(tariffs.feed_in_ticks[market])
            clearing = self._mechanism(orders, buys, sells, *prices)
            return None if clearing is None else execute(orders, gate, market, clearing)

        return market_by_market(orders, cleared)


def market_by_market(
    orders: Orders, cleared: Callable[[int, IntArray], tuple[Trades, Rejects] | None]
) -> tuple[Trades, Rejects]:
    """What ``cleared(market, rows)`` returns for each market and its orders with energy, one after the other."""
    trades, rejects = [records.empty_trades()], [records.empty_rejects()]
    wanted = orders.energy_wh > 0
    for market in np.unique(orders.market).tolist():
        found = cleared(market, np.flatnonzero(wanted & (orders.market == market)))
        if found is not None:
            trades.append(found[0])
            rejects.append(found[1])
    return joined(trades), joined(rejects)


def execute(orders: Orders, gate: Gate, market: int, clearing: Clearing) -> tuple[Trades, Rejects]:
    """Trade a clearing as far as the gate admits all of it by a common factor."""
    total = int(clearing.buy_wh.sum())

    def scaled(part: int) -> Clearing:
        return clearing._replace(buy_wh=share(part, clearing.buy_wh), sell_wh=share(part, clearing.sell_wh))

    @lru_cache(maxsize=1)  # the last part that was asked for is the one that trades, as a rule
    def pairs_of(part: int) -> tuple[Clearing, Pairs]:
        taken = scaled(part)
        return taken, pair_up(orders, taken)

    admitted, stop = commit_largest(gate, market, total, lambda part: _transfers(orders, *pairs_of(part)))
    taken, pairs = pairs_of(admitted)
    trades = _trades(taken, pairs)
    return trades, records.empty_rejects() if stop is None else _rejects(orders, clearing, taken, stop)


def pair_up(orders: Orders, clearing: Clearing) -> Pairs:
    """Pair buyers and sellers from the top of both lists, cut where a firm leg ends."""
    buy_ends, sell_ends = np.cumsum(clearing.buy_wh), np.cumsum(clearing.sell_wh)
    buy_firm = buy_ends - clearing.buy_wh + np.minimum(orders.firm_wh[clearing.buy], clearing.buy_wh)
    sell_firm = sell_ends - clearing.sell_wh + np.minimum(orders.firm_wh[clearing.sell], clearing.sell_wh)
    cuts = np.unique(np.concatenate((buy_ends, sell_ends, buy_firm, sell_firm)))
    cuts = cuts[cuts > 0]
    wh = np.diff(cuts, prepend=0)
    begins = cuts - wh
    buyer, seller = (np.searchsorted(ends, begins, side="right") for ends in (buy_ends, sell_ends))
    if (orders.agent[clearing.buy[buyer]] == orders.agent[clearing.sell[seller]]).any():
        pairs = zip(buyer.tolist(), seller.tolist(), wh.tolist(), strict=True)
        return _legs(orders, clearing, _swap_own(orders, clearing, pairs))
    moves = records.MOVES_SINK * (begins >= buy_firm[buyer]) + records.MOVES_SOURCE * (begins >= sell_firm[seller])
    return Pairs(buyer, seller, wh, moves.astype(np.int64))


def _swap_own(orders: Orders, clearing: Clearing, pairs: Iterable[tuple[int, int, int]]) -> list[list[int]]:
    """Pairs of one agent's two orders exchange partners with the first pairs that can; what finds none is left out."""
    buyer_of, seller_of = orders.agent[clearing.buy].tolist(), orders.agent[clearing.sell].tolist()
    rows = [list(pair) for pair in pairs]
    for row in tuple(rows):
        buyer, seller, _ = row
        agent = buyer_of[buyer]
        if seller_of[seller] != agent:
            continue
        for other in tuple(rows):
            part = min(row[2], other[2])
            if part and buyer_of[other[0]] != agent != seller_of[other[1]]:
                row[2] -= part
                other[2] -= part
                rows += [[buyer, other[1], part], [other[0], seller, part]]
    return [row for row in rows if row[2] and buyer_of[row[0]] != seller_of[row[1]]]


def _legs(orders: Orders, clearing: Clearing, rows: list[list[int]]) -> Pairs:
    """Rows cut where a firm leg ends: the first energy of an order that trades is its firm energy."""
    buy_firm, sell_firm = orders.firm_wh[clearing.buy].tolist(), orders.firm_wh[clearing.sell].tolist()
    cut: list[tuple[int, int, int, int]] = []
    for buyer, seller, wh in rows:
        left = wh
        while left:
            part = min(left, buy_firm[buyer] or left, sell_firm[seller] or left)
            moves = records.MOVES_SINK * (buy_firm[buyer] == 0) | records.MOVES_SOURCE * (sell_firm[seller] == 0)
            cut.append((buyer, seller, part, moves))
            buy_firm[buyer] = max(buy_firm[buyer] - part, 0)
            sell_firm[seller] = max(sell_firm[seller] - part, 0)
            left -= part
    table = np.array(cut, dtype=np.int64).reshape(-1, 4)
    return Pairs(*(np.ascontiguousarray(column) for column in table.T))


def _transfers(orders: Orders, clearing: Clearing, pairs: Pairs) -> Transfers:
    return Transfers(
        source=np.where(
            pairs.moves & records.MOVES_SOURCE, orders.connection[clearing.sell[pairs.seller]], records.NOWHERE
        ),
        sink=np.where(pairs.moves & records.MOVES_SINK, orders.connection[clearing.buy[pairs.buyer]], records.NOWHERE),
        wh=pairs.wh,
    )


def _trades(clearing: Clearing, pairs: Pairs) -> Trades:
    buyer_ticks = clearing.buyer_ticks[pairs.buyer]
    seller_ticks = buyer_ticks if clearing.seller_ticks is None else np.full_like(buyer_ticks, clearing.seller_ticks)
    return Trades(
        buy_order=clearing.buy[pairs.buyer],
        sell_order=clearing.sell[pairs.seller],
        energy_wh=pairs.wh,
        price_ticks=floor_mean(buyer_ticks, seller_ticks),
        buyer_ticks=buyer_ticks,
        seller_ticks=seller_ticks,
        moves=pairs.moves,
    )


def _rejects(orders: Orders, clearing: Clearing, taken: Clearing, stop: Stop) -> Rejects:
    """What each order gave up for the common factor, paired like trades, so that no energy counts twice."""
    refused = clearing._replace(buy_wh=clearing.buy_wh - taken.buy_wh, sell_wh=clearing.sell_wh - taken.sell_wh)
    pairs = pair_up(orders._replace(firm_wh=np.zeros_like(orders.firm_wh)), refused)
    return Rejects(
        buy_order=clearing.buy[pairs.buyer],
        sell_order=clearing.sell[pairs.seller],
        energy_wh=pairs.wh,
        reason=np.full_like(pairs.wh, stop.reason),
        element=np.full_like(pairs.wh, stop.element),
        side=np.full_like(pairs.wh, records.BOTH),
    )


def floor_mean(one: IntArray, other: IntArray) -> IntArray:
    """Floor of the mean of two int64, without overflow."""
    return (one & other) + ((one ^ other) >> 1)
