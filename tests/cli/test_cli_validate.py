"""``marketsim validate``: what it says of good and of bad scenarios."""

from __future__ import annotations

import json
import os

import pytest

GOOD = """\
name: two
clock: {start: 2016-07-12, slots: 24, slot_minutes: 60}
tariff: {flat: {retail: 0.30, feed_in: 0.08}}
profiles: {source: simbench_2016}
agents:
  - {kind: prosumer, count: 2, pv_kw: {uniform: [3, 6]}, load: {annual_kwh: 4000}}
"""
BAD = """\
name: two
clock: {start: 2016-07-12, slots: 24, slot_minutes: 0}
tariff: {flat: {retail: 0.05, feed_in: 0.08}}
profiles: {source: simbench_2017}
agents:
  - {kind: prosumer, count: 2, pv_kw: lots, load: {annual_kwh: 4000}}
  - {kind: consumer, load: {anual_kwh: 4000}, pv_kw: -1}
sede: 3
"""
TOLD = """\
error: {path}:2:53: clock.slot_minutes: must be at least 1 (got 0)
{path}:3:16: tariff.flat: feed_in (0.08) exceeds retail (0.05): no peer could trade between them \
(got {{retail: 0.05, feed_in: 0.08}})
{path}:4:20: profiles.source: there is no profile of this name (got 'simbench_2017')
    did you mean simbench_2016?
{path}:6:39: agents[0].pv_kw: must be a number or a distribution such as {{uniform: [1, 5]}} (got 'lots')
{path}:7:29: agents[1].load.anual_kwh: unknown key
    did you mean annual_kwh?
{path}:7:54: agents[1].pv_kw: must be at least 0 (got -1)
{path}:8:1: sede: unknown key
    did you mean seed?
"""


def test_a_good_scenario_is_summed_up_in_two_lines(cli, scenario_file):
    path = scenario_file(GOOD)
    told = f"{path}: valid (2 agents, 24 slots of 60 minutes)\nChecked: all keys, agents, tariff.\n"
    assert cli("validate", path) == (0, told, "")


def test_overrides_are_part_of_what_is_checked(cli, scenario_file):
    path = scenario_file(GOOD)
    ended = cli("validate", path, "--set", "clock.slots=12", "--set", "agents[0].count=5")
    assert ended.out.startswith(f"{path}: valid (5 agents, 12 slots of 60 minutes)\n")


def test_every_problem_is_told_at_once_in_order_with_its_place(cli, scenario_file):
    """File, line, column, path, what is wrong, the value seen, and what may have been meant; exit code 2."""
    path = scenario_file(BAD)
    assert cli("validate", path) == (2, "", TOLD.format(path=path))


def test_the_result_can_be_read_by_a_program(cli, scenario_file):
    """``--json``: the same facts and problems as data, on standard output, with the same exit codes."""
    good = cli("validate", scenario_file(GOOD), "--json")
    assert json.loads(good.out) == {
        **{"valid": True, "name": "two", "agents": 2, "slots": 24},
        **{"plugins": [], "files": [], "notes": [], "unchecked": []},
    }
    bad = cli("validate", scenario_file(BAD, "bad.yaml"), "--json")
    found = json.loads(bad.out)
    assert (bad.code, bad.err, found["valid"]) == (2, "", False)
    assert [(problem["line"], problem["path"]) for problem in found["problems"]][-1] == (8, "sede")
    assert set(found["problems"][0]) == {"message", "path", "value", "hint", "file", "line", "column"}


def test_every_scenario_of_the_repository_is_valid(cli, shipped):
    ended = cli("validate", shipped)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"{shipped}: valid (")


