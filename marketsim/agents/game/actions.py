"""What an action does: a price, a share of the own surplus or deficit, and a charge level.

Bounds hold by construction: prices lie between the tariffs, quantities within what was metered, charge levels within
the store's range of the slot. Devices that are no stores follow the plans of every other strategy at their own values.

**Rounds.** An action is one of the whole slot. Where the engine has several rounds, its price is the one of the first
round; what is left open moves in equal steps to its reservation value, where it stands in the last round (``conceded``).
That is what the utility pays or asks for what is left then, so nobody loses by it, and a gain that two prices missed is not
lost. The policy is not asked again: an action, its reward and its probability stay one a slot, training and runs follow the
same rule, and what a policy learns is where to begin. What the quantity head holds back is not offered in any round.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from marketsim.agents.strategies.assemble import planned_fleets
from marketsim.agents.strategies.fleets import OwnedFleet, own_fleets
from marketsim.agents.strategies.orders import Legs
from marketsim.agents.strategies.plan import NO_OFFER, Draft
from marketsim.agents.strategies.trader import RevisingTrader
from marketsim.core.arrays import BoolArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.errors import LawBroken
from marketsim.core.records import FIRM, PV, UNDECLARED, Observations, Quotes, Side

PRICE, QUANTITY, CHARGE = 0, 1, 2
"""Heads of an action."""
NAMES: Final = ("price", "quantity", "charge")


class ActionLevels(NamedTuple):
    """Choices of each head."""

    prices: int
    """K: feed-in + a / (K - 1) x (retail - feed-in), a = 0..K-1."""
    quantities: int
    """L: b / (L - 1) of the slot's own metered surplus or deficit, b = 0..L-1."""
    charges: int
    """C, odd: from full discharge over rest in the middle to full charge; 0 where nobody has a store."""

    @property
    def heads(self) -> tuple[int, ...]:
        """Sizes of the heads that there are."""
        return (self.prices, self.quantities, self.charges)[: 2 + (self.charges > 0)]


