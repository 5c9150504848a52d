"""Whose words errors use: options where the command line was called, arguments where Python was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_COMMAND_LINE: Final = ContextVar("command_line", default=False)
OPTIONS: Final = ("--set", "--vary", "--seeds")
"""Options that are the place of what is wrong, as files are."""
_QUOTED: Final = "marketsim "
"""What a command that is to be typed begins with: it stays as it is."""
_SET: Final = re.compile(r"--set '?(?P<path>[\w.\[\]]+)=(?P<value>[^\s',;]+)'?")
_PLAIN: Final = re.compile(r"-?[\d.]+|\[.*")
"""Values that Python writes as YAML does."""
_ARGUMENTS: Final = (
    (re.compile(r"--begins (\S+) --step-minutes (\d+)"), r'begins="\1", step_minutes=\2'),
    (re.compile(r"--set\b"), "overrides"),
    (re.compile(r"--(vary|seeds)\b"), r"\1"),
    (re.compile(r"--out\b"), "out"),
    (re.compile(r"--(force|resume)\b"), r"\1=True"),
)
"""Options of the command line, and how the arguments of the Python face say the same."""


@contextmanager
def command_line() -> Iterator[None]:
    """Within it errors are read on a command line."""
    token = _COMMAND_LINE.set(True)
    try:
        yield
    finally:
        _COMMAND_LINE.reset(token)


def worded(hint: str) -> str:
    """What to do, in the words of whoever is told; ``hint`` has those of the command line."""
    if _COMMAND_LINE.get() or "--" not in hint or _QUOTED in hint:
        return hint
    hint = _SET.sub(_override, hint)
    for option, argument in _ARGUMENTS:
        hint = option.sub(argument, hint)
    return hint


def _override(found: re.Match[str]) -> str:
    value = found["value"] if _PLAIN.fullmatch(found["value"]) else repr(found["value"])
    return f"overrides {{'{found['path']}': {value}}}"
