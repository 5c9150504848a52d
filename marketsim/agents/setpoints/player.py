"""From set-points to what a slot executes: dispatch up to the own need, and orders that the utility meets in any case.

Whatever trades, the metered net energy is the sum of the set-points, each held to what its device can do, to 1 Wh: what the pool
leaves over goes to the utility, as far as the gate admits it. What is not asked of PV is curtailed. Everybody asks the feed-in
tariff and bids retail, so that a pool trades all that both sides have, at its own price. Where the feed-in tariff is negative PV
goes to peers alone: nobody pays for exporting it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from marketsim.agents.setpoints.devices import Steerable
from marketsim.core.arrays import FloatArray, IntArray, joined
from marketsim.core.build import BuildContext
from marketsim.core.limits import stand
from marketsim.core.records import (
    FIRM,
    PV,
    UNDECLARED,
    Decisions,
    Fallback,
    Observations,
    OrderBatch,
    Side,
    Standing,
)
from marketsim.core.setpoints import Setpoints, to_setpoints
from marketsim.core.units import WH_PER_KWH

SEES = ("time", "retail_ticks", "feed_in_ticks", "load_wh", "pv_wh", "ranges")
"""Fields of ``Observations`` that executing set-points takes."""


class Chooser(Protocol):
    """Chooses the set-points of k agents for the slot that opens."""

    sees: tuple[str, ...]
    """Fields of ``Observations`` that it uses."""

    def points(self, seen: Observations, devices: Steerable) -> Setpoints:
        """Set-points [k]; what a device cannot do counts as the nearest that it can."""
        ...


class SetpointPlayer:
    """Port ``Strategy`` over whoever chooses set-points."""

    def __init__(self, chooser: Chooser, context: BuildContext) -> None:
        self._chooser, self._stores = chooser, context.stores
        self.devices = Steerable.of(context)
        self.sees = tuple(dict.fromkeys((*SEES, *chooser.sees)))
        self.last_held: tuple[IntArray, IntArray]
        """What was asked in the last slot, as far as devices can: see ``held``."""

    def decide(self, seen: Observations) -> Decisions:
        """Dispatch and orders by which the set-points are executed."""
        chosen = self._chooser.points(seen, self.devices)
        dispatch, pv_wh = self.last_held = self.held(seen, chosen)
        standing = stand(seen.load_wh, pv_wh, seen.ranges, self._stores, dispatch)
        orders = self._orders(seen, standing, dispatch)
        marginal = np.full_like(dispatch, UNDECLARED)
        offered = orders.component >= 0
        marginal[orders.component[offered], orders.agent[offered]] = orders.price_ticks[offered]
        return Decisions(
            dispatch_wh=standing.dispatch_wh,
            marginal_ticks=marginal,
            absorb=np.zeros(len(pv_wh), dtype=np.bool_),
            orders=orders,
            kvar=np.asarray(chosen.kvar, dtype=np.float64),
            pv_wh=pv_wh,
        )

    def held(self, seen: Observations, chosen: Setpoints) -> tuple[IntArray, IntArray]:
        """Net energy of each fleet [n_devices, k] and PV used [k], held to what they can do [Wh]."""
        own, to_wh = self.devices, seen.time.hours * WH_PER_KWH
        dispatch = np.array([reach.firm_wh for reach in seen.ranges], dtype=np.int64).reshape(-1, len(seen.load_wh))
        least_wh, _ = own.reach(own.curtailable, seen)
        wanted = ((own.generator, chosen.generator_kw, 0), (own.battery, chosen.battery_kw, 0))
        for fleet, power_kw, base_wh in (*wanted, (own.curtailable, chosen.curtailed_kw, least_wh)):
            if fleet is not None:
                lo_wh, hi_wh = own.reach(fleet, seen)
                dispatch[fleet] = np.clip(base_wh + _whole(power_kw * to_wh), lo_wh, hi_wh)
        return dispatch, np.clip(_whole(chosen.pv_kw * to_wh), 0, seen.pv_wh)

    def _orders(self, seen: Observations, standing: Standing, wanted_wh: IntArray) -> OrderBatch:
        """Firm energy, PV beyond own need, and what the store gives beyond it, in this order of submission."""
        legs: list[tuple[Side, int, IntArray]] = [
            (Side.BUY, int(FIRM), standing.firm_demand_wh),
            (Side.SELL, int(FIRM), standing.must_run_wh),
            (Side.SELL, int(PV), standing.surplus_wh),
        ]
        battery = self.devices.battery
        if battery is not None:
            legs.append((Side.SELL, battery, wanted_wh[battery] - standing.dispatch_wh[battery]))
        return joined([_leg(seen, *leg) for leg in legs])


class ActionHand:
    """A chooser whose set-points are actions that somebody puts into it."""

    sees: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._actions: FloatArray | None = None

    def put(self, actions: FloatArray) -> None:
        """The actions of the slot that opens [k, 5]."""
        self._actions = actions

    def points(self, seen: Observations, devices: Steerable) -> Setpoints:
        """See ``Chooser``."""
        if self._actions is None:
            raise ValueError("there are no actions in the hand: put them there before the slot is played")
        return to_setpoints(self._actions, devices.ratings, devices.available(seen))


def _whole(energy_wh: FloatArray) -> IntArray:
    return np.rint(energy_wh).astype(np.int64)


def _leg(seen: Observations, side: Side, component: int, energy_wh: IntArray) -> OrderBatch:
    """Orders of everybody who has energy of a component, at the utility's price of the side."""
    agent = np.flatnonzero(energy_wh > 0)
    price = seen.retail_ticks if side == Side.BUY else seen.feed_in_ticks
    each: Sequence[int] = (int(side), component, int(Fallback.UTILITY))
    turn, part, rest = (np.full(len(agent), number, dtype=np.int64) for number in each)
    return OrderBatch(agent, turn, price[agent], energy_wh[agent], part, rest)
