"""Scenario files that were made to take for ever, or all memory: each ends soon, with what is wrong and where."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from marketsim.app.ready import check_scenario
from marketsim.core.errors import InputError, ScenarioError
from marketsim.scenario import yamltext
from marketsim.scenario.overrides import apply_overrides, parse_override, split_path
from marketsim.scenario.source import read_source
from marketsim.scenario.tree import Node

HEAD = """\
clock: {start: 2016-07-12, slots: 4, slot_minutes: 60}
tariff: {flat: {retail: 0.30, feed_in: 0.08}}
profiles: synthetic
"""
BODY = HEAD + "agents: [{kind: consumer, load: {annual_kwh: 4000}}]\n"

HUGE: dict[str, tuple[Callable[[], str], str]] = {
    "tags": (lambda: "a: [" + "!a x, " * 100_000 + "]\n", "tags are not allowed"),
    "tags of keys": (lambda: "".join(f"!a k{n}: 1\n" for n in range(50_000)), "tags are not allowed"),
    "a long tag": (lambda: "a: !" + "x" * 1_000_000 + " y\n", "tags are not allowed"),
    "directives": (
        lambda: "".join(f"%TAG !a{n}! tag:x\n" for n in range(100_000)) + "---\na: !b x\n",
        "more than 20 lines begin with %",
    ),
    "a key again and again": (lambda: BODY + "k: 1\n" * 200_000, "stands here twice"),
    "merge keys": (lambda: BODY + "x: {" + "<<: 1, " * 200_000 + "}\n", "this key is not allowed"),
    "keys": (lambda: BODY + "".join(f"k{n}: 1\n" for n in range(400_000)), "more problems"),
    "values": (lambda: BODY + "x: [" + "1, " * 800_000 + "]\n", "more than 750,000 values"),
    "aliases": (lambda: "y: &a 1\nx: [" + "*a, " * 200_000 + "]\n", "aliases expand to more than 100,000 values"),
    "aliases of long text": (
        lambda: "y: &a '" + "x" * 1_000_000 + "'\nx: [" + "*a, " * 90_000 + "]\n",
        "aliases expand to more than 1,000,000 letters",
    ),
    "a long key": (lambda: BODY + "? " + "k" * 100_000 + "\n: 1\n", "a key has at most 1,000 letters"),
    "flow brackets": (lambda: "a: " + "[" * 5_000_000, "nested more than 40 levels deep"),
    "blocks": (lambda: "- " * 1_000_000, "nested more than 40 levels deep"),
    "unknown parts": (lambda: BODY + "metrics: [" + "x, " * 200_000 + "]\n", "199,900 more problems"),
    "plugins": (lambda: BODY + "plugins: [" + "x.py, " * 200_000 + "]\n", "too many items"),
    "entries": (lambda: HEAD + "agents:\n" + "- {kind: consumer}\n" * 200_000, "too many items: at most 50000"),
    "agents": (lambda: HEAD + "agents:\n" + "- {kind: consumer, count: 250000}\n" * 2, "at most 250,000 agents in all"),
    "unknown kinds": (lambda: HEAD + "agents:\n" + "- {kind: consumr}\n" * 40_000, "39,850 more problems"),
    "unknown strategies": (
        lambda: HEAD + "agents:\n" + "".join(f"- {{kind: consumer, strategy: s{n}}}\n" for n in range(20_000)),
        "more problems",
    ),
}


SOON = ("keys", "values", "aliases", "flow brackets", "plugins")
"""Those that the quick tier tries."""


@pytest.mark.parametrize(
    "name", [name if name in SOON else pytest.param(name, marks=pytest.mark.full) for name in HUGE]
)
def test_huge_scenarios_end_soon(tmp_path: Path, name: str) -> None:
    """In far less than ten seconds of this processor; and what is said of them can be read."""
    make, message = HUGE[name]
    path = tmp_path / "s.yaml"
    path.write_text(make(), encoding="utf-8")
    began = time.process_time()
    with pytest.raises(ScenarioError) as caught:
        check_scenario(path)
    assert time.process_time() - began < 10.0
    assert message in str(caught.value)
    assert len(str(caught.value)) < 60_000
    assert str(path) in str(caught.value)


def test_a_resolved_scenario_of_thousands_is_read(tmp_path: Path) -> None:
    """The limits lie above whatever the program writes of 10,000 agents."""
    agent = "  - {name: a%d, kind: prosumer, group: 0, load: {annual_kwh: 4321.5, power_factor: 1.0}, pv_kw: 5.25, " + (
        "strategy: {truthful: {}}, battery: {energy_kwh: 8.1, power_kw: 5.0, soc: [0.1, 0.9], charge_efficiency: 0.95}}\n"
    )
    text = HEAD + "agents:\n" + "".join(agent % number for number in range(10_000))
    assert len(read_source(text).root.value["agents"].node.value) == 10_000  # type: ignore[call-overload,index,arg-type]


def test_without_libyaml_less_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The loader in Python is a hundred times slower, and recurses."""
    import yaml

    monkeypatch.setattr(yamltext, "_LOADER", yaml.SafeLoader)
    monkeypatch.setattr(yamltext, "FAST", False)
    path = tmp_path / "s.yaml"
    path.write_text(BODY + "#" * 300_000, encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"at most 256 KiB.*\n.*libyaml"):
        read_source(path)
    path.write_text("a: " + "[" * 50_000, encoding="utf-8")
    with pytest.raises(ScenarioError, match="nested more than 40 levels deep"):
        read_source(path)
    path.write_text(BODY, encoding="utf-8")
    assert check_scenario(path).scenario.name == "s"


