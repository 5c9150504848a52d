"""Rules that concern several keys at once: one function each, all problems returned.

A rule sees a scenario whose every value is valid by itself.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Final

from marketsim.core.build import AgentSpec
from marketsim.core.game import MARKET
from marketsim.core.period import MOST_CELLS
from marketsim.core.units import MONEY_PER_CURRENCY, WH_PER_KWH
from marketsim.scenario.agents import BUILT_IN_KINDS, AgentEntry
from marketsim.scenario.choice import Catalog, Unchecked, written_params
from marketsim.scenario.draw import Draw
from marketsim.scenario.learning import RewardParams
from marketsim.scenario.model import Scenario, TapChanger, VoltageRegulator
from marketsim.scenario.problems import MOST_DETAILS, Detail, did_you_mean
from marketsim.scenario.tree import Loc

_MINUTES_A_DAY: Final = 1440
_INT64: Final = 2.0**63
_SAFETY: Final = 16.0
"""Sums of a few products of energy and price are formed before they are compared."""


def scenario_details(scenario: Scenario, catalog: Catalog, tolerant: bool = False) -> list[Detail]:
    """Everything that is wrong between the keys of a scenario."""
    found = [
        *day_is_divided(scenario),
        *run_fits_calendar(scenario),
        *band_is_ordered(scenario),
        *gate_has_feeder(scenario, catalog),
        *tap_changer_can_move(scenario, catalog),
        *closure_is_shorter_than_run(scenario),
        *engine_handles_charges(scenario, catalog),
        *period_has_sharing(scenario, catalog),
        *owners_are_paid(scenario, catalog),
        *reward_is_heard(scenario, catalog),
    ]
    metered = _is_metered(scenario, catalog)
    for position, entry in enumerate(scenario.agents):
        found += [detail._replace(loc=("agents", position, *detail.loc)) for detail in _entry(entry, scenario, metered)]
    return [*found, *kinds_are_known(scenario, catalog, tolerant)]


def _is_metered(scenario: Scenario, catalog: Catalog) -> bool:
    source = scenario.profiles
    return isinstance(source.params, Unchecked) or "metered" in catalog.traits("profile", source.name)


def _entry(entry: AgentEntry, scenario: Scenario, metered: bool) -> Iterator[Detail]:
    yield from buses_fit_grid(entry, scenario)
    yield from group_keys_need_count(entry)
    yield from load_has_one_measure(entry, metered)
    yield from feeder_words_need_bus(entry, scenario)
    yield from consumer_generates_nothing(entry)


def day_is_divided(scenario: Scenario) -> Iterator[Detail]:
    """A day has a whole number of slots."""
    minutes = scenario.clock.slot_minutes
    if _MINUTES_A_DAY % minutes:
        near = [str(each) for each in (5, 10, 15, 30, 60)]
        yield Detail(("clock", "slot_minutes"), "must divide a day", minutes, f"for example {', '.join(near)}")


def run_fits_calendar(scenario: Scenario) -> Iterator[Detail]:
    """The run ends before the last year that dates know, which leaves room for forecasts."""
    clock = scenario.clock
    last = datetime.date(datetime.MAXYEAR - 1, 12, 31)
    if (last - clock.start).days < clock.slots * clock.slot_minutes // _MINUTES_A_DAY:
        hint = f"{clock.slots} slots of {clock.slot_minutes} minutes from there"
        yield Detail(("clock", "start"), f"the run must end before the year {datetime.MAXYEAR}", clock.start, hint)


def band_is_ordered(scenario: Scenario) -> Iterator[Detail]:
    """The voltage band has its lower end first, and is one in p.u."""
    band = scenario.grid.voltage_band_pu
    if band is not None and not 0.5 <= band[0] < band[1] <= 1.5:
        hint = "in p.u. of the nominal voltage, between 0.5 and 1.5, such as [0.95, 1.05]"
        yield Detail(("grid", "voltage_band_pu"), "must be [lowest, highest]", list(band), hint)


def _gate_traits(scenario: Scenario, catalog: Catalog) -> frozenset[str]:
    """What the scenario's gate is; nothing where only a plugin knows."""
    gate = scenario.grid.gate
    return frozenset() if isinstance(gate.params, Unchecked) else catalog.traits("gate", gate.name)


def gate_has_feeder(scenario: Scenario, catalog: Catalog) -> Iterator[Detail]:
    """There is no gate without a feeder."""
    grid = scenario.grid
    if isinstance(grid.gate.params, Unchecked):  # a plugin's, which may need none
        return
    if grid.feeder is None and "blind" not in _gate_traits(scenario, catalog):
        hint = "name one, such as feeder: feeder141, or set gate: none"
        yield Detail(("grid", "gate"), "needs a feeder", grid.gate.name, hint)