def test_plugins_are_named_and_not_run(cli, scenario_file, tmp_path):
    """A stranger's scenario runs none of his code when it is checked; what only that code knows stays unchecked."""
    scenario_file(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n", "plugin.py")
    text = GOOD.replace("kind: prosumer", "kind: night_owl, strategy: {owlish: {sleep: 8}}") + "plugins: [plugin.py]\n"
    path = scenario_file(text)
    ended = cli("validate", path)
    assert ended.out.splitlines()[1] == (f"It names plugins, whose code was not run: {path.parent / 'plugin.py'}")
    assert "Not checked before it is run: " in ended.out.splitlines()[-1]
    assert "owlish" in ended.out.splitlines()[-1]
    assert not (tmp_path / "ran").exists()


def test_a_model_that_a_plugin_has_to_bring_stays_unchecked(cli, scenario_file):
    """As every part does that no code has brought yet; the one that comes with the package is no such thing."""
    scenario_file("", "plugin.py")
    path = scenario_file(GOOD + "critic: {kind: ollama, client: parrot}\nplugins: [plugin.py]\n")
    assert cli("validate", path).out.rstrip().endswith("Not checked before it is run: model parrot.")
    assert "Not checked" not in cli("validate", path, "--set", "critic.client=ollama").out


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("clock.slot=3", "error: --set clock.slot: unknown key\n    did you mean slots?\n"),
        ("seed=x", "error: --set seed: must be a whole number (got 'x')\n"),
        ("clock", "error: --set: must read PATH=VALUE (got 'clock')\n"),
        ("agents[7].pv_kw=3", "agents[7]"),
        ("=3", "error: --set"),
        ("clock.slots=", "clock.slots"),
        ("clock.slots=[1", "error: --set"),
    ],
)
def test_an_override_that_cannot_be_read_says_which(cli, scenario_file, override, message):
    ended = cli("validate", scenario_file(GOOD), "--set", override)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err


NETS = {
    "none": "",
    "feeder141": "grid: {feeder: feeder141}\n",
    "pandapower": "grid: {feeder: 'pandapower:create_kerber_landnetz_freileitung_1'}\n",
    "simbench": "grid: {feeder: 'simbench:1-LV-rural1--0-no_sw'}\n",
    "file": "grid: {feeder: 'file:net.json'}\n",
    "plugin": "grid: {feeder: 'mine:street'}\nplugins: [plugin.py]\n",
}
ON_NETS = """\
clock: {{start: 2016-07-12, slots: 48, slot_minutes: 60}}
tariff: {tariff}
profiles: {profiles}
critic: {critic}
agents:
  - {{name: a, kind: consumer{bus}, load: {load}, strategy: {strategy}}}
"""
FLAT = "{flat: {retail: 0.30, feed_in: 0.08}}"
FAULTS = {
    "profile file": ({"profiles": "{source: file, path: p.csv}"}, ":3:32: profiles.path: there is no such file"),
    "files of agents": ({"profiles": "{source: file, path: 'm/{agent}.csv'}", "load": "{}"}, ":3:32: profiles.path: there is no file for 'a'"),
    "file of a list": ({"profiles": "{source: file, path: [other.csv, gone.csv]}"}, "there is no such file"),
    "times": ({"profiles": "{source: file, path: untimed.csv}"}, ":3:11: profiles.time: the file untimed.csv has no column"),
    "column": ({"profiles": "{source: file, path: other.csv}", "load": "{}"}, ":6:5: agents[0]: 'a' has no load, while"),
    "fence": ({"profiles": "{source: file, path: ../p.csv}"}, ":3:32: profiles.path: the file lies outside"),
    "price file": ({"tariff": "{series: {file: q.csv, feed_in: 0.1}}"}, ":2:25: tariff.series.file: there is no such file"),
    "prices": ({"tariff": "{series: {file: short.csv, feed_in: 0.1}}"}, ":2:25: tariff.series.file: the prices cover neither"),
    "price fence": ({"tariff": "{series: {file: ../q.csv, feed_in: 0.1}}"}, ":2:25: tariff.series.file: the file lies outside"),
    "checkpoint": ({"strategy": "{learned: {checkpoint: c.pt}}"}, "there is no such checkpoint"),
    "no checkpoint": ({"strategy": "{learned: {checkpoint: short.csv}}"}, "this is no checkpoint of marketsim"),
    "replay": ({"critic": "{kind: replay, file: gone.jsonl}"}, "there is no log of critiques"),
    "surrogate": ({"critic": "{kind: surrogate, file: gone.npz}"}, "there is no such surrogate"),
    "no surrogate": ({"critic": "{kind: surrogate, file: short.csv}"}, "this is no surrogate"),
    "pipe": ({"profiles": "{source: file, path: pipe.csv}"}, ":3:32: profiles.path: is a pipe"),
}  # fmt: skip
"""What is wrong with files that a scenario names, and what is said of it."""


