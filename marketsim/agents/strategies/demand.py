"""Plans for demand that can wait and for devices with a price."""

from __future__ import annotations

import numpy as np

from marketsim.agents.strategies.fleets import OwnedFleet, price_of
from marketsim.agents.strategies.plan import NO_OFFER, Draft
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.records import DeviceRange, Observations, Side
from marketsim.core.units import WH_PER_KWH, to_ticks


class OnArrival:
    """Draw at full power as soon as possible, whatever it costs; nothing is offered."""

    sees: tuple[str, ...] = ()

    def __init__(self, fleet: OwnedFleet) -> None:
        self._fleet = fleet.index

    def plan(self, seen: Observations, draft: Draft) -> None:
        """Dispatch the lower end of the range."""
        draft.add(self._fleet, seen.ranges[self._fleet].lo_wh - draft.dispatch_wh[self._fleet])


class Flexible:
    """Take own surplus, and bid for the rest the more the more urgent it is.

    A kWh is worth feed-in + (retail - feed-in) x urgency, less than retail in any case, since at the deadline it is
    bought at retail anyway; where retail is zero or less, it is worth just that, so nobody waits. Urgency, in [0, 1], is the
    largest of

    - the share of what could be drawn that must be drawn now;
    - for a device with a departure: hours of full power that are still missing / hours left until the usual departure;
    - for a buffer: its empty share.
    """

    def __init__(self, fleet: OwnedFleet) -> None:
        self._fleet = fleet.index
        stay, power_kw = fleet.info.stay, fleet.info.rated_in_kw
        self._departs = stay is not None
        self._departure = np.full_like(power_kw, np.nan) if stay is None else stay.departure_hour
        self._full_hours = np.zeros_like(power_kw)
        if stay is not None:
            rate = stay.efficiency * power_kw
            np.divide(stay.capacity_kwh, rate, out=self._full_hours, where=rate > 0)
        self.sees: tuple[str, ...] = ("time",) if self._departs else ()

    def plan(self, seen: Observations, draft: Draft) -> None:
        """Dispatch into own surplus; offer to buy the rest."""
        reach = seen.ranges[self._fleet]
        draft.serve_own(self._fleet, reach.lo_wh, reach.firm_wh)
        retail, spread = seen.retail_ticks, seen.retail_ticks - seen.feed_in_ticks
        value = seen.feed_in_ticks + np.floor(spread * self._urgency(seen, reach)).astype(np.int64)
        value = np.where(retail > 0, np.minimum(value, retail - 1), retail)
        waiting = draft.dispatch_wh[self._fleet] > reach.lo_wh
        draft.offer(self._fleet, np.where(waiting, int(Side.BUY), NO_OFFER), value)

    def _urgency(self, seen: Observations, reach: DeviceRange) -> FloatArray:
        must = np.divide(reach.firm_wh, reach.lo_wh, out=np.zeros(len(reach.lo_wh)), where=reach.lo_wh < 0)
        missing = 1.0 - np.nan_to_num(reach.level, nan=1.0)
        if self._departs:
            left = np.maximum((self._departure - seen.time.hour) % 24.0, seen.time.hours)
            missing = np.where(np.isnan(left), missing, missing * self._full_hours / left)
        return np.asarray(np.clip(np.maximum(must, missing), 0.0, 1.0))


class Priced:
    """A device whose kWh has a price of its own: a curtailable load, a dispatchable generator.

    Its own load and surplus come first where that pays: demand worth at least the feed-in tariff, or 0, takes own surplus, a
    generator that costs at most retail serves own need. The rest is offered at the price. The price of a
    generator with quadratic cost is the mean marginal cost of the energy on offer, cost_per_kwh +
    quadratic_cost (P_now + P_max); constant cost is no part of it.
    """

    sees: tuple[str, ...] = ("time",)

    def __init__(self, fleet: OwnedFleet) -> None:
        self._fleet = fleet.index
        self._linear, self._quadratic = price_of(fleet)

    def plan(self, seen: Observations, draft: Draft) -> None:
        """Dispatch into the own balance; offer the rest."""
        reach, planned = seen.ranges[self._fleet], draft.dispatch_wh[self._fleet]
        worth = self._worth(seen, draft, reach)
        lo = np.where(worth >= np.maximum(seen.feed_in_ticks, 0), reach.lo_wh, planned)
        hi = np.where(worth <= seen.retail_ticks, reach.hi_wh, planned)
        draft.serve_own(self._fleet, lo, hi)
        planned = draft.dispatch_wh[self._fleet]
        sells, buys = (reach.hi_wh > 0) & (planned < reach.hi_wh), (reach.hi_wh <= 0) & (planned > reach.lo_wh)
        side = np.where(sells, int(Side.SELL), np.where(buys, int(Side.BUY), NO_OFFER))
        draft.offer(self._fleet, side, self._worth(seen, draft, reach))

    def _worth(self, seen: Observations, draft: Draft, reach: DeviceRange) -> IntArray:
        power_sum = (draft.dispatch_wh[self._fleet] + reach.hi_wh) / (seen.time.hours * WH_PER_KWH)
        return to_ticks(self._linear + self._quadratic * np.maximum(power_sum, 0.0))
