"""Rules between keys, and the values of sections."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from marketsim.core.errors import NetworkError, Problem
from marketsim.scenario.dump import document
from marketsim.scenario.load import Loaded

Load = Callable[..., Loaded]
Problems = Callable[..., list[Problem]]
ON_FEEDER = "grid: {feeder: feeder141}\n"
ON_BUS = {"agents[0].bus": 48}


@pytest.mark.parametrize(
    ("overrides", "path", "message"),
    [
        ({"clock.slot_minutes": 7}, "clock.slot_minutes", "must divide a day"),
        ({"clock.start": "9998-12-31", "clock.slots": 200}, "clock.start", "must end before the year 9999"),
        ({"grid.voltage_band_pu": [1.05, 0.95]}, "grid.voltage_band_pu", "lowest, highest"),
        ({"grid.voltage_band_pu": [95, 105]}, "grid.voltage_band_pu", "lowest, highest"),
        ({"grid.gate": "ac"}, "grid.gate", "needs a feeder"),
        ({"market.gate_closure_slots": 96}, "market.gate_closure_slots", "less than clock.slots"),
        ({"market.charges": "distance", "market.engine": "pool"}, "market.charges", "pool does not support"),
        ({"agents[0].bus": 48}, "agents[0].bus", "needs a feeder"),
        ({"agents[0].buses": "loads"}, "agents[0].buses", "needs a feeder"),
        ({"agents[0].load": {"peak_kw": "feeder"}}, "agents[0].load.peak_kw", "needs a feeder"),
        ({"agents[0].load": {"peak_kw": 1, "annual_kwh": 1}}, "agents[0].load.annual_kwh", "stands beside"),
        ({"agents[0].load": {"shape": "H0"}}, "agents[0].load.peak_kw", "is missing"),
        ({"agents[0].kind": "consumer"}, "agents[0].pv_kw", "a consumer has no PV"),
        ({"agents[0].kind": "prosumr"}, "agents[0].kind", "no agent of this kind"),
        ({"agents[0].group": 1, "agents[0].count": 2}, "agents[0].group", "stands beside count"),
        ({"agents[0].pv_kw": 1e13}, "agents", "64 bits"),
        ({"market.sharing_period": "run"}, "market.sharing_period", "needs a rule of sharing"),
        (
            {
                "market.sharing": "proportional",
                "market.sharing_period": "run",
                "clock.slots": 9_999_999,
                "clock.start": "0001-01-01",
                "agents[0].count": 2,
            },
            "market.sharing_period",
            "is too long to be held in memory",
        ),
        ({"agents[0].pv_kw": 1e8, "tariff.flat.retail": 1e6}, "agents", "64 bits"),
    ],
)
def test_rules(problems: Problems, minimal: str, overrides: dict[str, object], path: str, message: str) -> None:
    """Each rule finds its problem, alone, and says where it is."""
    (problem,) = problems(minimal, overrides)
    assert problem.path == path
    assert message in problem.message


@pytest.mark.parametrize(
    ("overrides", "path", "message"),
    [
        ({}, "agents[0].bus", "is missing"),
        ({"agents[0].bus": 48, "agents[0].buses": [78]}, "agents[0].buses", "stands beside bus"),
    ],
)
def test_rules_with_a_feeder(
    problems: Problems, minimal: str, overrides: dict[str, object], path: str, message: str
) -> None:
    """With a feeder every agent has exactly one place on it."""
    (problem,) = problems(minimal + ON_FEEDER, overrides)
    assert problem.path == path
    assert message in problem.message


def test_gate_follows_the_feeder(load: Load, minimal: str) -> None:
    """The gate is exact with a feeder and absent without one; a feeder may be used without a gate."""
    assert load(minimal).scenario.grid.gate.name == "none"
    assert load(minimal + ON_FEEDER, ON_BUS).scenario.grid.gate.name == "ac"
    assert load(minimal + ON_FEEDER, {**ON_BUS, "grid.gate": "none"}).scenario.grid.gate.name == "none"
    assert load(minimal + "grid:\n").scenario.grid.feeder is None


def test_pairwise_charges_fit_an_engine_that_handles_pairs(load: Load, minimal: str) -> None:
    """The trait ``pairs`` of the engine answers the trait ``pairwise`` of the charges."""
    gridded = {"market.charges": "distance", "grid.feeder": "feeder141", "agents[0].bus": 48}
    assert load(minimal, gridded).scenario.market.charges.name == "distance"


@pytest.mark.parametrize("grid", [{}, {"grid.feeder": "feeder141", "grid.gate": "none", "agents[0].bus": 48}])
def test_charges_that_go_by_the_grid_need_one(problems: Problems, minimal: str, grid: dict[str, object]) -> None:
    """Without a power flow there is no distance and no sensitivity: charges of nothing would be zero, and say so to nobody."""
    (problem,) = problems(minimal, {"market.charges": "distance", **grid})
    assert (problem.path, problem.value) == ("market.charges", "'distance'")
    assert "need a grid" in problem.message


def test_metered_sources_need_no_scaling(load: Load, minimal: str, catalog: Any) -> None:
    """A source with loads of its own in kW takes a shape without peak or energy."""

    class Metered(type(catalog)):  # type: ignore[misc]
        def traits(self, kind: str, name: str) -> frozenset[str]:
            return frozenset({"metered"}) if kind == "profile" else super().traits(kind, name)  # type: ignore[no-any-return]

    assert load(minimal, {"agents[0].load.shape": "a"}, catalog=Metered()).agents[0].load.shape == "a"


def test_unknown_feeders_of_the_lookup_are_problems(problems: Problems, load: Load, minimal: str) -> None:
    """What the feeder's own reader finds wrong stands at ``grid.feeder``; with plugins not loaded it stays open."""

    def lookup(_: object) -> Any:
        raise NetworkError([Problem("the net is not connected", hint="close the switch")])

    (problem,) = problems(minimal + ON_FEEDER, ON_BUS, feeder=lookup)
    assert (problem.path, problem.message, problem.line) == ("grid.feeder", "the net is not connected", 5)
    loaded = load(minimal + ON_FEEDER, ON_BUS, feeder=lookup, tolerant=True)
    assert loaded.unchecked == ("grid feeder141",)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"seed": True}, "seed: must be a whole number"),
        ({"seed": -1}, "seed: must be at least 0"),
        ({"seed": 1.5}, "seed: must be a whole number"),
        ({"name": "a/b"}, "name: is not of the form"),
        ({"clock.start": "12.7.2016"}, "clock.start: must be a date such as"),
        ({"clock.slots": 0}, "clock.slots: must be at least 1"),
        ({"clock": 3}, "clock: must be a mapping"),
        ({"output.voltages": "on"}, "output.voltages: must be true or false"),
        ({"grid.source_pu": "1.02"}, "grid.source_pu: must be a number"),
        ({"grid.gate": "as"}, "grid.gate: there is no gate of this name"),
        ({"grid.line_rating_a": "norm"}, "grid.line_rating_a: must be a number, or be 'standard'"),
        ({"grid.head_kw.import": -1}, "grid.head_kw.import: must be at least 0"),
        ({"grid.voltage_band_pu": [1]}, r"grid.voltage_band_pu\[1\]: is missing"),
        ({"agents": []}, "agents: needs more items"),
        ({"agents": {}}, "agents: must be a list"),
        ({"agents[0].count": 0}, r"agents\[0\].count: must be at least 1"),
        ({"agents[0].pv_kw": -1}, r"agents\[0\].pv_kw: must be at least 0"),
        ({"agents[0].pv_kw": "5 kW"}, r"(?s)agents\[0\].pv_kw: must be a number.*write 5 without a unit"),
        ({"agents[0].pv_kw": {"unifrm": [1, 2]}}, r"(?s)agents\[0\].pv_kw: .*did you mean uniform"),
        ({"agents[0].pv_kw": {"uniform": [-1, 2]}}, "every value drawn must be at least 0"),
        ({"agents[0].pv_kw": {"choice": [1, "a"]}}, r"pv_kw.choice: must hold numbers"),
        ({"agents[0].inverter_kva": 0}, "inverter_kva: must be greater than 0"),
        ({"agents[0].load": {"peak_kw": 1, "power_factor": 0}}, "power_factor: must be greater than 0"),
        ({"agents[0].load": {"peak_kw": 1, "power_factor": 1.1}}, "power_factor: must be at most 1"),
        ({"agents[0].load": {"peak": 1}}, r"(?s)load.peak: unknown key.*did you mean peak_kw"),
        ({"agents[0].income_class": 3}, "income_class: must be a name or"),
        ({"agents[0].income": 0}, "income: must be greater than 0"),
        ({"agents[0].income": {"uniform": [0, 3]}}, "income: every value drawn must be greater than 0"),
        ({"agents[0].name": ""}, "name: is not of the form"),
        ({"agents[0].bus": [1]}, "bus: must be the name or the index of a bus"),
        ({"agents[0].buses": [1, None]}, r"buses\[1\]: must be the name or the index"),
        ({"agents[0].buses": {"sample": 3}}, r"buses.sample: must be a list of buses"),
        ({"agents[0].battery": 3}, "battery: must be a mapping of the device's parameters"),
        ({"agents[0].battery": {"energy_kwh": 1}}, r"(?s)battery.power_kw: is missing.*Power \[kW\]"),
        ({"agents[0].battery": {"energy_kwh": 1, "power_kw": 1, "soc": [1, 0]}}, "battery: soc must ascend"),
        ({"agents[0].battery": {"energy_kwh": 1, "power_kw": 1, "share": 1}}, "(?s)share: unknown.*owner_share"),
        ({"agents[0].battery": {"energy_kwh": 1, "power_kw": 1, "owner_share": 2}}, "owner_share: must be a number"),
        ({"agents[0].batery": {"energy_kwh": 1}}, "(?s)batery: unknown key.*did you mean battery"),
        ({"agents[0].devices": {"battery": {}}}, "(?s)devices: unknown key.*battery: {...}"),
        ({"agents[0].strategy": "truthfull"}, "(?s)strategy: there is no strategy.*did you mean truthful"),
        ({"agents[0].pv_kwp": 3}, "(?s)pv_kwp: unknown key.*did you mean pv_kw"),
        ({"folder": "nowhere"}, "folder: there is no such folder"),
        ({"plugins": "a.py"}, "plugins: must be a list"),
    ],
)
def test_values(problems: Problems, minimal: str, overrides: dict[str, object], message: str) -> None:
    """Every wrong value is explained in plain words at its path; nothing else is reported."""
    (problem,) = problems(minimal, overrides)
    text = str(problem)
    assert re.search(message, text), text


