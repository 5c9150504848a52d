"""What an editor says by the JSON Schema and what the program says of a scenario are the same."""

from __future__ import annotations

import copy
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from marketsim.builtin import built_in_registry
from marketsim.core.errors import ScenarioError
from marketsim.scenario.choice import Context
from marketsim.scenario.json_schema import json_schema
from marketsim.scenario.load import validate_source
from marketsim.scenario.source import read_source
from marketsim.scenario.switches import LAWS as LAW_NAMES

REGISTRY = built_in_registry()
LAWS = frozenset(LAW_NAMES)
VALIDATOR = jsonschema.Draft202012Validator(json_schema(REGISTRY))
GRID = {
    "feeder": "feeder141",
    "gate": "ac",
    "source_pu": 1.0,
    "voltage_band_pu": [0.95, 1.05],
    "line_rating_a": "standard",
    "head_kw": {"import": 100.0, "export": None},
    "tap_changer": {"target_pu": 1.0, "bus": 48, "lowest": -8, "start": 0},
    "ties": [{"name": "tie", "buses": [48, 78], "r_ohm": 0.1, "x_ohm": 0.1}],
    "background": False,
    "guard": {"voltage_pu": 1e-8},
    "retry_passes": 3,
    "allocation": "merit",
    "reactive": {"fixed_pf": {"power_factor": 0.9}},
    "validate": True,
}
AGENTS = [
    {
        "name": "sun",
        "kind": "prosumer",
        "count": 2,
        "buses": [48, 78],
        "pv_kw": {"uniform": [2, 8]},
        "load": {"shape": None, "annual_kwh": {"normal": [4000, 100]}, "power_factor": 0.95},
        "battery": {"energy_kwh": 10, "power_kw": 4, "charge_efficiency": 0.95, "owner_share": 0.5},
        "strategy": {"truthful": {"storage": {"lp": {"every": 4}}, "deferrable": "flexible"}},
        "inverter_kva": 9,
        "connection_kw": {"import": 10},
        "income_class": "low",
        "income": {"choice": [1000, 2200, 4500]},
    },
    {
        "name": "mill",
        "kind": "prosumer",
        "bus": 102,
        "load": {"peak_kw": "feeder"},
        "generator": {"max_kw": 5, "cost_per_kwh": {"choice": [0.1, 0.2]}},
        "strategy": {"zip": {"learning_rate": [0.1, 0.5], "relative_step": 0.05}},
    },
    {
        "kind": "consumer",
        "bus": 127,
        "load": {"annual_kwh": 3500},
        "ev": {"power_kw": 7},
        "heat_pump": {"power_kw": 3},
        "curtailable_load": {"share": 0.2, "cost_per_kwh": 0.2},
        "strategy": "utility_only",
    },
]
BASE: dict[str, Any] = {
    "name": "base",
    "seed": 3,
    "clock": {"start": "2016-04-12", "slots": 24, "slot_minutes": 60},
    "grid": GRID,
    "tariff": {"flat": {"retail": 0.3, "feed_in": 0.08, "wholesale": 0.06}},
    "market": {
        "engine": {"double_auction": {"price_rule": "resting", "rounds": 1}},
        "gate_closure_slots": 0,
        "charges": {"flat": {"per_kwh": 0.02, "buyer_share": 0.5}},
    },
    "profiles": {"source": "simbench_2016", "pv_scale": 1.0, "forecast": "persistence", "days": {"season": "summer"}},
    "agents": AGENTS,
    "critic": {"kind": "ollama", "model": "m", "deadline_s": 20, "every": 1},
    "metrics": ["energy"],
    "output": {"voltages": True},
    "learning": {
        "game": {"market": {"days": 1, "quantities": 4, "charges": 5, "agents": ["sun-1"], "ratings": None}},
        "reward": {"scores": "critic", "eta": 2.0, "weights": {"ftg": 0.5}, "ramp": [0.0, 0.5], "centred": True},
        "learner": {"ppo": {"markets": 2, "hidden": [8], "agent_steps": None, "trust_region": {"stop": 1.5}}},
    },
    "plugins": [],
}
BETWEEN_VALUES = (
    "must divide a day",
    "needs a feeder",
    "is missing",  # a bus with a feeder, a measure of a load
    "stands beside",
    "ascending order",
    "exceeds",
    "must be below",
    "must be at least stop",
    "must be [lowest, highest]",
    "low <= high",
    "must be less than clock.slots",
    "the mean must lie within",
    "is no position",
)
"""What only a comparison with another value, or the presence of another key, finds wrong."""


