"""Plugins that fail: before the run it is the user's input (2), within a slot it ends the run (1)."""

from __future__ import annotations

import pytest

import marketsim as ms
from marketsim.core.errors import RunError

SCENARIO = """\
name: faulty
clock: {start: 2016-07-12, slots: 30, slot_minutes: 60}
tariff: {flat: {retail: 0.30, feed_in: 0.08}}
profiles: {source: simbench_2016}
agents:
  - {name: good, kind: prosumer, pv_kw: 5, load: {annual_kwh: 3000}}
  - {name: bad, kind: moody, load: {annual_kwh: 3000}}
plugins: [moody.py]
"""
AGENT = """\
import marketsim as ms

class Moody(ms.Prosumer):
    def decide(self, view):
        if view.slot == 25:
            __FAULT__
        return None

@ms.hookimpl
def marketsim_parts():
    return [ms.Entry(kind="agent", name="moody", build=lambda params, context: Moody)]
"""


@pytest.fixture
def scenario(scenario_file):
    """``scenario(plugin)``: a scenario with the plugin file ``moody.py``."""

    def write(plugin: str):
        scenario_file(plugin, "moody.py")
        return scenario_file(SCENARIO)

    return write


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("raise ValueError('no mood')", "ValueError: no mood"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("return [7]", "TypeError: decide returns orders made by view.buy and view.sell, or None, not 7"),
        ("return [view.buy(float('nan'), 0.1)]", "ValueError: energy_kwh has to be a number from 0 to 1e+09, not nan"),
        ("return [view.buy(-1.0, 0.1)]", "ValueError: energy_kwh has to be a number from 0 to 1e+09, not -1.0"),
        ("view.dispatch('reactor', 1)", "ValueError: no device 'reactor' in this simulation"),
        ("return 5", "TypeError: 'int' object is not iterable"),
    ],
)
def test_a_decision_that_fails_names_the_agent_and_the_slot(scenario, cli, tmp_path, fault, message):
    """Exit code 1, no traceback; what was simulated before the slot is kept."""
    path = scenario(AGENT.replace("__FAULT__", fault))
    ended = cli("run", path, "--out", tmp_path / "run")
    assert (ended.code, ended.out) == (1, "")
    told, error = ended.err.split("\n", 1)
    assert told.startswith("Executing the plugin ")
    assert error.startswith("error: agent 'bad' of kind 'moody' (")
    assert f" failed in slot 25 (2016-07-13 01:00): {message}" in ended.err
    run = ms.open_run(tmp_path / "run")
    assert (run.status, run.n_slots) == ("failed", 25)
    assert message.split(":")[0] in run.manifest["error"]


def test_in_python_the_cause_is_chained(scenario):
    """``RunError`` carries the plugin's own exception, with its line."""
    ready = ms.load_scenario(scenario(AGENT.replace("__FAULT__", "raise LookupError('no mood')")))
    with pytest.raises(RunError, match="'bad'.*slot 25.*LookupError: no mood") as caught:
        ms.simulate(ready)
    assert isinstance(caught.value.__cause__, LookupError)


def test_control_c_within_a_slot_keeps_the_slots_before(scenario, cli, tmp_path):
    """The same end as for a signal from outside: status ``interrupted``, whole slots."""
    path = scenario(AGENT.replace("__FAULT__", "raise KeyboardInterrupt"))
    ended = cli("run", path, "--out", tmp_path / "run")
    assert (ended.code, ended.out) == (1, "")
    told, error = ended.err.split("\n", 1)
    assert told.startswith("Executing the plugin ")
    assert error.strip().startswith(f"Interrupted. What was simulated until then is kept in {tmp_path / 'run'}")
    run = ms.open_run(tmp_path / "run")
    assert (run.status, run.n_slots) == ("interrupted", 25)


@pytest.mark.parametrize(
    ("plugin", "message"),
    [
        ("def broken(:\n", "moody.py:1:"),
        ("import no_such_module_of_mine\n", "no_such_module_of_mine"),
        ("x = 1\nraise RuntimeError('on import')\n", "moody.py:2:"),
        ("import sys\nsys.exit(3)\n", "moody.py:2:"),
        ("x = 1\n", "moody"),
        ("import marketsim as ms\n@ms.hookimpl\ndef marketsim_agnts():\n    return []\n", "marketsim_agnts"),
        ("import marketsim as ms\n@ms.hookimpl\ndef marketsim_parts():\n    return 7\n", "marketsim_parts"),
        ("import marketsim as ms\n@ms.hookimpl\ndef marketsim_parts(x, y):\n    return []\n", "marketsim_parts"),
        (AGENT.replace('"moody", build', '"prosumer", build'), "prosumer"),
        (AGENT.replace("lambda params, context: Moody", "lambda params, context: 7"), "moody"),
        (AGENT.replace("lambda params, context: Moody", "lambda params, context: 1 / 0"), "moody"),
    ],
    ids=[
        *("syntax", "import", "raises", "exits", "nothing", "hook", "result", "signature", "taken name"),
        *("no class", "factory raises"),
    ],
)  # fmt: skip
def test_a_broken_plugin_file_is_the_user_s_input(scenario, cli, tmp_path, plugin, message):
    """Exit code 2; plugin and place are named, no traceback, and no run folder is made."""
    ended = cli("run", scenario(plugin), "--out", tmp_path / "run")
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "run").exists()


def test_a_strategy_that_fails_is_named_with_the_slot(scenario, cli, tmp_path):
    """The fast form, all agents at once: the error names the strategy, not the program."""
    plugin = """\
import marketsim as ms

class Erratic:
    sees = ()

    def decide(self, seen):
        raise ValueError("no mood at all")

@ms.hookimpl
def marketsim_parts():
    return [ms.Entry(kind="strategy", name="erratic", build=lambda params, context: Erratic())]
"""
    path = scenario(plugin)
    path.write_text(path.read_text().replace("kind: moody", "kind: consumer, strategy: erratic"))
    ended = cli("run", path, "--out", tmp_path / "run")
    assert (ended.code, ended.out) == (1, "")
    assert "slot 0" in ended.err
    assert "ValueError: no mood at all" in ended.err
    assert "rratic" in ended.err
    assert "fault of marketsim" not in ended.err


def test_a_default_behaviour_of_the_agent_revises_in_every_round(simulated, scenario_file):
    """An agent that decides nothing is as good as its strategy, also with one that quotes anew in each round."""
    nothing = AGENT.replace("__FAULT__", "pass")
    scenario_file(nothing, "moody.py")
    text = SCENARIO.replace("slots: 30", "slots: 24") + "market: {engine: {double_auction: {rounds: 20}}}\n"
    zip_all = text.replace("load: {annual_kwh: 3000}}", "load: {annual_kwh: 3000}, strategy: zip}")
    own = simulated(scenario_file(zip_all, "own.yaml"))
    plain = simulated(scenario_file(zip_all.replace("kind: moody", "kind: prosumer"), "plain.yaml"))
    assert own.frame("trades", raw=True).energy_wh.sum() == plain.frame("trades", raw=True).energy_wh.sum() > 0
    assert own.frame("trades", raw=True).price_ticks.tolist() == plain.frame("trades", raw=True).price_ticks.tolist()
