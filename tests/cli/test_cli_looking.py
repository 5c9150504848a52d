"""Looking at folders of strangers from the command line: no plugin runs, no link is followed, nothing is replaced unasked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

import marketsim as ms
from marketsim.core.errors import InputError, NetworkError, RunFolderError

PLUGIN = """
import pathlib
pathlib.Path({marker!r}).write_text("ran")
import marketsim as ms
from marketsim.grid.net import feeders


@ms.hookimpl
def marketsim_parts():
    yield ms.Entry(kind="grid", name="mine", build=lambda argument, context: feeders.load("feeder141"), summary="a feeder")
"""
SMALL = {
    "name": "small",
    "clock": {"start": "2016-07-12", "slots": 6, "slot_minutes": 60},
    "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
    "agents": [{"kind": "prosumer", "count": 2, "pv_kw": 5, "load": {"annual_kwh": 3000}}],
}
AT_BUSES = [
    {"kind": "prosumer", "name": f"a{bus}", "bus": bus, "pv_kw": 5, "load": {"annual_kwh": 3000}} for bus in (48, 78)
]


@pytest.fixture
def with_plugin(tmp_path, scenario_file):
    """A run whose scenario names a plugin that brings its feeder, and the file that the plugin writes when it is loaded."""
    marker = tmp_path / "marker"
    scenario_file(PLUGIN.format(marker=str(marker)), "grid.py")
    values = {**SMALL, "grid": {"feeder": "mine"}, "agents": AT_BUSES, "plugins": ["grid.py"]}
    scenario = scenario_file(json.dumps(values), "s.json")
    ms.simulate(ms.load_scenario(scenario), tmp_path / "run")
    assert marker.exists()
    marker.unlink()
    # The same module is loaded once a process: other bytes make it another one.
    scenario_file(PLUGIN.format(marker=str(marker)) + "# again\n", "grid.py")
    return tmp_path / "run", marker


def test_looking_runs_no_plugin(cli, with_plugin):
    """Report, tables, nets, histories, compare, audit: what needs the plugin is left out, and that is said."""
    folder, marker = with_plugin
    ended = cli("report", folder)
    assert ended.code == 0
    assert "The feeder is left out" in ended.err
    assert "--trust" in ended.err
    assert "The feeder is left out" in (folder / "report.html").read_text("utf-8")
    run = ms.open_run(folder)
    assert len(run.agents) == 12
    assert run.bill("a48").loc["total", "amount"] is not None
    for ask in (lambda: run.net(0), lambda: run.grid_history(range(2))):
        with pytest.raises(NetworkError, match=r"plugin.*\n.*trust=True"):
            ask()
    shutil.copytree(folder, folder.parent / "other")
    assert cli("compare", folder, folder.parent / "other").code == 0
    ended = cli("critic", "audit", folder)
    assert (ended.code, "this plugin is not executed" in ended.err) == (2, True)
    assert not marker.exists()


def test_who_trusts_gets_the_feeder_of_the_plugin(cli, with_plugin):
    folder, marker = with_plugin
    assert ms.open_run(folder, trust=True).grid_history(range(2)).v_pu.shape[0] == 2
    assert marker.exists()
    ended = cli("report", folder, "--trust")
    assert (ended.code, ended.err) == (0, "")
    assert "The feeder is left out" not in (folder / "report.html").read_text("utf-8")


def test_a_missing_plugin_file_does_not_hide_a_feeder_of_ours(cli, scenario_file, tmp_path):
    """The resolved scenario names everything else, so a shared folder is drawn without the plugin's file."""
    marker = tmp_path / "marker"
    scenario_file(PLUGIN.format(marker=str(marker)), "grid.py")
    values = {**SMALL, "grid": {"feeder": "feeder141"}, "agents": AT_BUSES, "plugins": ["grid.py"]}
    ms.simulate(ms.load_scenario(scenario_file(json.dumps(values), "s.json")), tmp_path / "run")
    shutil.rmtree(tmp_path / "scenarios")
    ended = cli("report", tmp_path / "run")
    assert (ended.code, ended.err) == (0, "")
    assert len(ms.open_run(tmp_path / "run").net(3).bus) == 141


