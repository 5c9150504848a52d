"""What a scenario's expert makes of its days: cost against doing nothing, and voltages by an independent power flow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from time import process_time
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.app.episodes import on_part
from marketsim.app.experts import DEFAULT, BuiltExpert, PlanFollower, expert_of
from marketsim.app.grid import network_of_run
from marketsim.app.parts import chosen
from marketsim.app.planned_days import PlannedDays, planned_days
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.expert import ExpertView, Plan, net_kw
from marketsim.core.ports import Reactive
from marketsim.core.setpoints import Setpoints
from marketsim.experts.checking import (
    Band,
    PlanRefusal,
    SolveVoltages,
    Verified,
    device_refusals,
    verified,
    voltage_refusals,
)
from marketsim.experts.columns import Costs, costs
from marketsim.experts.feedback import plan_of
from marketsim.experts.inverters import unasked_kvar
from marketsim.profiles.daily import DayProfiles
from marketsim.profiles.params import DrawsDays
from marketsim.profiles.parts import DaySplit

_LEAP_YEAR: Final = date(2016, 1, 1)
"""Source years have 366 days."""


class Grid(NamedTuple):
    """A feeder and who checks it: a solver that the expert does not use."""

    band: Band
    voltages: SolveVoltages


class DayBound(NamedTuple):
    """A day as the expert plans it, for all planned agents together."""

    day: int
    """Of the run, from 0."""
    date: str
    """Where its series come from; ``drawn``: loads of several dates."""
    status: str
    cost: float
    """Energy with the utility after pooling, devices, and terminal storage [currency]."""
    energy_cost: float
    devices_cost: float
    terminal_cost: float
    idle_cost: float
    """With all PV used and every device at rest [currency]."""
    over: int
    """Bus-slots above the band, by AC power flow."""
    under: int
    idle_over: int
    idle_under: int
    bus_slots: int
    """All there are; 0 without a grid."""
    unsolved: int
    """Slots without a solution of the AC power flow; their buses are neither above nor below."""
    idle_unsolved: int
    impossible: int
    """Set-points that no device can do; the cost of such a plan is nobody's."""
    first_impossible: str | None
    curtailed_pv_kwh: float
    curtailed_load_kwh: float
    solves: int
    seconds: float
    """Processor time of the plan [s]."""


class Bound(NamedTuple):
    """All days."""

    scenario: str
    expert: str
    part: str | None
    played: bool
    """Slot by slot, with what the expert knows then."""
    agents: tuple[str, ...]
    days: tuple[DayBound, ...]
    plans: Mapping[int, Setpoints]

    def document(self) -> dict[str, Any]:
        """The answer as plain values, without set-points."""
        keys = ("scenario", "expert", "part", "played", "agents")
        return {**{key: getattr(self, key) for key in keys}, "days": [each._asdict() for each in self.days]}


class PlanCase(NamedTuple):
    """A scenario's agents, expert and feeder, on the days of a part."""

    ready: ReadyScenario
    days: PlannedDays
    reactive: Reactive
    built: BuiltExpert
    grid: Grid | None


def case_of(ready: ReadyScenario, part: DaySplit | None) -> PlanCase:
    """A scenario as an expert plans it; ScenarioError for a part of a source that draws no days."""
    if part is not None:
        if not isinstance(ready.model.profiles.params, DrawsDays):
            hint = "leave --part out, or choose a source such as simbench_2016"
            raise ScenarioError(
                [Problem("this source of profiles has no parts of a year", "profiles.source", part, hint)]
            )
        ready = on_part(ready, part)
    days = planned_days(ready)
    reactive: Reactive = chosen(ready, "reactive", ready.model.grid.reactive, days.context)
    return PlanCase(ready, days, reactive, expert_of(ready, days, reactive), _grid_of(ready, days))


def _grid_of(ready: ReadyScenario, days: PlannedDays) -> Grid | None:
    if days.grid is None:
        return None
    from marketsim.grid.flow.fixed_point import FixedPointValidator
    from marketsim.grid.flow.power_flow_check import Validator
    from marketsim.grid.net.topology import is_radial

    network = network_of_run(ready)
    solver = Validator(network) if is_radial(network) else FixedPointValidator(network)
    band = Band(network.bus_names, days.grid.v_min_pu, days.grid.v_max_pu)
    return Grid(band, lambda kw, kvar: solver.solve(kw, kvar).v_pu)


def bound(
    ready: ReadyScenario,
    part: DaySplit | None = None,
    most: int | None = None,
    tell: Callable[[str], None] | None = None,
    *,
    played: bool = False,
) -> Bound:
    """Plan the days of a scenario, or of a part of its source year; ``most``: so many of them.

    Each day once with its series known, or ``played``: slot by slot with what the expert knows then, as in a run.
    """
    case = case_of(ready, part)
    numbers = range(_count(case, part) if most is None else most)
    found, plans = [], {}
    for number in numbers:
        if tell is not None:
            tell(f"day {number + 1} of {len(numbers)}")
        view = case.days.day(number)
        began = process_time()
        plan = _played(case, number, view) if played else plan_of(case.built.expert, case.built.own, view)
        found.append(
            _judged(case, number, view, plan, process_time() - began, _beyond(case, view, plan, played=played))
        )
        plans[number] = plan.setpoints
    expert = (ready.model.expert or DEFAULT).name
    return Bound(ready.name, expert, part, played, tuple(_names(case)), tuple(found), plans)


