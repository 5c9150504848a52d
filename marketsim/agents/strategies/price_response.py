"""Demand that answers to the utility's price by thresholds: it is held above one, and comes back below another.

Firm load is critical: it is no device, and nothing here touches it. What may wait (shiftable load, vehicles, buffers, appliances)
waits as long as its device lets it; what may be let go (curtailable load) is let go. Between the two thresholds each stays as it
was, so that a price which trembles about one does not switch it at every slot.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from marketsim.agents.params import PriceResponseParams, ThresholdsParams
from marketsim.agents.strategies.assemble import PLANNED_FIRST, store_policy
from marketsim.agents.strategies.demand import Priced
from marketsim.agents.strategies.fleets import OwnedFleet, own_fleets
from marketsim.agents.strategies.plan import NO_OFFER, Draft, FleetPolicy
from marketsim.agents.strategies.trader import Trader
from marketsim.agents.strategies.truthful import OwnValue
from marketsim.core.arrays import BoolArray, FloatArray, IntArray, KeyArray
from marketsim.core.build import BuildContext
from marketsim.core.ports import Strategy
from marketsim.core.records import Observations, Side
from marketsim.core.rng import mix, uniforms
from marketsim.core.units import to_ticks


class Switched(NamedTuple):
    """What thresholds say of k agents in a slot."""

    held: BoolArray
    back: BoolArray
    """The price is below the one at which demand comes back, and has been for each one's delay."""
    back_ticks: IntArray
    """That price."""


class PriceSwitch:
    """The thresholds of k agents, each its own, and which of them are passed."""

    def __init__(self, params: ThresholdsParams, measure: str, return_within_h: float, keys: KeyArray) -> None:
        self._above, self._below = (
            low + (high - low) * uniforms(keys, place) for place, (low, high) in enumerate(params.ranges())
        )
        self._delay_h = return_within_h * uniforms(keys, 2)
        self._cheap_for_h = np.zeros(len(keys))
        self._of_the_day = measure == "quantile"
        self.sees: tuple[str, ...] = ("time", *(("slots_per_day", "market", "forecast") if self._of_the_day else ()))
        self._slot = -1
        self._latest = Switched(*(np.zeros(len(keys), dtype=kind) for kind in (bool, bool, np.int64)))

    def of(self, seen: Observations) -> Switched:
        """As the last slot left it, moved by the price of this one; asked twice in a slot it says the same."""
        if seen.time.slot != self._slot:
            before = self._latest.held & (seen.time.slot > self._slot)
            above, below = self._ticks(seen)
            cheap = seen.retail_ticks < below
            back = cheap & (self._cheap_for_h >= self._delay_h)
            self._cheap_for_h = np.where(cheap, self._cheap_for_h + seen.time.hours, 0.0)
            self._latest = Switched((before | (seen.retail_ticks > above)) & ~back, back, below)
            self._slot = seen.time.slot
        return self._latest

    def _ticks(self, seen: Observations) -> tuple[IntArray, IntArray]:
        """Both thresholds as prices of this slot [ticks]."""
        if not self._of_the_day:
            return to_ticks(self._above), to_ticks(self._below)
        _, first, market = np.unique(seen.market, return_index=True, return_inverse=True)
        ranked = np.sort(seen.forecast.tariffs(seen.slots_per_day)[0][:, first], axis=0).astype(np.float64)
        return _quantiles(ranked, market, self._above), _quantiles(ranked, market, self._below)


def _quantiles(ranked: FloatArray, column: IntArray, share: FloatArray) -> IntArray:
    """The quantile ``share`` [k] of sorted columns [n, n_columns], one column each [k], linear between ranks."""
    place = share * (len(ranked) - 1)
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, len(ranked) - 1)
    value = ranked[low, column] + (place - low) * (ranked[high, column] - ranked[low, column])
    return np.rint(value).astype(np.int64)


class Waiting:
    """Demand that can wait: as it comes; while it is held, what its device must have. Own surplus it takes in any case.

    Vehicles charge at full power unless they are held. Buffers are filled while power is cheap. What is held is offered to be
    bought at the price at which it would come back, so that a neighbour may serve it for less than the utility asks.
    """

    def __init__(self, fleet: OwnedFleet, switch: PriceSwitch) -> None:
        self._fleet, self._departs, self._switch = fleet.index, fleet.info.departs, switch
        self.sees = switch.sees

    def plan(self, seen: Observations, draft: Draft) -> None:
        """Dispatch what does not wait; offer the rest."""
        reach, now = seen.ranges[self._fleet], self._switch.of(seen)
        eager = np.ones_like(now.back) if self._departs else now.back & ~np.isnan(reach.level)
        comes = np.where(eager, reach.lo_wh, reach.firm_wh)
        _run(self._fleet, np.where(now.held, reach.hi_wh, comes), now, seen, draft)


class LetGo:
    """Load that may be let go: served; while it is held, from own surplus, and for the price at which it would come back."""

    def __init__(self, fleet: OwnedFleet, switch: PriceSwitch) -> None:
        self._fleet, self._switch = fleet.index, switch
        self.sees = switch.sees

    def plan(self, seen: Observations, draft: Draft) -> None:
        """Dispatch all of it, or nothing but own surplus."""
        reach, now = seen.ranges[self._fleet], self._switch.of(seen)
        _run(self._fleet, np.where(now.held, reach.hi_wh, reach.lo_wh), now, seen, draft)


def _run(fleet: int, wanted_wh: IntArray, now: Switched, seen: Observations, draft: Draft) -> None:
    """Dispatch ``wanted_wh`` [k], and what own surplus serves of the rest, which costs the feed-in tariff; offer what is held."""
    draft.add(fleet, wanted_wh - draft.dispatch_wh[fleet])
    lo_wh, planned = seen.ranges[fleet].lo_wh, draft.dispatch_wh[fleet].copy()
    draft.serve_own(fleet, np.where(seen.feed_in_ticks < now.back_ticks, lo_wh, planned), planned)
    waits = now.held & (draft.dispatch_wh[fleet] > lo_wh)
    worth = np.minimum(now.back_ticks, seen.retail_ticks - 1)
    draft.offer(fleet, np.where(waits, int(Side.BUY), NO_OFFER), worth)


def build(params: PriceResponseParams, context: BuildContext) -> Strategy:
    """Quotes are truthful; devices answer to the price by thresholds, stores as ``storage`` says.

    Sees the tariffs, own load, PV and device ranges, with thresholds by quantile the published prices of a day, and what its
    storage policy sees.
    """
    rows = np.arange(context.community.n_agents) if context.rows is None else context.rows
    keys = mix(
        context.streams.keys("price_response")[context.community.market[rows]], context.community.connection[rows]
    )
    waits, goes = (
        PriceSwitch(thresholds, params.measure, params.return_within_h, mix(keys, place))
        for place, thresholds in enumerate((params.shiftable, params.curtailable))
    )
    fleets = sorted(own_fleets(context), key=lambda fleet: PLANNED_FIRST.index(fleet.kind))
    policies = [_policy(fleet, params, waits, goes) for fleet in fleets]
    return Trader(OwnValue(), policies, context.stores, sorted(fleet.index for fleet in fleets))


def _policy(fleet: OwnedFleet, params: PriceResponseParams, waits: PriceSwitch, goes: PriceSwitch) -> FleetPolicy:
    if fleet.kind == "store":
        return store_policy(fleet, params.storage)
    if fleet.kind == "deferrable":
        return Waiting(fleet, waits)
    return Priced(fleet) if fleet.info.load_share is None else LetGo(fleet, goes)
