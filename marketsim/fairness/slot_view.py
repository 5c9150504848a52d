"""What a model is shown of a slot: numbers of anonymous participants as compact JSON, and nothing else.

No name, no text and no order of the scenario reaches it: participants are listed by size, so that the same slot reads
the same whoever came first, and is found in the cache again. Every number is in per cent; ``prompt`` says of what.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.records import UTILITY_ONLY_TICKS, Community, Side, SlotRecord
from marketsim.fairness.slot import SlotFairness

GROUPS: Final = (10, 5, 2)
"""Groups by size that stand for the participants of a side, where these are too many to be listed; the first that fit."""
_WHOLE_FROM: Final = 10.0


class SideOfMarket(NamedTuple):
    """One side of a market, an entry a participant; prices in per cent of the way from feed-in to retail."""

    available_wh: IntArray
    offered_wh: IntArray
    """Offered to peers at any price; orders for the utility alone are no offers."""
    limit: FloatArray
    """Mean limit price of the offers; NaN without an offer."""
    traded_wh: IntArray
    price: FloatArray
    """Mean price of the trades; NaN without a trade."""

    def rows(self, chosen: BoolArray | IntArray | slice) -> SideOfMarket:
        """The same of some participants."""
        return SideOfMarket(
            self.available_wh[chosen],
            self.offered_wh[chosen],
            self.limit[chosen],
            self.traded_wh[chosen],
            self.price[chosen],
        )


class SlotView(NamedTuple):
    """What there is to be said of one market in one slot."""

    tradable_wh: int
    """P, what peers could have traded."""
    price_spread: float
    """Twice the standard deviation of the trades' prices over retail less feed-in [%]; NaN without a trade."""
    sellers: SideOfMarket
    buyers: SideOfMarket

    @property
    def rationed(self) -> bool:
        """Whether sellers compete: two or more have something, and together more than is wanted."""
        supply = self.sellers.available_wh
        return int((supply > 0).sum()) >= 2 and int(supply.sum()) > int(self.buyers.available_wh.sum())

    @property
    def shortfall(self) -> float:
        """What sellers lack of their entitlement, of the most that is possible: 1 - FBS; NaN where nobody competes."""
        if not self.rationed or not self.buyers.available_wh.any():
            return float("nan")
        largest = float(self.sellers.available_wh.max()) / float(self.sellers.available_wh.sum())
        short = float(self._short_wh(self.sellers).sum()) / float(self.buyers.available_wh.sum())
        return min(short / (1.0 - largest), 1.0)

    @property
    def scores(self) -> tuple[str, ...]:
        """Names of the scores that are defined, which are those that are asked for."""
        fbs = ("fbs",) if self.rationed else ()
        fpp = () if np.isnan(self.price_spread) else ("fpp",)
        return ("ftg", *fbs, *fpp)

    def text(self, rng: np.random.Generator | None = None) -> str:
        """The slot with each participant, largest first or, with ``rng``, shuffled."""
        sides = {"sellers": (self.sellers, "sold"), "buyers": (self.buyers, "bought")}
        return self._json({name: self._listed(*side, rng) for name, side in sides.items()})

    def grouped(self, groups: int = GROUPS[0]) -> str:
        """The slot with the participants of each side summed up in so many groups by size, nobody left out."""
        sides = {"sellers": (self.sellers, "sold"), "buyers": (self.buyers, "bought")}
        return self._json({name: self._summed(*side, groups) for name, side in sides.items()})

    def texts(self) -> Iterator[str]:
        """The slot as it may be told: with each participant, and in ever fewer groups."""
        yield self.text()
        yield from (self.grouped(groups) for groups in GROUPS)

    def _json(self, sides: Mapping[str, list[dict[str, Any]]]) -> str:
        supply, demand = int(self.sellers.available_wh.sum()), int(self.buyers.available_wh.sum())
        traded_wh = min(int(self.sellers.traded_wh.sum()), self.tradable_wh)
        head: dict[str, Any] = {
            "traded": _percent(traded_wh, self.tradable_wh),
            "demand": _percent(demand, supply),
            "price_spread": _rounded(self.price_spread),
        }
        if self.rationed:
            head["shortfall"] = _rounded(100.0 * self.shortfall)
        head["score"] = list(self.scores)
        return json.dumps({**sides, **head}, separators=(",", ":"), allow_nan=False)

    def _entitled_wh(self, book: SideOfMarket) -> FloatArray:
        """What each seller would sell if all sold the same part of what they have [Wh]."""
        return np.asarray(book.available_wh * (self.buyers.available_wh.sum() / self.sellers.available_wh.sum()))

    def _short_wh(self, book: SideOfMarket) -> FloatArray:
        sold = np.minimum(book.traded_wh, book.available_wh)
        return np.asarray(np.maximum(self._entitled_wh(book) - sold, 0.0))

    def _entitlement(self, book: SideOfMarket, traded: str) -> dict[str, Any]:
        """What these sellers are entitled to, got and lack, in per cent of the demand; nothing unless they compete."""
        if traded != "sold" or not self.rationed:
            return {}
        demand = float(self.buyers.available_wh.sum())
        amounts = {"entitled": self._entitled_wh(book), "got": book.traded_wh, "short": self._short_wh(book)}
        return {name: _percent(float(wh.sum()), demand) for name, wh in amounts.items()}

    def _row(self, book: SideOfMarket, traded: str, total_wh: int) -> dict[str, Any]:
        """One participant, or several together."""
        own = float(book.available_wh.sum())
        return {
            "share": _percent(own, total_wh),
            "offered": _percent(float(book.offered_wh.sum()), own),
            traded: _percent(float(book.traded_wh.sum()), own),
            "limit": _rounded(_weighted(book.limit, book.offered_wh)),
            "price": _rounded(_weighted(book.price, book.traded_wh)),
            **self._entitlement(book, traded),
        }

    def _listed(self, book: SideOfMarket, traded: str, rng: np.random.Generator | None) -> list[dict[str, Any]]:
        seen, total = _taking_part(book), int(book.available_wh.sum())
        order = _by_size(seen) if rng is None else rng.permutation(len(seen.available_wh))
        return [self._row(seen.rows(np.array([place])), traded, total) for place in order]

    def _summed(self, book: SideOfMarket, traded: str, groups: int) -> list[dict[str, Any]]:
        seen, total = _taking_part(book), int(book.available_wh.sum())
        parts = np.array_split(_by_size(seen), groups)
        return [self._group(seen.rows(part), traded, total) for part in parts if len(part)]

    def _group(self, book: SideOfMarket, traded: str, total_wh: int) -> dict[str, Any]:
        rates = book.traded_wh[book.available_wh > 0] / book.available_wh[book.available_wh > 0]
        ends = {"low": rates.min(), "high": rates.max()} if len(rates) else {"low": np.nan, "high": np.nan}
        row = {"count": len(book.available_wh), **self._row(book, traded, total_wh)}
        return row | {name: _rounded(100.0 * float(rate)) for name, rate in ends.items()}