def tap_changer_can_move(scenario: Scenario, catalog: Catalog) -> Iterator[Detail]:
    """Tap changers start at one of their positions, one a branch, and no gate plans ahead of them."""
    grid = scenario.grid
    changers: list[tuple[Loc, TapChanger | VoltageRegulator]] = [
        (("grid", "regulators", place), each) for place, each in enumerate(grid.regulators)
    ]
    if grid.tap_changer is not None:
        changers.insert(0, (("grid", "tap_changer"), grid.tap_changer))
    for loc, changer in changers:
        if not changer.lowest <= changer.start <= changer.highest:
            hint = f"between lowest ({changer.lowest}) and highest ({changer.highest})"
            yield Detail((*loc, "start"), "is no position", changer.start, hint)
        if grid.feeder is None:
            yield Detail(loc, "needs a feeder", hint="name one under grid: {feeder: ...}")
    branches = [each.branch for each in grid.regulators]
    for place, branch in enumerate(branches):
        if branch in branches[:place]:
            at: Loc = ("grid", "regulators", place, "branch")
            yield Detail(at, "has a regulator already", branch, "leave one of them out")
    if changers and "plans" in _gate_traits(scenario, catalog):
        hint = "choose another gate, such as doe_equal"
        yield Detail(("grid", "gate"), "plans with a fixed feeder and takes no tap changer", grid.gate.name, hint)


def closure_is_shorter_than_run(scenario: Scenario) -> Iterator[Detail]:
    """At least one slot is delivered after the gate has closed for it."""
    closure = scenario.market.gate_closure_slots
    if closure >= scenario.clock.slots:
        hint = f"the run has {scenario.clock.slots} slots"
        yield Detail(("market", "gate_closure_slots"), "must be less than clock.slots", closure, hint)


def engine_handles_charges(scenario: Scenario, catalog: Catalog) -> Iterator[Detail]:
    """Charges that differ by pair of agents need an engine that can sort by them; those of the grid need a grid."""
    engine, charges = scenario.market.engine, scenario.market.charges
    if isinstance(engine.params, Unchecked) or isinstance(charges.params, Unchecked):
        return
    traits = catalog.traits("charges", charges.name)
    if "pairwise" in traits and "pairs" not in catalog.traits("engine", engine.name):
        able = [name for name in catalog.names("engine") if "pairs" in catalog.traits("engine", name)]
        hint = f"engines that do: {', '.join(able) or 'none'}"
        message = f"the engine {engine.name} does not support charges by pair of agents"
        yield Detail(("market", "charges"), message, charges.name, hint)
    elif traits & {"pairwise", "signed"} and "blind" in _gate_traits(scenario, catalog):
        hint = "name a feeder under grid: {feeder: ...}, with a gate, or choose other charges"
        yield Detail(("market", "charges"), "network charges by the grid need a grid", charges.name, hint)


def _shares(scenario: Scenario, catalog: Catalog) -> bool | None:
    """Whether the scenario has a rule that shares costs; None where only a plugin knows."""
    sharing = scenario.market.sharing
    return None if isinstance(sharing.params, Unchecked) else "idle" not in catalog.traits("sharing", sharing.name)


def period_has_sharing(scenario: Scenario, catalog: Catalog) -> Iterator[Detail]:
    """A period other than the default is that of a rule."""
    market = scenario.market
    if market.sharing_period != "day" and _shares(scenario, catalog) is False:
        hint = "choose a rule, such as sharing: proportional, or leave the period out"
        yield Detail(("market", "sharing_period"), "needs a rule of sharing", market.sharing_period, hint)


def owners_are_paid(scenario: Scenario, catalog: Catalog) -> Iterator[Detail]:
    """Owners of a shared asset have what it earns from a rule of sharing that looks at them, and that has assets to look at."""
    sharing = scenario.market.sharing
    if isinstance(sharing.params, Unchecked):
        return
    if "dividends" in catalog.traits("sharing", sharing.name):
        if all(entry.owners is None for entry in scenario.agents):
            hint = "give a shared plant owners: equal, owners: {class: NAME}, or parts by name"
            yield Detail(
                ("market", "sharing"), "pays owners of shared assets, and no agent has owners", sharing.name, hint
            )
        return
    for position, entry in enumerate(scenario.agents):
        if entry.owners is not None:
            hint = "choose market: {sharing: dividend}, or leave the owners out"
            yield Detail(("agents", position, "owners"), "needs a rule of sharing that pays owners", sharing.name, hint)


def reward_is_heard(scenario: Scenario, catalog: Catalog) -> Iterator[Detail]:
    """What ``learning.reward`` says is said of the market; a game with a reward of its own would not hear it."""
    game = scenario.learning.game.name
    if isinstance(scenario.learning.game.params, Unchecked) or "rewarded" in catalog.traits("game", game):
        return
    said, usual = written_params(scenario.learning.reward), written_params(RewardParams())
    for key in usual:
        if said[key] != usual[key]:
            message = f"belongs to the game {MARKET}, and the game here is {game}"
            hint = f"leave it out, or learn the market by learning: {{game: {MARKET}}}"
            yield Detail(("learning", "reward", key), message, said[key], hint, at_key=True)


