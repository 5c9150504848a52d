"""The days of a scenario as experts see them: whom they plan, with which devices, on which grid, and with which series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from marketsim.app.grid import feeder_of, network_of_run, own_load_share
from marketsim.app.parts import chosen, context_of
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core import ports
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import AgentSpec, BuildContext
from marketsim.core.clock import SlotTime
from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.expert import Background, ExpertView, PlannedGrid
from marketsim.core.ports import ReactiveLaw
from marketsim.core.units import to_price
from marketsim.devices.params import BatteryParams, CurtailableLoadParams, GeneratorParams
from marketsim.experts.context import ExpertContext
from marketsim.experts.inverters import UnaskedInverters
from marketsim.experts.model import BatteryModel, CurtailableModel, GeneratorModel, ProsumerModel, TerminalModel
from marketsim.games.episodes import RecurringTariff

FADES_H: Final = 3.0
"""Hours after which a deviation from the forecast says nothing any more [h]."""
FACTORS: Final = 0.25, 4.0
"""Least and largest such factor [-]."""
KNOWN: Final = ("battery", "curtailable_load", "generator")
"""Devices that experts plan."""


def nowcast(expected_kw: FloatArray, metered_kw: FloatArray, hours: float) -> FloatArray:
    """Expected series [H, A] that begin with what is metered [A], and come back to what was expected within ``FADES_H``.

    What the slot has more or less than was expected, as a factor (within ``FACTORS``), the hours after it are taken to have, too.
    """
    now = expected_kw[0]
    factor = np.clip(np.divide(metered_kw, now, out=np.ones(len(now)), where=now > 0.0), *FACTORS)
    weight = np.maximum(1.0 - np.arange(len(expected_kw)) * (hours / FADES_H), 0.0)[:, None]
    scaled = np.asarray(expected_kw * (1.0 + weight * (factor - 1.0)))
    scaled[0] = metered_kw
    return scaled


def has_a_choice(agent: AgentSpec) -> bool:
    """Whether there is anything about an agent that an expert could decide."""
    return agent.pv_kw > 0.0 or any(name in agent.devices for name in KNOWN)


def model_of(
    agent: AgentSpec, pv_scale: float, min_power_factor: float | None, terminal: TerminalModel
) -> ProsumerModel:
    """An agent of a scenario as experts know it, without devices that they do not; ScenarioError for one that has no model."""
    own = agent.devices
    battery, generator, curtailable = (own.get(name) for name in ("battery", "generator", "curtailable_load"))
    return ProsumerModel(
        load_peak_kw=agent.load.peak_kw or 0.0,
        pv_kw=agent.pv_kw * pv_scale,
        battery=_battery(battery) if isinstance(battery, BatteryParams) else None,
        generator=_generator(generator, agent.name) if isinstance(generator, GeneratorParams) else None,
        curtailable=_curtailable(curtailable) if isinstance(curtailable, CurtailableLoadParams) else None,
        min_power_factor=min_power_factor,
        inverter_kva=agent.inverter_kva,
        terminal=terminal,
    )


def _battery(own: BatteryParams) -> BatteryModel:
    return BatteryModel(
        energy_kwh=own.energy_kwh,
        power_kw=own.power_kw,
        efficiency=own.charge_efficiency,
        discharge_efficiency=own.discharge_efficiency,
        min_soc=own.soc_min,
        max_soc=own.soc_max,
        wear_per_kwh=own.wear_cost,
    )


def _generator(own: GeneratorParams, name: str) -> GeneratorModel:
    if own.constant_cost and not own.min_kw:
        hint = "give it a min_kw, at which it always runs, or leave constant_cost out"
        what = f"an expert cannot switch the generator of agent {name!r} off to save its constant_cost"
        raise ScenarioError([Problem(what, "agents", str(own.constant_cost), hint)])
    return GeneratorModel(
        max_kw=own.max_kw,
        min_kw=own.min_kw,
        ramp_kw_per_h=own.ramp_kw_per_h,
        cost_per_kwh=own.cost_per_kwh,
        quadratic_cost=own.quadratic_cost,
    )


def _curtailable(own: CurtailableLoadParams) -> CurtailableModel:
    return CurtailableModel(share=own.share, cost_per_kwh=own.cost_per_kwh)


@dataclass(frozen=True)
class PlannedDays:
    """What a scenario brings to experts: one market, any day."""

    ready: ReadyScenario
    rows: IntArray
    """The agents that are planned, by position [n]."""
    context: BuildContext
    """Without a grid."""
    profiles: ports.Profiles

    @cached_property
    def _tan(self) -> FloatArray:
        factors = np.array([agent.load.power_factor for agent in self.ready.agents])
        return np.asarray(np.tan(np.arccos(factors)))

    @cached_property
    def _firm_share(self) -> FloatArray:
        """Share of each agent's load that draws reactive power: what may be curtailed draws none [A]."""
        own = [agent.devices.get("curtailable_load") for agent in self.ready.agents]
        return np.array([1.0 - each.share if isinstance(each, CurtailableLoadParams) else 1.0 for each in own])

    @cached_property
    def _nodes(self) -> IntArray:
        return feeder_of(self.ready).nodes_of([str(agent.bus) for agent in self.ready.agents])

    @cached_property
    def _own_draw(self) -> Background:
        """What the feeder itself injects at each node in every slot [N]."""
        network, share = feeder_of(self.ready).network, own_load_share(self.ready)
        return Background(-network.nominal_kw * share, -network.nominal_kvar * share)

    @cached_property
    def grid(self) -> PlannedGrid | None:
        """The scenario's feeder; None without one."""
        if self.ready.feeder is None:
            return None
        from marketsim.grid.flow.planned import PlannedFeeder

        return PlannedFeeder(network_of_run(self.ready), self._nodes[self.rows])

    def expert_context(
        self, min_power_factor: float | None, terminal: TerminalModel, unasked: ports.Reactive | None = None
    ) -> ExpertContext:
        """What an expert of these agents is built from; ``unasked``: the mode of inverters that nobody asks."""
        agents = [self.ready.agents[row] for row in self.rows]
        scale = self.context.pv_scale
        return ExpertContext(
            names=tuple(agent.name for agent in agents),
            models=tuple(model_of(agent, scale, min_power_factor, terminal) for agent in agents),
            slot_hours=self.context.clock.slot_hours,
            slots_per_day=self.context.clock.slots_per_day,
            grid=self.grid,
            inverters=None if unasked is None else self.inverters(unasked),
            fence=self.ready.fence,
        )

    def inverters(self, reactive: ports.Reactive) -> UnaskedInverters:
        """What the inverters of the planned agents do by themselves."""
        law, rows = reactive.law, self.rows
        own = ReactiveLaw(
            law.source_kvar_per_kw[rows],
            law.sink_kvar_per_kw[rows],
            law.kva[rows],
            law.curve_pu,
            law.curve_kvar[rows],
            None if law.kvar_per_kw is None else law.kvar_per_kw[rows],
        )
        return UnaskedInverters(own, reactive.inverter_kvar(np.zeros(len(law.kva)))[rows])

    def stored_kwh(self) -> FloatArray:
        """In each battery at the start of a run [kWh] [n]."""
        own = [self.ready.agents[row].devices.get("battery") for row in self.rows]
        return np.array(
            [each.soc_initial * each.energy_kwh if isinstance(each, BatteryParams) else 0.0 for each in own]
        )

    def generator_kw(self) -> FloatArray:
        """Of each generator before a run starts [kW] [n]."""
        own = [self.ready.agents[row].devices.get("generator") for row in self.rows]
        return np.array([each.min_kw if isinstance(each, GeneratorParams) else 0.0 for each in own])

    @property
    def n_markets(self) -> int:
        """Markets whose series there are."""
        return self.context.community.n_markets

    def day(self, number: int) -> ExpertView:
        """A whole day of the run by its number, as it comes, from the state in which a run starts."""
        clock = self.context.clock
        return self.rest(clock.at(number * clock.slots_per_day), 0, self.stored_kwh(), self.generator_kw())

    def rest(
        self,
        time: SlotTime,
        market: int,
        stored_kwh: FloatArray,
        generator_kw: FloatArray,
        *,
        foreseen: bool = False,
        most: int | None = None,
    ) -> ExpertView:
        """The slots from ``time`` to the end of its day in a market, or the first ``most`` of them, from this state [n].

        Series as they come, or ``foreseen``: this slot as it is metered, the later ones as agents forecast them: see ``nowcast``.
        """
        clock = self.context.clock
        left = clock.slots_per_day - time.of_day
        times = [clock.at(time.slot + ahead) for ahead in range(left if most is None else min(left, most))]
        load_kw, pv_kw, kvar = self._forecast(times, market) if foreseen else self._actual(times, market)
        prices = [self._tariff(time) for time in times]
        return ExpertView(
            t0=times[0].of_day,
            slot_hours=times[0].hours,
            buy=np.array([price[0] for price in prices]),
            sell=np.array([price[1] for price in prices]),
            load_kw=load_kw[:, self.rows],
            pv_available_kw=pv_kw[:, self.rows],
            stored_kwh=stored_kwh,
            generator_kw=generator_kw,
            background=None if self.ready.feeder is None else self._background(load_kw, pv_kw, kvar),
        )

    def drawn_kvar(self, time: SlotTime, market: int) -> FloatArray:
        """Reactive power that the loads of the planned agents draw in a slot, less of what may be curtailed [kvar] [n]."""
        kvar = self._actual([time], market)[2][0]
        return np.asarray((self._firm_share * kvar)[self.rows])

    def _agents(self, market: int) -> IntArray:
        """Rows of a market on the flat axis [A]."""
        count = len(self.ready.agents)
        return np.arange(market * count, (market + 1) * count)

    def _actual(self, times: Sequence[SlotTime], market: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Load, PV and reactive power of the loads of all agents of a market [H, A]."""
        series, own = [self.profiles.at(time) for time in times], self._agents(market)
        load_kw, pv_kw = (np.array([each[name][own] for each in series]) for name in ("load_kw", "pv_kw"))
        if "load_kvar" in series[0]:
            return load_kw, pv_kw, np.array([each["load_kvar"][own] for each in series])
        return load_kw, pv_kw, self._tan * load_kw

    def _forecast(self, times: Sequence[SlotTime], market: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The same as it is expected when the first of these slots opens; that slot itself is metered."""
        now = self._actual(times[:1], market)
        load_kw, pv_kw = (
            nowcast(self._expected(name, times, market), metered[0], times[0].hours)
            for name, metered in zip(("load_kw", "pv_kw"), now, strict=False)
        )
        pv_kw = np.minimum(pv_kw, np.maximum(self._most_pv_kw, pv_kw[0]))
        ratio = np.divide(now[2][0], now[0][0], out=self._tan.copy(), where=now[0][0] > 0.0)
        return load_kw, pv_kw, ratio * load_kw

    def _expected(self, name: str, times: Sequence[SlotTime], market: int) -> FloatArray:
        """What was expected of a series in these slots when the slot before them opened [H, A].

        A forecast that is made as a slot opens says of it what is metered, and nothing of how far it had been off. Before the
        first slot of a day there is no forecast of that day, whose weather is told as it begins.
        """
        earlier = min(1, times[0].of_day)
        opened = self.context.clock.at(times[0].slot - earlier)
        forecast = self.profiles.forecast(opened, self._agents(market))
        return np.array(forecast.series(name, earlier + len(times)))[earlier:]

    @cached_property
    def _most_pv_kw(self) -> FloatArray:
        """Most that each plant can be expected to give, by its rating and its inverter's [kW] [A]."""
        own = [(agent.pv_kw * self.context.pv_scale, agent.inverter_kva) for agent in self.ready.agents]
        return np.array([rated if kva is None else min(rated, kva) for rated, kva in own])

    @cached_property
    def _prices(self) -> tuple[ports.Tariff, ports.Tariff]:
        """The tariff within the scenario's own days, and beyond them."""
        if self.context.tariff is None:
            raise AssertionError("the tariff is built before days are planned")
        return self.context.tariff, RecurringTariff(self.context.tariff, self.context.clock)

    def _tariff(self, time: SlotTime) -> tuple[float, float]:
        prices = self._prices[time.slot >= self.context.clock.slots].at(time)
        return float(to_price(prices.retail_ticks[0])), float(to_price(prices.feed_in_ticks[0]))

    def _background(self, load_kw: FloatArray, pv_kw: FloatArray, kvar: FloatArray) -> Background:
        """Of everybody else load and all of PV, of who is planned the load's reactive power, and what the feeder draws itself."""
        horizon = len(load_kw)
        others = pv_kw - load_kw
        others[:, self.rows] = 0.0
        kw, reactive = np.tile(self._own_draw.kw, (horizon, 1)), np.tile(self._own_draw.kvar, (horizon, 1))
        every = np.arange(horizon)[:, None], self._nodes[None, :]
        np.add.at(kw, every, others)
        np.add.at(reactive, every, -self._firm_share * kvar)
        return Background(kw, reactive)


def planned_days(ready: ReadyScenario, who: Callable[[AgentSpec], bool] = has_a_choice) -> PlannedDays:
    """The days of a scenario for those agents; ScenarioError where there are none."""
    rows = np.array([row for row, agent in enumerate(ready.agents) if who(agent)], dtype=np.int64)
    if not len(rows):
        hint = "give agents pv_kw, or a battery, generator or curtailable_load"
        raise ScenarioError([Problem("there is nothing that an expert could plan", "agents", hint=hint)])
    context = context_of(ready, (ready.seed,))
    profiles: Any = chosen(ready, "profile", ready.model.profiles, context)
    return PlannedDays(ready, rows, context, profiles)