def test_a_study_is_looked_at_without_its_plugins(cli, scenario_file, tmp_path):
    marker = tmp_path / "marker"
    scenario_file(PLUGIN.format(marker=str(marker)), "grid.py")
    scenario = scenario_file(json.dumps({**SMALL, "plugins": ["grid.py"]}), "s.json")
    study = tmp_path / "study"
    assert (
        cli("whatif", scenario, "--vary", "profiles.pv_scale=1,2", "--workers", "1", "--out", study, "--quiet").code
        == 0
    )
    marker.unlink()
    scenario_file(PLUGIN.format(marker=str(marker)) + "# again\n", "grid.py")
    ended = cli("report", study)
    assert ended.code == 0
    assert "looking at a study loads none" in ended.err
    assert cli("compare", study, "--by", "profiles.pv_scale").code == 0
    assert not marker.exists()
    assert cli("report", study, "--trust").code == 0
    assert marker.exists()


def test_a_net_outside_of_the_run_is_not_read(cli, scenario_file, tmp_path):
    """Beside the scenario it was read; from the folder of the run alone it is not there, and that is said."""
    import pandapower as pp
    import pandapower.networks

    net = scenario_file("", "net.json")
    pp.to_json(pandapower.networks.case33bw(), str(net))
    agents = [{**each, "bus": bus} for each, bus in zip(AT_BUSES, (5, 7), strict=True)]
    values = {**SMALL, "grid": {"feeder": "file:net.json"}, "agents": agents}
    ms.simulate(ms.load_scenario(scenario_file(json.dumps(values), "s.json")), tmp_path / "run")
    ended = cli("report", tmp_path / "run")
    assert ended.code == 0
    assert "the net lies outside of the run's folder" in ended.err
    with pytest.raises(NetworkError, match="outside"):
        ms.open_run(tmp_path / "run").net(0)
    assert len(ms.open_run(tmp_path / "run", trust=True).net(0).bus) == 33


@pytest.mark.parametrize("folder", ["..", "/", "sub"])
def test_links_and_folders_lead_to_no_other_net(folder, scenario_file, tmp_path):
    """A net in the run's folder is read there, never by a link of the file or of a folder, nor by ``folder``."""
    run = tmp_path / "run"
    ms.simulate(ms.load_scenario({**SMALL, "grid": {"feeder": "feeder141"}, "agents": AT_BUSES}), run)
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "net.json").write_text("{}")
    (tmp_path / "net.json").write_text("{}")
    if folder == "sub":
        (run / "sub").symlink_to(tmp_path / "far")
    (run / "net.json").symlink_to(tmp_path / "net.json")
    text = (run / "scenario.yaml").read_text("utf-8").replace("feeder: feeder141", "feeder: file:net.json")
    lines = [f"folder: {folder}" if line.startswith("folder:") else line for line in text.splitlines()]
    (run / "scenario.yaml").write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match="outside of the run's folder|is a link"):
        ms.open_run(run).net(0)


def test_extends_reads_no_other_file(scenario_file, tmp_path):
    run = tmp_path / "run"
    ms.simulate(ms.load_scenario({**SMALL, "grid": {"feeder": "feeder141"}, "agents": AT_BUSES}), run)
    (run / "scenario.yaml").write_text("extends: manifest.json\n")
    with pytest.raises(InputError, match="extends: .*stands by itself"):
        ms.open_run(run).net(0)


# --- writing ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path):
    ms.simulate(ms.load_scenario(SMALL), tmp_path / "run")
    (tmp_path / "precious").write_text("precious")
    return tmp_path / "run"