def _played(case: PlanCase, number: int, view: ExpertView) -> Plan:
    """What comes of following the expert through a day; ``solves`` counts plans, ``kvar`` is all that inverters give."""
    own, clock = case.built.own, case.days.context.clock
    follower = PlanFollower(case.built, case.days, case.reactive)
    room = own.stored_high_kwh - own.stored_low_kwh
    path, rows = [view.stored_kwh], list[Setpoints]()
    for slot in range(view.horizon):
        over = path[-1] - own.stored_low_kwh
        level = np.divide(over, room, out=np.full(own.n, np.nan), where=room > 0.0)
        time = clock.at(number * clock.slots_per_day + slot)
        rows.append(follower.setpoints(time, level, view.load_kw[slot], view.pv_available_kw[slot]))
        gained = path[-1] + own.stored_gain(rows[-1].battery_kw, view.slot_hours)
        path.append(np.clip(gained, own.stored_low_kwh, own.stored_high_kwh))
    points = Setpoints(*(np.array(column) for column in zip(*rows, strict=True)))
    if case.days.grid is not None:
        inverters = case.days.inverters(case.reactive)
        asked = inverters._replace(steady_kvar=inverters.steady_kvar + points.kvar)
        points = points._replace(kvar=unasked_kvar(case.days.grid, view, points, asked))
    return Plan(points, np.array(path), "played", float("nan"), 0.0, follower.plans)


def _count(case: PlanCase, part: DaySplit | None) -> int:
    """Days of the part by date, else of the scenario's clock."""
    params = case.ready.model.profiles.params
    chosen = params.days if isinstance(params, DrawsDays) else None
    if part is not None and chosen is not None and chosen.order == "dates":
        return int(np.count_nonzero(chosen.days_of(part)))
    return case.days.context.clock.days


def _beyond(case: PlanCase, view: ExpertView, plan: Plan, *, played: bool) -> list[PlanRefusal]:
    """What devices cannot do; reactive power that inverters give by themselves is held by ``grid.reactive``."""
    asked = case.built.params.asks_kvar and not played
    found = device_refusals(case.built.own, _names(case), view, plan.setpoints)
    return [each for each in found if asked or each.unit != "kvar"]


def _names(case: PlanCase) -> list[str]:
    return [case.ready.agents[row].name for row in case.days.rows]


def _judged(
    case: PlanCase, number: int, view: ExpertView, plan: Plan, seconds: float, beyond: Sequence[PlanRefusal]
) -> DayBound:
    points, none = plan.setpoints, np.zeros_like(view.load_kw)
    idle = Setpoints(none, none, none, view.pv_available_kw, none)
    paid, resting = (_costs(case, view, each) for each in (points, idle))
    flow, resting_flow = (_flow(case, view, each) for each in (points, idle))
    hours = view.slot_hours
    return DayBound(
        day=number,
        date=_date(case, number),
        status=plan.status,
        cost=paid.total,
        energy_cost=paid.energy,
        devices_cost=paid.devices,
        terminal_cost=paid.terminal,
        idle_cost=resting.total,
        over=flow.over,
        under=flow.under,
        idle_over=resting_flow.over,
        idle_under=resting_flow.under,
        bus_slots=flow.v_pu[:, 1:].size,
        unsolved=flow.unsolved,
        idle_unsolved=resting_flow.unsolved,
        impossible=len(beyond),
        first_impossible=beyond[0].text if beyond else None,
        curtailed_pv_kwh=float(hours * (view.pv_available_kw - points.pv_kw).sum()),
        curtailed_load_kwh=float(hours * points.curtailed_kw.sum()),
        solves=plan.solves,
        seconds=seconds,
    )


def _costs(case: PlanCase, view: ExpertView, points: Setpoints) -> Costs:
    pooled = net_kw(view.load_kw, points).sum(axis=1, keepdims=True)
    return costs(case.built.own, view, points, pooled)


def _flow(case: PlanCase, view: ExpertView, points: Setpoints) -> Verified:
    """The AC power flow of set-points; without a grid one of no buses."""
    if case.grid is None or case.days.grid is None:
        return Verified(np.empty((view.horizon, 0)), 0, 0, 0)
    return verified(case.grid.band, case.grid.voltages, case.days.grid.nodes, view, points)


def _date(case: PlanCase, number: int) -> str:
    """The date of the source year from which a day comes, where loads of one date are together; else that of the run."""
    params = case.ready.model.profiles.params
    chosen = params.days if isinstance(params, DrawsDays) else None
    if chosen is None:
        return (case.days.context.clock.start + timedelta(days=number)).isoformat()
    if chosen.shifts or not isinstance(case.days.profiles, DayProfiles):
        return "drawn"
    day = int(case.days.profiles.source_day(number, case.days.rows[:1])[0])
    return (_LEAP_YEAR + timedelta(days=day)).strftime("%m-%d")


def refused(case: PlanCase, plans: Mapping[int, Setpoints]) -> dict[int, list[PlanRefusal]]:
    """What cannot be done of plans by day: what devices cannot do, then what the grid does not take."""
    return {day: _refusals(case, day, points) for day, points in plans.items()}


def _refusals(case: PlanCase, day: int, points: Setpoints) -> list[PlanRefusal]:
    view = case.days.day(day)
    found = device_refusals(case.built.own, _names(case), view, points)
    return found if case.grid is None else [*found, *voltage_refusals(case.grid.band, _flow(case, view, points))]
