"""Reads ``critic.jsonl``: for replay, for training a surrogate, for audits."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from marketsim.core.errors import InputError, Problem
from marketsim.fairness.critic import Critique

NAME: Final = "critic.jsonl"
_NUMBERS: Final = ("ftg", "fbs", "fpp")
_TRIPLES: Final = ("answer", "rule", "gap", "audit_gap")


def log_file(path: Path) -> Path:
    """The log at ``path``, which is one or a run folder that has one; InputError where there is none."""
    place = path / NAME if os.path.isdir(path) else path
    if not os.path.isfile(place):
        hint = f"name a {NAME}, or the run folder that has one; relative paths start from the scenario's folder"
        raise InputError([Problem("there is no log of critiques", file=str(place), hint=hint)])
    return place


def read_log(path: Path) -> list[Critique]:
    """All critiques of a log; InputError with the line that is none. A last line that was cut off is left out."""
    place = log_file(path)
    try:
        lines = place.read_text(encoding="utf-8").split("\n")[:-1]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError([Problem(f"cannot read the log: {error}", file=str(place))]) from error
    return [critique for number, line in enumerate(lines, start=1) for critique in _critique(place, number, line)]


def _critique(place: Path, number: int, line: str) -> Iterator[Critique]:
    if not line.strip():
        return
    try:
        yield critique_of(json.loads(line))
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        problem = Problem(f"this line is no critique: {error}", file=str(place), line=number)
        raise InputError([problem]) from error


def critique_of(entry: Mapping[str, Any]) -> Critique:
    """The critique that an entry of a log holds; ValueError, LookupError or TypeError where it holds none."""
    known = {name: entry[name] for name in Critique._fields if name in entry}
    if not isinstance(known["slot"], int) or not isinstance(known["market"], int):
        raise ValueError("slot and market are whole numbers")
    known |= {name: _score(known[name]) for name in _NUMBERS}
    known |= {name: _triple(known[name]) for name in _TRIPLES if known.get(name) is not None}
    if known.get("features") is not None:
        known["features"] = tuple(float(value) for value in known["features"])
    return Critique(**known)


def _score(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise ValueError("a score is no number from 0 to 1")
    return float(value)


def _triple(values: Any) -> tuple[float | None, ...]:
    ftg, fbs, fpp = (_score(value) for value in values)
    return ftg, fbs, fpp
