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
        (("--by", "consensus"), "--by: members agree on the least cost alone (got consensus)"),
        (("--weights", "feedback", "--year"), "weights follow from the bills of the days before"),
        (("--weights", "feedback", "--every", 7), "weights follow from the bills of the days before"),
        (("--weights", "feedback"), "needs the income of every agent"),
        (("--weights", "feed"), "weights: there are no such weights (got 'feed')"),
        (("--weights", ""), "a name is missing"),
        (("--weights", "equal,,rank"), "a name is missing"),
        (("--weights", "{feedback: 3}"), "give a name, or one name with its parameters"),
        (("--weights", "{feedback: {gain: 3}}"), "gain: weights feedback has no such parameter"),
        (("--weights", "{learned: {}}"), "checkpoint: weights learned: is missing"),
        (("--weights", "{"), "--weights: not valid YAML"),
        (("--weeks", 3), "--weeks says something with --foresight alone"),
        (("--prices", "--risk", 0.5), "--risk says something with --foresight alone"),
        (("--prices", "--by", "consensus"), "leave out --by"),
        (("--foresight", "test", "--weights", "equal"), "leave out --weights"),
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


def test_members_by_agreement_reach_the_cost_of_the_programme(cli: Callable, homes: Path) -> None:
    """Within what members stop at, a ten-thousandth of what goes through their meters, of which the cost is a small difference."""
    shown = cli("coordinate", homes, "--objective", "cost", "--by", "consensus").out
    assert "the plan was near its bound, and not proven to be best" in shown or "1 of 1" in shown
    assert "grid refused" not in shown
    costs = {
        by: json.loads(cli("coordinate", homes, "--objective", "cost", "--by", by, "--json").out)["ways"][2]["cost"]
        for by in ("programme", "consensus")
    }
    assert costs["consensus"] == pytest.approx(costs["programme"], abs=0.03)


def test_weights_say_who_benefits(cli: Callable, root: Path) -> None:
    """All pay the same together, feedback lowers the worst burden against equal weights, and both are beside the utility alone."""
    hours = ("--set", "clock.slot_minutes=60", "--set", "clock.slots=24", "--objective", "cost", "--days", 3)
    scenario = root / "scenarios" / "mixed_income.yaml"
    ended = cli(
        "coordinate", scenario, *hours, "--weights", "equal,feedback", "--weights", "{income: {power: 2}}", "--json"
    )
    alone, equal, feedback, income = json.loads(ended.out)["benefits"]
    assert [each["way"] for each in (alone, equal, feedback, income)] == [
        "utility alone",
        "equal",
        "feedback",
        "income {power: 2}",
    ]
    assert equal["paid"] == pytest.approx(feedback["paid"], abs=1e-9)
    assert equal["paid"] == pytest.approx(income["paid"], abs=1e-9)
    assert feedback["burden_worst"] < equal["burden_worst"] < alone["burden_worst"]
    assert set(alone["burdens"]) == set(alone["access"]) == {"low", "middle", "high"}
    shown = cli("coordinate", scenario, *hours, "--weights", "equal").out
    assert "Who benefits, by weights: 3 days in one run" in shown


def test_prices_are_posted_in_one_table(cli: Callable, homes: Path, tmp_path: Path) -> None:
    """Without incomes no burdens, which it says; the same rows as CSV and JSON."""
    ended = cli("coordinate", homes, "--prices", "--days", 2, "--peak-price", 0.1, "--out", tmp_path / "all.csv")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("homes: 6 agents, 2 days, 2016-07-12 to 2016-07-13\n")
    assert "a best answer of every member to 1e-" in ended.out
    assert "nobody pays more than alone" in ended.out
    assert "Burdens, and prices by income, need the income of every agent" in ended.out
    rows = list(csv.DictReader((tmp_path / "all.csv").read_text().splitlines()))
    assert [row["way"] for row in rows] == ["everybody alone", "posted prices", "posted prices, untold"]
    document = json.loads(cli("coordinate", homes, "--prices", "--json").out)
    assert [way["way"] for way in document["ways"]] == [row["way"] for row in rows]


def test_prices_by_income_and_money_moved_stand_side_by_side(cli: Callable, scenario_file: Callable[..., Path]) -> None:
    """Each with three strengths, and what they mean."""
    with_incomes = HOMES.replace("count: 3, load", "count: 3, income: {choice: [1000, 4500]}, load")
    ended = cli("coordinate", scenario_file(with_incomes), "--prices")
    assert (ended.code, ended.err) == (0, "")
    for way in ("prices within tariffs", "money moved"):
        assert sum(line.startswith(f"{way} ") for line in ended.out.splitlines()) in (0, 3), ended.out
    assert "money moved: the common plan" in ended.out


@pytest.mark.parametrize(
    "option",
    [
        ("--slack", 0.1),
        ("--objective", "cost"),
        ("--target", 0.5),
        ("--forecasts", "own"),
        ("--by", "consensus"),
        ("--weights", "equal"),
    ],
)
def test_options_of_plans_are_none_of_prices(cli: Callable, homes: Path, option: tuple[object, ...]) -> None:
    """Rather than passed over."""
    ended = cli("coordinate", homes, "--prices", *option)
    assert ended.code == 2
    assert f"leave out {option[0]}" in ended.err


@pytest.mark.parametrize("option", [("--days", 2), ("--objective", "cost"), ("--prices",), ("--forecasts", "own")])
def test_options_of_days_are_none_of_foresight(cli: Callable, homes: Path, option: tuple[object, ...]) -> None:
    """Rather than passed over."""
    ended = cli("coordinate", homes, "--foresight", "test", *option)
    assert ended.code == 2
    assert f"leave out {option[0]}" in ended.err