@pytest.mark.parametrize("key", ["clock", "tariff", "agents"])
def test_missing_sections_come_with_an_example(problems: Problems, minimal: str, key: str) -> None:
    """Whoever forgets a section is shown how it looks."""
    (problem,) = problems(minimal, {key: None})
    assert (problem.path, problem.message) == (key, "is missing")
    assert problem.hint.startswith(f"for example {key}: ")


def test_a_gate_that_only_a_plugin_knows_is_not_judged(load: Load, minimal: str) -> None:
    """Without its code nobody can tell whether it needs a feeder; its parameters are kept as written."""
    gated = load(minimal, {"grid.gate": {"quota": {"kw": 30}}}, tolerant=True)
    assert gated.scenario.grid.gate.name == "quota"
    assert gated.unchecked == ("gate quota",)


def test_a_gate_without_parameters_is_written_by_its_bare_name(load: Load, minimal: str) -> None:
    """So resolved scenarios are what they were when a gate was a word; the default settlement is not written at all."""
    loaded = load(minimal + ON_FEEDER, {**ON_BUS, "grid.gate": {"observe": {}}})
    written = document(loaded.scenario, loaded.agents)
    assert written["grid"]["gate"] == "observe"
    assert "settlement" not in written["market"]


def test_sharing_is_written_where_it_is_chosen(load: Load, minimal: str) -> None:
    """The default is left out, so resolved scenarios and their hashes are what they were; a rule and its period are written."""
    assert not {"sharing", "sharing_period"} & document(*load(minimal)[:2])["market"].keys()
    shared = document(*load(minimal, {"market.sharing": "proportional", "market.sharing_period": "run"})[:2])["market"]
    assert (shared["sharing"], shared["sharing_period"]) == ("proportional", "run")
    assert "sharing_period" not in document(*load(minimal, {"market.sharing": "proportional"})[:2])["market"]


def test_a_period_is_held_in_memory_by_day(load: Load, problems: Problems, minimal: str) -> None:
    """What is too long as a run is not as days; without sharing nothing is held, however long a run is."""
    long = {"clock.slots": 9_999_999, "clock.start": "0001-01-01", "agents[0].count": 2}
    assert load(minimal, {**long, "market.sharing": "proportional"}).scenario.market.sharing_period == "day"
    assert load(minimal, long).scenario.market.sharing.name == "none"
    (problem,) = problems(minimal, {**long, "market.sharing": "proportional", "market.sharing_period": "run"})
    assert "share by day" in problem.hint


def test_a_sharing_that_only_a_plugin_knows_may_have_any_period(load: Load, minimal: str) -> None:
    """Without its code nobody can tell whether it shares nothing, and neither needs a period nor holds it."""
    long = {"clock.slots": 9_999_999, "clock.start": "0001-01-01", "agents[0].count": 2}
    shared = load(minimal, {"market.sharing": "shapley", "market.sharing_period": "run", **long}, tolerant=True)
    assert shared.unchecked == ("sharing shapley",)
