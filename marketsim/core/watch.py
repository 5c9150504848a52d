"""Calls of plugins that take long: a line says which one, and at which line of it the program stands.

Watched are the calls of a simulation, and before it the plugin's file, its hook and what builds its parts.
"""

from __future__ import annotations

import logging
import math
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from marketsim.core.blame import is_foreign
from marketsim.core.errors import InputError, Problem
from marketsim.core.numerals import number

SLOW_S: Final = 30.0
"""A call of a plugin that takes longer is told [s], unless ``VARIABLE`` says another time."""
VARIABLE: Final = "MARKETSIM_SLOW_CALL_S"
_LOG = logging.getLogger("marketsim.plugins")


class _Call:
    """A call under way."""

    def __init__(self, what: str, file: str) -> None:
        self.what, self.file = what, file
        self.thread, self.began_s, self.told = threading.get_ident(), time.monotonic(), False


_calls: dict[int, _Call] = {}
_watch: list[threading.Thread] = []
_slow_s: list[float] = [SLOW_S]


def start() -> None:
    """Begin to watch; once a process, also after a fork. InputError where ``VARIABLE`` is no time."""
    _slow_s[0] = slow_s()
    if _watch and _watch[0].is_alive():
        return
    _calls.clear()
    _watch[:] = [threading.Thread(target=_look, name="marketsim-plugins", daemon=True)]
    _watch[0].start()


def slow_s() -> float:
    """After how long a call is told [s]; InputError where ``VARIABLE`` is no number of seconds above 0."""
    said = os.environ.get(VARIABLE, "")
    seconds = number(said) if said else SLOW_S
    if not 0.0 < seconds < math.inf:
        hint = f"such as {VARIABLE}=30, or leave it out"
        raise InputError([Problem("has to be a number of seconds above 0", path=VARIABLE, value=repr(said), hint=hint)])
    return seconds


@contextmanager
def watched(what: str, file: str) -> Iterator[None]:
    """A call of the plugin's code ``what``, whose own file is ``file``."""
    call = _Call(what, file)
    _calls[id(call)] = call
    try:
        yield
    finally:
        _calls.pop(id(call), None)


def _look() -> None:
    while True:
        limit_s = _slow_s[0]
        time.sleep(min(limit_s / 4, 1.0))
        now_s = time.monotonic()
        for call in list(_calls.values()):
            if not call.told and now_s - call.began_s > limit_s:
                call.told = True
                place = _place(sys._current_frames().get(call.thread), call.file)
                _LOG.warning("%s has taken more than %g s in one call, and stands at %s", call.what, limit_s, place)


def _place(frame: FrameType | None, own_file: str) -> str:
    """The innermost line of the plugin's own file, else of any code outside the package."""
    foreign = ""
    while frame is not None:
        file, place = frame.f_code.co_filename, f"{frame.f_code.co_filename}:{frame.f_lineno}"
        if file == own_file:
            return place
        foreign = foreign or (place if is_foreign(file) else "")
        frame = frame.f_back
    return foreign or own_file or "an unknown line"