@pytest.fixture
def on_net(scenario_file, tmp_path):
    """``on_net(net, parts)``: a scenario on a net, with files beside it; its path."""

    def write(net, parts):
        given = {"tariff": FLAT, "profiles": "{source: simbench_2016}", "critic": "{kind: rule}"}
        given |= {
            "load": "{annual_kwh: 4000}",
            "strategy": "truthful",
            "bus": "" if net == "none" else ", bus: 48",
            **parts,
        }
        scenario_file("time_of_day,a_load_kw\n1,2\n", "untimed.csv")
        rows = [f"2016-07-{12 + hour // 24}T{hour % 24:02}:00,1" for hour in range(48)]
        scenario_file("time,house_a_load_kw\n" + "\n".join(rows), "other.csv")
        scenario_file("retail\n" + "0.3\n" * 30, "short.csv")
        scenario_file("{}", "net.json")
        path = scenario_file("raise SystemExit\n", "plugin.py").with_name("pipe.csv")
        if not path.exists():
            os.mkfifo(path)
        return scenario_file(ON_NETS.format(**given) + NETS[net])

    return write


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("net", NETS)
def test_files_are_checked_whatever_the_net(cli, on_net, net, fault):
    """Series, prices, policies and critics do not depend on buses: what is wrong with their files is found on all nets."""
    parts, message = FAULTS[fault]
    path = on_net(net, parts)
    ended = cli("validate", path)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
    assert ended.err.startswith(f"error: {path}:")


@pytest.mark.parametrize("net", NETS)
def test_the_last_line_says_what_was_checked_and_what_was_not(cli, on_net, net):
    feeder = {
        "pandapower": "create_kerber",
        "simbench": "simbench:1-LV",
        "file": "file:net.json",
        "plugin": "mine:street",
    }
    parts = {"profiles": "{source: file, path: other.csv, columns: {a: {load: house_a_load_kw}}}", "load": "{}"}
    last = cli("validate", on_net(net, parts)).out.splitlines()[-1]
    assert last.startswith("Checked: all keys, agents, tariff, other.csv.")
    assert ("Not checked before it is run" in last) == (net in feeder)
    assert feeder.get(net, "") in last


def test_a_net_that_is_not_there_is_told_by_validate(cli, on_net):
    path = on_net("file", {})
    path.with_name("net.json").unlink()
    ended = cli("validate", path)
    assert ended.code == 2
    assert "grid.feeder: there is no such file" in ended.err


def test_loads_of_buses_are_left_open_where_the_net_is_not_loaded(cli, on_net):
    """Agents at ``buses: loads`` with the feeder's own loads: their series are checked all the same."""
    parts = {"load": "{peak_kw: feeder, power_factor: feeder}", "bus": ", count: 3, buses: loads"}
    last = cli("validate", on_net("pandapower", parts)).out.splitlines()[-1]
    assert "nominal loads of pandapower:create_kerber" in last
    ended = cli("validate", on_net("pandapower", {**parts, "profiles": "{source: file, path: p.csv}"}))
    assert (ended.code, "there is no such file" in ended.err) == (2, True)


@pytest.mark.parametrize("fault", [name for name in FAULTS if name != "pipe"])
def test_a_run_finds_wrong_files_before_its_net(cli, on_net, monkeypatch, fault):
    """The feeder is not even asked for."""
    monkeypatch.setattr("marketsim.app.ready.load_feeder", lambda *_: pytest.fail("the feeder was loaded"))
    parts, message = FAULTS[fault]
    ended = cli("run", on_net("pandapower", parts))
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err


def test_columns_that_no_agent_uses_are_told_by_validate_and_run(cli, on_net, tmp_path):
    rows = [f"2016-07-{12 + hour // 24}T{hour % 24:02}:00,1,20" for hour in range(48)]
    path = on_net("none", {"profiles": "{source: file, path: t.csv}", "load": "{}"})
    path.with_name("t.csv").write_text("time,a_load_kw,temperature\n" + "\n".join(rows))
    note = "Columns of t.csv that no agent uses: temperature."
    assert note in cli("validate", path).out.splitlines()
    assert json.loads(cli("validate", path, "--json").out)["notes"] == [note]
    assert note in cli("run", path, "--out", tmp_path / "run").out.splitlines()
    assert note in json.loads((tmp_path / "run" / "manifest.json").read_text())["notes"]
