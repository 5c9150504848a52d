"""Plugins that never return: one line on standard error says which one and where it stands, whatever the command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from marketsim.core import watch
from marketsim.core.errors import InputError

SCENARIO = """\
name: endless
clock: {start: 2016-07-12, slots: 4, slot_minutes: 60}
agents:
  - {name: roof, kind: prosumer, pv_kw: 8, load: {annual_kwh: 3000}, strategy: truthful}
  - {name: flat, kind: KIND, load: {annual_kwh: 4000}, strategy: truthful}
tariff: slow
plugins: [slow.py]
learning: {learner: {ppo: {markets: 2, episodes: 4, hidden: [4]}}}
"""
PLUGIN = """\
import time
import marketsim as ms
from marketsim.builtin import built_in_registry

def wait():
    while True:
        time.sleep(0.01)

IN_FILE

class Slow:
    def __init__(self, params, context):
        IN_BUILD
        self._inner = built_in_registry().builder("tariff", "flat")(params, context)

    def at(self, time):
        IN_SLOT
        return self._inner.at(time)

class Sleeper(ms.Consumer):
    def decide(self, view):
        IN_AGENT
        return None

@ms.hookimpl
def marketsim_parts():
    IN_HOOK
    flat = built_in_registry().params("tariff", "flat")
    yield ms.Entry(kind="tariff", name="slow", build=lambda params, context: Slow(params, context), params=flat)
    yield ms.Entry(kind="agent", name="sleeper", build=lambda params, context: Sleeper)
"""
PLACES = ("IN_BUILD", "IN_SLOT", "IN_AGENT", "IN_HOOK", "IN_FILE")
SLOW = {watch.VARIABLE: "0.3"}


@pytest.fixture
def scenario(scenario_file):
    """``scenario(place)``: with a plugin that stands still there."""

    def write(place: str):
        text = PLUGIN
        for each in PLACES:
            text = text.replace(each, "wait()  # HERE" if each == place else "pass")
        scenario_file(text, "slow.py")
        kind = "sleeper" if place == "IN_AGENT" else "consumer"
        tariff = "tariff: {slow: {retail: 0.30, feed_in: 0.08}}"
        return scenario_file(SCENARIO.replace("KIND", kind).replace("tariff: slow", tariff))

    return write


@contextmanager
def started(environment, *arguments):
    """The command line in another process, killed at the end with whatever it started."""
    process = subprocess.Popen(
        [sys.executable, "-m", "marketsim", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(SLOW),
        start_new_session=True,
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def told(process, who) -> str:
    """The line about a slow call of ``who``; empty where standard error ends without one. Imports may be slow, too."""
    assert process.stderr is not None
    return next((line for line in process.stderr if line.startswith(f"{who} has taken more than 0.3 s")), "")


@pytest.mark.parametrize(
    ("place", "command", "who"),
    [
        ("IN_SLOT", ("run", "S", "--out", "R", "--quiet"), "plugin slow: tariff 'slow', at,"),
        ("IN_SLOT", ("run", "S", "--out", "R", "--json"), "plugin slow: tariff 'slow', at,"),
        ("IN_AGENT", ("run", "S", "--out", "R", "--quiet"), "agent 'flat' of kind 'sleeper', decide,"),
        ("IN_BUILD", ("run", "S", "--out", "R", "--quiet"), "plugin slow: tariff 'slow', build,"),
        ("IN_HOOK", ("run", "S", "--out", "R", "--quiet"), "plugin slow, marketsim_parts,"),
        ("IN_FILE", ("plugins", "list", "--plugin", "P"), "plugin slow, its file,"),
        ("IN_HOOK", ("plugins", "show", "slow", "--plugin", "P"), "plugin slow, marketsim_parts,"),
        ("IN_SLOT", ("train", "S", "--out", "R"), "plugin slow: tariff 'slow', at,"),
        (
            "IN_SLOT",
            ("whatif", "S", "--vary", "profiles.pv_scale=1,2", "--workers", "2", "--out", "R"),
            "plugin slow: tariff 'slow', at,",
        ),
    ],
    ids=["run-quiet", "run-json", "agent", "build", "hook", "list", "show", "train", "whatif"],
)
def test_a_plugin_that_never_returns_is_told_with_its_line(scenario, environment, tmp_path, place, command, who):
    """After the time that ``MARKETSIM_SLOW_CALL_S`` says, by default 30 s."""
    path = scenario(place)
    plugin = path.parent / "slow.py"
    words = {"S": path, "P": plugin, "R": tmp_path / "out"}
    with started(environment, *(words.get(word, word) for word in command)) as process:
        line = told(process, who)
        assert process.poll() is None
    assert line
    lines = plugin.read_text().splitlines()
    stands = int(line.rpartition(f"{plugin}:")[2])
    here = next(at for at, text in enumerate(lines, 1) if "HERE" in text)
    assert stands in (6, 7, here)


def test_validation_runs_no_code_that_could_stand_still(scenario, cli):
    ended = cli("validate", scenario("IN_FILE"))
    assert ended.code == 0


@pytest.mark.parametrize("said", ["soon", "0", "-1", "nan", "inf", "1_0"])
def test_a_time_that_is_none_is_refused(monkeypatch, said):
    monkeypatch.setenv(watch.VARIABLE, said)
    with pytest.raises(InputError, match=f"{watch.VARIABLE}: has to be a number of seconds above 0"):
        watch.start()


def test_without_a_word_a_call_is_told_after_half_a_minute(monkeypatch):
    monkeypatch.delenv(watch.VARIABLE, raising=False)
    assert watch.slow_s() == 30.0
