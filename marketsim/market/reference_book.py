"""The double auction in plain Python, for gates that are not compiled: the same trades and rejects as the kernel.

Read this to know what the auction does; ``double_auction_kernel`` and ``shared_auction_kernel`` do the same faster.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from typing import NamedTuple

from marketsim.core.arrays import IntArray
from marketsim.core.records import BLAMES_SINK, MOVES_SINK, MOVES_SOURCE, NOWHERE, Side

Admit = Callable[[int, int, int], tuple[int, int, int]]
"""(source, sink, Wh) -> (admitted Wh, code, element), for one market."""


class FalseGateError(ValueError):
    """A gate admitted less than nothing or more than it was asked for."""


class FirmLeg:
    """Firm energy that is left of an order [Wh]; all its parts share it."""

    __slots__ = ("wh",)

    def __init__(self, wh: int) -> None:
        self.wh = wh


class BookOrder:
    """An order, or a part of one, and what is left of it. ``key`` is lower for better prices; a bid's is the complement.

    ``place`` is the order's position, which trades and rejects name; ``turn`` and ``place`` say when it arrives.
    """

    __slots__ = ("agent", "connection", "firm", "is_bid", "key", "open_wh", "place", "turn")

    def __init__(
        self, place: int, agent: int, connection: int, side: int, price_ticks: int, energy_wh: int, firm_wh: int
    ) -> None:
        self.place, self.agent, self.connection, self.turn = place, agent, connection, 0
        self.is_bid = side == Side.BUY
        self.key = ~price_ticks if self.is_bid else price_ticks
        self.open_wh, self.firm = max(energy_wh, 0), FirmLeg(max(firm_wh, 0))

    @property
    def price_ticks(self) -> int:
        """Limit price at the hub."""
        return ~self.key if self.is_bid else self.key

    @property
    def arrival(self) -> tuple[int, int]:
        """When it arrives: lower is earlier."""
        return self.turn, self.place

    def part(self, turn: int, of: int) -> BookOrder:
        """Part number ``turn`` of so many."""
        part = copy(self)
        part.turn, part.open_wh = turn, self.open_wh // of + (turn < self.open_wh % of)
        return part


def in_parts(orders: Sequence[BookOrder], tranches: int) -> list[BookOrder]:
    """The orders in parts that differ by at most 1 Wh, in order of arrival; none of 0 Wh where there are several."""
    if tranches == 1:
        return list(orders)
    parts = [order.part(turn, tranches) for turn in range(tranches) for order in orders]
    return [part for part in parts if part.open_wh > 0]


def shares(asked: int, open_wh: Sequence[int]) -> list[int]:
    """``asked`` in proportion to ``open_wh``, in whole numbers that sum to it; all that is open where that is less.

    Largest remainders first, ties by sequence.
    """
    total = sum(open_wh)
    if total <= asked:
        return list(open_wh)
    found = [asked * each // total for each in open_wh]
    by_remainder = sorted(range(len(found)), key=lambda k: -(asked * open_wh[k] % total))
    for k in by_remainder[: asked - sum(found)]:
        found[k] += 1
    return found


class ParkedRefusal(NamedTuple):
    """What a match could not transfer, and the order parked for it."""

    parked: BookOrder
    other: BookOrder
    energy_wh: int
    reason: int
    element: int


class ReferenceBook:
    """One market: orders enter in order of arrival; ``trades`` and ``rejects`` tell what came of them."""

    def __init__(self, admit: Admit, midpoint: bool, charge: IntArray | None = None, *, pro_rata: bool = False) -> None:
        self._admit, self._midpoint, self._charge, self._pro_rata = admit, midpoint, charge, pro_rata
        self._resting: dict[bool, list[tuple[int, tuple[int, int], BookOrder]]] = {True: [], False: []}
        self._parked: list[BookOrder] = []
        self._refusals: list[ParkedRefusal] = []
        self.trades: list[tuple[int, int, int, int, int]] = []
        """(buy order, sell order, Wh, price, moves) in order of execution."""

    def run(self, orders: Iterable[BookOrder], passes: int) -> None:
        """All arrivals, then at most ``passes`` passes of the parked orders until nothing more is admitted."""
        for order in orders:
            self._enter(order)
        for _ in range(passes):
            again, self._parked = sorted(self._parked, key=lambda order: order.arrival), []
            before = len(self.trades)
            for order in again:
                self._enter(order)
            if len(self.trades) == before:
                return

    def rejects(self) -> list[tuple[int, int, int, int, int, int]]:
        """What was refused of each order and not traded later, a row an order, in order of its last refusal."""
        last_of_part = {refusal.parked.arrival: refusal for refusal in self._refusals}
        standing = [
            (refusal, min(refusal.energy_wh, refusal.parked.open_wh))
            for refusal in self._refusals
            if last_of_part[refusal.parked.arrival] is refusal
        ]
        standing = [(refusal, energy) for refusal, energy in standing if energy > 0]
        last_of_order = {refusal.parked.place: refusal for refusal, _ in standing}
        rows = []
        for refusal, _ in standing:
            parked, other = refusal.parked, refusal.other
            if last_of_order[parked.place] is refusal:
                energy = sum(wh for each, wh in standing if each.parked.place == parked.place)
                buy, sell = (parked, other) if parked.is_bid else (other, parked)
                side = int(Side.BUY if parked.is_bid else Side.SELL)
                rows.append((buy.place, sell.place, energy, refusal.reason, refusal.element, side))
        return rows

    def _enter(self, order: BookOrder) -> None:
        """The order walks the other side while prices cross, and rests with what is left."""
        for other, wanted in self._shared(order) if self._pro_rata else self._walk(order):
            buy, sell = (order, other) if order.is_bid else (other, order)
            parked = self._trade(buy, sell, self._price(buy, sell, resting=other), wanted)
            if other.open_wh == 0 or parked is other:
                self._leave(other)
            if parked is not None:
                self._parked.append(parked)
            if parked is order:
                return
        if order.open_wh > 0:
            insort(self._resting[order.is_bid], (order.key, order.arrival, order))

    def _walk(self, order: BookOrder) -> Iterable[tuple[BookOrder, int]]:
        """Resting orders that the order meets, best first, while it has energy left; and how much they have in common."""
        opposite = self._resting[not order.is_bid]
        if self._charge is None:
            at = 0
            while at < len(opposite) and order.open_wh > 0 and opposite[at][0] <= ~order.key:
                other = opposite[at][2]
                if other.agent == order.agent:
                    at += 1
                else:
                    yield other, min(order.open_wh, other.open_wh)  # leaves the book, or the arriving order stops
            return
        while order.open_wh > 0:
            level = self._level(order)
            if not level:
                return
            yield level[0], min(order.open_wh, level[0].open_wh)

    def _shared(self, order: BookOrder) -> Iterable[tuple[BookOrder, int]]:
        """Resting orders and the order's share for each, price after price, while it has energy left."""
        while order.open_wh > 0:
            level = self._level(order)
            if not level:
                return
            wanted = shares(order.open_wh, [other.open_wh for other in level])
            yield from ((other, wh) for other, wh in zip(level, wanted, strict=True) if wh > 0)

    def _level(self, order: BookOrder) -> list[BookOrder]:
        """Who leaves most between the prices after the charge, other agents' orders only, in order of arrival."""
        opposite = [other for _, _, other in self._resting[not order.is_bid] if other.agent != order.agent]
        gains = [self._gain(order, other) for other in opposite]
        most = max(gains, default=-1)
        level = [other for other, gain in zip(opposite, gains, strict=True) if gain == most]
        return sorted(level, key=lambda other: other.arrival) if most >= 0 else []

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
        del side[bisect_left(side, (order.key, order.arrival))]

    def _trade(self, buy: BookOrder, sell: BookOrder, price: int, left: int) -> BookOrder | None:
        """Trade ``left`` Wh, which both have open, a row for each pair of legs. Returns the order to be parked."""
        while left > 0:
            source = NOWHERE if sell.firm.wh > 0 else sell.connection
            sink = NOWHERE if buy.firm.wh > 0 else buy.connection
            leg = min(left, sell.firm.wh or left, buy.firm.wh or left)
            moves = MOVES_SOURCE * (source != NOWHERE) | MOVES_SINK * (sink != NOWHERE)
            admitted, code, element = self._admit(source, sink, leg) if moves else (leg, 0, -1)
            if not 0 <= admitted <= leg:
                raise FalseGateError(f"admitted {admitted} Wh of {leg} Wh")
            if admitted > 0:
                self.trades.append((buy.place, sell.place, admitted, price, moves))
                left -= admitted
                for order in (buy, sell):
                    order.open_wh -= admitted
                    order.firm.wh = max(order.firm.wh - admitted, 0)
            if admitted < leg:
                parked, other = (buy, sell) if code & BLAMES_SINK else (sell, buy)
                self._refusals.append(ParkedRefusal(parked, other, left, code & ~BLAMES_SINK, element))
                return parked
        return None
