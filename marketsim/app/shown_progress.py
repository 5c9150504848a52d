"""How far work is, for who asks in Python: in a notebook one output that is renewed, on a terminal one line, else nothing."""

from __future__ import annotations

import importlib
import sys
import time
from typing import Any, Final

from marketsim.core.progress import ProgressCallback

_EVERY_S: Final = 0.1
"""Between two times that it is told."""


def progress_of(asked: ProgressCallback | bool | None, unit: str) -> ProgressCallback | None:
    """What is to be called with (done, in all): what the user gave, or with True something that shows it."""
    if not isinstance(asked, bool):
        return asked
    if asked and in_notebook():
        return _Bar()
    return _Line(unit) if asked and sys.stderr.isatty() else None


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"


def tell(text: str) -> None:
    """A line for who asked how far work is."""
    sys.stderr.write(f"{text}\n")


class _Seldom:
    """Whether it is time to tell again; the end always is."""

    def __init__(self) -> None:
        self._last = -_EVERY_S

    def due(self, done: int, total: int) -> bool:
        now = time.monotonic()
        if done < total and now - self._last < _EVERY_S:
            return False
        self._last = now
        return True


class _Bar:
    """The bar of IPython: one output of the cell, replaced each time."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._seldom = _Seldom()

    def __call__(self, done: int, total: int) -> None:
        if self._bar is None:
            self._bar = importlib.import_module("IPython.display").ProgressBar(total)
            self._bar.display()
        if self._seldom.due(done, total):
            self._bar.progress = done


class _Line:
    """A line of a terminal that is written over, and gone at the end."""

    def __init__(self, unit: str) -> None:
        self._unit, self._width = unit, 0
        self._seldom = _Seldom()

    def __call__(self, done: int, total: int) -> None:
        if not self._seldom.due(done, total):
            return
        text = f"{done:,} of {total:,} {self._unit}"
        self._width = max(self._width, len(text))
        sys.stderr.write(f"\r{text.ljust(self._width)}" if done < total else f"\r{' ' * self._width}\r")
        sys.stderr.flush()
