"""The plan of a pool of agents: what their devices do until the horizon, by one programme for each market."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from marketsim.agents.params import CoordinatedParams
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.ports import LinearDevice
from marketsim.core.programme import LinearBlock, PlannedSlots
from marketsim.core.records import Observations
from marketsim.core.units import to_kwh, to_price
from marketsim.optimise.consensus import agree_day
from marketsim.optimise.day import Ends, MeteredDay
from marketsim.optimise.pool import Aims, PlannedDay, plan_day

NOON: float = 12.0
"""Hour at which a day of the plan ends: vehicles are away, and what was stored overnight is used."""


def slots_to_noon(seen: Observations) -> int:
    """Slots until the next noon, at least one."""
    noon = int(NOON / seen.time.hours)
    return int((noon - seen.time.of_day - 1) % seen.slots_per_day + 1)


class PoolPlan(NamedTuple):
    """What k agents are to do from the slot ``begins`` on."""

    begins: int
    net_kwh: FloatArray
    """Net energy of each fleet at the meter [n_devices, horizon, k]; 0 for fleets that are not planned."""
    markets: tuple[PlannedDay, ...]
    """What the plan of each market comes to."""
    need_kwh: FloatArray
    """Load less PV of each agent [horizon, k]."""

    @property
    def slots(self) -> int:
        """How many slots it covers."""
        return int(self.net_kwh.shape[1])


class PoolPlanner:
    """Makes plans for the rows of ``context``.

    The last day of each plan ends with at least as much in each store as it begins with, so that no day is cheap for what
    it takes from the next.
    """

    def __init__(self, params: CoordinatedParams, context: BuildContext) -> None:
        rows = context.rows
        if rows is None:
            raise ValueError("a strategy is built with the rows of its agents, BuildContext.rows")
        self._params = params
        self.devices: tuple[tuple[int, LinearDevice], ...] = tuple(
            (fleet, device)
            for fleet, device in enumerate(context.devices)
            if isinstance(device, LinearDevice) and device.info.owned[rows].any()
        )
        """The fleets that are planned, by their position."""
        self._firm_share = 1.0 - sum(
            (info.load_share[rows] for info in context.fleets if info.load_share is not None), np.zeros(len(rows))
        )
        self.held_firm: tuple[str, ...] = tuple(
            info.name
            for fleet, info in enumerate(context.fleets)
            if info.owned[rows].any() and fleet not in [planned for planned, _ in self.devices]
        )
        """Fleets that cannot say what they could do, and do what happens in any case."""

    def plan(self, seen: Observations) -> PoolPlan:
        """The plan from the slot that opens on."""
        horizon = self._horizon(seen)
        states, agents = seen.states, seen.agents
        need, spare = self._balance(seen, horizon)
        retail, feed_in = (to_price(ticks) for ticks in seen.forecast.tariffs(horizon))
        net = np.zeros((len(seen.ranges), horizon, len(seen.load_wh)))
        markets = []
        ends = Ends(regained=max(horizon - seen.slots_per_day, 0) - 1)
        for market in np.unique(seen.market):
            members = np.flatnonzero(seen.market == market)
            blocks = [
                self._block(device, states[fleet][:, members], agents[members], members, seen, horizon)
                for fleet, device in self.devices
            ]
            first = members[0]
            day = MeteredDay(
                need_kwh=need[:, members].sum(axis=1, keepdims=True),
                spare_kwh=spare[:, members].sum(axis=1, keepdims=True),
                retail=retail[:, [first]],
                feed_in=feed_in[:, [first]],
                hours=seen.time.hours,
                meter_of=np.zeros(len(members), dtype=np.int64),
            )
            planned = self._planned(blocks, day, ends)
            for (fleet, _), own in zip(self.devices, planned.net_kwh, strict=True):
                net[fleet][:, members] = own
            markets.append(planned)
        return PoolPlan(seen.time.slot, net, tuple(markets), need)

    def _planned(self, blocks: Sequence[LinearBlock], day: MeteredDay, ends: Ends) -> PlannedDay:
        own = self._params
        if own.by == "consensus":
            return agree_day(blocks, day, ends).plan
        return plan_day(blocks, day, ends, Aims(own.objective, own.slack, own.peak_price))

    def _horizon(self, seen: Observations) -> int:
        if self._params.horizon_slots is not None:
            return self._params.horizon_slots
        return seen.slots_per_day + slots_to_noon(seen) % seen.slots_per_day

    def _balance(self, seen: Observations, horizon: int) -> tuple[FloatArray, FloatArray]:
        """Need and PV beyond the own load, each [horizon, k]; this slot as it was metered."""
        hours = seen.time.hours
        load = seen.forecast.series("load_kw", horizon) * self._firm_share * hours
        pv = seen.forecast.series("pv_kw", horizon) * hours
        load[0], pv[0] = to_kwh(seen.load_wh), to_kwh(seen.pv_wh)
        return load - pv, np.maximum(pv - load, 0.0)

    def _block(
        self,
        device: LinearDevice,
        state: FloatArray,
        agents: IntArray,
        members: IntArray,
        seen: Observations,
        horizon: int,
    ) -> LinearBlock:
        def series(name: str) -> FloatArray:
            return np.asarray(seen.forecast.series(name, horizon)[:, members])

        return device.linear(state, PlannedSlots(agents, seen.time, horizon, series))