def _rounded(percent: float) -> float | int | None:
    """Whole from 10 on, to a tenth below, None for NaN: few digits, and small shares stay apart."""
    if np.isnan(percent):
        return None
    tenths = round(float(percent), 1)
    return round(percent) if abs(tenths) >= _WHOLE_FROM or tenths == round(tenths) else tenths


def _percent(part: float, whole: float) -> float | int | None:
    return _rounded(100.0 * part / whole) if whole > 0 else None


def _weighted(values: FloatArray, weights: IntArray) -> float:
    """Mean of what there is; NaN where there is nothing."""
    known = (weights > 0) & ~np.isnan(values)
    return float(np.average(values[known], weights=weights[known])) if known.any() else np.nan


def _taking_part(book: SideOfMarket) -> SideOfMarket:
    return book.rows((book.available_wh > 0) | (book.traded_wh > 0))


def _by_size(book: SideOfMarket) -> IntArray:
    """Places of the participants, largest first."""
    keys = np.nan_to_num(np.stack(book), nan=-np.inf)
    return np.lexsort(-keys[::-1])


def _mean_price(agents: IntArray, price: FloatArray, energy_wh: IntArray, n_agents: int) -> tuple[IntArray, FloatArray]:
    """Energy [Wh] and mean price of each agent; NaN without energy."""
    energy = np.bincount(agents, weights=energy_wh, minlength=n_agents)
    value = np.bincount(agents, weights=energy_wh * price, minlength=n_agents)
    mean = np.divide(value, energy, out=np.full(n_agents, np.nan), where=energy > 0)
    return energy.astype(np.int64), mean


def _book(record: SlotRecord, community: Community, side: Side, available_wh: IntArray) -> SideOfMarket:
    """One side of all markets, an entry an agent of the flat axis."""
    orders, trades, tariffs, n_agents = record.orders, record.trades, record.inputs.tariffs, community.n_agents
    room = (tariffs.retail_ticks - tariffs.feed_in_ticks).astype(np.float64)
    room[room <= 0] = np.nan

    def position(ticks: IntArray, market: IntArray) -> FloatArray:
        return np.asarray(100.0 * (ticks - tariffs.feed_in_ticks[market]) / room[market])

    rows = np.flatnonzero((orders.side == side) & (orders.limit_ticks > UTILITY_ONLY_TICKS))
    asked = position(orders.limit_ticks[rows], orders.market[rows])
    offered, limit = _mean_price(orders.agent[rows], asked, orders.energy_wh[rows], n_agents)
    own = trades.buy_order if side == Side.BUY else trades.sell_order
    paid = position(trades.price_ticks, orders.market[own])
    traded, price = _mean_price(orders.agent[own], paid, trades.energy_wh, n_agents)
    return SideOfMarket(available_wh, offered, limit, traded, price)


def _price_spread(found: SlotFairness, market: int) -> float:
    given = found.inputs
    first, last = np.searchsorted(given.trade_market, [market, market + 1])
    energy, ticks = given.energy_wh[first:last], given.price_ticks[first:last].astype(np.float64)
    room = int(given.retail_ticks[market] - given.feed_in_ticks[market])
    if room <= 0 or energy.sum() == 0:
        return float("nan")
    mean = np.average(ticks, weights=energy)
    deviation = float(np.sqrt(np.average((ticks - mean) ** 2, weights=energy)))
    return min(200.0 * deviation / room, 100.0)


def slot_views(record: SlotRecord, community: Community, found: SlotFairness, markets: Sequence[int]) -> list[SlotView]:
    """What there is to be said of the slot in each of these markets."""
    sellers = _book(record, community, Side.SELL, found.available.supply_wh)
    buyers = _book(record, community, Side.BUY, found.available.demand_wh)
    first = np.searchsorted(community.market, np.arange(community.n_markets + 1)).tolist()
    views = []
    for market in markets:
        agents = slice(first[market], first[market + 1])
        spread = _price_spread(found, market)
        views.append(SlotView(int(found.tradable_wh[market]), spread, sellers.rows(agents), buyers.rows(agents)))
    return views


def text_hash(text: str) -> str:
    """Hash of a text about a slot, 16 hex digits."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
