"""Values set from outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from marketsim.core.errors import Problem, ScenarioError
from marketsim.scenario.overrides import apply_overrides, parse_override, split_path
from marketsim.scenario.tree import locate, plain
from marketsim.scenario.yamltext import parse

ROOT = parse(
    "seed: 1\nmarket: {engine: {pool: {x: 1}}}\nprofiles: {source: a, k: 1}\nagents: [{pv_kw: 1}, {pv_kw: 2}]", "s"
)


def put(overrides: dict[str, object]) -> Any:
    return plain(apply_overrides(ROOT, overrides))


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("seed=3", "seed", 3),
        ("grid.gate=observe", "grid.gate", "observe"),
        ("agents[0].pv_kw={uniform: [1, 2]}", "agents[0].pv_kw", {"uniform": [1, 2]}),
        (" profiles.pv_scale = 1e1", "profiles.pv_scale", 10.0),
        ("grid.feeder=", "grid.feeder", None),
        ("name=a=b", "name", "a=b"),
    ],
)
def test_option_is_a_path_and_a_yaml_value(text: str, path: str, value: object) -> None:
    """``PATH=VALUE``; everything behind the first ``=`` is YAML."""
    assert parse_override(text) == (path, value)


@pytest.mark.parametrize(
    "text", ["seed", "=3", "a..b=1", "a[x]=1", "a[1:2:3]=1", "a[-1]=1", "a[]=1", ".a=1", "a.=1", "a[0=1"]
)
def test_malformed_options_are_refused(text: str) -> None:
    """What is no path is said to be none."""
    with pytest.raises(ScenarioError, match="PATH=VALUE"):
        parse_override(text)


def test_malformed_value_points_to_the_option() -> None:
    """A value that is no YAML names the option, not a file."""
    with pytest.raises(ScenarioError, match=r"^overrides seed: not valid YAML.*got \[1\)"):
        parse_override("seed=[1")


def test_both_ways_to_write_positions() -> None:
    """Brackets and dots mean the same."""
    assert split_path("agents[0].a[1][2]") == ("agents", 0, "a", 1, 2)
    assert split_path("agents.0.pv_kw") == ("agents", 0, "pv_kw")
    assert split_path("agents[0:20].pv_kw") == split_path("agents.0:20.pv_kw") == ("agents", "0:20", "pv_kw")


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("agents[:].pv_kw", [9, 9]),
        ("agents[0:2].pv_kw", [9, 9]),
        ("agents[1:].pv_kw", [1, 9]),
        ("agents[:1].pv_kw", [9, 2]),
        ("agents.1:2.pv_kw", [1, 9]),
    ],
)
def test_a_span_is_about_all_of_its_items(path: str, values: list[int]) -> None:
    """From the first position up to before the last, as Python has it; each end may be left out."""
    assert put({path: 9})["agents"] == [{"pv_kw": value} for value in values]


def test_what_is_set_for_a_span_is_located_at_the_option() -> None:
    """In each of its items, and what is next to it where it was written."""
    root = apply_overrides(ROOT, {"agents[:].name": "a"})
    places = [locate(root, ("agents", row, key))[1].place.file for row in (0, 1) for key in ("name", "pv_kw")]
    assert places == ["--set agents[:].name", "s"] * 2


@pytest.mark.parametrize("span", ["2:", "1:1", "1:0", "0:0", "7:9", "0:3"])
def test_a_span_that_is_not_there_is_refused(span: str) -> None:
    """What would change nothing, or less than it says, is not ignored."""
    with pytest.raises(ScenarioError, match=rf"has no item '{span}'\n.*positions are 0 to 1"):
        put({f"agents[{span}].pv_kw": 9})


def test_overrides_apply_in_order() -> None:
    """A later value wins, and a whole section can be set."""
    found = put({"grid": {"gate": "ac"}, "grid.feeder": "x", "seed": 2, "agents.1.pv_kw": 5})
    assert found["grid"] == {"gate": "ac", "feeder": "x"}
    assert (found["seed"], found["agents"]) == (2, [{"pv_kw": 1}, {"pv_kw": 5}])


def test_setting_replaces_and_does_not_merge() -> None:
    """A mapping set at a path is all that is there then."""
    assert put({"agents[0]": {"name": "a"}})["agents"][0] == {"name": "a"}


def test_path_through_another_part_chooses_that_part() -> None:
    """Naming a parameter of another engine selects the engine; of the same one keeps its other parameters."""
    assert put({"market.engine.auction.rounds": 3})["market"]["engine"] == {"auction": {"rounds": 3}}
    assert put({"market.engine.pool.y": 3})["market"]["engine"] == {"pool": {"x": 1, "y": 3}}
    assert put({"profiles.source": "b"})["profiles"] == {"source": "b"}
    assert put({"profiles.k": 2})["profiles"] == {"source": "a", "k": 2}


def test_original_is_left_alone() -> None:
    """Trees are never changed."""
    before = plain(ROOT)
    put({"seed": 9, "agents[0].pv_kw": 9})
    assert plain(ROOT) == before


def test_values_point_to_the_option() -> None:
    """What was set is located at the option, its neighbours where they were written."""
    root = apply_overrides(ROOT, {"agents[0].name": "a"})
    assert locate(root, ("agents", 0, "name"))[1].place.file == "--set agents[0].name"
    assert locate(root, ("agents", 0, "pv_kw"))[1].place.file == "s"


def test_positions_that_do_not_exist_are_all_named() -> None:
    """Lists do not grow by an override; all such problems come at once."""
    with pytest.raises(ScenarioError) as caught:
        put({"agents[2].pv_kw": 1, "agents.x": 1})
    first, second = caught.value.problems
    assert "no item 2" in first.message
    assert "0 to 1" in first.hint
    assert second.file == "--set agents.x"


def test_unknown_paths_are_found_by_validation(problems: Callable[..., list[Problem]], minimal: str) -> None:
    """An unknown key of an option gets the nearest key as a hint, and the option as its place."""
    (problem,) = problems(minimal, {"clock.slot": 3})
    assert (problem.file, problem.path, problem.hint) == ("--set clock.slot", "clock.slot", "did you mean slots?")
