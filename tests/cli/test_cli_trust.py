"""``--trust``, and what is said of plugins, on every command that takes a scenario."""

from __future__ import annotations

import pytest

TEXT = """\
clock: {start: 2016-07-12, slots: 2, slot_minutes: 60}
tariff: {flat: {retail: 0.3, feed_in: 0.1}}
profiles: synthetic
agents: [{kind: prosumer, pv_kw: 3, load: {annual_kwh: 4000}}]
plugins: [mine.py]
"""
PLUGIN = """\
import marketsim as ms


@ms.hookimpl
def marketsim_parts():
    yield ms.Entry(kind="agent", name="idle", build=lambda params, context: ms.Consumer)
"""
COMMANDS = (
    ("run",),
    ("train",),
    ("evaluate",),
    ("whatif", "--vary", "tariff.flat.retail=0.3,0.4"),
    ("hosting-capacity",),
    ("baselines",),
    ("contingency",),
    ("reinforce",),
    ("compare-gates",),
    ("coordinate",),
    ("critic", "audit"),
    ("expert", "solve"),
)


@pytest.fixture
def shared(scenario_file, tmp_path):
    """A scenario with a plugin in a folder that looks like one of a run."""
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "mine.py").write_text(PLUGIN, encoding="utf-8")
    (tmp_path / "scenarios" / "manifest.json").write_text("{}", encoding="utf-8")
    return scenario_file(TEXT)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_every_command_refuses_the_plugins_of_results_and_says_how(cli, shared, command):
    ended = cli(*command, shared)
    assert ended.code == 2
    assert f"{shared}:5:11: plugins[0]: this plugin is not executed" in ended.err
    assert str(shared.with_name("mine.py")) in ended.err
    assert "--trust" in ended.err
    assert ended.out == ""


@pytest.mark.parametrize("command", [*COMMANDS, ("validate",)], ids=lambda command: command[0])
def test_every_command_has_the_switch(cli, command):
    assert "--trust" in cli(*command, "--help").out


def test_with_trust_it_runs_and_names_what_it_executes(cli, shared, tmp_path):
    """On standard error, a line a file."""
    ended = cli("run", shared, "--trust", "--json", "--out", tmp_path / "run")
    assert ended.code == 0, ended.err
    assert f"Executing the plugin {shared.with_name('mine.py')}" in ended.err.splitlines()
    again = cli("run", shared, "--trust", "--quiet", "--out", tmp_path / "again")
    assert (again.code, again.err) == (0, "")


def test_a_study_with_plugins_goes_on_with_trust_alone(cli, shared, tmp_path):
    """What is in its folder may be a stranger's."""
    study = tmp_path / "study"
    vary = ("--vary", "tariff.flat.retail=0.3,0.4", "--workers", "1", "--out", study)
    assert cli("whatif", shared, "--trust", "--quiet", *vary).code == 0
    refused = cli("whatif", "--resume", "--out", study)
    assert refused.code == 2
    assert "--trust" in refused.err
    assert cli("whatif", "--resume", "--trust", "--quiet", "--out", study).code == 0


def test_validating_asks_for_nothing_and_executes_nothing(cli, shared):
    ended = cli("validate", shared)
    assert ended.code == 0
    assert "whose code was not run" in ended.out
