"""A plan for stores by a rolling linear programme."""

from __future__ import annotations

import numpy as np

from marketsim.agents.params import LpParams
from marketsim.agents.strategies.fleets import OwnedFleet, store_of
from marketsim.agents.strategies.linear_programme import Outlook, StorePlan, Stores, plan_stores
from marketsim.agents.strategies.plan import NO_OFFER, Draft, better_side
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.records import Observations, Side
from marketsim.core.units import UNLIMITED_WH, to_kwh, to_price, to_ticks, to_wh

_ROUNDING_WH = 2
"""A plan in floats may differ by so much from whole Wh without wanting anything."""


class LinearProgramme:
    """Minimise the bill with the utility over the forecast horizon, and trade around that plan.

    The part of the plan that stays behind the meter is dispatched: charging from own surplus, discharging into own
    need. What the plan buys from or sells to the utility becomes an order that peers can meet first, with the utility
    as fallback. Where the plan leaves the store at rest or wants nothing more, the rest is offered at the plan's dual
    value V of a stored kWh: it asks V / e_d + w and bids e_c V - w, kept strictly between the tariffs, so that
    only peers take it. Where a price of the horizon is negative, the plan may charge from the grid for being paid, curtail own
    PV, or empty the store at a cost to be paid more later.

    Solved by HiGHS for all agents of a market at once, every ``every`` slots; a market's plan does not depend on which
    other markets are simulated beside it.
    """

    def __init__(self, fleet: OwnedFleet, params: LpParams) -> None:
        self._fleet, self._params = fleet.index, params
        to_the_day = () if params.horizon_slots else ("slots_per_day",)
        self.sees: tuple[str, ...] = ("time", *to_the_day, "market", "last_price_ticks", "forecast")
        self._owned, self._owners = fleet.owned, np.flatnonzero(fleet.owned)
        store = store_of(fleet)
        self._stores = Stores(
            capacity_kwh=store.capacity_kwh,
            power_kw=fleet.info.rated_in_kw,
            charge_efficiency=store.charge_efficiency,
            discharge_efficiency=store.discharge_efficiency,
            wear=store.wear,
        )
        self._solved_at = -1
        self._plan = StorePlan.none(len(fleet.owned))

    def plan(self, seen: Observations, draft: Draft) -> None:
        """Dispatch the part of the plan behind the meter; offer the rest."""
        step = self._step(seen, draft)
        reach = seen.ranges[self._fleet]
        wanted = np.clip(to_wh(self._plan.net_kwh[step]), reach.lo_wh, reach.hi_wh)
        draft.serve_own(self._fleet, np.minimum(wanted, 0), np.maximum(wanted, 0))
        self._offer(seen, draft, wanted - draft.dispatch_wh[self._fleet], self._plan.value[step])

    def _step(self, seen: Observations, draft: Draft) -> int:
        """Position of this slot in the last plan; solves anew when it is time."""
        age = seen.time.slot - self._solved_at
        if not 0 <= age < min(self._params.every, len(self._plan.net_kwh)) or self._solved_at < 0:
            self._plan = self._solve(seen, draft)
            self._solved_at, age = seen.time.slot, 0
        return age

    def _solve(self, seen: Observations, draft: Draft) -> StorePlan:
        horizon = self._params.horizon_slots or seen.slots_per_day - seen.time.of_day
        outlook = self._outlook(seen, draft, horizon)
        stored = np.nan_to_num(seen.ranges[self._fleet].level) * self._stores.capacity_kwh
        plan = StorePlan.none(len(self._owned), horizon)
        for market in np.unique(seen.market[self._owners]):
            rows = self._owners[seen.market[self._owners] == market]
            part = plan_stores(self._stores.of(rows), outlook.of(rows), stored[rows])
            plan.net_kwh[:, rows], plan.value[:, rows] = part
        return plan

    def _outlook(self, seen: Observations, draft: Draft, horizon: int) -> Outlook:
        """Forecasts, except for this slot, whose metered balance is known."""
        hours = seen.time.hours
        pv_kw = seen.forecast.series("pv_kw", horizon)
        need = (seen.forecast.series("load_kw", horizon) - pv_kw) * hours
        need[0] = -to_kwh(draft.balance_wh)
        spare = np.clip(-need, 0.0, np.concatenate((to_kwh(seen.pv_wh)[np.newaxis], pv_kw[1:] * hours)))
        retail, feed_in = (to_price(ticks) for ticks in seen.forecast.tariffs(horizon))
        keeps = (
            np.maximum(feed_in, 0.0).mean(axis=0) if self._params.end_value == "feed_in" else np.zeros(need.shape[1])
        )
        return Outlook(need, retail, feed_in, keeps, hours, spare)

    def _offer(self, seen: Observations, draft: Draft, rest_wh: IntArray, value: FloatArray) -> None:
        stores = self._stores
        inner_low, inner_high = seen.feed_in_ticks + 1, seen.retail_ticks - 1
        bid = np.minimum(to_ticks(stores.charge_efficiency * value - stores.wear), inner_high)
        ask = np.maximum(to_ticks(value / stores.discharge_efficiency + stores.wear), inner_low)
        rest_wh = np.where(np.abs(rest_wh) <= _ROUNDING_WH, 0, rest_wh)
        side = better_side(draft.dispatch_wh[self._fleet], bid, ask, seen)
        worth = np.where(side == Side.BUY, bid, ask)
        side = np.where(rest_wh < 0, int(Side.BUY), np.where(rest_wh > 0, int(Side.SELL), side))
        worth = np.where(rest_wh < 0, seen.retail_ticks, np.where(rest_wh > 0, seen.feed_in_ticks, worth))
        most = np.where(rest_wh == 0, UNLIMITED_WH, np.abs(rest_wh))
        draft.offer(self._fleet, np.where(self._owned, side, NO_OFFER), worth, most)
