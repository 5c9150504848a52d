"""``marketsim expert solve`` and ``verify``: what they print, write and refuse."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

SUNNY = """\
name: sunny
clock: {start: 2016-05-08, slots: 24, slot_minutes: 60}
grid: {feeder: feeder141, source_pu: 1.01, voltage_band_pu: [0.95, 1.05], gate: observe}
tariff: {flat: {retail: 0.3, feed_in: 0.06}}
agents:
  - {name: hub, kind: prosumer, bus: 87, pv_kw: 9000, load: {peak_kw: 400, power_factor: 0.95}, battery: {energy_kwh: 1200, power_kw: 400},
     generator: {max_kw: 250, cost_per_kwh: 0.17, ramp_kw_per_h: 125}, strategy: utility_only}
  - {name: rural, kind: prosumer, bus: 75, pv_kw: 6000, load: {peak_kw: 400}, curtailable_load: {share: 0.2}, strategy: utility_only}
  - {name: flat, kind: consumer, bus: 78, load: {annual_kwh: 900000}, strategy: utility_only}
"""
clarabel = pytest.importorskip("clarabel", reason="experts need clarabel: pip install 'marketsim[experts]'")


@pytest.fixture
def sunny(scenario_file: Callable[..., Path]) -> Path:
    """Two plants that break the band at noon, and a consumer."""
    return scenario_file(SUNNY)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def rewritten(path: Path, change: Callable[[dict[str, str]], None], name: str) -> Path:
    """The file of plans with every row changed, or dropped where it is left empty."""
    rows = rows_of(path)
    head = list(rows[0])
    for row in rows:
        change(row)
    other = path.with_name(name)
    with other.open("w", newline="") as file:
        table = csv.DictWriter(file, head)
        table.writeheader()
        table.writerows(row for row in rows if row)
    return other


@pytest.fixture
def planned(cli: Callable, sunny: Path, tmp_path: Path) -> Path:
    """The joint plan of the day as a file."""
    path = tmp_path / "plans.csv"
    ended = cli("expert", "solve", sunny, "--plans", path)
    assert (ended.code, ended.err) == (0, "")
    return path


def test_solve_shows_each_day_and_what_the_power_flow_says(cli: Callable, sunny: Path) -> None:
    """A row a day with cost, savings and voltages; nothing outside under the joint plan, some under rest."""
    ended = cli("expert", "solve", sunny)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == "sunny: 2 agents by the expert joint [currency]"
    assert lines[1].split()[:4] == ["day", "of", "cost", "idle"]
    assert lines[2].split()[:2] == ["0", "2016-05-08"]
    assert lines[2].endswith("solved")
    assert "By AC power flow (another solver than the expert's) 0.000 % of 3,360 bus-slots are outside" in ended.out
    assert "with everything at rest 0.000 %" not in ended.out


def test_solve_answers_in_json_with_every_number(cli: Callable, sunny: Path) -> None:
    ended = cli("expert", "solve", sunny, "--json")
    answer = json.loads(ended.out)
    (day,) = answer["days"]
    assert answer["agents"] == ["hub", "rural"]
    assert (answer["expert"], answer["part"]) == ("joint", None)
    assert day["cost"] == pytest.approx(day["energy_cost"] + day["devices_cost"] + day["terminal_cost"])
    assert (day["over"], day["under"], day["bus_slots"]) == (0, 0, 24 * 140)
    assert day["idle_over"] > 0
    assert day["solves"] >= 2


BEYOND = """\
import numpy as np

import marketsim as ms
from marketsim.core.setpoints import Setpoints


class Boastful:
    def plan(self, view):
        none = np.zeros_like(view.load_kw)
        generator_kw = none.copy()
        generator_kw[3] = 1e6
        return Setpoints(generator_kw, none, none, view.pv_available_kw, none)


@ms.hookimpl
def marketsim_parts():
    yield ms.Entry(kind="expert", name="boastful", build=lambda params, context: Boastful())
