"""``marketsim run``: what it prints, writes and refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import marketsim as ms

CASE = Path(__file__).parent.parent / "golden" / "two_neighbours" / "scenario.yaml"
SUMMED_UP = """\
two_neighbours: 2 agents, 2 slots, seed 1
                                market  unit          utility only            change
Demand                           6.000  kWh                      -
PV generation                    4.000  kWh                      -
Traded between peers             2.000  kWh                      -
Share of demand met by peers     33.33  %                        -
Imports                          3.000  kWh                  5.000           -40.0 %
Exports                          1.000  kWh                  3.000           -66.7 %

Mean price                      0.1900  currency/kWh             -
Cost of consumers               0.9800  currency             1.200           -18.3 %
Cost of prosumers              -0.1600  currency            0.0600  -0.2200 currency
Utility revenue                 0.8200  currency             1.260           -34.9 %
Utility margin                  0.7000  currency             1.140           -38.6 %
Welfare of agents and utility  -0.1200  currency           -0.1200

Allocative efficiency            100.0  %                        -
Trade efficiency                 100.0  %                        -
Fairness to grid (FTG)           1.000  -                        -
Fairness of pricing (FPP)        1.000  -                        -
Price neutrality                 1.000  -                        -
Neither sellers nor buyers competed in any slot: FBS and FTB are undefined.
Energy and money balance to the last unit. No feeder: no grid limits apply.
"""


def trimmed(text: str) -> str:
    return "".join(line.rstrip() + "\n" for line in text.splitlines())


@pytest.fixture
def out(tmp_path):
    return tmp_path / "run"


def test_a_run_is_summed_up_in_a_table(cli, out):
    """Numbers of the golden case, worked out by hand; last the folder and the time it took."""
    ended = cli("run", CASE, "--out", out)
    table, last = trimmed(ended.out).rsplit("Written to ", 1)
    assert (ended.code, ended.err, table) == (0, "", SUMMED_UP)
    folder = re.escape(str(out))
    assert re.fullmatch(rf"{folder} in \d+\.\d s; to look at it, open {folder}/report\.html\.\n", last)
    assert (out / "report.html").is_file()


def test_a_report_that_cannot_be_written_fails_no_run(cli, out, monkeypatch):
    """The run is complete and says so; why there is no page goes to standard error."""
    monkeypatch.setattr("marketsim.report.page.find_spec", lambda name: None)
    ended = cli("run", CASE, "--out", out)
    assert ended.code == 0
    assert "its report could not be written: the report needs plotly.min.js" in ended.err
    assert re.search(r" s\.\n$", ended.out)
    assert (out / "summary.json").is_file()


def test_json_is_the_summary_and_nothing_else(cli, out):
    ended = cli("run", CASE, "--out", out, "--json")
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out) == json.loads((out / "summary.json").read_text("utf-8"))
    assert json.loads(ended.out)["mean_price"] == 0.19


def test_quiet_prints_nothing(cli, out):
    assert cli("run", CASE, "--out", out, "--quiet") == (0, "", "")
    assert ms.open_run(out).status == "complete"


def test_the_folder_has_the_files_of_the_design(cli, out):
    """And nothing else: what was written on the way is gone."""
    cli("run", CASE, "--out", out, "--quiet")
    assert {path.name for path in out.iterdir()} == {
        *("scenario.yaml", "manifest.json", "summary.json", "critic.jsonl"),
        *("slots.parquet", "agents.parquet", "trades.parquet", "rejects.parquet", "book.parquet"),
    }
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    assert manifest["status"] == "complete"
    assert manifest["seed"] == 1
    assert re.fullmatch(r"[0-9a-f]{64}", manifest["scenario_hash"])
    assert set(manifest["versions"]) >= {"python", "numpy", "numba", "mesa", "pyarrow"}


def test_without_out_the_folder_carries_scenario_seed_and_time(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli("run", CASE, "--seed", "7", "--quiet").code == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert re.fullmatch(r"two_neighbours-7-\d{8}T\d{6}", folder.name)


def test_set_and_seed_reach_the_run(cli, out):
    """In the summary, in the written scenario and in the manifest."""
    ended = cli(
        "run", CASE, "--out", out, "--seed", 7, "--set", "market.engine.double_auction.price_rule=resting", "--json"
    )
    assert json.loads(ended.out)["seed"] == 7
    assert json.loads(ended.out)["mean_price"] in (0.08, 0.30)
    assert "price_rule: resting" in (out / "scenario.yaml").read_text("utf-8")
    assert ms.open_run(out).manifest["seed"] == 7


def test_an_existing_run_is_refused_and_stays_as_it_is(cli, out, tables):
    """Exit code 2; the tables keep their bytes."""
    cli("run", CASE, "--out", out, "--quiet")
    before = tables(out)
    ended = cli("run", CASE, "--out", out, "--seed", 5)
    assert ended == (
        2,
        "",
        f"error: {out}: there is a run already (complete)\n    choose another --out, or replace it with --force\n",
    )
    assert tables(out) == before


def test_force_replaces_a_run_and_only_its_own_files(cli, out):
    cli("run", CASE, "--out", out, "--quiet")
    (out / "notes.txt").write_text("mine")
    assert cli("run", CASE, "--out", out, "--seed", 5, "--quiet", "--force").code == 0
    assert ms.open_run(out).summary["seed"] == 5
    assert (out / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_folder_of_someone_else_is_never_touched(cli, out, force):
    """With or without ``--force`` a folder that holds no run is refused, and its files stay."""
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    ended = cli("run", CASE, "--out", out, *force)
    assert ended == (
        2,
        "",
        f"error: {out}: the folder is not empty and holds no run of marketsim\n    choose another --out\n",
    )
    assert [path.name for path in out.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_file_in_the_place_of_the_folder_is_refused(cli, out, force):
    out.write_text("x")
    ended = cli("run", CASE, "--out", out, *force)
    assert ended == (2, "", f"error: {out}: there is a file of that name\n    choose another --out\n")
    assert out.read_text() == "x"


def test_a_bad_scenario_leaves_no_folder(cli, scenario_file, out):
    """Nothing is created before the scenario is known to be good."""
    ended = cli("run", scenario_file("name: x\n"), "--out", out)
    assert ended.code == 2
    assert not out.exists()


def test_violations_and_validation_are_told_in_words(cli, out, root):
    """With a feeder the last lines say how many slots were confirmed and how many lie outside limits."""
    ended = cli("run", root / "scenarios" / "ieee141.yaml", "--set", "clock.slots=4", "--out", out)
    assert ended.code == 0
    idle, verdict = ended.out.splitlines()[-3:-1]
    assert idle == "No trade came to a limit, so the gate refused nothing; scenarios/stress141.yaml shows it at work."
    assert re.fullmatch(
        r"Energy and money balance to the last unit; 4 slots confirmed by an independent power flow "
        r"\(largest difference \d\.\de-\d\d p\.u\.\), 0 outside limits\.",
        verdict,
    )


def test_a_gate_that_acts_is_not_called_idle(cli, out, root):
    """At noon the gate of stress141 refuses energy: no line says that it had nothing to do."""
    ended = cli(
        "run",
        root / "scenarios" / "stress141.yaml",
        "--set",
        "clock.slots=14",
        "--set",
        "clock.slot_minutes=60",
        "--out",
        out,
    )
    assert ended.code == 0
    assert "Refused by the grid" in ended.out
    assert "refused nothing" not in ended.out


def test_which_side_was_rationed_is_told_in_words(cli, out, root):
    ended = cli("run", root / "scenarios" / "pilot.yaml", "--set", "clock.slots=24", "--out", out)
    assert re.search(r"Sellers were rationed in \d+ % of the slots that could trade, buyers in \d+ %\.", ended.out)


def test_progress_goes_to_a_terminal_only(cli, out):
    """In a pipe nothing is written to standard error."""
    assert cli("run", CASE, "--out", out).err == ""


def test_what_is_never_installed_is_never_needed(cli, out, monkeypatch):
    """A run needs neither torch nor ollama."""
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "ollama", None)
    assert cli("run", CASE, "--out", out, "--quiet").code == 0


def test_where_limits_are_broken_the_worst_bus_and_branch_are_named(cli, out, root, hours):
    """On the screen in two lines, in JSON as rows; the same as in Python."""
    settings = [
        part for path, value in {**hours, "grid.gate": "observe"}.items() for part in ("--set", f"{path}={value}")
    ]
    ended = cli("run", root / "scenarios" / "stress141.yaml", *settings, "--out", out)
    run = ms.open_run(out)
    buses, branches = run.worst_buses(), run.worst_branches()
    bus, branch = buses.iloc[0], branches.iloc[0]
    assert (
        f"Longest out of band: bus {buses.index[0]}, {bus.hours_above:g} h, by up to {bus.depth_pu:.4f} p.u."
        in ended.out
    )
    assert (
        f"Longest overloaded: {branches.index[0]}, {branch.hours_over:g} h, up to {branch.loading_percent:.1f} %"
        in ended.out
    )
    told = json.loads(cli("run", out / "scenario.yaml", "--out", out.with_name("again"), "--json").out)
    assert [row["bus"] for row in told["worst_buses"]] == buses.index.tolist()
    assert told["worst_branches"][0]["current_a"] == pytest.approx(branch.current_a)
    assert told["worst_branches"][0]["at"].startswith(f"{branch['at']:%Y-%m-%dT%H:%M}")


def test_a_first_run_says_also_in_a_pipe_that_kernels_are_compiled(cli, out, monkeypatch):
    """On standard error, unless it is to be quiet."""
    from marketsim.app import kernels

    monkeypatch.setattr(kernels, "compile_once", lambda ready, tell=None: tell and tell("compiling, once"))
    assert cli("run", CASE, "--out", out).err == "compiling, once\n"
    assert cli("run", CASE, "--out", out, "--force", "--json").err == "compiling, once\n"
    assert cli("run", CASE, "--out", out, "--force", "--quiet").err == ""


@pytest.mark.parametrize(
    ("variables", "drawn"), [({}, True), ({"JPY_PARENT_PID": "7"}, False), ({"TERM": "dumb"}, False)]
)
def test_a_bar_is_drawn_only_where_lines_can_be_written_over(monkeypatch, variables, drawn):
    """Not under ``!marketsim run`` in a notebook, whose terminal keeps every control character."""
    import sys

    from marketsim.cli.tables import can_draw

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert can_draw() == drawn
