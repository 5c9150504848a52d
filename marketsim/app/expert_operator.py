"""The network operator of a scenario: looks at the plans of an expert from words where one of its agents is connected."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Final

import numpy as np

from marketsim.app.grid import feeder_of
from marketsim.app.planned_days import PlannedDays, planned_days
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.arrays import FloatArray
from marketsim.core.errors import InputError, Problem, ScenarioError
from marketsim.core.expert import ExpertView, PlannedGrid
from marketsim.experts.case import DayCase
from marketsim.experts.judging import JudgedDay
from marketsim.experts.model import ProsumerModel
from marketsim.scenario.problems import did_you_mean

_MOST_DAYS: Final = 7
_SAME_PU: Final = 1e-6
_NAMED: Final = 3


class FeederOperator:
    """Port ``OperatorCheck``: days of a scenario with everybody else as metered, by AC power flow in every slot.

    The agent's series are scaled to what the description says; its inverter gives no reactive power, for what the scenario's
    inverters do by themselves is no part of a plan. ScenarioError without a feeder, InputError for an agent that there is not.
    """

    def __init__(self, ready: ReadyScenario, agent: str) -> None:
        if ready.feeder is None:
            raise ScenarioError([Problem("there is no network operator without a feeder", "grid.feeder")])
        names = [each.name for each in ready.agents]
        if agent not in names:
            hint = did_you_mean(agent, names)
            raise InputError([Problem("the scenario has no agent of this name", value=repr(agent), hint=hint)])
        self._ready, self._agent = ready, agent
        self._days: PlannedDays = planned_days(ready, lambda each: each.name == agent)

    @cached_property
    def _views(self) -> list[ExpertView]:
        clock = self._days.context.clock
        return [self._days.day(day) for day in range(min(_MOST_DAYS, max(1, clock.slots // clock.slots_per_day)))]

    def days(self, model: ProsumerModel) -> Sequence[DayCase]:
        """See the port."""
        return [self._case(model, view) for view in self._views]

    def broken(self, day: int, plan: JudgedDay, load_kw: FloatArray) -> Sequence[str]:
        """See the port."""
        own = plan.generator_kw + plan.battery_kw + plan.curtailed_kw + plan.pv_kw
        grid = self._grid
        without, planned = (self._voltages(grid, day, net) for net in (-load_kw, own - load_kw))
        beyond, before = _beyond(grid, planned), _beyond(grid, without)
        worse = np.where(beyond > np.maximum(before, 0.0) + _SAME_PU, beyond, 0.0)
        return [self._told(grid, planned, without, place) for place in _worst(worse)]

    @property
    def _grid(self) -> PlannedGrid:
        grid = self._days.grid
        assert grid is not None
        return grid

    def _case(self, model: ProsumerModel, view: ExpertView) -> DayCase:
        """A day of the scenario with the agent's series, at the size that the model says; generator at its least power before."""
        spec = self._ready.agents[int(self._days.rows[0])]
        load_kw, pv_kw = view.load_kw[:, 0], view.pv_available_kw[:, 0]
        rating = spec.pv_kw * self._days.context.pv_scale
        battery, generator = model.battery, model.generator
        return DayCase(
            slot_hours=view.slot_hours,
            hour=np.asarray(view.slot_hours * np.arange(view.t0, view.t0 + view.horizon), dtype=np.float64),
            buy_price=view.buy,
            sell_price=view.sell,
            load_kw=_scaled(load_kw, model.load_peak_kw, spec.load.peak_kw or float(load_kw.max(initial=0.0))),
            pv_available_kw=_scaled(pv_kw, model.pv_kw, rating),
            stored_kwh=0.0 if battery is None else model.terminal.soc * battery.energy_kwh,
            generator_kw=0.0 if generator is None else generator.min_kw,
        )

    def _voltages(self, grid: PlannedGrid, day: int, net_kw: FloatArray) -> FloatArray:
        """Of every bus in every slot, NaN without a solution [p.u.] [H, N]."""
        background = self._views[day].background
        assert background is not None
        kw = background.kw.copy()
        kw[:, grid.nodes[0]] += net_kw
        return grid.voltages(kw, background.kvar)

    def _told(self, grid: PlannedGrid, v_pu: FloatArray, without_pu: FloatArray, place: tuple[int, int]) -> str:
        slot, node = place
        if np.isnan(v_pu[place]):
            return f"the power flow of slot {slot} has no solution"
        name, band = (
            feeder_of(self._ready).network.bus_names[node],
            f"{grid.v_min_pu[node]:g} to {grid.v_max_pu[node]:g}",
        )
        beside = f"{without_pu[place]:.4f} p.u. with its load alone"
        return f"bus {name} has {v_pu[place]:.4f} p.u. in slot {slot}, {beside}, and {band} is allowed"


def _scaled(series: FloatArray, wanted: float, own: float) -> FloatArray:
    """A series of a rating at another one; without one of its own there is nothing to scale."""
    return np.asarray(series * (wanted / own if own > 0.0 else 0.0))


def _beyond(grid: PlannedGrid, v_pu: FloatArray) -> FloatArray:
    """By how much each voltage lies outside its band, inf where there is no solution [p.u.] [H, N]."""
    outside = np.maximum(v_pu - grid.v_max_pu, grid.v_min_pu - v_pu)
    return np.where(np.isnan(v_pu), np.inf, outside)


def _worst(beyond: FloatArray) -> list[tuple[int, int]]:
    """Slot and node of the worst, at most three, none twice in a slot."""
    nodes = beyond.argmax(axis=1)
    most = beyond.max(axis=1)
    order = [int(slot) for slot in np.argsort(-most, kind="stable")[:_NAMED] if most[slot] > 0.0]
    return [(slot, int(nodes[slot])) for slot in order]
