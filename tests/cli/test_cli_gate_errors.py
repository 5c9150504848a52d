"""``gate-errors``: the table, its files, what it leaves out and what it refuses."""

from __future__ import annotations

import csv
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import pytest

VILLAGE = "pandapower:create_kerber_landnetz_freileitung_1"
LENIENT = """
from dataclasses import replace

import marketsim as ms
from marketsim.grid.gates.exact.ac import RadialGate


def build(params, context):
    settings = replace(context.settings, guard_voltage_pu=-1e-6, guard_loading=-1e-6)
    return RadialGate(context.network, context.nodes, context.n_markets, context.hours, settings)


@ms.hookimpl
def marketsim_parts():
    yield ms.Entry(kind="gate", name="lenient", build=build, traits={"exact"}, summary="overlooks a millionth")
"""


def test_the_table_has_a_row_a_limit_and_says_what_its_columns_are(cli: Callable) -> None:
    ended = cli("gate-errors", VILLAGE, "--trades", 40)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0].rstrip() == (
        "lindistflow against ac, band 0.95 to 1.05 p.u., quantities within 20 % of what ac leaves, seed 1"
    )
    assert [line.split()[:2] for line in lines[2:5]] == [
        [VILLAGE, limit] for limit in ("undervoltage", "overvoltage", "loading")
    ]
    assert sum(int(line.split()[2]) for line in lines[2:5]) == 40
    assert "voltages differ from AC by up to [p.u.]" in ended.out
    assert "infeasible: of what the gate accepts" in ended.out


def test_files_hold_what_is_printed(cli: Callable, tmp_path: Path) -> None:
    """JSON and CSV have the same rows, and the same command gives the same bytes."""
    asked = ("gate-errors", "feeder141", VILLAGE, "--trades", 20, "--band", 0.96, 1.04, "--spread", 10, "--seed", 7)
    ended = cli(*asked, "--json", "--out", tmp_path / "a.json")
    assert (ended.code, ended.err) == (0, "")
    document = json.loads(ended.out)
    assert document == json.loads((tmp_path / "a.json").read_text())
    assert (document["band_pu"], document["spread"], document["seed"]) == ([0.96, 1.04], 0.1, 7)
    assert set(document["off_pu"]) == {"feeder141", VILLAGE}
    assert cli(*asked, "--out", tmp_path / "a.csv").code == 0
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    assert [row["feeder"] for row in rows] == [row["feeder"] for row in document["rows"]]
    assert [int(row["accepted_infeasible"]) for row in rows] == [row["accepted_infeasible"] for row in document["rows"]]
    assert cli(*asked, "--json").out == ended.out


def test_without_simbench_its_net_is_left_out_and_said_so(cli: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "simbench" else found(name))
    ended = cli("gate-errors", "--trades", 5)
    assert ended.code == 0
    assert "left out: simbench:1-LV-rural3--0-sw, which needs the extra simbench." in ended.out
    assert "\nsimbench:" not in ended.out


def test_the_exact_gate_is_audited(cli: Callable, tmp_path: Path) -> None:
    """By a power flow that is not its own: nothing that it admits breaks a limit; file and screen say the same."""
    ended = cli("gate-errors", VILLAGE, "--gate", "ac", "--trades", 30, "--out", tmp_path / "a.json")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0].rstrip() == (
        "ac against an independent power flow, band 0.95 to 1.05 p.u., quantities within 20 % of what it leaves, seed 1"
    )
    (row,) = json.loads((tmp_path / "a.json").read_text())["rows"]
    assert lines[2].split()[:3] == [VILLAGE, "30", "0"]
    assert (row["trades"], row["broken"], row["farthest"]) == (30, 0, 0.0)
    assert row["guard_next"] == row["in_part"] > 5
    assert "guard: in how many of these the next Wh breaks a limit less the guard" in ended.out


def test_a_lenient_gate_of_a_plugin_is_caught(cli: Callable, tmp_path: Path) -> None:
    """It says that it is exact, and what it admits breaks limits: how often and how far is printed."""
    (tmp_path / "lenient.py").write_text(LENIENT, encoding="utf-8")
    ended = cli(
        "gate-errors", VILLAGE, "--gate", "lenient", "--plugin", tmp_path / "lenient.py", "--trades", 30, "--json"
    )
    assert (ended.code, ended.err) == (0, f"Executing the plugin {tmp_path / 'lenient.py'}\n")
    (row,) = json.loads(ended.out)["rows"]
    assert row["broken"] > 3
    assert 1e-7 < row["farthest"] < 1.1e-6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("feeder14",), "unknown feeder (got feeder14)\n    did you mean feeder141?"),
        (("feeder141", "--gate", "observe"), "--gate: no gate that decides trade by trade (got observe)"),
        (("feeder141", "--gate", "lenient", "--plugin", "absent.py"), "absent.py"),
        (("feeder141", "--trades", 0), "--trades: must be at least 1 (got 0)"),
        (("feeder141", "--spread", 100), "--spread: must lie between 0 and 100 % (got 100)"),
        (("feeder141", "--spread", "nan"), "--spread: must lie between 0 and 100 % (got nan)"),
        (("feeder141", "--band", 1.05, 0.95), "--band: is no voltage band (got 1.05 0.95)"),
        (("feeder141", "--seed", -1), "--seed: must be at least 0 (got -1)"),
        (("feeder141", "--out", "a.txt"), "'a.txt' ends neither in .json nor in .csv"),
        (("file:absent.json",), "there is no such file"),
    ],
)
def test_what_cannot_be_asked_is_refused(cli: Callable, arguments: tuple[object, ...], message: str) -> None:
    ended = cli("gate-errors", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