@pytest.mark.parametrize("kind", ["link", "dangling", "folder"])
def test_the_page_in_the_folder_replaces_files_alone(cli, run, tmp_path, kind):
    page = run / "report.html"
    if kind == "folder":
        page.mkdir()
    else:
        page.symlink_to(tmp_path / ("precious" if kind == "link" else "nowhere"))
    ended = cli("report", run)
    assert ended.code == 2
    assert str(page) in ended.err
    assert (tmp_path / "precious").read_text() == "precious"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("name", ["report.html.partial", "summary.json.partial", "manifest.json.partial"])
def test_foreseeable_names_are_never_written_through(cli, run, tmp_path, name, scenario_file):
    """Neither by a report nor by the next run in the folder."""
    (run / name).symlink_to(tmp_path / "precious")
    assert cli("report", run).code == 0
    cli("run", scenario_file(json.dumps(SMALL), "s.json"), "--out", run, "--force", "--quiet")
    assert (tmp_path / "precious").read_text() == "precious"


def test_an_answer_replaces_no_file_unasked(cli, run, tmp_path):
    """Nor through a link; with ``--force`` the link itself is replaced."""
    precious = tmp_path / "precious"
    ended = cli("report", run, "--out", precious)
    assert (ended.code, "there is a file already" in ended.err, "--force" in ended.err) == (2, True, True)
    link = tmp_path / "link.html"
    link.symlink_to(precious)
    assert cli("report", run, "--out", link).code == 2
    assert cli("report", run, "--out", link, "--force").code == 0
    assert precious.read_text() == "precious"
    assert not link.is_symlink()
    assert cli("report", run, "--out", precious, "--force").code == 0
    assert precious.read_text("utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("verb", ["hosting-capacity", "contingency", "reinforce", "compare-gates", "coordinate"])
def test_answers_of_grid_questions_replace_nothing_unasked(cli, tmp_path, root, verb):
    """Refused before anything is computed."""
    (tmp_path / "a.json").write_text("precious")
    ended = cli(verb, root / "scenarios" / "ieee141.yaml", "--out", tmp_path / "a.json")
    assert (ended.code, "there is a file already" in ended.err) == (2, True)
    assert (tmp_path / "a.json").read_text() == "precious"


@pytest.mark.parametrize(
    "name", ["manifest.json", "summary.json", "scenario.yaml", "critic.jsonl", "slots.parquet", "agents.parquet"]
)
def test_a_link_among_the_files_of_a_run_is_refused(cli, run, tmp_path, name):
    """Also where it leads to the very same file."""
    shutil.copyfile(run / name, tmp_path / "same")
    (run / name).unlink()
    (run / name).symlink_to(tmp_path / "same")
    ended = cli("report", run)
    assert ended.code == 2
    assert name in ended.err
    assert "is a link" in ended.err


@pytest.mark.parametrize("name", ["manifest.json", "critic.jsonl", "slots.parquet"])
@pytest.mark.skipif(os.name != "posix", reason="pipes with names")
def test_a_pipe_is_refused_at_once(cli, run, name):
    (run / name).unlink()
    os.mkfifo(run / name)
    ended = cli("report", run)
    assert ended.code == 2
    assert "a pipe" in ended.err


@pytest.mark.parametrize("name", ["runs", "figures", "runs/0000"])
def test_a_study_writes_through_no_link(cli, scenario_file, tmp_path, name):
    """A folder in place of its own is refused when it goes on."""
    scenario, study = scenario_file(json.dumps(SMALL), "s.json"), tmp_path / "study"
    assert (
        cli("whatif", scenario, "--vary", "profiles.pv_scale=1,2", "--workers", "1", "--out", study, "--quiet").code
        == 0
    )
    away = tmp_path / "away"
    (study / name).rename(away)
    kept = sorted(path.relative_to(away) for path in away.rglob("*"))
    (study / name).symlink_to(away)
    ended = cli("whatif", "--resume", "--out", study, "--workers", "1")
    assert (ended.code, "is a link" in ended.err) == (2, True)
    assert sorted(path.relative_to(away) for path in away.rglob("*")) == kept


# --- the terminal and the page ---------------------------------------------------------------------------------------

EVIL = "</script><script>alert(1)</script>\x1b[31m\u202e"


def test_texts_of_strangers_act_neither_on_a_page_nor_on_a_terminal(cli, run):
    """In names of agents, scenario, plugins, KPIs, notes, errors and critiques."""
    manifest = json.loads((run / "manifest.json").read_text("utf-8"))
    manifest |= {"scenario": EVIL, "notes": [EVIL], "error": EVIL, "platform": EVIL, "versions": {EVIL: EVIL}}
    manifest |= {"agents": [EVIL, "b"], "plugins": [{"name": EVIL, "file": EVIL, "sha256": EVIL}]}
    (run / "manifest.json").write_text(json.dumps(manifest))
    summary = json.loads((run / "summary.json").read_text("utf-8"))
    (run / "summary.json").write_text(json.dumps({**summary, EVIL: EVIL}))
    line = json.dumps({"slot": 1, "market": 0, "ftg": 0.5, "source": EVIL, "error": EVIL, "latency_s": 0.1})
    (run / "critic.jsonl").write_text(line + "\n")
    ended = cli("report", run)
    assert ended.code == 0
    page = (run / "report.html").read_text("utf-8")
    assert "<script>alert" not in page
    assert "alert(1)" in page
    assert "\x1b" not in ended.out + ended.err
    shutil.copytree(run, run.parent / "other")
    ended = cli("compare", run, run.parent / "other", "--all")
    assert ended.code == 0
    assert "\x1b" not in ended.out + ended.err
    assert "\u202e" not in ended.out + ended.err


def test_texts_of_a_study_act_neither_on_a_page_nor_on_a_terminal(cli, scenario_file, tmp_path):
    study = tmp_path / "study"
    scenario = scenario_file(json.dumps(SMALL), "s.json")
    assert (
        cli("whatif", scenario, "--vary", "profiles.pv_scale=1,2", "--workers", "1", "--out", study, "--quiet").code
        == 0
    )
    manifest = json.loads((study / "manifest.json").read_text("utf-8"))
    (study / "manifest.json").write_text(json.dumps({**manifest, "notes": [EVIL], "platform": EVIL}))
    design = (study / "study.yaml").read_text("utf-8").replace("scenario: small", f"scenario: {json.dumps(EVIL)}")
    (study / "study.yaml").write_text(design)
    ended = cli("report", study)
    assert ended.code == 0
    page = (study / "report.html").read_text("utf-8")
    assert "<script>alert" not in page
    assert "alert(1)" in page


def test_an_error_with_names_of_strangers_acts_on_no_terminal(cli, run):
    manifest = json.loads((run / "manifest.json").read_text("utf-8"))
    (run / "manifest.json").write_text(json.dumps({**manifest, "status": EVIL, "\x1b[2J": 1}))
    ended = cli("report", run)
    assert ended.code == 2
    assert "\x1b" not in ended.err


# --- standard output -------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["--help"], ["schema"], ["plugins", "list"], ["run", "--help"]])
def test_a_full_output_is_one_line(environment, arguments):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "marketsim", *arguments],
            stdout=full, stderr=subprocess.PIPE, text=True, env=environment(), check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "error: cannot write to standard output: No space left on device\n"


def test_a_closed_output_is_one_line(environment):
    code = "import os, sys; os.close(1); os.execv(sys.executable, [sys.executable, '-m', 'marketsim', '--help'])"
    done = subprocess.run(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, env=environment(), check=False
    )
    assert done.returncode == 1
    assert done.stderr == "error: cannot write to standard output: it is closed\n"


def test_a_folder_that_holds_no_run_is_still_told_apart(tmp_path):
    with pytest.raises(RunFolderError, match="no run of marketsim"):
        ms.open_run(tmp_path)