def price_ticks(space: ActionLevels, choice: IntArray, retail: IntArray, feed_in: IntArray) -> IntArray:
    """Price of each choice [ticks], within the tariffs."""
    return np.asarray(feed_in + (retail - feed_in) * choice // (space.prices - 1))


def conceded(side: IntArray, first_ticks: IntArray, value_ticks: IntArray, done: int, rounds: int) -> IntArray:
    """Limit of each order in the round after ``done`` of ``rounds`` >= 2 rounds [ticks].

    (rounds - 1) equal steps from the first limit to the reservation value, rounded to the owner's side; a limit that is
    beyond the value already stays.
    """
    room = np.maximum((value_ticks - first_ticks) * side, 0)
    return np.asarray(first_ticks + side * (room * done // (rounds - 1)))


class Opening(NamedTuple):
    """What was offered in the market when a slot opened, agent by agent [n_legs]."""

    legs: Legs
    limit_ticks: IntArray


class Hand:
    """The actions of the slot that is played next [k, heads], put there by whoever decides them."""

    def __init__(self) -> None:
        self._actions: IntArray | None = None

    def put(self, actions: IntArray) -> None:
        """Choose the actions of all k agents."""
        self._actions = actions

    def head(self, which: int) -> IntArray:
        """Choices of one head [k]."""
        if self._actions is None:
            raise LawBroken("a slot was played before its actions were chosen")
        return self._actions[:, which]


class Quote:
    """Pricing rule: what the price and the quantity head say of surplus, deficit and stores.

    Surplus that is not offered goes to the utility at the feed-in tariff, as does what was offered and not sold; a
    deficit that is not offered is bought from it. ``truthful`` holds the legs of the last slot as they would be offered
    in full at their values, ``opening`` those that were offered to peers, at the prices of the first round.
    """

    sees: tuple[str, ...] = ()

    def __init__(self, space: ActionLevels, hand: Hand, stores: Sequence[int]) -> None:
        self._space, self._hand = space, hand
        self._stores = np.array(stores, dtype=np.int64)
        self.truthful: Legs | None = None
        self.opening: Opening | None = None

    def choose(self, seen: Observations, legs: Legs) -> tuple[Legs, IntArray]:
        """The legs that are offered, and their prices."""
        self.truthful = legs
        own = (legs.component == FIRM) | (legs.component == PV)
        share = self._hand.head(QUANTITY)[legs.agent]
        offered = np.where(own, legs.energy_wh * share // (self._space.quantities - 1), legs.energy_wh)
        asked = price_ticks(self._space, self._hand.head(PRICE), seen.retail_ticks, seen.feed_in_ticks)
        priced = own if len(self._stores) == 0 else own | np.isin(legs.component, self._stores)
        price = np.where(priced, asked[legs.agent], legs.value_ticks)
        price = np.where(legs.component == PV, np.maximum(price, legs.value_ticks), price)
        kept = np.flatnonzero(offered > 0)
        self.opening = Opening(legs.take(kept)._replace(energy_wh=offered[kept]), price[kept])
        return legs.in_part(offered, price)

    def again(self, seen: Observations, legs: Legs, quotes: Quotes) -> IntArray:  # noqa: ARG002
        """The legs on their way from the prices of the first round to their values."""
        return conceded(legs.side, _chosen(self.opening).limit_ticks, legs.value_ticks, quotes.round, quotes.rounds)


def _chosen(opening: Opening | None) -> Opening:
    if opening is None:
        raise LawBroken("no slot has been played yet")
    return opening


class ChargeLevel:
    """Plan of a store: as much of its range as the charge head says.

    Own surplus fills it and own need empties it first; the rest of the level is offered at the action's price. A kWh in
    store is declared to be worth retail - level x (retail - feed-in), tariffs below zero counted as 0, whatever the action: what
    could have been traded does not depend on what is offered. Nothing is offered from it where the utility pays for drawing.
    """

    sees: tuple[str, ...] = ()

    def __init__(self, fleet: OwnedFleet, space: ActionLevels, hand: Hand) -> None:
        self._fleet, self._owned = fleet.index, fleet.owned
        self._hand, self._rest = hand, (space.charges - 1) // 2

    def plan(self, seen: Observations, draft: Draft) -> None:
        """Dispatch into the own balance up to the level; offer what is left of it."""
        reach, level = seen.ranges[self._fleet], self._hand.head(CHARGE) - self._rest
        lo = -((-reach.lo_wh) * np.maximum(level, 0) // self._rest)
        hi = reach.hi_wh * np.maximum(-level, 0) // self._rest
        draft.serve_own(self._fleet, lo, hi)
        charging = level > 0
        side = np.where(charging, int(Side.BUY), int(Side.SELL))
        worth, planned = self._worth(seen), draft.dispatch_wh[self._fleet]
        most = np.where(charging, planned - lo, hi - planned)
        offered = self._owned & (level != 0) & (charging | (seen.retail_ticks > 0))
        draft.offer(self._fleet, np.where(offered, side, NO_OFFER), worth, most)
        draft.value_ticks[self._fleet] = np.where(self._owned, worth, UNDECLARED)

    def _worth(self, seen: Observations) -> IntArray:
        level = np.where(self._owned, seen.ranges[self._fleet].level, 0.5)
        takes, pays = np.maximum(seen.retail_ticks, 0), np.maximum(seen.feed_in_ticks, 0)
        worth = np.rint(takes - level * (takes - pays)).astype(np.int64)
        highest = np.maximum(seen.retail_ticks - 1, seen.feed_in_ticks + 1)
        return np.asarray(np.clip(worth, seen.feed_in_ticks + 1, highest))


class Player(RevisingTrader):
    """A strategy whose decisions are actions: put them into ``hand``, then let it decide; it concedes from round to round."""

    def __init__(self, space: ActionLevels, context: BuildContext) -> None:
        stores = [fleet for fleet in own_fleets(context) if fleet.kind == "store"]
        self.hand = Hand()
        self.space = space
        self.quotes = Quote(space, self.hand, [fleet.index for fleet in stores])
        self.owns_store = owners(stores, context)
        planned = planned_fleets(context, "flexible", lambda fleet: ChargeLevel(fleet, space, self.hand))
        super().__init__(self.quotes, *planned)

    def _submitted(self, legs: Legs) -> None:  # noqa: ARG002 - those that only the utility meets are not revised
        super()._submitted(self.opening.legs)

    @property
    def opening(self) -> Opening:
        """What was offered to peers in the first round of the last slot."""
        return _chosen(self.quotes.opening)

    @property
    def truthful(self) -> Legs:
        """Legs of the last slot, in full at their values."""
        if self.quotes.truthful is None:
            raise LawBroken("no slot has been played yet")
        return self.quotes.truthful


def owners(stores: Sequence[OwnedFleet], context: BuildContext) -> BoolArray:
    """Who of a strategy's agents has a store [k]."""
    n = context.community.n_agents if context.rows is None else len(context.rows)
    owned = np.zeros(n, dtype=bool)
    for fleet in stores:
        owned |= fleet.owned
    return owned


def has_stores(context: BuildContext) -> bool:
    """Whether any agent of a strategy has a store, so that there is a charge head."""
    return any(fleet.kind == "store" for fleet in own_fleets(context))
