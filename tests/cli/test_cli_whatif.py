"""``marketsim whatif`` and ``marketsim compare``: what they print, write and refuse."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

CASE = Path(__file__).parent.parent / "golden" / "two_neighbours" / "scenario.yaml"
VARY = ("--vary", "tariff.flat.retail=0.2,0.3", "--workers", 1)
SHOWN = """\
two_neighbours: 2 points, seed 1, 2 runs
tariff.flat.retail  by peers %    FTG  consumers pay  worst-off %
               0.2        33.3  1.000         0.6800         15.0
               0.3        33.3  1.000         0.9800         18.3

Answer
- Nobody pays more than with the utility alone from tariff.flat.retail 0.2 to 0.3.
"""


def trimmed(text):
    return "".join(line.rstrip() + "\n" for line in text.splitlines())


@pytest.fixture
def out(tmp_path):
    return tmp_path / "study"


def test_a_study_is_a_table_and_an_answer(cli, out):
    """Of the golden case; last the folder."""
    ended = cli("whatif", CASE, *VARY, "--out", out)
    assert (ended.code, ended.err) == (0, "")
    assert trimmed(ended.out) == f"{SHOWN}Written to {out}.\n"


def test_the_folder_has_the_files_of_the_docs(cli, out):
    """And nothing else; every file is named on the page."""
    cli("whatif", CASE, *VARY, "--out", out, "--quiet")
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert names == {
        *("study.parquet", "study.csv", "study.yaml", "scenario.yaml", "manifest.json", "timings.csv"),
        *("answer.json", "sensitivity.csv", "figures/response.svg", "figures/response.png"),
        *(f"runs/000{run}/{name}" for run in (0, 1) for name in ("scenario.yaml", "result.json")),
    }
    page = (Path(__file__).parents[2] / "docs" / "whatif.md").read_text("utf-8")
    for name in names:
        assert re.sub(r"runs/\d+", "runs/<number>", name) in page, name


def test_json_has_table_answer_and_findings(cli, out):
    ended = cli("whatif", CASE, *VARY, "--out", out, "--json", "--breaks", "mean_price > 0.15")
    told = json.loads(ended.out)
    assert [row["tariff.flat.retail"] for row in told["table"]] == [0.2, 0.3]
    assert told["answer"] == json.loads((out / "answer.json").read_text("utf-8"))["answer"]
    assert told["findings"][1]["criterion"] == "mean_price > 0.15"
    assert (told["findings"][1]["last_before"], told["findings"][1]["first_broken"]) == (0.2, 0.3)
    assert told["study"] == str(out)


def test_quiet_prints_nothing(cli, out):
    assert cli("whatif", CASE, *VARY, "--out", out, "--quiet") == (0, "", "")


def test_without_out_the_folder_carries_scenario_and_time(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli("whatif", CASE, *VARY, "--quiet").code == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert re.fullmatch(r"whatif-two_neighbours-\d{8}T\d{6}", folder.name)


def test_set_zip_and_seeds_reach_the_runs(cli, out):
    cli(
        *("whatif", CASE, "--out", out, "--quiet", "--workers", 1, "--seeds", "4,9", "--set", "clock.slots=1"),
        *("--zip", "tariff.flat.retail=0.2,0.3", "--zip", "tariff.flat.feed_in=0.1,0.05"),
    )
    table = pd.read_parquet(out / "study.parquet")
    assert table[["tariff.flat.retail", "tariff.flat.feed_in", "seed"]].to_numpy().tolist() == [
        [0.2, 0.1, 4],
        [0.2, 0.1, 9],
        [0.3, 0.05, 4],
        [0.3, 0.05, 9],
    ]
    assert table["slots"].eq(1).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Error: Missing argument 'SCENARIO'.\n"),
        (("--resume",), "Error: --resume needs the study's folder: --out DIR\n"),
        (("--resume", "--out", "x", "--vary", "a=1"), "Error: --vary, --zip and --set need SCENARIO, or leave them out to finish the study in --out\n"),
        ((CASE, "--seeds", "two", "--vary", "clock.slots=1"), "Error: Invalid value for '--seeds': 'two' is neither a number nor a list of seeds such as 3,7,9\n"),
        ((CASE,), "error: --vary: nothing is varied\n"),
        ((CASE, "--vary", "clock.slot=1"), "error: --vary clock.slot: unknown key\n    did you mean slots?\n"),
        ((CASE, "--vary", "clock.slots=1", "--breaks", "ftgg<1"), "error: --breaks: no run has such a KPI (got ftgg)\n    did you mean ftg?\n"),
        (("nix.yaml", "--vary", "a=1"), "error: nix.yaml: there is no such file\n"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_says_why(cli, tmp_path, monkeypatch, arguments, message):
    """Exit code 2, nothing on standard output, and no folder is begun."""
    monkeypatch.chdir(tmp_path)
    ended = cli("whatif", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
    assert list(tmp_path.iterdir()) == []


def test_a_study_all_of_whose_runs_fail_is_a_failure(cli, out, scenario_file):
    """Exit code 1, each error once, with the numbers of its runs."""
    scenario_file(
        "import marketsim as ms\n\n\nclass Bad(ms.Prosumer):\n    def decide(self, view):\n        return 1 / 0\n\n\n"
        "@ms.hookimpl\ndef marketsim_parts():\n    return [ms.Entry(kind='agent', name='bad', build=lambda params, context: Bad)]\n",
        "bad.py",
    )
    path = scenario_file(
        "clock: {start: 2016-06-06, slots: 2}\ntariff: {flat: {retail: 0.3, feed_in: 0.1}}\nplugins: [bad.py]\n"
        "agents: [{kind: bad, pv_kw: 5, load: {annual_kwh: 3000}}]\n"
    )
    ended = cli("whatif", path, "--vary", "clock.slots=1,2", "--out", out, "--workers", 1)
    assert ended.code == 1
    assert "2 runs, 2 of them failed" in ended.out
    assert re.search(r"Failed \(run 0, 1\): RunError: agent 'bad-?1?' .*ZeroDivisionError: division by zero", ended.out)
    again = cli("whatif", "--resume", "--trust", "--out", out, "--workers", 1)
    assert again.code == 1


def test_control_c_leaves_a_study_that_goes_on(cli, environment, said, tmp_path, root):
    """SIGINT in the middle: exit code 1 and the command that goes on, which ends with the unbroken table."""
    folder = tmp_path / "broken"
    arguments = [str(root / "scenarios" / "pilot.yaml"), "--vary", "profiles.pv_scale=1:8:8", "--set", "clock.slots=96"]
    process = subprocess.Popen(
        [sys.executable, "-m", "marketsim", "whatif", *arguments, "--out", str(folder), "--workers", "2"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 240.0
    while not list(folder.glob("runs/*/result.json")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said(err) == f"\nInterrupted. Finished runs are kept; go on with: marketsim whatif --resume --out {folder}\n"
    assert json.loads((folder / "manifest.json").read_text())["status"] == "interrupted"
    assert cli("whatif", "--resume", "--out", folder, "--workers", 1, "--quiet").code == 0
    assert cli("whatif", *arguments, "--out", tmp_path / "whole", "--workers", 1, "--quiet").code == 0
    for name in ("study.parquet", "study.csv", "figures/response.svg"):
        assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


# --- compare ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two runs of the golden case that differ in the retail price."""
    import marketsim as ms

    root = tmp_path_factory.mktemp("pair")
    for name, retail in (("cheap", 0.2), ("dear", 0.3)):
        ms.simulate(ms.load_scenario(CASE, {"tariff.flat.retail": retail}), root / name)
    return root / "cheap", root / "dear"