def kinds_are_known(scenario: Scenario, catalog: Catalog, tolerant: bool) -> Iterator[Detail]:
    """Every agent's kind is built in or registered."""
    known = dict.fromkeys((*BUILT_IN_KINDS, *catalog.names("agent")))
    missed = 0
    for position, entry in enumerate(scenario.agents):
        if entry.kind not in known and not tolerant:
            missed += 1
            hint = did_you_mean(entry.kind, known) if missed <= MOST_DETAILS else ""
            yield Detail(("agents", position, "kind"), "there is no agent of this kind", entry.kind, hint)


def buses_fit_grid(entry: AgentEntry, scenario: Scenario) -> Iterator[Detail]:
    """With a feeder every agent has one source of buses; without one, none has."""
    given = [key for key in ("bus", "buses") if getattr(entry, key) is not None]
    if scenario.grid.feeder is None and given:
        yield Detail((given[0],), "needs a feeder", hint="name one under grid: {feeder: ...}, or remove the bus")
    elif len(given) == 2:
        yield Detail(("buses",), "stands beside bus", hint="keep one of the two")
    elif scenario.grid.feeder is not None and not given:
        yield Detail(("bus",), "is missing", hint="with a feeder every agent stands at a bus", at_key=True)


def group_keys_need_count(entry: AgentEntry) -> Iterator[Detail]:
    """``buses`` and the program's own ``group`` belong to groups and to single agents, respectively."""
    if entry.group is not None and entry.count is not None:
        yield Detail(("group",), "stands beside count", hint="group is written for resolved agents only: remove it")


def load_has_one_measure(entry: AgentEntry, metered: bool) -> Iterator[Detail]:
    """A load is scaled by its peak or its energy, not by both; by neither only where the source is metered in kW."""
    load = entry.load
    given = [key for key in ("peak_kw", "annual_kwh") if getattr(load, key) is not None]
    if len(given) == 2:
        yield Detail(("load", "annual_kwh"), "stands beside peak_kw", hint="keep one of the two")
    elif not given and not metered and (load.shape is not None or load.power_factor != 1.0):
        yield Detail(("load", "peak_kw"), "is missing", hint="scale the load by peak_kw or annual_kwh", at_key=True)


def feeder_words_need_bus(entry: AgentEntry, scenario: Scenario) -> Iterator[Detail]:
    """The word ``feeder`` refers to the feeder's table."""
    for key in ("peak_kw", "power_factor"):
        if getattr(entry.load, key) == "feeder" and scenario.grid.feeder is None:
            yield Detail(("load", key), "needs a feeder", "feeder", "give a number")


def consumer_generates_nothing(entry: AgentEntry) -> Iterator[Detail]:
    """A consumer has no PV; results count consumers and prosumers separately."""
    if entry.kind == "consumer" and entry.pv_kw != 0.0:
        yield Detail(("pv_kw",), "a consumer has no PV", _seen(entry.pv_kw), "make it kind: prosumer")


def _seen(value: float | Draw) -> object:
    return {value.law: list(value.arguments)} if isinstance(value, Draw) else value


def slot_fits_int64(scenario: Scenario, agents: tuple[AgentSpec, ...]) -> Iterator[Detail]:
    """No slot can hold more money than 64 bits count; an estimate from above that is far from any real scenario."""
    devices_kw = sum(each.largest_power_kw() for agent in agents for each in agent.devices.values())
    yield from power_fits_int64(scenario, agents, devices_kw)


def power_fits_int64(scenario: Scenario, agents: tuple[AgentSpec, ...], devices_kw: float) -> Iterator[Detail]:
    """The same where all devices together have a power [kW]."""
    # The peak of a household's year lies below 0.02 of its energy an hour.
    loads_kw = sum(agent.load.peak_kw or (agent.load.annual_kwh or 0.0) * 0.02 for agent in agents)
    scale = max(1.0, scenario.profiles.params.largest_scale())
    power_kw = (loads_kw + sum(agent.pv_kw for agent in agents) + devices_kw) * scale
    energy_wh = power_kw * scenario.clock.slot_minutes / 60.0 * WH_PER_KWH
    price = max(1.0, scenario.tariff.params.largest_price())
    if energy_wh * price * MONEY_PER_CURRENCY / WH_PER_KWH * _SAFETY < _INT64:
        return
    hint = f"all agents together have up to {power_kw:.3g} kW, and prices go up to {price:.3g} currency/kWh"
    yield Detail(("agents",), "a slot could hold more money than 64 bits can count", hint=hint)


def period_fits_memory(scenario: Scenario, agents: tuple[AgentSpec, ...], catalog: Catalog) -> Iterator[Detail]:
    """A period of sharing is in memory as a whole."""
    clock, market = scenario.clock, scenario.market
    whole_run = market.sharing_period == "run"
    slots = clock.slots if whole_run else min(clock.slots, _MINUTES_A_DAY // clock.slot_minutes)
    if slots * len(agents) <= MOST_CELLS or not _shares(scenario, catalog):
        return
    way = "share by day, or simulate fewer or longer slots" if whole_run else "choose longer slots, or share nothing"
    hint = f"{slots} slots of {len(agents)} agents are more than {MOST_CELLS:,} rows together: {way}"
    yield Detail(("market", "sharing_period"), "is too long to be held in memory", market.sharing_period, hint)