@pytest.mark.full
def test_all_files_of_a_scenario_share_one_limit(tmp_path: Path) -> None:
    """Sixteen files of the largest size would be sixteen times as long."""
    for number in range(4):
        below = "" if number == 3 else f"extends: s{number + 1}.yaml\n"
        text = below + BODY + f"x{number}: [" + "1, " * 250_000 + "]\n"
        (tmp_path / f"s{number}.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"s2.yaml:.*more than 249,9\d\d values"):
        read_source(tmp_path / "s0.yaml")


@pytest.mark.parametrize("where", ["itself", "extends"])
@pytest.mark.parametrize("kind", ["fifo", "device", "large", "folder"])
def test_only_regular_files_of_a_size_are_read(tmp_path: Path, where: str, kind: str) -> None:
    """No pipe is waited for, no device read, nothing filled memory."""
    path = tmp_path / "odd.yaml"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "large":
        with path.open("wb") as file:
            file.truncate(30 * 2**20)
    else:
        path.mkdir()
    top = tmp_path / "s.yaml"
    top.write_text("extends: odd.yaml\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"not a file|MiB are read|leaves the folder|is a link"):
        read_source(path if where == "itself" else top)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a." * 60_000 + "a=1", "must read PATH=VALUE"),
        (".".join("a" * 60) + "=1", "at most 40 steps"),
        ("a[" + "9" * 5_000 + "]=1", "must read PATH=VALUE"),
        ("a" + "[1]" * 60 + "=1", "at most 40 steps"),
        ("a=" + "[" * 100_000, "nested more than 40 levels deep"),
        ("a=[" + "!x y, " * 10_000 + "]", "tags are not allowed"),
        ("x" * 100_000, "must read PATH=VALUE"),
    ],
)
def test_overrides_have_limits_as_well(text: str, message: str) -> None:
    """They may be pasted from anywhere; what is said of them is short."""

    def laid_over() -> Node:
        path, value = parse_override(text)
        split_path(path)
        return apply_overrides(Node({}), {path: value})

    with pytest.raises(ScenarioError, match=message) as caught:
        laid_over()
    assert len(str(caught.value)) < 20_000