def test_two_runs_stand_side_by_side(cli, pair):
    """KPIs of both, their difference, what differs in the scenarios, and what one seed cannot say."""
    ended = cli("compare", *pair)
    assert (ended.code, ended.err) == (0, "")
    lines = trimmed(ended.out).splitlines()
    assert lines[:2] == ["A: cheap", "B: dear"]
    assert lines[2].split() == ["unit", "A", "B", "B", "-", "A", "change", "verdict"]
    cost = next(line for line in lines if line.startswith("Cost of consumers"))
    assert cost.split() == [
        "Cost",
        "of",
        "consumers",
        "currency",
        "0.6800",
        "0.9800",
        "+0.3000",
        "+44.1",
        "%",
        "open",
        "(one",
        "seed)",
    ]
    assert lines[-3:-1] == ["The scenarios differ in:", "  tariff.flat.retail: 0.2 -> 0.3"]
    assert lines[-1].endswith(
        "With 1 seed an arm it cannot be said whether the differences exceed the noise between seeds: that takes at "
        "least 5 (marketsim whatif SCENARIO --vary PATH=A,B --seeds 5, then marketsim compare STUDY)."
    )
    assert "Missed by EVs" not in ended.out


def test_a_run_and_itself_do_not_differ(cli, pair, tmp_path):
    """Equal to the last digit, and the scenarios are called the same."""
    import shutil

    shutil.copytree(pair[0], tmp_path / "copy")
    ended = cli("compare", pair[0], tmp_path / "copy")
    assert re.search(r"No KPI differs \(\d+ are equal to the last digit\)\.\n$", ended.out)
    assert "The scenarios are the same but for the seed." in ended.out


def test_compare_prints_json(cli, pair):
    (told,) = json.loads(cli("compare", *pair, "--json").out)["comparisons"]
    assert (told["base"], told["other"]) == ("cheap", "dear")
    kpi = next(each for each in told["kpis"] if each["kpi"] == "consumer_cost")
    assert (kpi["difference"], kpi["verdict"], kpi["seeds"]) == (pytest.approx(0.3), "one seed", 1)


def test_a_study_with_seeds_gets_a_verdict(cli, out, root):
    """More sun with six seeds: traded energy differs beyond their noise, demand is the same."""
    cli(
        *("whatif", root / "scenarios" / "pilot.yaml", "--vary", "profiles.pv_scale=1,2", "--set", "clock.slots=24"),
        *("--seeds", 6, "--workers", 1, "--out", out, "--quiet"),
    )
    ended = cli("compare", out)
    lines = {line[:32].strip(): line for line in trimmed(ended.out).splitlines()}
    assert lines["PV generation"].endswith("differs")
    assert "95 % interval" in ended.out
    assert (
        "Weather is in them only where seeds draw it (profiles.days, or the clouds of profiles: synthetic)" in ended.out
    )
    assert re.search(r"\+[\d,.]+ +\+[\d.]+ % +[\d,.]+ to [\d,.]+ +differs$", lines["PV generation"])
    assert lines["Demand"].endswith("equal")
    assert re.search(r"\d+ KPIs differ beyond the noise of 6 seeds, \d+ lie within it, \d+ are equal\.", ended.out)
    assert len(cli("compare", out, "--all").out.splitlines()) > len(ended.out.splitlines())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--by", "a"), "Error: Missing argument"),
        (("nix", "nix"), "error: nix: no such run folder\n    a run folder has a manifest.json"),
    ],
)
def test_what_cannot_be_compared_says_why(cli, arguments, message):
    ended = cli("compare", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err


def test_one_run_is_nothing_to_compare(cli, pair):
    ended = cli("compare", pair[0])
    assert ended.code == 2
    assert "nothing to compare with cheap: name two runs of different settings, or a study" in ended.err
    assert "--by belongs to a study" in cli("compare", *pair, "--by", "x").err
