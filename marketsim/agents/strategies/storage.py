"""Plans for stores without forecasts."""

from __future__ import annotations

import numpy as np

from marketsim.agents.strategies.fleets import Fleet
from marketsim.agents.strategies.plan import NO_OFFER, Draft, better_side
from marketsim.core.arrays import IntArray
from marketsim.core.records import Observations
from marketsim.core.units import to_ticks


class SelfConsumption:
    """Charge from own surplus, discharge for own need, as far as power and state of charge allow."""

    sees: tuple[str, ...] = ()

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet.index

    def plan(self, seen: Observations, draft: Draft) -> None:
        """Dispatch into the own balance."""
        reach = seen.ranges[self._fleet]
        draft.serve_own(self._fleet, reach.lo_wh, reach.hi_wh)


class Trade:
    """Self-consumption first; then the rest is offered at a value that falls as the store fills.

    A kWh delivered from the store would later save u = retail (1 - level) + feed-in level: an empty store keeps its
    energy for own load, a full one has to make room. With efficiencies e_c, e_d and wear w for each kWh at the meter,
    the owner asks max(u, feed-in / (e_c e_d) + w) + w, so that refilling from own PV at least pays, and bids
    e_c e_d (u - w) - w for a kWh to store. Neither is ever the utility's price, so the utility neither fills
    nor empties the store.
    """

    sees: tuple[str, ...] = ("last_price_ticks",)

    def __init__(self, fleet: Fleet) -> None:
        self._fleet, self._owned = fleet.index, fleet.owned
        self._round_trip = fleet.column("charge_efficiency", 1.0) * fleet.column("discharge_efficiency", 1.0)
        self._wear = to_ticks(fleet.column("wear_cost"))

    def plan(self, seen: Observations, draft: Draft) -> None:
        """Dispatch into the own balance; offer the rest on the better side."""
        reach = seen.ranges[self._fleet]
        draft.serve_own(self._fleet, reach.lo_wh, reach.hi_wh)
        bid, ask = self._terms(seen)
        side = np.where(self._owned, better_side(draft.dispatch_wh[self._fleet], bid, ask, seen), NO_OFFER)
        draft.offer(self._fleet, side, np.where(side > 0, bid, ask))

    def _terms(self, seen: Observations) -> tuple[IntArray, IntArray]:
        level = np.where(self._owned, seen.ranges[self._fleet].level, 0.5)
        saves = seen.retail_ticks - level * (seen.retail_ticks - seen.feed_in_ticks)
        refill = seen.feed_in_ticks / self._round_trip + self._wear
        ask = np.ceil(np.maximum(saves, refill)).astype(np.int64) + self._wear
        bid = np.floor(self._round_trip * (saves - self._wear)).astype(np.int64) - self._wear
        return np.minimum(bid, seen.retail_ticks - 1), np.maximum(ask, seen.feed_in_ticks + 1)
