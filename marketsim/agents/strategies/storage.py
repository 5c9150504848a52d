"""Plans for stores without forecasts."""

from __future__ import annotations

import numpy as np

from marketsim.agents.strategies import plan_kernel
from marketsim.agents.strategies.fleets import OwnedFleet, store_of
from marketsim.agents.strategies.plan import NO_OFFER, Draft
from marketsim.core.arrays import IntArray
from marketsim.core.records import UNDECLARED, Observations, Side
from marketsim.core.units import to_ticks


def _spared(seen: Observations, hi_wh: IntArray) -> IntArray:
    """What may be discharged for own need [Wh] [k]: nothing where drawing costs nothing."""
    return np.where(seen.retail_ticks > 0, hi_wh, np.minimum(hi_wh, 0))


class SelfConsumption:
    """Charge from own surplus, discharge for own need, as far as power and state of charge allow.

    Nothing is discharged where retail is zero or less: the utility serves the need for nothing, or pays for it.
    """

    sees: tuple[str, ...] = ()

    def __init__(self, fleet: OwnedFleet) -> None:
        self._fleet = fleet.index

    def plan(self, seen: Observations, draft: Draft) -> None:
        """Dispatch into the own balance."""
        reach = seen.ranges[self._fleet]
        draft.serve_own(self._fleet, reach.lo_wh, _spared(seen, reach.hi_wh))


class Trade:
    """Self-consumption first; then the rest is offered at a value that falls as the store fills.

    A kWh delivered from the store would later save u = retail (1 - level) + feed-in level: an empty store keeps its
    energy for own load, a full one has to make room. With efficiencies e_c, e_d and wear w for each kWh at the meter,
    the owner asks max(u, feed-in / (e_c e_d) + w) + w, so that refilling from own PV at least pays, and bids
    e_c e_d (u - w) - w for a kWh to store, unless it only sells. Neither is ever the utility's price, so the utility
    neither fills nor empties the store. Where a tariff is negative, u counts it as 0: what is stored can be kept, and
    surplus curtailed.
    """

    sees: tuple[str, ...] = ("last_price_ticks",)

    def __init__(self, fleet: OwnedFleet, *, buys: bool = True) -> None:
        self._fleet, self._owned, self._buys = fleet.index, fleet.owned, buys
        store = store_of(fleet)
        self._round_trip = store.charge_efficiency * store.discharge_efficiency
        self._wear = to_ticks(store.wear)

    def plan(self, seen: Observations, draft: Draft) -> None:
        """Dispatch into the own balance; offer the rest on the better side."""
        reach = seen.ranges[self._fleet]
        draft.serve_own(self._fleet, reach.lo_wh, _spared(seen, reach.hi_wh))
        side, value = np.empty((2, len(reach.lo_wh)), dtype=np.int64)
        planned, prices = draft.dispatch_wh[self._fleet], (seen.retail_ticks, seen.feed_in_ticks, seen.last_price_ticks)
        plan_kernel.offer_store(planned, *prices, reach.level, self._owned, self._round_trip, self._wear, side, value)
        if not self._buys:
            bids = side == Side.BUY
            side, value = np.where(bids, NO_OFFER, side), np.where(bids, UNDECLARED, value)
        draft.offer(self._fleet, side, value)