def places(value: object, loc: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Paths of everything in the scenario."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([loc] if loc else []), *(found for key, item in items for found in places(item, (*loc, key)))]


def changed(loc: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """The base with another value at a path."""
    scenario = copy.deepcopy(BASE)
    holder: Any = scenario
    for key in loc[:-1]:
        holder = holder[key]
    holder[loc[-1]] = value
    return scenario


def loader_says(scenario: dict[str, Any]) -> list[str]:
    """What the program finds wrong; nothing: it takes the scenario."""
    try:
        source = read_source(scenario)
    except ScenarioError as error:
        return [problem.message for problem in error.problems]
    _, details = validate_source(source, Context(REGISTRY, source.folder))
    return [detail.message for detail in details]


PARTS = frozenset((*REGISTRY.names("device"), "strategy"))
"""Keys of an agent below which the program judges a law by the numbers that are drawn, which no schema can."""


def drawn(value: object) -> bool:
    return isinstance(value, dict) and bool(value.keys() & LAWS)


NUMBERS = st.sampled_from([-8, -1.5, -1, 0, 1e-9, 0.25, 0.5, 0.95, 1, 1.5, 2, 3, 24, 60, 1440, 1.5e9 + 0.5])
LAW = st.one_of(
    st.builds(lambda low, more: {"uniform": [low, low + more]}, st.sampled_from([-1, 0, 0.5, 2]), st.just(0.25)),
    st.sampled_from([{"normal": [2, 1]}, {"normal": [2, -1]}, {"normal": [-2, 1]}, {"normal": [2, 1, 0]}]),
    st.sampled_from(
        [{"integers": [1, 3]}, {"integers": [1, 2.5]}, {"choice": []}, {"choice": [1, 2]}, {"choice": ["a"]}]
    ),
)
OTHER = st.sampled_from(
    [
        None,
        True,
        False,
        "",
        "x",
        "0.5",
        "loads",
        "feeder",
        "2016-02-29",
        "lp",
        "huang",
        [],
        [1],
        [1, 2],
        ["48"],
        {},
        {"nix": 1},
    ]
)


def test_both_take_the_base():
    """The scenario that the other tests change is a good one."""
    assert loader_says(BASE) == []
    assert [error.message for error in VALIDATOR.iter_errors(BASE)] == []


def agree(scenario: dict[str, Any]) -> None:
    """Both take it or both refuse it, unless the program compares values."""
    said = loader_says(scenario)
    refused = next(iter(VALIDATOR.iter_errors(scenario)), None)
    if refused is not None:
        assert said, f"the schema alone refuses {list(refused.absolute_path)}: {refused.message[:300]}"
    else:
        assert not [each for each in said if not any(part in each for part in BETWEEN_VALUES)]


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(loc=st.sampled_from(places(BASE)), value=st.one_of(NUMBERS, LAW, OTHER))
def test_the_schema_refuses_what_the_program_refuses_and_nothing_else(loc, value):
    """At any place any value: both take it, or both refuse it, or the program compares it with another value."""
    assume(not (PARTS & set(loc) and (drawn(value) or LAWS & set(loc))))
    agree(changed(loc, value))


OLDER = {"days": 1, "prices": 3, "quantities": 4, "charges": 5, "agents": ["sun-1"], "ratings": None}
"""The settings of the market game as versions wrote them that had no other."""


def test_both_take_the_older_form_of_a_game():
    """Without a name, whole or in part."""
    for game in (OLDER, {}, {"quantities": 4}, "market", {"market": None}):
        assert loader_says(changed(("learning",), {"game": game})) == []
        agree(changed(("learning",), {"game": game}))


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(key=st.sampled_from([*OLDER, "market", "nix"]), value=st.one_of(NUMBERS, OTHER), more=st.booleans())
def test_the_older_form_of_a_game_is_the_same_to_both(key, value, more):
    """Any value of a setting, alone or beside the others; and what is no setting, or a game beside settings."""
    agree(changed(("learning",), {"game": {**(OLDER if more else {}), key: value}}))


KEYS = sorted({loc for loc in places(BASE) if isinstance(loc[-1], str)}, key=str)
MAPPINGS = sorted({loc[:-1] for loc in KEYS if len(loc) > 1}, key=str)


def at(scenario: Any, loc: tuple[str | int, ...]) -> Any:
    for key in loc:
        scenario = scenario[key]
    return scenario


@pytest.mark.parametrize("loc", KEYS, ids=str)
def test_a_key_left_out_is_the_same_to_both(loc):
    """Every key of the base in turn."""
    scenario = copy.deepcopy(BASE)
    del at(scenario, loc[:-1])[loc[-1]]
    agree(scenario)


@pytest.mark.parametrize("loc", MAPPINGS, ids=str)
def test_both_refuse_a_key_that_nobody_knows(loc):
    """In every mapping of the base."""
    scenario = copy.deepcopy(BASE)
    at(scenario, loc)["no_such_key"] = 1
    assert loader_says(scenario)
    assert not VALIDATOR.is_valid(scenario)
