"""``marketsim coordinate``: what it prints, writes and refuses."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

HOMES = """\
name: homes
clock: {start: 2016-07-12, slots: 24, slot_minutes: 60}
tariff: {flat: {retail: 0.3, feed_in: 0.08}}
profiles: {source: synthetic, cloudiness: 0.0}
agents:
  - {kind: prosumer, count: 3, load: {annual_kwh: 4000}, pv_kw: 6, battery: {energy_kwh: 8, power_kw: 4}}
  - {kind: consumer, count: 3, load: {annual_kwh: 4000}, shiftable_load: {share: 0.2}}
"""


@pytest.fixture
def homes(scenario_file: Callable[..., Path]) -> Path:
    return scenario_file(HOMES)


def test_it_prints_two_tables_and_what_they_mean(cli: Callable, homes: Path) -> None:
    """A line for each way in both, and a sentence for every head that is no word of every day."""
    ended = cli("coordinate", homes, "--days", 2, "--every", 30)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("homes: 6 agents, 2 days, 2016-07-12 to 2016-08-11\n")
    for way in ("utility alone", "market as it is", "pool: cost_then_peak", "pool: peak_then_cost"):
        assert sum(line.startswith(way) for line in ended.out.splitlines()) == 2
    assert "2 of 2" in ended.out
    assert "72.6 % a day" in ended.out
    assert "Not every day" not in ended.out


def test_json_and_files_hold_all_days(cli: Callable, homes: Path, tmp_path: Path) -> None:
    """What is printed as JSON is what is written; CSV has a row for each way and day."""
    ended = cli("coordinate", homes, "--objective", "cost", "--json", "--out", tmp_path / "all.json")
    document = json.loads(ended.out)
    assert document == json.loads((tmp_path / "all.json").read_text())
    assert [way["name"] for way in document["ways"]] == ["utility alone", "market as it is", "pool: cost"]
    cli("coordinate", homes, "--objective", "cost", "--out", tmp_path / "all.csv")
    rows = list(csv.DictReader((tmp_path / "all.csv").read_text().splitlines()))
    assert [row["way"] for row in rows] == [row["way"] for row in document["days"]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--objective", "cots"), "--objective: no such objective (got cots)"),
        (("--days", 0), "--days: must be a whole number from 1 to 366"),
        (("--year", "--days", 3), "--year: days are asked for in two ways"),
        (("--target", 2), "2.0 is not in the range 0<=x<=1"),
        (("--set", "clock.slot_minutes=480", "--set", "clock.slots=3"), "days are compared from noon to noon"),
    ],
)
def test_what_cannot_be_is_refused(cli: Callable, homes: Path, arguments: tuple[object, ...], said: str) -> None:
    """Before anything is simulated, with what to do."""
    ended = cli("coordinate", homes, *arguments)
    assert ended.code == 2
    assert said in ended.err


def test_a_plan_that_the_grid_cut_is_not_called_optimal(cli: Callable, scenario_file: Callable[..., Path]) -> None:
    """A connection that cannot take what the store is to deliver: it is said, with the energy."""
    tight = HOMES.replace("battery: {", "connection_kw: {import: 0.5, export: 0.5}, battery: {")
    ended = cli("coordinate", scenario_file(tight), "--objective", "cost")
    assert ended.code == 0
    assert "0 of 1" in ended.out
    assert "Not every day of pool: cost is optimal: the grid refused a part of the plan" in ended.out


def test_foresight_compares_forecasts_instead(cli: Callable, homes: Path, tmp_path: Path) -> None:
    """Three tables; JSON and CSV with a row for each way and day; what does not fit is refused."""
    ended = cli("coordinate", homes, "--foresight", "validation", "--weeks", 2, "--scenarios", 2, "--out", tmp_path / "all.csv",
                "--set", "clock.slot_minutes=240", "--set", "clock.slots=6")  # fmt: skip
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("homes: 6 agents, 2 weeks of validation days, a day\n")
    for line in (
        "own context, 2 scenarios - usual days, 2 scenarios",
        "shared context - own context",
        "pinball load kW",
    ):
        assert line in ended.out
    rows = list(csv.DictReader((tmp_path / "all.csv").read_text().splitlines()))
    assert len(rows) == 12 * len({row["way"] for row in rows}) == 96
    refused = cli("coordinate", homes, "--foresight", "test", "--weeks", 1)
    assert refused.code == 2
    assert "--weeks: must be a whole number from 2 to 12" in refused.err
