"""The plan of a pool of agents: what their devices do until the horizon, by one programme for each market."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import NamedTuple, TypeAlias

import numpy as np

from marketsim.agents.params import CoordinatedParams
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.ports import LinearDevice
from marketsim.core.programme import LinearBlock, PlannedSlots
from marketsim.core.records import Observations, UncertainForecast
from marketsim.core.units import to_kwh, to_price
from marketsim.optimise.consensus import agree_day
from marketsim.optimise.day import Ends, MeteredDay
from marketsim.optimise.pool import Aims, PlannedDay, plan_day
from marketsim.optimise.scenarios import DayScenario, Risk, plan_scenarios

Course: TypeAlias = Callable[[str], FloatArray]
"""A series by its name, over the horizon [horizon, k]; KeyError if there is none."""
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
        courses = self._courses(seen, horizon)
        balances = [self._balance(seen, course) for course in courses]
        retail, feed_in = (to_price(ticks) for ticks in seen.forecast.tariffs(horizon))
        net = np.zeros((len(seen.ranges), horizon, len(seen.load_wh)))
        markets = []
        aims = self._aims(seen, horizon)
        ends = Ends(regained=max(horizon - seen.slots_per_day, 0) - 1)
        for market in np.unique(seen.market):
            members = np.flatnonzero(seen.market == market)
            first = members[0]
            scenarios = [
                DayScenario(
                    self._blocks(seen, members, course, horizon),
                    MeteredDay(
                        need_kwh=need[:, members].sum(axis=1, keepdims=True),
                        spare_kwh=spare[:, members].sum(axis=1, keepdims=True),
                        retail=retail[:, [first]],
                        feed_in=feed_in[:, [first]],
                        hours=seen.time.hours,
                        meter_of=np.zeros(len(members), dtype=np.int64),
                    ),
                )
                for course, (need, spare) in zip(courses, balances, strict=True)
            ]
            planned = self._planned(scenarios, self._common(seen, horizon), ends, aims)
            for (fleet, _), own in zip(self.devices, planned.net_kwh, strict=True):
                net[fleet][:, members] = own
            markets.append(planned)
        needs = [need for need, _ in balances]
        need = needs[0] if len(needs) == 1 else np.asarray(np.mean(needs, axis=0))
        return PoolPlan(seen.time.slot, net, tuple(markets), need)

    def _aims(self, seen: Observations, horizon: int) -> Aims:
        own = self._params
        days = None
        if own.peak_period == "day":
            days = (np.arange(horizon) + seen.slots_per_day - slots_to_noon(seen)) // seen.slots_per_day
        return Aims(own.objective, own.slack, own.peak_price, days)

    def _planned(self, scenarios: Sequence[DayScenario], common: int, ends: Ends, aims: Aims) -> PlannedDay:
        own = self._params
        if len(scenarios) > 1:
            return plan_scenarios(scenarios, common, ends, aims, Risk(own.risk, own.tail))
        if own.by == "consensus":
            return agree_day(*scenarios[0], ends).plan
        return plan_day(*scenarios[0], ends, aims)

    def _common(self, seen: Observations, horizon: int) -> int:
        """Slots until the next plan."""
        return min(self._params.replan_slots, horizon, slots_to_noon(seen))

    def _courses(self, seen: Observations, horizon: int) -> list[Course]:
        """What is expected of each series; with scenarios in the slots until the next plan their mean, then each scenario."""
        n = self._params.scenarios
        if n == 1:
            return [lambda name: seen.forecast.series(name, horizon)]
        forecast = seen.forecast
        if not isinstance(forecast, UncertainForecast):
            hint = "say profiles.forecast: {contextual: {}}, or scenarios: 1"
            raise ScenarioError(
                [Problem("the forecast has no scenarios", "strategy.coordinated.scenarios", str(n), hint)]
            )
        common = self._common(seen, horizon)

        @cache
        def paths(name: str) -> FloatArray:
            found = np.array(forecast.paths(name, horizon, n))
            found[:, :common] = found[:, :common].mean(axis=0)
            return found

        return [partial(_path, paths, place) for place in range(n)]

    def _horizon(self, seen: Observations) -> int:
        if self._params.horizon_slots is not None:
            return self._params.horizon_slots
        return seen.slots_per_day + slots_to_noon(seen) % seen.slots_per_day

    def _balance(self, seen: Observations, course: Course) -> tuple[FloatArray, FloatArray]:
        """Need and PV beyond the own load, each [horizon, k]; this slot as it was metered."""
        hours = seen.time.hours
        load = course("load_kw") * self._firm_share * hours
        pv = course("pv_kw") * hours
        load[0], pv[0] = to_kwh(seen.load_wh), to_kwh(seen.pv_wh)
        return load - pv, np.maximum(pv - load, 0.0)

    def _blocks(self, seen: Observations, members: IntArray, course: Course, horizon: int) -> list[LinearBlock]:
        """What the devices of members could do."""
        states, agents = seen.states, seen.agents[members]
        ahead = PlannedSlots(agents, seen.time, horizon, lambda name: np.asarray(course(name)[:, members]))
        return [device.linear(states[fleet][:, members], ahead) for fleet, device in self.devices]


def _path(paths: Callable[[str], FloatArray], place: int, name: str) -> FloatArray:
    return np.asarray(paths(name)[place])
