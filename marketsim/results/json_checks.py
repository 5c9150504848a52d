"""What the JSON files of runs, studies, trainings and evaluations hold: key by key, whoever wrote them.

A file that holds something else is refused with every key that is wrong. Keys that are not named here may hold anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from marketsim.core.errors import Problem, RunFolderError
from marketsim.core.files import json_value, read_text
from marketsim.core.metric import LARGEST, LONGEST

ValueCheck = Callable[[Any], str]
"""What is wrong with a value, as ``must be ...``; empty where nothing is."""

MOST_BYTES: Final = 2**26
"""Of a manifest, summary or result; the names of a million agents have 20 MB."""
MOST_LOG_BYTES: Final = 2**30
"""Of a log of critiques."""
MOST_SLOTS: Final = 10_000_000
"""Of a run, as scenarios have it."""
_LARGEST: Final = 2**63 - 1
_SHOWN: Final = 20
"""Problems of a file that are listed."""


class Key(NamedTuple):
    """A key of an object and what it holds."""

    fits: ValueCheck
    required: bool = False


Keys = Mapping[str, Key]


def text(value: Any) -> str:
    """A text of a length that people read."""
    if not isinstance(value, str):
        return "must be text"
    return "" if len(value) <= LONGEST else f"must have at most {LONGEST} letters"


def long_text(value: Any) -> str:
    """A text of any length, such as what an error of others said."""
    return "" if isinstance(value, str) else "must be text"


def number(value: Any) -> str:
    """A finite number that 64 bits hold; truth values are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "must be a number"
    return "" if abs(value) <= (_LARGEST if isinstance(value, int) else LARGEST) else "must be a finite number"


def count(value: Any) -> str:
    """A whole number from 0."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return "" if is_whole and 0 <= value <= _LARGEST else "must be a whole number from 0"


def process(value: Any) -> str:
    """The number of a process."""
    return count(value) or ("" if value < 2**31 else "must be the number of a process")


def slot(value: Any) -> str:
    """The number of a slot."""
    return count(value) or ("" if value < MOST_SLOTS else f"must be below {MOST_SLOTS:,}")


def score(value: Any) -> str:
    """From 0 to 1."""
    return number(value) or ("" if 0.0 <= value <= 1.0 else "must lie between 0 and 1")


def mapping(value: Any) -> str:
    """An object of any keys."""
    return "" if isinstance(value, dict) else "must be an object"


def flag(value: Any) -> str:
    """A truth value."""
    return "" if isinstance(value, bool) else "must be true or false"


def scalar(value: Any) -> str:
    """A text, a number or null: what a KPI is."""
    if value is None:
        return ""
    return text(value) if isinstance(value, str) else number(value) and "must be a finite number, text or null"


def maybe(fits: ValueCheck) -> ValueCheck:
    """The same, or null."""
    return lambda value: "" if value is None else fits(value) and f"{fits(value)}, or null"


def one_of(*words: str) -> ValueCheck:
    """One of some words."""
    return lambda value: "" if isinstance(value, str) and value in words else f"must be one of {', '.join(words)}"


def all_of(fits: ValueCheck, length: int | None = None) -> ValueCheck:
    """A list of such values, of ``length`` if that is given."""

    def check(value: Any) -> str:
        if not isinstance(value, list):
            return "must be a list"
        if length is not None and len(value) != length:
            return f"must have {length} entries"
        return next((f"entry {place}: {said}" for place, item in enumerate(value) if (said := fits(item))), "")

    return check


def each(fits: ValueCheck) -> ValueCheck:
    """An object whose values are such."""

    def check(value: Any) -> str:
        if not isinstance(value, dict):
            return "must be an object"
        return next((f"key {key[:60]!r}: {said}" for key, item in value.items() if (said := fits(item))), "")

    return check


def record(keys: Keys) -> ValueCheck:
    """An object of such keys."""

    def check(value: Any) -> str:
        if not isinstance(value, dict):
            return "must be an object"
        return next((f"{problem.path}: {problem.message}" for problem in faults(value, keys, "")), "")

    return check


def faults(content: Mapping[str, Any], keys: Keys, file: str, line: int = 0) -> Iterator[Problem]:
    """Everything that is wrong with an object."""
    for name, key in keys.items():
        if name not in content:
            if key.required:
                yield Problem("is missing", name, file=file, line=line)
            continue
        said = key.fits(content[name])
        if said:
            yield Problem(said, name, seen(content[name]), file=file, line=line)


def seen(value: Any) -> str:
    """A value for a message, cut where it is long and without anything that acts on a terminal."""
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)} entries"
    said = {None: "null", True: "true", False: "false"}.get(value) if value is None or isinstance(value, bool) else None
    shown = said or ascii(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def demand(content: Mapping[str, Any], keys: Keys, file: Path | str) -> None:
    """RunFolderError with everything that is wrong with an object of a file."""
    refuse(list(faults(content, keys, str(file))))


def refuse(problems: list[Problem]) -> None:
    """RunFolderError with the first problems, if there are any."""
    if problems:
        raise RunFolderError(problems[:_SHOWN])


def read_object(path: Path, keys: Keys | None = None) -> dict[str, Any]:
    """A JSON object of a file that is no link; RunFolderError where there is none, or one that holds something else."""
    try:
        content = json_value(read_text(path, MOST_BYTES, RunFolderError, links=False), path, RunFolderError)
    except RunFolderError as error:
        raise RunFolderError([named(problem, path) for problem in error.problems]) from error
    if not isinstance(content, dict):
        raise RunFolderError([Problem(f"{path.name} is damaged: it holds no object", file=str(path))])
    if keys is not None:
        demand(content, keys, path)
    return content


def named(problem: Problem, path: Path) -> Problem:
    """A problem with a file of ours, whose message names the file."""
    if problem.message == "there is no such file":
        return problem._replace(message=f"there is no {path.name}", file=str(path.parent))
    if problem.message.startswith(("is ", "has ", "cannot ")):
        return problem._replace(message=f"{path.name} {problem.message}")
    return problem._replace(message=f"{path.name} is damaged: {problem.message}")
