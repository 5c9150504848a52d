"""Reads ``critic.jsonl``: for replay, for training a surrogate, for audits.

A log may be anybody's: each line has to be a critique, to the type and range of each of its values.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from marketsim.core.errors import InputError, Problem
from marketsim.core.files import MIB, decoded, read_bytes, strict_json
from marketsim.core.plain_text import plain
from marketsim.fairness.critic import Critique, Triple

NAME: Final = "critic.jsonl"
_MOST_BYTES: Final = 2048 * MIB
_LONGEST_LINE: Final = 65_536
_MOST_PROBLEMS: Final = 20
_LONGEST_REASON: Final = 1_000
_MOST_FEATURES: Final = 1_000
_LARGEST_FEATURE: Final = 1e12
_LARGEST_COUNT: Final = 2**62


def log_file(path: Path) -> Path:
    """The log at ``path``, which is one or a run folder that has one; InputError where there is none."""
    place = path / NAME if os.path.isdir(path) else path
    if not os.path.exists(place):
        hint = f"name a {NAME}, or the run folder that has one; relative paths start from the scenario's folder"
        raise InputError([Problem("there is no log of critiques", file=str(place), hint=hint)])
    return place


def read_log(path: Path) -> list[Critique]:
    """All critiques of a log; InputError with the lines that are none. A last line that was cut off is left out."""
    place = log_file(path)
    data = read_bytes(place, _MOST_BYTES, InputError)
    *lines, tail = data.split(b"\n")
    found: list[Critique] = []
    problems: list[Problem] = []
    for number, line in enumerate(lines, start=1):
        try:
            found += _critique(place, number, line)
        except InputError as error:
            problems += error.problems
    if not _is_cut_off(tail):
        found += _critique(place, len(lines) + 1, tail)
    if len(problems) > _MOST_PROBLEMS:
        more = Problem(f"and {len(problems) - _MOST_PROBLEMS} more lines are no critiques", file=str(place))
        problems = [*problems[:_MOST_PROBLEMS], more]
    if problems:
        raise InputError(problems)
    return found


def _is_cut_off(tail: bytes) -> bool:
    """Whether what follows the last line end is less than a line: the writer ends each with one."""
    try:
        json.loads(tail)
    except (ValueError, RecursionError):
        return True
    return False


def _critique(place: Path, number: int, line: bytes) -> Iterator[Critique]:
    if not line.strip():
        return
    try:
        if len(line) > _LONGEST_LINE:
            raise ValueError(f"it has {len(line)} bytes")
        yield critique_of(strict_json(line.decode()))
    except UnicodeDecodeError as error:
        raise InputError([problem._replace(line=number) for problem in _not_utf8(line, place).problems]) from error
    except (ValueError, RecursionError) as error:
        text = "too deeply nested" if isinstance(error, RecursionError) else plain(str(error))
        raise InputError([Problem(f"this line is no critique: {text}", file=str(place), line=number)]) from error


def _not_utf8(line: bytes, place: Path) -> InputError:
    try:
        decoded(line, place, InputError)
    except InputError as error:
        return error
    return InputError([Problem("this line is no critique", file=str(place))])


def critique_of(entry: object) -> Critique:
    """The critique that an entry of a log holds; ValueError where it holds none. Keys that are not ours are passed over."""
    if not isinstance(entry, dict):
        raise ValueError(f"it is no object but {type(entry).__name__}")
    missing = [name for name in Critique._fields if name not in entry and name not in Critique._field_defaults]
    if missing:
        raise ValueError(f"{missing[0]} is missing")
    known = {name: _READERS[name](name, entry[name]) for name in Critique._fields if name in entry}
    return Critique(**known)


def _or_none(read: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    return lambda name, value: None if value is None else read(name, value)


def _count(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _LARGEST_COUNT:
        raise ValueError(f"{name} is no whole number from 0")
    return value


def _seconds(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value < math.inf:
        raise ValueError(f"{name} is no time")
    return float(value)


def _text(most: int) -> Callable[[str, Any], str]:
    def read(name: str, value: object) -> str:
        if not isinstance(value, str) or len(value) > most or not (value == "" or value.isprintable()):
            raise ValueError(f"{name} is no text of one line and at most {most} letters")
        return value

    return read


def _reason(name: str, value: object) -> str:
    """Why an answer failed: a plugin's may be of any length and letters, and is cut to a line."""
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text")
    return plain(value, _LONGEST_REASON)


def _score(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} is no number from 0 to 1")
    return float(value)


def read_triple(name: str, values: object) -> Triple:
    """Three scores, some of which may be undefined; ValueError where they are none."""
    if not isinstance(values, list) or len(values) != 3:
        raise ValueError(f"{name} is no list of three scores")
    ftg, fbs, fpp = (_or_none(_score)(name, value) for value in values)
    return ftg, fbs, fpp


def read_features(name: str, values: object) -> tuple[float, ...]:
    """Features of a slot as numbers; ValueError where they are none."""
    if not isinstance(values, list) or len(values) > _MOST_FEATURES or not all(_is_feature(value) for value in values):
        raise ValueError(f"{name} is no list of numbers from -{_LARGEST_FEATURE:g} to {_LARGEST_FEATURE:g}")
    return tuple(float(value) for value in values)


def _is_feature(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST_FEATURE


_READERS: Final[Mapping[str, Callable[[str, Any], Any]]] = {
    "slot": _count,
    "market": _count,
    "inputs": _text(100),
    **dict.fromkeys(("ftg", "fbs", "fpp"), _or_none(_score)),
    "source": _text(100),
    "latency_s": _seconds,
    "error": _or_none(_reason),
    **dict.fromkeys(("asked", "wording"), _or_none(_text(100))),
    **dict.fromkeys(("model", "digest", "server"), _or_none(_text(200))),
    "attempts": _or_none(_count),
    **dict.fromkeys(("answer", "rule", "gap", "audit_gap"), _or_none(read_triple)),
    "audit_error": _or_none(_reason),
    "features": _or_none(read_features),
}
"""How each value of a critique is read."""
