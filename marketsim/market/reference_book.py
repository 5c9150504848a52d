"""The double auction in plain Python, for gates that are not compiled: the same trades and rejects as the kernel.

Read this to know what the auction does; ``double_auction_kernel`` does the same faster.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable
from typing import NamedTuple

from marketsim.core.arrays import IntArray
from marketsim.core.records import BLAMES_SINK, MOVES_SINK, MOVES_SOURCE, NOWHERE, Side

Admit = Callable[[int, int, int], tuple[int, int, int]]
"""(source, sink, Wh) -> (admitted Wh, code, element), for one market."""


class FalseGateError(ValueError):
    """A gate admitted less than nothing or more than it was asked for."""


class BookOrder:
    """An order and what is left of it. ``key`` is lower for better prices; a bid's is the complement of its price."""

    __slots__ = ("agent", "connection", "firm_wh", "is_bid", "key", "open_wh", "place")

    def __init__(
        self, place: int, agent: int, connection: int, side: int, price_ticks: int, energy_wh: int, firm_wh: int
    ) -> None:
        self.place, self.agent, self.connection = place, agent, connection
        self.is_bid = side == Side.BUY
        self.key = ~price_ticks if self.is_bid else price_ticks
        self.open_wh, self.firm_wh = max(energy_wh, 0), max(firm_wh, 0)

    @property
    def price_ticks(self) -> int:
        """Limit price at the hub."""
        return ~self.key if self.is_bid else self.key


class ParkedRefusal(NamedTuple):
    """What a match could not transfer, and the order parked for it."""

    parked: BookOrder
    other: BookOrder
    energy_wh: int
    reason: int
    element: int


class ReferenceBook:
    """One market: orders enter in order of arrival; ``trades`` and ``rejects`` tell what came of them."""

    def __init__(self, admit: Admit, midpoint: bool, charge: IntArray | None = None) -> None:
        self._admit, self._midpoint, self._charge = admit, midpoint, charge
        self._resting: dict[bool, list[tuple[int, int, BookOrder]]] = {True: [], False: []}
        self._parked: list[BookOrder] = []
        self._refusals: list[ParkedRefusal] = []
        self.trades: list[tuple[int, int, int, int, int]] = []
        """(buy order, sell order, Wh, price, moves) in order of execution."""

    def run(self, orders: Iterable[BookOrder], passes: int) -> None:
        """All arrivals, then at most ``passes`` passes of the parked orders until nothing more is admitted."""
        for order in orders:
            self._enter(order)
        for _ in range(passes):
            again, self._parked = sorted(self._parked, key=lambda order: order.place), []
            before = len(self.trades)
            for order in again:
                self._enter(order)
            if len(self.trades) == before:
                return

    def rejects(self) -> list[tuple[int, int, int, int, int, int]]:
        """The last refusal of each parked order, as far as its energy was not traded later; in order of refusal."""
        last = {refusal.parked.place: refusal for refusal in self._refusals}
        rows = []
        for refusal in self._refusals:
            parked, other = refusal.parked, refusal.other
            energy = min(refusal.energy_wh, parked.open_wh)
            if last[parked.place] is refusal and energy > 0:
                buy, sell = (parked, other) if parked.is_bid else (other, parked)
                side = int(Side.BUY if parked.is_bid else Side.SELL)
                rows.append((buy.place, sell.place, energy, refusal.reason, refusal.element, side))
        return rows

    def _enter(self, order: BookOrder) -> None:
        """The order walks the other side while prices cross, and rests with what is left."""
        for other in self._walk(order):
            buy, sell = (order, other) if order.is_bid else (other, order)
            parked = self._trade(buy, sell, self._price(buy, sell, resting=other))
            if other.open_wh == 0 or parked is other:
                self._leave(other)
            if parked is not None:
                self._parked.append(parked)
            if parked is order:
                return
        if order.open_wh > 0:
            insort(self._resting[order.is_bid], (order.key, order.place, order))

    def _walk(self, order: BookOrder) -> Iterable[BookOrder]:
        """Resting orders that the order meets, best first, while it has energy left."""
        opposite = self._resting[not order.is_bid]
        if self._charge is None:
            at = 0
            while at < len(opposite) and order.open_wh > 0 and opposite[at][0] <= ~order.key:
                other = opposite[at][2]
                if other.agent == order.agent:
                    at += 1
                else:
                    yield other  # leaves the book, or the arriving order stops
            return
        while order.open_wh > 0:
            reach = [(self._gain(order, other), -other.place, other) for _, _, other in opposite]
            reach = [entry for entry in reach if entry[0] >= 0 and entry[2].agent != order.agent]
            if not reach:
                return
            yield max(reach, key=lambda entry: entry[:2])[2]

    def _pair_charge(self, buy: BookOrder, sell: BookOrder) -> int:
        return 0 if self._charge is None else int(self._charge[buy.connection, sell.connection])

    def _gain(self, one: BookOrder, other: BookOrder) -> int:
        buy, sell = (one, other) if one.is_bid else (other, one)
        return buy.price_ticks - sell.price_ticks - self._pair_charge(buy, sell)

    def _price(self, buy: BookOrder, sell: BookOrder, resting: BookOrder) -> int:
        bid = buy.price_ticks - self._pair_charge(buy, sell)
        if self._midpoint:
            return (bid + sell.price_ticks) // 2
        return bid if resting is buy else sell.price_ticks

    def _leave(self, order: BookOrder) -> None:
        side = self._resting[order.is_bid]
        del side[bisect_left(side, (order.key, order.place))]

    def _trade(self, buy: BookOrder, sell: BookOrder, price: int) -> BookOrder | None:
        """Trade what both have open, a row for each pair of legs. Returns the order to be parked."""
        left = min(buy.open_wh, sell.open_wh)
        while left > 0:
            source = NOWHERE if sell.firm_wh > 0 else sell.connection
            sink = NOWHERE if buy.firm_wh > 0 else buy.connection
            leg = min(left, sell.firm_wh or left, buy.firm_wh or left)
            moves = MOVES_SOURCE * (source != NOWHERE) | MOVES_SINK * (sink != NOWHERE)
            admitted, code, element = self._admit(source, sink, leg) if moves else (leg, 0, -1)
            if not 0 <= admitted <= leg:
                raise FalseGateError(f"admitted {admitted} Wh of {leg} Wh")
            if admitted > 0:
                self.trades.append((buy.place, sell.place, admitted, price, moves))
                left -= admitted
                for order in (buy, sell):
                    order.open_wh -= admitted
                    order.firm_wh = max(order.firm_wh - admitted, 0)
            if admitted < leg:
                parked, other = (buy, sell) if code & BLAMES_SINK else (sell, buy)
                self._refusals.append(ParkedRefusal(parked, other, left, code & ~BLAMES_SINK, element))
                return parked
        return None
