"""Scenarios that nobody should have to debug: each gets its message, its place and exit code 2, never a traceback."""

from __future__ import annotations

import json
import os
import time

import pytest

HEAD = """\
name: two
clock: {start: 2016-07-12, slots: 4, slot_minutes: 60}
tariff: {flat: {retail: 0.30, feed_in: 0.08}}
profiles: {source: simbench_2016}
"""
GRID = "grid: {{feeder: feeder141, {}}}\nagents: [{{kind: consumer, bus: 4}}]\n"
AGENTS = "agents:\n  - {kind: consumer, load: {annual_kwh: 4000}}\n"


def agent(text: str) -> str:
    """A scenario of one entry of agents."""
    return HEAD + "agents:\n  - {" + text + "}\n"


def tariff(text: str) -> str:
    """A scenario with this tariff in line 3, column 9."""
    return HEAD.replace("{flat: {retail: 0.30, feed_in: 0.08}}", text) + AGENTS


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{above}'] * 9)}]\n" for above, name in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = {
    "empty": ("", ": the document is empty"),
    "only a comment": ("# nothing\n", "the document is empty"),
    "a list": ("- 1\n", ":1:1: a scenario must be a mapping"),
    "a number": ("7\n", ":1:1: a scenario must be a mapping"),
    "an alias bomb": (BOMB + HEAD, ":6:8: aliases expand to more than 100,000 values"),
    "an alias of itself": ("a: &a [*a]\n", ":1:8: "),
    "a python object": ("a: !!python/object/apply:os.system [echo]\n", ":1:4: tags are not allowed"),
    "not YAML": ("name: [1\nseed: 2\n", ":2:"),
    "a tab": ("clock:\n\tslots: 3\n", ":2:1: "),
    "a key twice": (HEAD + AGENTS + "name: other\n", ":7:1: "),
    "not UTF-8": (b"name: caf\xe9\n", ":1:10: "),
    "zeros": (b"\x00\x00\x00\x00", ":1:"),
    "a second document": (HEAD + AGENTS + "---\nname: b\n", ":7:1: "),
    "deep nesting": ("a: " + "[" * 100_000, ":1:"),
    "NaN": (HEAD + "agents:\n  - {kind: consumer, load: {annual_kwh: .nan}}\n", ":6:41: "),
    "infinity": (HEAD + "agents:\n  - {kind: prosumer, pv_kw: .inf}\n", ":6:29: "),
    "a huge number": (HEAD + "agents:\n  - {kind: prosumer, pv_kw: 1e300}\n", ":6:"),
    "a huge integer": (HEAD + AGENTS + f"seed: {'9' * 400}\n", ":7:7: "),
    "a huge group": (HEAD + "agents:\n  - {kind: consumer, count: 1000000000}\n", ":6:29: agents[0].count: "),
    "many slots": (HEAD.replace("slots: 4", "slots: 100000000000") + AGENTS, ":2:35: clock.slots: "),
    "more money than 64 bits": (HEAD.replace("0.30", "900") + "agents:\n  - {kind: prosumer, count: 900, pv_kw: 900000}\n", ":6:3: agents: a slot could hold more money than 64 bits can count"),
    "text for a number": (HEAD.replace("slots: 4", "slots: four") + AGENTS, ":2:35: clock.slots: must be a whole number (got 'four')"),
    "a list for a mapping": (HEAD.replace("{start: 2016-07-12, slots: 4, slot_minutes: 60}", "[1, 2]") + AGENTS, ":2:8: clock: must be a mapping"),
    "a mapping for a list": (HEAD + "agents: {kind: consumer}\n", ":5:9: agents: must be a list"),
    "no agents": (HEAD + "agents: []\n", ":5:9: agents: "),
    "agents left out": (HEAD, "agents: "),
    "a date that is none": (HEAD.replace("2016-07-12", "2016-02-30") + AGENTS, ":2:16: clock.start: "),
    "an unknown key": (HEAD + AGENTS + "sede: 1\n", ":7:1: sede: unknown key\n    did you mean seed?"),
    "a unit mistyped": (HEAD + "agents:\n  - {kind: prosumer, pv_kwh: 4}\n", ":6:22: agents[0].pv_kwh: unknown key\n    did you mean pv_kw?"),
    "a unit with the number": (HEAD + "agents:\n  - {kind: prosumer, pv_kw: 4 kW}\n", ":6:29: agents[0].pv_kw: must be a number"),
    "a part that does not exist": (HEAD + AGENTS + "market: {engine: double_auctoin}\n", ":7:18: market.engine: "),
    "a parameter that does not exist": (HEAD + AGENTS + "market: {engine: {double_auction: {round: 2}}}\n", ":7:36: market.engine.double_auction.round: unknown key"),
    "a slot that divides no day": (HEAD.replace("slot_minutes: 60", "slot_minutes: 7") + AGENTS, ":2:52: clock.slot_minutes: must divide a day (got 7)"),
    "a bus without a feeder": (HEAD + "agents:\n  - {kind: consumer, bus: 4}\n", ":6:27: agents[0].bus: needs a feeder"),
    "a bus that does not exist": (HEAD + "grid: {feeder: feeder141}\nagents:\n  - {kind: consumer, bus: 400}\n", ":7:27: agents[0].bus: "),
    "a feeder that does not exist": (HEAD + "grid: {feeder: feeder142}\nagents:\n  - {kind: consumer, bus: 4}\n", ":5:16: grid.feeder: "),
    "a band upside down": (HEAD + "grid: {feeder: feeder141, voltage_band_pu: [1.05, 0.95]}\nagents:\n  - {kind: consumer, bus: 4}\n", ":5:44: grid.voltage_band_pu: "),
    "prices upside down": (HEAD.replace("0.30", "0.05") + AGENTS, ":3:16: tariff.flat: feed_in (0.08) exceeds retail (0.05)"),
    "extends itself": ("extends: s.yaml\n", ":1:1: extends: the scenario extends itself: s.yaml -> s.yaml"),
    "extends what leaves the folder": ("extends: ../../../../etc/passwd\n", ":1:1: extends: leaves the folder of the scenario"),
    "extends an absolute path": ("extends: /etc/passwd\n", ":1:1: extends: leaves the folder of the scenario"),
    "extends nothing": ("extends: nowhere.yaml\n", ":1:10: extends: there is no such file"),
    "a plugin that is not there": (HEAD + AGENTS + "plugins: [nowhere.py]\n", ":7:11: plugins[0]: there is no such plugin file"),
    "a feeder's file that leaves the folder": (HEAD + 'grid: {feeder: "file:../../net.json"}\nagents:\n  - {kind: consumer, bus: 4}\n', ":5:16: grid.feeder: the file of a feeder lies outside the scenario's folder"),
    "a name that is a path": (HEAD.replace("name: two", "name: ../../two") + AGENTS, ":1:7: name: "),
    "a part twice": (HEAD + AGENTS + "market: {engine: {double_auction: {}, huang: {}}}\n", ":7:18: market.engine: "),
    "the same agent twice": (HEAD + "agents:\n  - {name: a, kind: consumer}\n  - {name: a, kind: consumer}\n", "agents[1].name: "),
    "a whole number with a point": (HEAD.replace("slots: 4", "slots: 4.0") + AGENTS, ":2:35: clock.slots: must be a whole number (got 4.0)"),
    "true for a seed": (HEAD + AGENTS + "seed: true\n", ":7:7: seed: must be a whole number (got true)"),
    "a seed below zero": (HEAD + AGENTS + "seed: -1\n", ":7:7: seed: must be at least 0 (got -1)"),
    "a date with a time": (HEAD.replace("2016-07-12", "2016-07-12T10:00") + AGENTS, ":2:16: clock.start: must be a date such as 2016-07-12"),
    "a tariff that is a price": (tariff("0.3"), ":3:9: tariff: must name one tariff (got 0.3)\n    write its name"),
    "a price below all prices": (tariff("{flat: {retail: 0.3, feed_in: -8000}}"), ":3:39: tariff.flat.feed_in: must be at least"),
    "hours without a price": (tariff("{time_of_use: {windows: [{from_hour: 7, to_hour: 12, retail: 0.3}]}}"), ":3:23: tariff.time_of_use: no window from 0 h to 7 h; no window from 12 h to 24 h"),
    "a window inside a slot": (tariff("{time_of_use: {windows: [{from_hour: 0.5, to_hour: 0.5, retail: 0.3}]}}"), ":3:"),
    "prices for half a day": (tariff("{series: {retail: [0.3, 0.2], feed_in: 0.08}}"), ":3:27: tariff.series.retail: the prices cover neither one day nor the run (got 2 values)\n    give 24 values"),
    "a price file that is not there": (tariff("{series: {file: no.csv}}"), ":3:25: tariff.series.file: there is no such file"),
    "a law with one number": (agent("kind: prosumer, count: 2, pv_kw: {uniform: [3]}"), ":6:49: agents[0].pv_kw.uniform: must hold 2 numbers (got [3])\n    write uniform: [lowest, highest]"),
    "a law that reaches below zero": (agent("kind: prosumer, count: 2, pv_kw: {uniform: [-6, 3]}"), ":6:39: agents[0].pv_kw: every value drawn must be at least 0"),
    "a law mistyped": (agent("kind: prosumer, count: 2, pv_kw: {unifrom: [3, 6]}"), ":6:39: agents[0].pv_kw: must be a number or one distribution (got {unifrom: [3, 6]})\n    did you mean uniform?"),
    "two laws at once": (agent("kind: prosumer, pv_kw: {uniform: [1, 3], normal: [1, 2]}"), ":6:29: agents[0].pv_kw: must be a number or one distribution"),
    "NaN in a law": (agent("kind: prosumer, count: 2, pv_kw: {normal: [.nan, 2]}"), ":6:49: agents[0].pv_kw.normal[0]: must be a finite number (got '.nan')"),
    "names drawn for a number": (agent("kind: prosumer, count: 2, pv_kw: {choice: [a, b]}"), ":6:48: agents[0].pv_kw.choice: must hold numbers"),
    "a drawn device that cannot be": (agent("kind: prosumer, count: 20, battery: {energy_kwh: {uniform: [-5, 5]}, power_kw: 1}"), "agents[0].battery.energy_kwh: must be greater than 0"),
    "a battery that gains": (agent("kind: prosumer, battery: {energy_kwh: 1, power_kw: 1, charge_efficiency: 2}"), ":6:79: agents[0].battery.charge_efficiency: must be at most 1 (got 2)"),
    "a battery upside down": (agent("kind: prosumer, battery: {energy_kwh: 1, power_kw: 1, soc_min: 0.9, soc_max: 0.1}"), ":6:31: agents[0].battery: soc_min (0.9) must be below soc_max (0.1)"),
    "more owners than agents": (agent("kind: prosumer, count: 3, battery: {energy_kwh: 1, power_kw: 1, owner_share: 2}"), ":6:83: agents[0].battery.owner_share: must be a number from 0 to 1 (got 2)"),
    "a group of none": (agent("kind: prosumer, count: 0"), ":6:29: agents[0].count: must be at least 1 (got 0)"),
    "an agent without a kind": (agent("count: 3"), ":6:5: agents[0].kind: is missing\n    prosumer, consumer, or an agent kind of a plugin."),
    "a consumer with PV": (agent("kind: consumer, pv_kw: {uniform: [0, 2]}"), ":6:29: agents[0].pv_kw: a consumer has no PV"),
    "a decimal comma": (agent("kind: prosumer, pv_kw: '3,5'"), ":6:29: agents[0].pv_kw: must be a number or a distribution such as {uniform: [1, 5]} (got '3,5')\n    write 3.5 with a decimal point"),
    "a shape that does not exist": (agent("kind: consumer, load: {annual_kwh: 1, shape: H0-Z}"), ":6:51: agents[0].load.shape: the profile source has no load shape of this name (got 'H0-Z')\n    did you mean"),
    "a strategy beyond its bounds": (agent("kind: consumer, strategy: {fixed_margin: {margin: 3}}"), ":6:56: agents[0].strategy.fixed_margin.margin: must be at most 1 (got 3)"),
    "two policies for a store": (agent("kind: consumer, strategy: {truthful: {storage: {lp: {}, idle: {}}}}"), ":6:53: agents[0].strategy.truthful.storage: choose exactly one of"),
    "a name with a slash": (agent("kind: consumer, name: a/b"), ":6:28: agents[0].name: is not of the form that is needed here (got 'a/b')\n    Unique; letters, digits"),
    "an escape sequence as a key": (HEAD + AGENTS + '"\\e[31mred": 1\n', ":7:1: \\x1b[31mred: unknown key"),
    "a key that writes backwards": (HEAD + AGENTS + "na\u202eme: x\n", ":7:1: na\\u202eme: unknown key"),
    "a key of the market that is the engine's": (HEAD + AGENTS + "market: {rounds: 20}\n", ":7:10: market.rounds: unknown key\n    it belongs to the engine"),
    "charges by a grid that is not there": (HEAD + AGENTS + "market: {charges: nodal}\n", ":7:19: market.charges: network charges by the grid need a grid (got 'nodal')"),
    "volts for p.u.": (HEAD + GRID.format("source_pu: 12.47"), ":5:38: grid.source_pu: must be at most 1.2 (got 12.47)"),
    "half a band": (HEAD + GRID.format("voltage_band_pu: [0.95]"), ":5:44: grid.voltage_band_pu[1]: is missing"),
    "a rating that is a word": (HEAD + GRID.format("line_rating_a: stndard"), ":5:42: grid.line_rating_a: must be a number, or be 'standard' (got 'stndard')"),
    "a function of pandapower": (HEAD + GRID.replace("feeder141", "'pandapower:os.system'").format("gate: ac"), ":5:16: grid.feeder: pandapower has no such network"),
    "a server that is none": (HEAD + AGENTS + "critic: {kind: ollama, host: 'ftp://x'}\n", ":7:30: critic.host: 'ftp://x' is no address of an Ollama server"),
    "UTF-16": ((HEAD + AGENTS).encode("utf-16"), ":1:1: the file is not UTF-8 (got byte 0xff)\n    save the file as UTF-8"),
    "yes for true": (HEAD + AGENTS + "output: {voltages: yes}\n", ":7:20: output.voltages: must be true or false (got 'yes')\n    write true or false"),
    "a plugin that is a folder": (HEAD + AGENTS + "plugins: [.]\n", ":7:11: plugins[0]: a plugin must be a .py file (got '.')"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_scenario_gets_its_message_and_exit_code_2(cli, scenario_file, tmp_path, name):
    """``run`` names the file and the place, without long work and without a traceback, and creates nothing."""
    text, message = HOSTILE[name]
    path = scenario_file(text)
    began = time.process_time()
    ended = cli("run", path, "--out", tmp_path / "run")
    assert time.process_time() - began < 10
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: {path}")
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert "fault of marketsim" not in ended.err
    assert max(map(len, ended.err.splitlines())) < 600
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", HOSTILE)
def test_validate_says_the_same_as_run(cli, scenario_file, name):
    """Every problem and the exit code."""
    path = scenario_file(HOSTILE[name][0])
    assert cli("validate", path) == cli("run", path)


def test_a_folder_is_no_scenario(cli, tmp_path):
    assert cli("run", tmp_path) == (2, "", f"error: {tmp_path}: is a folder, not a file\n    name a regular file\n")


def test_a_missing_file_names_its_neighbours(cli, scenario_file):
    """Who mistypes a name sees what is there."""
    path = scenario_file(HEAD + AGENTS, "mine.yaml")
    ended = cli("run", path.with_name("mien.yaml"))
    assert (ended.code, ended.out) == (2, "")
    assert (
        ended.err == f"error: {path.with_name('mien.yaml')}: there is no such file\n    {path.parent} has mine.yaml\n"
    )


def test_a_file_without_permission_says_so(cli, scenario_file, monkeypatch):
    path = scenario_file(HEAD + AGENTS)

    opened = os.open

    def refuse(name, *arguments):
        if str(name) == str(path):
            raise PermissionError(13, "Permission denied", str(name))
        return opened(name, *arguments)

    monkeypatch.setattr(os, "open", refuse)
    assert cli("run", path) == (2, "", f"error: {path}: cannot be read: Permission denied\n")


def test_two_files_that_extend_each_other(cli, scenario_file):
    scenario_file("extends: s.yaml\n", "b.yaml")
    path = scenario_file("extends: b.yaml\n")
    ended = cli("run", path)
    assert ended.code == 2
    assert "the scenario extends itself: s.yaml -> b.yaml -> s.yaml" in ended.err


def test_a_file_too_large_to_be_a_scenario(cli, scenario_file):
    """Refused by its size, before it is parsed."""
    ended = cli("run", scenario_file(b"# " + b"x" * (33 << 20)))
    assert ended.code == 2
    assert "at most 24 MiB" in ended.err


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("../../x.csv", ":4:32: profiles.path: the file lies outside the scenario's folder (got ../../x.csv)"),
        ("nowhere.csv", "nowhere.csv"),
        ("day.csv", "day.csv"),
    ],
)
def test_a_series_of_the_user_s_own_that_cannot_be_used(cli, scenario_file, tmp_path, path, message):
    """Outside the folder, missing, or with a gap: a message that names the file."""
    scenario_file("time,a_load_kw\n2016-07-12T00:00,1\n2016-07-12T03:00,1\n2016-07-12T04:00,1\n", "day.csv")
    text = (
        HEAD.replace("source: simbench_2016", f"source: file, path: {path}") + "agents: [{name: a, kind: consumer}]\n"
    )
    ended = cli("run", scenario_file(text), "--out", tmp_path / "run")
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err.splitlines()[0]
    assert "Traceback" not in ended.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            HEAD + AGENTS + "critic: {kind: replay, file: no.jsonl}\n",
            ":7:30: critic.file: there is no log of critiques (got ",
            id="critiques",
        ),
        pytest.param(
            agent("kind: consumer, strategy: {learned: {checkpoint: nope.pt}}"),
            ":6:55: agents[0].strategy.learned.checkpoint: there is no such checkpoint (got ",
            id="checkpoint",
        ),
    ],
)
def test_a_file_that_only_a_run_reads_is_missed_where_it_is_named(cli, scenario_file, tmp_path, text, message):
    """Line, column and key of the scenario, and the path that was looked for."""
    ended = cli("run", scenario_file(text), "--out", tmp_path / "run")
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
    assert not (tmp_path / "run").exists()


