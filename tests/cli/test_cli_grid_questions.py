"""``hosting-capacity``, ``contingency``, ``reinforce`` and ``compare-gates``: what they print, write and refuse."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

VILLAGE = """\
name: village
clock: {start: 2016-07-12, slots: 6, slot_minutes: 240}
grid:
  feeder: pandapower:create_kerber_landnetz_freileitung_1
  voltage_band_pu: [0.97, 1.03]
  gate: ac
tariff: {flat: {retail: 0.3, feed_in: 0.08}}
profiles: {source: synthetic, cloudiness: 0.0}
agents:
  - {kind: prosumer, count: 6, buses: {sample: loads}, load: {annual_kwh: 4000}, pv_kw: 30, strategy: utility_only}
  - {kind: consumer, count: 6, buses: {sample: loads}, load: {annual_kwh: 4000}, strategy: utility_only}
"""
BALANCED = (
    "The model is balanced: on low-voltage nets, where devices sit on one phase, it overstates what the feeder takes"
)
VERBS = ("hosting-capacity", "contingency", "reinforce", "compare-gates")
QUICK = {
    "hosting-capacity": ("--placements", 2, "--days", 1),
    "contingency": ("--top", 3),
    "reinforce": ("--most", 3),
    "compare-gates": ("--gates", "ac,observe,doe_equal"),
}
"""Arguments that keep a test short."""


@pytest.fixture
def village(scenario_file: Callable[..., Path]) -> Path:
    """Twelve households behind a transformer, with more PV than the overhead line takes."""
    return scenario_file(VILLAGE)


@pytest.fixture
def asked(cli: Callable, village: Path) -> Callable:
    """``asked(verb, *arguments)``: the verb about the village; it succeeds and says nothing on standard error."""

    def ask(verb: str, *arguments: object) -> str:
        ended = cli(verb, village, *QUICK[verb], *arguments)
        assert (ended.code, ended.err) == (0, "")
        return str(ended.out)

    return ask


@pytest.mark.parametrize("verb", VERBS)
def test_help_names_every_option_with_what_it_is(cli: Callable, verb: str) -> None:
    """A sentence for the command and one for each option; the shared ones are there in all four."""
    ended = cli(verb, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"Usage: marketsim {verb} [OPTIONS] SCENARIO\n")
    options = ended.out.partition("Options:\n")[2]
    for line in re.findall(r"^  (-.*)$", options, re.MULTILINE):
        assert len(line.split("  ", 1)) == 2, line
    assert {"--set", "--seed", "--out", "--json", "--help"} <= set(re.findall(r"--[a-z][a-z-]*", options))


@pytest.mark.parametrize("verb", VERBS)
def test_every_answer_says_what_a_balanced_model_overstates(asked: Callable, verb: str) -> None:
    assert BALANCED in asked(verb)


def test_hosting_capacity_shows_both_rules_and_the_weakest_buses(asked: Callable) -> None:
    """A line a rule with the quantiles in kW, then the buses alone from the weakest on, and what all rests on."""
    out = asked("hosting-capacity")
    lines = out.splitlines()
    assert lines[0].strip() == "village: pv on create_kerber_landnetz_freileitung_1, units of 5.000 kW"
    assert lines[1].split() == ["5", "%", "50", "%", "95", "%", "kW", "of", "peak", "load", "binds", "most", "often"]
    free, held = lines[2], lines[3]
    assert free.startswith("without violations on the worst day (strict; gate observe)")
    assert held.startswith("with at most 5 % curtailed of the worst day (gate ac)")
    assert re.search(r"(overvoltage at bus|overload of) \S+.* \(\d of 2\)\s*$", free)
    assert re.search(r"\n\d+ weakest of \d+ buses alone, without violations", out)
    assert re.search(
        r"\n2 placements; days: 2016-\d\d-\d\d: the days of most sun over least load of 2016\. Peak load", out
    )


def test_hosting_capacity_of_the_year_tells_its_days_and_their_error(asked: Callable) -> None:
    """On the screen and as JSON: the rule is named after the year, and the days that stand for it are counted."""
    of_year = ("--curtailed-of", "year", "--year-days", 4, "--no-buses")
    out = asked("hosting-capacity", *of_year)
    assert "\nwith at most 5 % curtailed of the year, by 4 days (gate ac)" in out
    assert "\nThe year: 4 days of 2016, drawn by the seed from 2 strata" in out
    error = re.search(
        r"\nError of the days drawn, at the middle placement: (\S+) % curtailed, \+- (\S+) \(2 standard errors\)", out
    )
    told = json.loads(asked("hosting-capacity", *of_year, "--json"))
    free, held = told["capacities"]
    assert (free["sampling"], told["options"]["curtailed_of"]) == (None, "year")
    assert error is not None
    assert float(error[1]) == pytest.approx(100 * held["sampling"]["share"], abs=0.006)
    assert float(error[2]) == pytest.approx(200 * held["sampling"]["standard_error"], abs=0.006)
    assert held["sampling"]["low_kw"] <= held["kw"]["50 %"] <= held["sampling"]["high_kw"]


def test_contingency_shows_the_worst_first_and_how_many_there_are(asked: Callable) -> None:
    """All twelve customers are dark where the cable behind the transformer, or that itself, is lost; no tie is named."""
    lines = asked("contingency").splitlines()
    assert re.fullmatch(r"village: 3 worst of \d+ failures, 4 h each\s*", lines[0])
    first = re.split(r"\s{2,}", lines[2].strip())
    assert first[0] in ("line_1_1 open", "trafo 1 open")
    assert (first[2], first[-1]) == ("12", "no tie reaches it")
    assert any(line.startswith("no tie switches: the scenario names none (grid.ties)") for line in lines)
    assert len(asked("contingency", "--top", 5).splitlines()) == len(lines) + 2


def test_reinforce_shows_costs_beside_what_they_avoid(asked: Callable) -> None:
    lines = asked("reinforce").splitlines()
    assert re.match(r"village: [\d,.]+ kWh curtailed, worth [\d,]+ currency a year", lines[0])
    assert lines[1].split()[:4] == ["second", "element", "beside", "branches"]
    assert all(re.search(r"  (yes|no)  .*kWh refused\s*$", line) for line in lines[2:5])
    assert any("prices (grid.reinforcement): lines 80,000 a km" in line for line in lines)


def test_where_nothing_binds_reinforce_says_so_in_words(cli: Callable, village: Path) -> None:
    """Without sun the gate refuses nothing; there is no table with nothing in it."""
    ended = cli("reinforce", village, "--set", "profiles.pv_scale=0")
    assert ended.code == 0
    assert ended.out.startswith(
        "village: 0 kWh curtailed, worth 0 currency a year\n"
        "No voltage and no branch of the feeder made the gate refuse anything: copper buys nothing.\n"
    )


def test_compare_gates_shows_a_row_a_mechanism_and_explains_each(asked: Callable) -> None:
    """Results by rank, who breaks limits last, then what model errors would do, then a sentence for each mechanism."""
    out = asked("compare-gates")
    lines = out.splitlines()
    assert lines[0].strip() == "village: 6 slots"
    rows = {line.split()[0]: line.split() for line in lines[2:5]}
    assert sorted(list(rows)[:2]) == ["ac", "doe_equal"]
    assert [row[1] for row in rows.values()] == ["1", "2", "-"]
    best, second = (float(row[2].replace(",", "")) for row in list(rows.values())[:2])
    assert best > second
    assert float(rows["ac"][7].replace(",", "")) > 0 == float(rows["observe"][6])
    assert int(rows["observe"][-3]) > 0 == int(rows["ac"][-3])
    assert "slots outside a limit if the real feeder differs from the model" in out
    assert "below what could be gained without limits and losses" in out
    assert "observe: no check: what markets without a grid do." in out


SHAPES = {
    "hosting-capacity": (
        {"scenario", "options", "capacities", "days", "notes"},
        {"rule", "kind", "name", "kw", "binding"},
    ),
    "contingency": ({"scenario", "hours", "ranked", "notes"}, {"kind", "name", "unserved_kwh", "restored"}),
    "reinforce": ({"scenario", "curtailed_kwh", "upgrades", "notes"}, {"name", "cost_a_year", "worth_a_year", "pays"}),
    "compare-gates": (
        {"scenario", "seed", "slots", "mechanisms"},
        {"mechanism", "rank", "welfare", "efficiency", "violated"},
    ),
}


@pytest.mark.parametrize("verb", VERBS)
def test_json_and_files_hold_the_whole_answer(asked: Callable, tmp_path: Path, verb: str) -> None:
    """Printed and written JSON are the same; the CSV has a row an item; the table is printed beside a file."""
    keys, columns = SHAPES[verb]
    file = tmp_path / "answer.json"
    printed = json.loads(asked(verb, "--json", "--out", file))
    assert keys <= set(printed)
    written = json.loads(file.read_text("utf-8"))
    for answer in (printed, written):
        for each in answer.get("mechanisms", ()):
            each.pop("seconds")
    assert written == printed
    assert not asked(verb, "--out", tmp_path / "answer.csv").startswith("{")
    with (tmp_path / "answer.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert columns <= set(rows[0])
    if verb == "contingency":
        assert len(rows) == len(printed["ranked"]) > 3, "all of them, not the top"
    if verb == "compare-gates":
        lost = {each["name"]: each["curtailed_by_agent"] for each in printed["mechanisms"]}
        assert len(lost["ac"]) == 6, "owners of PV, each by name"
        assert sum(lost["ac"].values()) > 0 == sum(lost["observe"].values())


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nix.yaml",), "error: nix.yaml: there is no such file\n"),
        (("{village}", "--out", "answer.txt"), "Error: Invalid value for '--out': 'answer.txt' ends neither in .json nor in .csv\n"),
        (("{village}", "--out", "no/where.csv"), "Error: Invalid value for '--out': there is no folder 'no'\n"),
        (("{village}", "--set", "grid.gatee=ac"), "unknown key\n    did you mean gate?\n"),
        (("{village}", "--set", "grid.feeder=null", "--set", "grid.gate=none", "--set", "agents=[{kind: consumer, load: {annual_kwh: 1}}]"), "asks about a feeder, and village has none: set grid.feeder and grid.gate\n"),
        (("{village}", "--set", "grid.tap_changer={target_pu: 1.0}"), "set grid.tap_changer to null and grid.regulators to []\n"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(
    cli: Callable, village: Path, monkeypatch: pytest.MonkeyPatch, verb: str, arguments: tuple[str, ...], message: str
) -> None:
    """Exit code 2, nothing on standard output, no traceback, and what to do."""
    monkeypatch.chdir(village.parent)
    ended = cli(verb, *(each.replace("{village}", str(village)) for each in arguments))
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("hosting-capacity", "--asset", "pvv"), "--asset: there is none of this name (got pvv)\n    there is pv, ev"),
        (("hosting-capacity", "--days", 0, "--placements", 0), "--days: must be at least 1 (got 0)"),
        (("hosting-capacity", "--curtailed-of", "month"), "--curtailed-of: there is none of this name (got month)\n    there is worst-days, year"),
        (("hosting-capacity", "--year-days", 1), "--year-days: must be at least 2 (got 1)"),
        (("hosting-capacity", "--depth", -1), "--depth: must be p.u. hours, 0 or more (got -1)"),
        (("hosting-capacity", "--curtailment", 100), "--curtailment: must be a share of energy (got 1)"),
        (("hosting-capacity", "--figure", "pv.gif"), "--figure: no kind of figure (got pv.gif)\n    let its name end with .svg, .pdf, .png"),
        (("hosting-capacity", "--figure", "no/where.svg"), "--figure: there is no such folder (got no)"),
        (("contingency", "--hours", 0), "error: hours must be positive"),
        (("contingency", "--hours", "nan"), "error: hours must be positive"),
        (("contingency", "--top", 0), "Invalid value for '--top': 0 is not in the range x>=1."),
        (("reinforce", "--most", 0), "error: at least one upgrade has to be looked at, not 0"),
        (("reinforce", "--set", "grid.gate=observe"), "observe curtails nothing: set grid.gate to ac"),
        (("compare-gates", "--gates", "ac,observed"), "--gates: no such mechanism (got observed)\n    did you mean observe?"),
        (("compare-gates", "--gates", ""), "--gates: no such mechanism"),
    ],
)  # fmt: skip
def test_numbers_and_names_that_are_none_are_refused(
    cli: Callable, village: Path, arguments: tuple[object, ...], message: str
) -> None:
    verb, *rest = arguments
    ended = cli(verb, village, *rest)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
