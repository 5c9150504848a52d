"""Scenarios with anything in any place: they load, or say what is wrong and where."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from marketsim.core.errors import Problem, ScenarioError
from marketsim.scenario.dump import dump, flow
from marketsim.scenario.load import Loaded

Load = Callable[..., Loaded]
Loc = tuple[str | int, ...]

WHOLE: dict[str, Any] = {
    "name": "whole",
    "seed": 3,
    "clock": {"start": "2016-07-12", "slots": 8, "slot_minutes": 15},
    "grid": {
        "feeder": "feeder141",
        "source_pu": 1.02,
        "voltage_band_pu": [0.95, 1.05],
        "line_rating_a": 300,
        "head_kw": {"import": 900, "export": 900},
        "gate": "ac",
        "worsen_tolerance": {"voltage_pu": 1e-4},
        "reactive": {"volt_var": {"points": [[0.9, 0.3], [1.1, -0.3]]}},
        "validate": True,
    },
    "tariff": {"flat": {"retail": 0.3, "feed_in": 0.08}},
    "market": {"engine": {"double_auction": {"price_rule": "midpoint", "rounds": 2}}, "charges": "distance"},
    "profiles": {"source": "synthetic", "pv_scale": 0.5},
    "agents": [
        {
            "kind": "prosumer",
            "count": 3,
            "buses": {"sample": ["48", "78"]},
            "pv_kw": {"uniform": [2, 8]},
            "load": {"peak_kw": "feeder", "shape": {"choice": ["a", "b"]}},
            "battery": {"energy_kwh": {"normal": [10, 2]}, "power_kw": 5, "soc": [0.2, 0.8], "owner_share": 0.7},
            "strategy": {"margin": {"margin": {"triangular": [0.0, 0.1, 0.4]}}},
        },
        {"kind": "consumer", "name": "shop", "bus": 48, "load": {"annual_kwh": 9000}, "connection_kw": {"import": 30}},
    ],
    "critic": {"kind": "ollama", "every": 2},
    "metrics": ["jain"],
    "output": {"voltages": True},
}

CALM = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])

_SCALARS = (None, True, False, 0, -1, 1.5, 1e300, 2**62, "", "x", "5", "feeder", "loads")
_HOLDERS = ([], [None], [1, "a"], [[1, 2]], {}, {"x": 1}, {"sample": "loads"})
_LAWS = ({"uniform": [1, 2]}, {"uniform": 3}, {"choice": [None, "a"]}, {"normal": [5, 1]})
odd = st.sampled_from((*_SCALARS, *_HOLDERS, *_LAWS))


def places(value: Any, loc: Loc = ()) -> Iterator[Loc]:
    """Paths to everything inside a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*loc, key)
        yield from places(item, (*loc, key))


def changed(loc: Loc, change: Callable[[Any, Any], None]) -> dict[str, Any]:
    made = copy.deepcopy(WHOLE)
    holder: Any = made
    for key in loc[:-1]:
        holder = holder[key]
    change(holder, loc[-1])
    return made


def text_of(values: dict[str, Any]) -> str:
    return "".join(f"{key}: {flow(item)}\n" for key, item in values.items())


def attempt(
    load: Load, values: dict[str, Any], overrides: dict[str, Any] | None = None
) -> Loaded | tuple[Problem, ...]:
    """The loaded scenario, or what is wrong with it."""
    try:
        return load(text_of(values), overrides)
    except ScenarioError as error:
        return error.problems


def loads_or_explains(load: Load, values: dict[str, Any]) -> None:
    """A loaded scenario survives its own dump; a refused one has problems with lines."""
    found = attempt(load, values)
    if isinstance(found, Loaded):
        assert load(dump(found.scenario, found.agents)).agents == found.agents
        return
    assert found
    for problem in found:
        assert problem.line >= 1
        assert problem.message
        assert "\n" not in problem.message


def test_the_whole_scenario_loads(load: Load) -> None:
    """The starting point is valid, and its group has what it declares."""
    agents = load(text_of(WHOLE)).agents
    assert [agent.name for agent in agents] == ["prosumer-1", "prosumer-2", "prosumer-3", "shop"]


@given(loc=st.sampled_from(list(places(WHOLE))), value=odd)
@example(loc=("agents", 0, "load", "shape", "choice", 0), value="")
@CALM
def test_any_value_anywhere(load: Load, loc: Loc, value: Any) -> None:
    """Any odd value in place of any value is accepted or explained."""

    def put(holder: Any, key: Any) -> None:
        holder[key] = value

    loads_or_explains(load, changed(loc, put))


@given(st.sampled_from([loc for loc in places(WHOLE) if isinstance(loc[-1], str)]), st.sampled_from("abx_"))
@CALM
def test_any_key_misspelt(load: Load, loc: Loc, letter: str) -> None:
    """A key with a letter too many is always noticed: it is unknown, or its own name is missing."""

    def misspell(holder: Any, key: Any) -> None:
        holder[f"{key}{letter}"] = holder.pop(key)

    with pytest.raises(ScenarioError) as caught:
        load(text_of(changed(loc, misspell)))
    assert all(problem.line >= 1 for problem in caught.value.problems)


@given(st.sampled_from(list(places(WHOLE))))
@CALM
def test_anything_left_out(load: Load, loc: Loc) -> None:
    """What is left out has a default or is reported as missing."""

    def remove(holder: Any, key: Any) -> None:
        del holder[key]

    loads_or_explains(load, changed(loc, remove))


@given(st.sampled_from(list(places(WHOLE))), odd)
@CALM
def test_any_override(load: Load, loc: Loc, value: Any) -> None:
    """Options meet the same checks as files, and problems that they cause name them."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".")
    found = attempt(load, WHOLE, {path: value})
    if not isinstance(found, Loaded):
        assert {problem.file for problem in found} <= {"<text>", f"--set {path}"}
        assert all(problem.message for problem in found)


@given(st.integers(0, 2**63 - 1), st.integers(1, 30))
@CALM
def test_resolved_scenarios_are_exact(load: Load, seed: int, count: int) -> None:
    """For every seed and size: the dump gives the same agents, and the same text again."""
    loaded = load(text_of({**WHOLE, "seed": seed}), {"agents[0].count": count})
    text = dump(loaded.scenario, loaded.agents)
    again = load(text)
    assert again.agents == loaded.agents
    assert dump(again.scenario, again.agents) == text
