"""The continuous double auction (science A1), with every trade asked of the gate (design 6).

Orders arrive one by one. An arriving order walks the other side in price-time order while prices cross and never
trades with its own agent. Firm energy fills first; a match that crosses the end of a firm leg becomes several rows.
What the gate refuses parks one of the two orders: the buyer where the gate blames the sink, else the seller. Parked
orders arrive once more, in order of arrival, in passes until nothing more is admitted.

**Tranches.** With ``tranches`` K each order arrives in K parts that differ by at most 1 Wh: all first parts in the orders'
sequence, then all second ones, and so on. A part that rests stands behind whatever came before it at its price, its own
order's earlier parts included: time priority is the part's, so that nobody's later parts profit from a good place of its
first. Parts are parked one by one; the firm energy of the order fills first whichever part trades. Trades and rejects name
orders.

**Ties.** ``time``: of resting orders at one price the earliest trades first. ``pro_rata``: an arriving order that cannot take
all of them is shared among them in proportion to what each has open, to the Wh (the largest remainders get what is left
over, of equal ones the earliest); the gate is asked for each share in order of arrival, and what it refuses of one is shared
among the others. Under pair charges those are at one price who leave equally much between the prices after the charge.

**Price.** ``resting``: the resting order's limit. ``midpoint``: floor((bid + ask) / 2) in ticks. Under pair charges
the bid counts less the charge of the pair, which the buyer pays on top of the price.

**Rejects** tell energy that was refused and never traded. Each order has at most one row: its last refusal, the
quantity that the match could not transfer, as far as the order has it open at the end; of an order in parts the sum of its
parts' last refusals. So a refusal that a counter-flow cured leaves no row, and no order's energy is counted twice.
"""

from __future__ import annotations

from collections.abc import Callable

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

    def __init__(
        self,
        midpoint: bool = False,
        rounds: int = 1,
        retry_passes: int = 3,
        tranches: int = 1,
        *,
        pro_rata: bool = False,
    ) -> None:
        self.rounds = rounds
        self._midpoint, self._passes = midpoint, retry_passes
        self._tranches, self._pro_rata = tranches, pro_rata

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
        from marketsim.market import trade_kernel as walked

        parts, order_of = self._parts(orders)
        trades, rejects, status = self._compiled()(
            parts,
            order_of,
            whole_column(orders.firm_wh),
            self._midpoint,
            self._passes,
            _NO_CHARGES if pair_ticks is None else pair_ticks,
            *kernel,
        )
        if status == walked.UNSORTED:
            raise ValueError(_UNSORTED)
        if status == walked.FALSE_GATE:
            raise LawBroken(_FALSE_GATE)
        if self._tranches > 1:
            trades[:2] = order_of[trades[:2]]
        return trades, rejects

    def _compiled(self) -> Callable[..., tuple[MatchTable, MatchTable, int]]:
        if self._pro_rata:
            from marketsim.market.shared_auction_kernel import match_markets as shared

            return shared
        from marketsim.market.double_auction_kernel import match_markets

        return match_markets

    def _parts(self, orders: Orders) -> tuple[tuple[IntArray, ...], IntArray]:
        """The first six fields of ``Orders`` of what arrives, in order of arrival; and the order of each part."""
        whole = tuple(map(whole_column, orders[:6]))
        if self._tranches == 1:
            return whole, _ALL_WHOLE
        from marketsim.market.parts_kernel import ORDER_OF, split

        table = split(whole, self._tranches)
        return tuple(table[:ORDER_OF]), table[ORDER_OF]

    def _match_plainly(self, orders: Orders, gate: Gate, pair_ticks: IntArray | None) -> tuple[MatchTable, MatchTable]:
        from marketsim.market.reference_book import BookOrder, FalseGateError, ReferenceBook, in_parts

        if (np.diff(orders.market) < 0).any():
            raise ValueError(_UNSORTED)
        trades: list[tuple[int, ...]] = []
        rejects: list[tuple[int, ...]] = []
        for market in np.unique(orders.market).tolist():
            first, last = np.searchsorted(orders.market, (market, market + 1)).tolist()
            columns = (
                orders.agent,
                orders.connection,
                orders.side,
                orders.price_ticks,
                orders.energy_wh,
                orders.firm_wh,
            )
            rows = zip(*(c[first:last].tolist() for c in columns), strict=True)
            charge = None if pair_ticks is None else pair_ticks[market]
            admit = lambda *ends_and_wh, m=market: gate.admit(m, *ends_and_wh)  # noqa: E731
            book = ReferenceBook(admit, self._midpoint, charge, pro_rata=self._pro_rata)
            arriving = [BookOrder(first + place, *row) for place, row in enumerate(rows)]
            try:
                book.run(in_parts(arriving, self._tranches), self._passes)
            except FalseGateError as error:
                raise LawBroken(f"{_FALSE_GATE}: {error}") from error
            trades += book.trades
            rejects += book.rejects()
        return _table(trades, 5), _table(rejects, len(Rejects._fields))


_ALL_WHOLE = np.zeros(0, dtype=np.int64)
"""Orders of the parts where each order is its only one."""
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
    return DoubleAuction(
        params.price_rule == "midpoint",
        params.rounds,
        context.retry_passes,
        params.tranches,
        pro_rata=params.ties == "pro_rata",
    )