"""


def test_a_plan_that_no_device_can_do_is_told_as_such(cli: Callable, sunny: Path) -> None:
    """A GW of each agent in one slot: beyond ratings and ramps, no power flow in that slot, and exit code 1."""
    sunny.with_name("boastful.py").write_text(BEYOND)
    over = ("--set", "plugins=[boastful.py]", "--set", "expert=boastful")
    ended = cli("expert", "solve", sunny, *over)
    assert ended.code == 1
    assert "day 0, slot 3, hub: generator 1e+06 kW is above 250 kW" in ended.out
    assert "It has no solution in 1 slot under the plan, which count as neither." in ended.out
    (day,) = json.loads(cli("expert", "solve", sunny, *over, "--json").out)["days"]
    assert (day["unsolved"], day["idle_unsolved"]) == (1, 0)
    assert day["impossible"] >= 4


def test_the_expert_is_that_of_the_scenario(cli: Callable, sunny: Path) -> None:
    """Individual plans break the band, and rules need no programme; shown side by side by ``--set``."""
    alone, rule = (
        json.loads(cli("expert", "solve", sunny, "--set", f"expert={name}", "--json").out)
        for name in ("individual", "rule")
    )
    assert (alone["expert"], rule["expert"]) == ("individual", "rule")
    assert alone["days"][0]["over"] > 0
    assert rule["days"][0]["status"] == "solved"


def test_parts_of_the_year_have_other_days(cli: Callable, sunny: Path) -> None:
    """By date: twelve days of validation in a year; days of tests are none of them."""
    by_date = "profiles.days={split: {first_days: 1, last_days: 7}, order: dates}"
    dates = {}
    for part in ("test", "validation"):
        ended = cli("expert", "solve", sunny, "--set", by_date, "--part", part, "--set", "expert=rule", "--json")
        dates[part] = [day["date"] for day in json.loads(ended.out)["days"]]
    assert (len(dates["test"]), len(dates["validation"])) == (84, 12)
    assert sorted(dates["validation"]) == [f"{month:02}-01" for month in range(1, 13)]
    assert len(set(dates["test"])) == 84
    assert not set(dates["test"]) & set(dates["validation"])
    ended = cli("expert", "solve", sunny, "--part", "tests")
    assert (ended.code, "'tests' is not one of" in ended.err) == (2, True)


def test_a_plan_that_was_solved_is_accepted(cli: Callable, sunny: Path, planned: Path) -> None:
    assert len(rows_of(planned)) == 2 * 24
    ended = cli("expert", "verify", sunny, planned)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "Accepted: 1 day, by devices and AC power flow of every slot.\n"


CHANGES = {
    "battery": ("hub", "battery_kw", "500", "slot 3, hub: battery 500 kW is above 400 kW"),
    "generator": ("hub", "generator_kw", "-1", "slot 3, hub: generator -1 kW is below 0 kW"),
    "ramp": ("hub", "generator_kw", "250", "slot 3, hub: generator after its ramp 250 kW is above"),
    "night": ("rural", "pv_kw", "10", "slot 3, rural: PV 10 kW is above 0 kW"),
    "curtailed": ("rural", "curtailed_kw", "400", "slot 3, rural: curtailed load 400 kW is above"),
    "kvar": ("hub", "kvar", "100", "slot 3, hub: reactive power 100 kvar is above 0 kvar"),
}


@pytest.mark.parametrize("which", CHANGES)
def test_what_a_device_cannot_do_is_refused_with_slot_and_limit(
    cli: Callable, sunny: Path, planned: Path, which: str
) -> None:
    agent, column, value, told = CHANGES[which]

    def change(row: dict[str, str]) -> None:
        if (row["slot"], row["agent"]) == ("3", agent):
            row[column] = value

    ended = cli("expert", "verify", sunny, rewritten(planned, change, "other.csv"))
    assert ended.code == 1
    assert f"day 0, {told}" in ended.out
    assert "Refused: " in ended.out


def test_a_store_that_is_sold_twice_is_refused(cli: Callable, sunny: Path, planned: Path) -> None:
    """Each power alone is within its rating, all of them together empty the battery beyond its lowest level."""
    ended = cli(
        "expert",
        "verify",
        sunny,
        rewritten(planned, lambda row: row.update(battery_kw="100") if row["agent"] == "hub" else None, "o.csv"),
    )
    assert ended.code == 1
    assert "hub: stored energy" in ended.out
    assert "kWh is below 120 kWh" in ended.out


def test_what_the_grid_does_not_take_is_refused_with_bus_and_voltage(
    cli: Callable, sunny: Path, tmp_path: Path
) -> None:
    """Individual plans know of no grid: every device can do them, and the operator refuses the noon."""
    plans = tmp_path / "alone.csv"
    cli("expert", "solve", sunny, "--set", "expert=individual", "--plans", plans)
    ended = cli("expert", "verify", sunny, plans, "--json")
    answer = json.loads(ended.out)
    assert (ended.code, answer["accepted"]) == (1, False)
    assert {each["what"] for each in answer["refusals"]} == {"voltage"}
    worst = max(answer["refusals"], key=lambda each: each["value"])
    assert worst["who"].startswith("bus ")
    assert worst["value"] > worst["limit"] == 1.05


BROKEN = {
    "empty": ("", r"plans.csv:1: the first line must be day,slot,agent,generator_kw"),
    "head": ("day,slot\n0,0\n", r"plans.csv:1: the first line must be day,slot,agent.* \(got day,slot\)"),
    "nothing": (
        "day,slot,agent,generator_kw,battery_kw,curtailed_kw,pv_kw,kvar\n",
        "there is no plan below the first line",
    ),
    "name": (
        "{head}0,0,hup,0,0,0,0,0\n",
        r"plans.csv:2: the scenario has no agent of this name.*hup.*(?s:.)*did you mean hub",
    ),
    "day": ("{head}x,0,hub,0,0,0,0,0\n", r"plans.csv:2: day must be the number of a day of the run, from 0 \(got x\)"),
    "slot": ("{head}0,24,hub,0,0,0,0,0\n", r"plans.csv:2: slot must be one of the day, 0 to 23 \(got 24\)"),
    "number": ("{head}0,0,hub,0,nan,0,0,0\n", r"plans.csv:2: battery_kw must be a finite number \(got nan\)"),
    "cells": ("{head}0,0,hub,0\n", r"plans.csv:2: a row has 8 cells, this one 4"),
    "twice": (
        "{head}0,0,hub,0,0,0,0,0\n0,0,hub,0,0,0,0,0\n",
        r"plans.csv:3: this day, slot and agent stand in the file twice",
    ),
    "short": ("{head}0,0,hub,0,0,0,0,0\n", r"plans.csv: day 0 lacks slot 0 of agent 'rural' and 46 more rows"),
}


@pytest.mark.parametrize("which", BROKEN)
def test_files_that_are_no_plans_are_refused_with_their_line(
    cli: Callable, sunny: Path, tmp_path: Path, which: str
) -> None:
    import re

    text, told = BROKEN[which]
    path = tmp_path / "plans.csv"
    path.write_text(
        text.replace("{head}", "day,slot,agent,generator_kw,battery_kw,curtailed_kw,pv_kw,kvar\n"), encoding="utf-8"
    )
    ended = cli("expert", "verify", sunny, path)
    assert (ended.code, ended.out) == (2, "")
    assert re.search(told, ended.err)


def test_files_are_replaced_only_with_force_and_refused_before_anything_is_planned(
    cli: Callable, sunny: Path, tmp_path: Path
) -> None:
    (tmp_path / "there.csv").write_text("precious")
    ended = cli("expert", "solve", sunny, "--plans", tmp_path / "there.csv")
    assert (ended.code, "there is a file already" in ended.err, "--force" in ended.err) == (2, True, True)
    assert (tmp_path / "there.csv").read_text() == "precious"
    assert "does not end in .csv" in cli("expert", "solve", sunny, "--plans", tmp_path / "p.txt").err
    assert "there is no folder" in cli("expert", "solve", sunny, "--plans", tmp_path / "no" / "p.csv").err
    assert cli("expert", "solve", sunny, "--plans", tmp_path / "there.csv", "--force").code == 0
    assert len(rows_of(tmp_path / "there.csv")) == 48


def test_without_anything_to_plan_it_says_so(cli: Callable, scenario_file: Callable[..., Path]) -> None:
    text = SUNNY.split("agents:")[0] + "agents: [{kind: consumer, bus: 78, load: {annual_kwh: 9000}}]\n"
    ended = cli("expert", "solve", scenario_file(text))
    assert ended.code == 2
    assert "there is nothing that an expert could plan" in ended.err
    assert "give agents pv_kw, or a battery, generator or curtailable_load" in ended.err