def test_a_checkpoint_of_the_current_folder_is_told_as_seen_from_the_scenario(
    cli, scenario_file, tmp_path, monkeypatch
):
    """Of what the user typed, and of nothing that the scenario's file names: that may not ask what lies elsewhere."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clone").mkdir()
    (tmp_path / "clone/checkpoint.pt").write_bytes(b"")
    learned = "{learned: {checkpoint: clone/checkpoint.pt}}"
    typed = cli("run", scenario_file(agent("kind: consumer")), "--set", f"agents[:].strategy={learned}", "--out", "run")
    assert (typed.code, typed.out) == (2, "")
    assert "there is no such checkpoint" in typed.err
    assert "a scenario's paths start at its own folder: from there it is ../clone/checkpoint.pt" in typed.err
    long = f"agents[:].strategy={{learned: {{checkpoint: {'x' * 300}}}}}"
    assert cli("run", scenario_file(agent("kind: consumer")), "--set", long, "--out", "run").code == 2
    named = cli("run", scenario_file(agent(f"kind: consumer, strategy: {learned}")), "--out", "run")
    assert "there is no such checkpoint" in named.err
    assert "from there it is" not in named.err


@pytest.mark.parametrize("verb", ["validate", "run"])
def test_the_name_of_a_plugin_file_does_not_act_on_the_terminal(cli, tmp_path, verb):
    """What is told before it is executed, and where it is only named, shows escapes as text."""
    name = "\x1b]0;title\x07\u202e.py"
    (tmp_path / name).write_text("", encoding="utf-8")
    scenario = {
        "clock": {"start": "2016-07-12", "slots": 1, "slot_minutes": 60},
        "tariff": {"flat": {"retail": 0.3, "feed_in": 0.08}},
        "agents": [{"kind": "consumer", "load": {"annual_kwh": 3000}}],
        "plugins": [name],
    }
    (tmp_path / "s.yaml").write_text(json.dumps(scenario), encoding="utf-8")
    ended = cli(verb, str(tmp_path / "s.yaml"), *(["--out", str(tmp_path / "out")] if verb == "run" else []))
    said = ended.out + ended.err
    assert "\\x1b]0;title\\x07\\u202e.py" in said
    assert not {"\x1b", "\x07", "\u202e"} & set(said)
