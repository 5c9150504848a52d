"""A pool: all its agents are planned as one, and trade what the plan moves between them at an internal price."""

from __future__ import annotations

import numpy as np

from marketsim.agents.params import CoordinatedParams
from marketsim.agents.strategies.orders import Legs
from marketsim.agents.strategies.plan import NO_OFFER, Draft
from marketsim.agents.strategies.pool_plan import PoolPlan, PoolPlanner, slots_to_noon
from marketsim.agents.strategies.trader import Trader
from marketsim.core.arrays import IntArray
from marketsim.core.build import BuildContext
from marketsim.core.records import Observations, Side
from marketsim.core.units import WH_PER_KWH, to_ticks


class InternalPrice:
    """Everything at one price within the tariffs, and never worse than what it is worth to its owner.

    With a margin bids lie so much above it and asks so much below.
    """

    sees: tuple[str, ...] = ()

    def __init__(self, price: float | None, margin: float) -> None:
        self._ticks = None if price is None else int(to_ticks(price))
        self._margin = int(to_ticks(margin))

    def of(self, seen: Observations) -> IntArray:
        """The price for each agent [ticks] [k]: above the feed-in tariff, where what is not traded would be exported."""
        middle = (seen.retail_ticks + seen.feed_in_ticks) // 2
        asked = middle if self._ticks is None else np.full_like(middle, self._ticks)
        return np.clip(asked, np.minimum(seen.feed_in_ticks + 1, seen.retail_ticks), seen.retail_ticks)

    def choose(self, seen: Observations, legs: Legs) -> tuple[Legs, IntArray]:
        """All legs at the price."""
        price = self.of(seen)[legs.agent]
        bid = np.minimum(price + self._margin, legs.value_ticks)
        ask = np.maximum(price - self._margin, legs.value_ticks)
        return legs, np.where(legs.side == Side.BUY, bid, ask)


class PooledFleets:
    """Runs all fleets by the pool's plan: what meets behind a meter is dispatched, the rest is offered or bid for.

    What the plan draws is bought from the utility where no peer has it. What it delivers is exported where the plan
    exports, and kept where it does not. Each plan is followed for ``replan_slots``, at
    most to the next noon.
    """

    def __init__(self, planner: PoolPlanner, price: InternalPrice, params: CoordinatedParams) -> None:
        self._planner, self._price, self._every = planner, price, params.replan_slots
        self.sees: tuple[str, ...] = ("time", "slots_per_day", "market", "agents", "states", "forecast")
        self.latest: PoolPlan | None = None
        """The plan that is followed."""
        self._until = 0

    def plan(self, seen: Observations, draft: Draft) -> None:
        """Dispatch what the plan moves behind each meter, offer the rest."""
        latest = self._current(seen)
        step = seen.time.slot - latest.begins
        wanted = {}
        for fleet, _ in self._planner.devices:
            reach = seen.ranges[fleet]
            net_wh = np.rint(latest.net_kwh[fleet, step] * WH_PER_KWH).astype(np.int64)
            wanted[fleet] = np.clip(net_wh, reach.lo_wh, reach.hi_wh)
            least = np.clip(0, reach.lo_wh, reach.hi_wh)
            draft.add(fleet, least - draft.dispatch_wh[fleet])
        for fleet, net_wh in wanted.items():
            planned = draft.dispatch_wh[fleet]
            draft.serve_own(fleet, np.minimum(net_wh, planned), np.maximum(net_wh, planned))
        _meet_behind(wanted, draft)
        exporting = _exporting(latest, seen, step)
        for fleet, net_wh in wanted.items():
            self._offer(fleet, net_wh - draft.dispatch_wh[fleet], exporting, seen, draft)

    def _current(self, seen: Observations) -> PoolPlan:
        if self.latest is None or not self.latest.begins <= seen.time.slot < self._until:
            self.latest = self._planner.plan(seen)
            self._until = seen.time.slot + min(self._every, self.latest.slots, slots_to_noon(seen))
        return self.latest

    def _offer(self, fleet: int, rest_wh: IntArray, exporting: IntArray, seen: Observations, draft: Draft) -> None:
        side = np.where(rest_wh > 0, int(Side.SELL), np.where(rest_wh < 0, int(Side.BUY), NO_OFFER))
        kept = np.minimum(seen.feed_in_ticks + 1, seen.retail_ticks)
        asked = np.where(exporting, seen.feed_in_ticks, kept)
        worth = np.where(side == Side.SELL, asked, seen.retail_ticks)
        draft.offer(fleet, side, worth, np.abs(rest_wh))


def _exporting(plan: PoolPlan, seen: Observations, step: int) -> IntArray:
    """Whether the plan of each agent's market exports in this slot [k]."""
    markets = np.unique(seen.market)
    exports = np.array([planned.export_kwh[step, 0] > 0.5 / WH_PER_KWH for planned in plan.markets])
    return np.asarray(exports[np.searchsorted(markets, seen.market)])


def _meet_behind(wanted: dict[int, IntArray], draft: Draft) -> None:
    """What one device of an agent is still to deliver and another one to draw meets behind the meter."""
    rest = {fleet: net_wh - draft.dispatch_wh[fleet] for fleet, net_wh in wanted.items()}
    if not rest:
        return
    gives, draws = (sum(np.maximum(sign * each, 0) for each in rest.values()) for sign in (1, -1))
    for sign in (1, -1):
        room = np.minimum(gives, draws)
        for fleet, each in rest.items():
            moved = np.minimum(np.maximum(sign * each, 0), room)
            room = room - moved
            draft.add(fleet, sign * moved)


class Coordinated(Trader):
    """The trader of a pool."""

    def __init__(self, pricing: InternalPrice, fleets: PooledFleets, context: BuildContext, held_firm: tuple[str, ...]):
        offered = [fleet for fleet, _ in enumerate(context.fleets)]
        super().__init__(pricing, [fleets], context.stores, offered)
        self.fleets = fleets
        self.notes: tuple[str, ...] = tuple(
            f"the pool cannot plan {name}, which says nothing of what it could do: it is held at its firm energy"
            for name in held_firm
        )
        """What whoever runs it should know."""


def build(params: CoordinatedParams, context: BuildContext) -> Coordinated:
    """One pool of all agents of a market that have this strategy with these parameters.

    A linear programme over the forecasts decides what all devices do; see ``optimise.day``.
    """
    planner, price = PoolPlanner(params, context), InternalPrice(params.internal_price, params.margin)
    return Coordinated(price, PooledFleets(planner, price, params), context, planner.held_firm)
