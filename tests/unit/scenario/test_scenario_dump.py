"""The resolved scenario as a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from marketsim.scenario.dump import document, dump, scalar, scenario_hash
from marketsim.scenario.json_schema import json_schema
from marketsim.scenario.load import Loaded
from marketsim.scenario.yamltext import parse

Load = Callable[..., Loaded]

RICH = """\
name: rich
seed: 7
clock: {start: 2016-07-12, slots: 4}
grid: {feeder: feeder141, head_kw: {import: 500}, reactive: {volt_var: {points: [[0.9, 0.3], [1.1, -0.3]]}}}
tariff: {flat: {retail: 0.1}}
agents:
  - {kind: prosumer, count: 5, buses: {sample: loads}, pv_kw: {normal: [5, 2]}, load: {peak_kw: feeder},
     battery: {energy_kwh: {triangular: [1, 2, 9]}, power_kw: 1e-7, owner_share: 0.5}, inverter_kva: 6,
     strategy: {margin: {margin: {uniform: [0, 1]}}}, income_class: {choice: ["no", "1e3", "12:30", "a: b", "ü"]},
     income: {normal: [2200, 400]}}
  - {kind: consumer, name: "one two", bus: north, load: {annual_kwh: 4000, shape: "on", power_factor: 0.9},
     connection_kw: {export: 3}}
critic: {kind: ollama, model: "x: y"}
metrics: [jain]
"""


@pytest.fixture
def rich(load: Load) -> Loaded:
    return load(RICH)


def test_loading_the_dump_gives_the_same_agents_exactly(load: Load, rich: Loaded) -> None:
    """Floats, names and groups come back as they were; the dump of the dump is the same text."""
    text = dump(rich.scenario, rich.agents)
    again = load(text)
    assert again.agents == rich.agents
    assert dump(again.scenario, again.agents) == text


def test_dump_needs_no_feeder_and_no_seed(load: Load, rich: Loaded) -> None:
    """Nothing symbolic and no distribution is left."""
    text = dump(rich.scenario, rich.agents)
    assert load(text, {"seed": 99}, feeder=None).agents == rich.agents


def test_other_yaml_readers_understand_the_same(rich: Loaded) -> None:
    """A YAML 1.1 reader finds the same values; dates are the one exception, by their type."""
    values = yaml.safe_load(dump(rich.scenario, rich.agents))
    values["clock"]["start"] = str(values["clock"]["start"])
    assert values == document(rich.scenario, rich.agents)


def test_every_default_is_visible(rich: Loaded) -> None:
    """What the user left out stands in the file."""
    text = dump(rich.scenario, rich.agents)
    for line in ("gate: ac", "retry_passes: 3", "allocation: {arrival: {}}", "slot_minutes: 15", "untraded: withheld"):
        assert f"  {line}\n" in text


def test_folder_is_given_relative_to_the_dump(load: Load, minimal_file: Path) -> None:
    """The run folder's scenario finds the files of the original one."""
    scenario, agents, *_ = load(minimal_file)
    run = minimal_file.parent / "runs" / "a"
    run.mkdir(parents=True)
    (run / "scenario.yaml").write_text(dump(scenario, agents, run), encoding="utf-8")
    assert 'folder: "../.."\n' in (run / "scenario.yaml").read_text(encoding="utf-8")
    assert load(run / "scenario.yaml").scenario.folder.resolve() == minimal_file.parent.resolve()


def test_hash_knows_what_changes_results(load: Load, rich: Loaded, minimal: str, tmp_path: Path) -> None:
    """Equal for the written scenario and for another folder; another for another seed or rating."""
    again = load(dump(rich.scenario, rich.agents))
    assert scenario_hash(again.scenario, again.agents) == scenario_hash(rich.scenario, rich.agents)
    variants = [load(minimal), load(minimal, {"seed": 2}), load(minimal, {"agents[0].pv_kw": 6})]
    assert len({scenario_hash(each.scenario, each.agents) for each in variants}) == 3
    moved = load(minimal, {"folder": str(tmp_path)})
    assert scenario_hash(moved.scenario, moved.agents) == scenario_hash(variants[0].scenario, variants[0].agents)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (3, "3"),
        (0.1, "0.1"),
        (1e-07, "1.0e-07"),
        (5.0, "5.0"),
        ("abc", "abc"),
        ("2016-07-12", "2016-07-12"),
        ("48", '"48"'),
        ("no", '"no"'),
        ("a: b", '"a: b"'),
        ("", '""'),
        ("a\u2028b", '"a\\U00002028b"'),
    ],
)
def test_scalars_are_written_unmistakably(value: Any, text: str) -> None:
    """Text is quoted wherever a reader could take it for something else."""
    assert scalar(value) == text
    assert parse(f"k: {text}", "").value["k"].node.value == value  # type: ignore[call-overload,index,union-attr]


def test_schema_describes_every_part(catalog: Any) -> None:
    """Choices, devices and distributions are there with the descriptions of their models."""
    schema = json_schema(catalog)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    definitions = schema["$defs"]
    engine = definitions["choice:engine"]["anyOf"]
    assert engine[0] == {"enum": ["double_auction", "pool"]}
    rounds = engine[1]["properties"]["double_auction"]["anyOf"][0]["properties"]["rounds"]
    assert (rounds["minimum"], rounds["description"]) == (1, "Rounds a slot.")
    agent = definitions["AgentEntry"]
    assert "owner_share" in agent["properties"]["battery"]["anyOf"][0]["properties"]
    assert "devices" not in agent["properties"]
    assert agent["properties"]["kind"]["enum"] == ["prosumer", "consumer", "flexible"]
    assert schema["anyOf"] == [{"required": ["clock", "tariff", "agents"]}, {"required": ["extends"]}]


def test_schema_is_closed(catalog: Any) -> None:
    """Every reference leads to a definition, and every object of our own forbids unknown keys."""
    schema = json_schema(catalog)
    references, open_objects = set(), []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            references.update([node["$ref"]] if "$ref" in node else [])
            if "properties" in node and node.get("additionalProperties") is not False:
                open_objects.append(node)
            for item in node.values():
                walk(item)
        elif isinstance(node, list):
            for item in node:
                walk(item)

    walk(schema)
    assert references <= {f"#/$defs/{name}" for name in schema["$defs"]}
    assert [node for node in open_objects if "type" in node] == []


def test_schema_accepts_what_loads_and_refuses_what_does_not(catalog: Any, rich: Loaded) -> None:
    """Checked with the reference validator where it is installed."""
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(json_schema(catalog))
    good = document(rich.scenario, rich.agents)
    assert validator.is_valid(good)
    for bad in ({"tariff": {"flt": {}}}, {"grid": {"feder": 1}}, {"agents": [{"kind": "prosumer", "pv_kwp": 1}]}):
        assert not validator.is_valid({**good, **bad})
