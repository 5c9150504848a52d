"""The continuous double auction (science A1), with every trade asked of the gate (design 6).

Orders arrive one by one. An arriving order walks the other side in price-time order while prices cross and never
trades with its own agent. Firm energy fills first; a match that crosses the end of a firm leg becomes several rows.
What the gate refuses parks one of the two orders: the buyer where the gate blames the sink, else the seller. Parked
orders arrive once more, in order of arrival, in passes until nothing more is admitted.

**Price.** ``resting``: the resting order's limit. ``midpoint``: floor((bid + ask) / 2) in ticks. Under pair charges
the bid counts less the charge of the pair, which the buyer pays on top of the price.

**Rejects** tell energy that was refused and never traded. Each order has at most one row: its last refusal, the
quantity that the match could not transfer, as far as the order has it open at the end. So a refusal that a counter-flow
cured leaves no row, and no order's energy is counted twice.
"""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import IntArray, whole_column
from marketsim.core.build import BuildContext
from marketsim.core.errors import LawBroken
from marketsim.core.ports import Gate, GateKernel
from marketsim.core.records import Orders, Rejects, Tariffs, Trades
from marketsim.market.params import DoubleAuctionParams

MatchTable = IntArray
"""Rows of trades [5, .] or refusals [6, .] as columns."""


class DoubleAuction:
    """Port ``Engine``. ``rounds`` is how often agents quote within a slot; the slot repeats ``match``."""

    name = "double_auction"

    def __init__(self, midpoint: bool = False, rounds: int = 1, retry_passes: int = 3) -> None:
        self.rounds = rounds
        self._midpoint, self._passes = midpoint, retry_passes

    def match(
        self,
        orders: Orders,
        gate: Gate,
        tariffs: Tariffs,  # noqa: ARG002 - prices come from the orders
        pair_ticks: IntArray | None = None,
    ) -> tuple[Trades, Rejects]:
        """Trades and refusals of all markets, market after market, in order of execution."""
        trades, rejects = self.match_tables(orders, gate, pair_ticks)
        return _records(orders, trades, rejects, pair_ticks)

    def match_tables(
        self, orders: Orders, gate: Gate, pair_ticks: IntArray | None = None
    ) -> tuple[MatchTable, MatchTable]:
        """Trades (buy, sell, Wh, price, moves) and refusals (buy, sell, Wh, reason, element, side) as bare tables."""
        if gate.kernel is None:
            return self._match_plainly(orders, gate, pair_ticks)
        return self._match_compiled(orders, gate.kernel, pair_ticks)

    def _match_compiled(
        self, orders: Orders, kernel: GateKernel, pair_ticks: IntArray | None
    ) -> tuple[MatchTable, MatchTable]:
        from marketsim.market import double_auction_kernel as compiled

        trades, rejects, status = compiled.match_markets(
            tuple(map(whole_column, orders[:7])),
            self._midpoint,
            self._passes,
            _NO_CHARGES if pair_ticks is None else pair_ticks,
            *kernel,
        )
        if status == compiled.UNSORTED:
            raise ValueError(_UNSORTED)
        if status == compiled.FALSE_GATE:
            raise LawBroken(_FALSE_GATE)
        return trades, rejects

    def _match_plainly(self, orders: Orders, gate: Gate, pair_ticks: IntArray | None) -> tuple[MatchTable, MatchTable]:
        from marketsim.market.reference_book import BookOrder, FalseGateError, ReferenceBook

        if (np.diff(orders.market) < 0).any():
            raise ValueError(_UNSORTED)
        trades: list[tuple[int, ...]] = []
        rejects: list[tuple[int, ...]] = []
        for market in np.unique(orders.market).tolist():
            first, last = np.searchsorted(orders.market, (market, market + 1)).tolist()
            columns = (orders.agent, orders.connection, orders.side, orders.price_ticks)
            rows = zip(*(c[first:last].tolist() for c in (*columns, orders.energy_wh, orders.firm_wh)), strict=True)
            charge = None if pair_ticks is None else pair_ticks[market]
            book = ReferenceBook(lambda *ends_and_wh, m=market: gate.admit(m, *ends_and_wh), self._midpoint, charge)
            try:
                book.run((BookOrder(first + place, *row) for place, row in enumerate(rows)), self._passes)
            except FalseGateError as error:
                raise LawBroken(f"{_FALSE_GATE}: {error}") from error
            trades += book.trades
            rejects += book.rejects()
        return _table(trades, 5), _table(rejects, len(Rejects._fields))


_NO_CHARGES = np.zeros((1, 0, 0), dtype=np.int64)
_UNSORTED = "orders of a market must stand together, markets ascending"
_FALSE_GATE = "the gate admitted less than nothing or more than it was asked for; this is a fault of the gate"


def _table(rows: list[tuple[int, ...]], width: int) -> MatchTable:
    return np.ascontiguousarray(np.array(rows, dtype=np.int64).reshape(-1, width).T)


def _records(
    orders: Orders, trades: MatchTable, rejects: MatchTable, pair_ticks: IntArray | None
) -> tuple[Trades, Rejects]:
    buy, sell, energy, price, moves = trades
    buyer_ticks = price
    if pair_ticks is not None:
        ends = orders.connection[buy], orders.connection[sell]
        buyer_ticks = price + pair_ticks[orders.market[buy], *ends]
    return Trades(buy, sell, energy, price, buyer_ticks, price, moves), Rejects(*rejects)


def build(params: DoubleAuctionParams, context: BuildContext) -> DoubleAuction:
    """The engine."""
    return DoubleAuction(params.price_rule == "midpoint", params.rounds, context.retry_passes)
