"""``marketsim validate``: what it says of good and of bad scenarios."""

from __future__ import annotations

import json

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


def test_a_good_scenario_is_summed_up_in_a_line(cli, scenario_file):
    path = scenario_file(GOOD)
    assert cli("validate", path) == (0, f"{path}: valid (2 agents, 24 slots of 60 minutes)\n", "")


def test_overrides_are_part_of_what_is_checked(cli, scenario_file):
    path = scenario_file(GOOD)
    ended = cli("validate", path, "--set", "clock.slots=12", "--set", "agents[0].count=5")
    assert ended.out == f"{path}: valid (5 agents, 12 slots of 60 minutes)\n"


def test_every_problem_is_told_at_once_in_order_with_its_place(cli, scenario_file):
    """File, line, column, path, what is wrong, the value seen, and what may have been meant; exit code 2."""
    path = scenario_file(BAD)
    assert cli("validate", path) == (2, "", TOLD.format(path=path))


def test_the_result_can_be_read_by_a_program(cli, scenario_file):
    """``--json``: the same facts and problems as data, on standard output, with the same exit codes."""
    good = cli("validate", scenario_file(GOOD), "--json")
    assert json.loads(good.out) == {
        **{"valid": True, "name": "two", "agents": 2, "slots": 24},
        **{"plugins": [], "unchecked": []},
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
    assert ended.out.splitlines()[2].startswith("Not checked before it is run: ")
    assert "owlish" in ended.out.splitlines()[2]
    assert not (tmp_path / "ran").exists()


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
