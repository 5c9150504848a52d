"""A strategy is a pricing rule and a plan of devices, put together here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from marketsim.agents.strategies.orders import Legs, legs_of
from marketsim.agents.strategies.plan import DispatchPlan, Draft, Fixed, FleetPolicy
from marketsim.core.arrays import BoolArray, IntArray
from marketsim.core.errors import LawBroken
from marketsim.core.limits import stand
from marketsim.core.records import Decisions, Observations, OrderBatch, Quotes, Standing

BASE_SEES = ("retail_ticks", "feed_in_ticks", "load_wh", "pv_wh", "ranges")
"""Fields of ``Observations`` that every trader uses."""


class Pricing(Protocol):
    """Chooses limit prices between the own value and the tariff's other price."""

    sees: tuple[str, ...]
    """Fields of ``Observations`` that it uses beyond the tariffs."""

    def choose(self, seen: Observations, legs: Legs) -> tuple[Legs, IntArray]:
        """The legs that are offered, and their limit prices [ticks] [n_legs]."""
        ...


@runtime_checkable
class RevisingPricing(Pricing, Protocol):
    """A pricing rule that quotes anew in each round of a slot."""

    def again(self, seen: Observations, legs: Legs, quotes: Quotes) -> IntArray:
        """New limit prices [ticks]; the orders of ``quotes`` stand in the order of ``legs`` [n_legs]."""
        ...


class Trader:
    """Plans devices with ``policies`` in turn, prices what is left with ``pricing``."""

    def __init__(
        self, pricing: Pricing, policies: Sequence[FleetPolicy], stores: Sequence[bool], offered: Sequence[int]
    ) -> None:
        self._pricing, self._policies = pricing, tuple(policies)
        self._stores, self._offered = tuple(stores), tuple(offered)
        parts = (BASE_SEES, pricing.sees, *(policy.sees for policy in self._policies))
        self.sees = tuple(dict.fromkeys(name for part in parts for name in part))

    def decide(self, seen: Observations) -> Decisions:
        """Dispatch and orders of all agents."""
        plan = self.plan(seen)
        return Decisions(plan.dispatch_wh, plan.value_ticks, plan.absorb, self.quote(seen, plan))

    def plan(self, seen: Observations, fixed: Fixed | None = None) -> DispatchPlan:
        """What the devices do and what is offered of them; ``fixed`` ones run as given and are not offered."""
        draft = Draft.opened(seen, fixed)
        for policy in self._policies:
            policy.plan(seen, draft)
        return draft.done(absorb=np.ones(len(seen.load_wh), dtype=bool))

    def standing(self, seen: Observations, plan: DispatchPlan) -> Standing:
        """What stands to trade after ``plan``."""
        return stand(seen.load_wh, seen.pv_wh, seen.ranges, self._stores, plan.dispatch_wh)

    def quote(self, seen: Observations, plan: DispatchPlan, who: BoolArray | None = None) -> OrderBatch:
        """Orders for what is left after ``plan``, agent by agent; of the agents ``who`` [k] only, if given."""
        legs = legs_of(seen, plan, self.standing(seen, plan), self._offered)
        if who is not None:
            legs = legs.take(who[legs.agent])
        legs, price = self._pricing.choose(seen, legs)
        self._submitted(legs)
        return legs.priced(price)

    def _submitted(self, legs: Legs) -> None:
        """Nothing to remember."""


class RevisingTrader(Trader):
    """A trader that quotes anew in each round."""

    def __init__(
        self, pricing: RevisingPricing, policies: Sequence[FleetPolicy], stores: Sequence[bool], offered: Sequence[int]
    ) -> None:
        super().__init__(pricing, policies, stores, offered)
        self._again = pricing.again
        self._legs: Legs | None = None

    def _submitted(self, legs: Legs) -> None:
        self._legs = legs

    def revise(self, seen: Observations, quotes: Quotes) -> IntArray:
        """New limits of the own orders; they come in order of arrival: agents permuted, each one's legs in sequence."""
        row = np.argsort(quotes.agent, kind="stable")
        if self._legs is None or not np.array_equal(quotes.agent[row], self._legs.agent):
            raise LawBroken("quotes of a round are not for the orders that were submitted; expected one for each order")
        price = np.empty(len(row), dtype=np.int64)
        price[row] = self._again(seen, self._legs, own_quotes(quotes, row))
        return price


def own_quotes(quotes: Quotes, rows: IntArray) -> Quotes:
    """What is known of some of the own orders."""
    own = ("agent", "side", "price_ticks", "open_wh", "market", "filled_wh", "keys")
    return quotes._replace(**{name: getattr(quotes, name)[rows] for name in own})
