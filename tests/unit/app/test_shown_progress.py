"""How far work is, for who asks for it in Python."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace
from typing import ClassVar

import pytest

import marketsim as ms
from marketsim.app import shown_progress
from marketsim.app.shown_progress import progress_of


class Terminal(io.StringIO):
    """A standard error that is a terminal."""

    def isatty(self) -> bool:
        return True


class Bar:
    """IPython's bar: shown once, then renewed."""

    made: ClassVar[list[Bar]] = []

    def __init__(self, total: int) -> None:
        self.total, self.shown, self.values = total, 0, []
        Bar.made.append(self)

    def display(self) -> None:
        self.shown += 1

    progress = property(fset=lambda self, value: self.values.append(value))


@pytest.fixture
def notebook(monkeypatch):
    """A process that is the kernel of a notebook."""
    shell = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(ProgressBar=Bar))
    monkeypatch.setattr(Bar, "made", [])
    monkeypatch.setattr(shown_progress, "_EVERY_S", 0.0)


def test_what_the_user_gives_is_called():
    def own(done, total):
        return None

    assert progress_of(own, "slots") is own
    assert progress_of(None, "slots") is None
    assert progress_of(False, "slots") is None


def test_where_nobody_reads_nothing_is_shown(monkeypatch):
    """In a pipe, and so in a file of a batch system."""
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert progress_of(True, "slots") is None


def test_a_notebook_has_one_output_that_is_renewed(notebook, simulated, root, capsys):
    """And nothing on its standard error, where control characters would pile up."""
    simulated("scenarios/pilot.yaml", {"clock.slots": 4})  # kernels are compiled
    capsys.readouterr()
    ms.simulate(ms.load_scenario(root / "scenarios" / "pilot.yaml", {"clock.slots": 4}), progress=True)
    (bar,) = Bar.made
    assert (bar.total, bar.shown, bar.values) == (4, 1, [1, 2, 3, 4])
    assert capsys.readouterr().err == ""


def test_a_study_tells_its_runs(notebook, root):
    scenario = ms.load_scenario(root / "scenarios" / "pilot.yaml", {"clock.slots": 2})
    ms.whatif(scenario, {"profiles.pv_scale": [1, 2]}, workers=1, progress=True)
    (bar,) = Bar.made
    assert (bar.total, bar.values[-1]) == (2, 2)


def test_a_terminal_has_one_line_that_is_gone_at_the_end(monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setattr(shown_progress, "_EVERY_S", 0.0)
    show = progress_of(True, "slots")
    for done in (9, 10, 96):
        show(done, 96)
    assert terminal.getvalue().split("\r") == ["", "9 of 96 slots", "10 of 96 slots", " " * 14, ""]


def test_many_steps_are_told_seldom(monkeypatch):
    """Of a fast run the beginning and the end alone."""
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setattr(shown_progress, "_EVERY_S", 1e9)
    show = progress_of(True, "slots")
    for done in range(1, 1_001):
        show(done, 1_000)
    assert terminal.getvalue().count(" of ") == 1
