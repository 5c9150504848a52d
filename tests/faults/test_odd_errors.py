"""Errors of plugins that are odd in themselves: without a message, behind themselves, of no usual class."""

from __future__ import annotations

import pytest

import marketsim as ms
from marketsim.core.blame import said
from marketsim.core.interrupts import is_interrupt

SCENARIO = """\
name: odd
clock: {start: 2016-07-12, slots: 3, slot_minutes: 60}
agents:
  - {name: roof, kind: prosumer, pv_kw: 8, load: {annual_kwh: 3000}}
  - {name: flat, kind: %s, load: {annual_kwh: 4000}}
tariff: %s
plugins: [mine.py]
"""
PLUGIN = """\
import marketsim as ms
from marketsim.builtin import built_in_registry

KNOWN = built_in_registry()

class Odd(BaseException):
    pass

class Silent(Exception):
    def __str__(self):
        raise RuntimeError("no text")

def fail(how):
    if how == "odd":
        raise Odd("x")  # odd
    if how == "silent":
        raise Silent()  # silent
    if how == "letters":
        raise ValueError("\\udcff")  # letters
    if how == "loop":
        try:
            1 / 0  # loop
        except ZeroDivisionError as error:
            raise error from error

class Mine:
    def __init__(self, params, context):
        WHERE == "build" and fail(HOW)
        self.inner = KNOWN.builder("tariff", "flat")(params, context)

    def at(self, time):
        WHERE == "slot" and fail(HOW)
        return self.inner.at(time)

class Own(ms.Consumer):
    def __init__(self, *given):
        WHERE == "member" and fail(HOW)
        super().__init__(*given)

    def decide(self, view):
        WHERE == "agent" and fail(HOW)

WHERE == "file" and fail(HOW)

@ms.hookimpl
def marketsim_parts():
    WHERE == "hook" and fail(HOW)
    yield ms.Entry(kind="tariff", name="mine", build=Mine, params=KNOWN.params("tariff", "flat"))
    yield ms.Entry(kind="agent", name="own", build=lambda params, context: Own)
"""
SAID = {
    "odd": "Odd: x",
    "silent": "Silent: its message cannot be made (RuntimeError)",
    "letters": r"ValueError: \udcff",
    "loop": "ZeroDivisionError: division by zero",
}


@pytest.mark.parametrize("how", SAID)
@pytest.mark.parametrize("where", ["file", "hook", "build", "slot", "agent", "member"])
def test_an_odd_error_is_the_plugin_s(scenario_file, cli, tmp_path, where, how):
    """Named with its line; exit code 2 before the run, 1 in it, and a folder that opens."""
    text = PLUGIN.replace("KNOWN =", f"WHERE, HOW = {where!r}, {how!r}\nKNOWN =")
    plugin = scenario_file(text, "mine.py")
    tariff = "{mine: {retail: 0.30, feed_in: 0.08}}"
    ended = cli("run", scenario_file(SCENARIO % ("own", tariff)), "--out", tmp_path / "run", "--quiet")
    in_run = where in ("slot", "agent")
    assert ended.code == (1 if in_run else 2)
    assert SAID[how] in ended.err
    line = next(at for at, each in enumerate(text.splitlines(), 1) if each.endswith(f"# {how}"))
    assert f"{plugin}:{line}" in ended.err
    assert "fault of marketsim" not in ended.err
    assert (tmp_path / "run").exists() == in_run
    if in_run:
        run = ms.open_run(tmp_path / "run")
        assert run.status == "failed"
        assert SAID[how] in run.manifest["error"]


def test_an_error_behind_itself_is_no_interrupt():
    error = ValueError()
    error.__cause__ = error
    assert not is_interrupt(error)
    error.__cause__ = KeyboardInterrupt()
    assert is_interrupt(error)


def test_what_an_error_says_can_always_be_written():
    assert len(said(ValueError("x" * 10**6))) < 5_000
    assert said(ValueError("\udcff")).encode() == b"ValueError: \\udcff"
