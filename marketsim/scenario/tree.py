"""A document as values that know where they were written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import PurePath
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from marketsim.core.errors import Problem, ScenarioError

Scalar: TypeAlias = str | int | float | bool | None
Plain: TypeAlias = Any
"""Scalars, lists and dicts with text keys, as JSON knows them."""
Loc: TypeAlias = tuple[str | int, ...]
"""Keys and indices from the root to a value."""

MAX_DEPTH: Final = 40
LARGEST_INTEGER: Final = 2**63 - 1
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Mark(NamedTuple):
    """Where something was written; line and column from 1, 0: unknown."""

    file: str = ""
    line: int = 0
    column: int = 0


NOWHERE: Final = Mark()


@dataclass(frozen=True, slots=True)
class Member:
    """A key of a mapping and what it holds."""

    key: Mark
    node: Node


class Node(NamedTuple):
    """A value and its place. Nodes are shared by aliases and never changed."""

    value: Scalar | list[Node] | dict[str, Member]
    place: Mark = NOWHERE


def plain(node: Node) -> Plain:
    """The value without its places."""
    if isinstance(node.value, dict):
        return {key: plain(member.node) for key, member in node.value.items()}
    if isinstance(node.value, list):
        return [plain(item) for item in node.value]
    return node.value


def child(node: Node, key: str | int) -> Node | None:
    """What a node holds under a key or at a position."""
    if isinstance(node.value, dict):
        member = node.value.get(str(key))
        return None if member is None else member.node
    if isinstance(node.value, list) and isinstance(key, int) and 0 <= key < len(node.value):
        item: Node = node.value[key]
        return item
    return None


def locate(root: Node, loc: Sequence[str | int]) -> tuple[int, Node]:
    """How many steps of ``loc`` exist, and the node at which they end."""
    node = root
    for steps, key in enumerate(loc):
        found = child(node, key)
        if found is None:
            return steps, node
        node = found
    return len(loc), node


def scalars(root: Node, loc: Loc = ()) -> Iterator[tuple[Loc, Node]]:
    """Every value that holds no others, with its path, in the order written."""
    if isinstance(root.value, dict):
        for key, member in root.value.items():
            yield from scalars(member.node, (*loc, key))
    elif isinstance(root.value, list):
        for position, item in enumerate(root.value):
            yield from scalars(item, (*loc, position))
    else:
        yield loc, root


def texts(root: Node) -> Iterator[tuple[Loc, str]]:
    """Every text with its path, in the order written."""
    return ((loc, node.value) for loc, node in scalars(root) if isinstance(node.value, str))


def path_of(root: Node, place: Mark) -> Loc:
    """Path of the first value written at ``place``; empty if there is none."""
    return next((loc for loc, node in scalars(root) if node.place == place), ())


def key_place(root: Node, loc: Sequence[str | int]) -> Mark:
    """Where the last key of ``loc`` is written; the place of its value where it has no key."""
    steps, parent = locate(root, loc[:-1])
    if steps == len(loc) - 1 and isinstance(parent.value, dict) and str(loc[-1]) in parent.value:
        return parent.value[str(loc[-1])].key
    return locate(root, loc)[1].place


def dotted(loc: Iterable[str | int]) -> str:
    """A path as people write it: ``agents[2].pv_kw``; of a key that would not print as it stands, its escapes."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{printable(part)}" if text else printable(part)
    return text


def printable(text: str) -> str:
    """Text that can be shown on a terminal: no control, direction or escape character acts on it."""
    return text if text.isprintable() else repr(text)[1:-1]


def shorten(value: object, limit: int = 60) -> str:
    """A value for a message."""
    return shorten_text(repr(value) if isinstance(value, str) else _as_yaml(value), limit)


def shorten_text(text: str, limit: int = 60) -> str:
    """A text for a message, cut where it is too long."""
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def _as_yaml(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(_as_yaml(item) for item in value[:20])}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{printable(str(key))}: {_as_yaml(item)}' for key, item in list(value.items())[:20])}}}"
    return printable(str(value))


def from_python(value: object, place: Mark = NOWHERE, loc: Loc = ()) -> Node:
    """Values made in Python as a tree; ScenarioError for what no scenario can hold."""
    if len(loc) > MAX_DEPTH:
        raise ScenarioError([Problem("nested too deeply", dotted(loc[:4]), file=place.file)])
    if isinstance(value, Mapping):
        members = {str(key): from_python(item, place, (*loc, str(key))) for key, item in value.items()}
        return Node({key: Member(place, node) for key, node in members.items()}, place)
    if isinstance(value, list | tuple | np.ndarray):
        return Node([from_python(item, place, (*loc, position)) for position, item in enumerate(value)], place)
    return Node(_scalar(value, place, loc), place)


def _scalar(value: object, place: Mark, loc: Loc) -> Scalar:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, date | PurePath):
        return str(value)
    if value is None or isinstance(value, str | int | float):
        fault = scalar_fault(value)
        if not fault:
            return value
        raise ScenarioError([Problem(fault, dotted(loc), shorten(value), file=place.file)])
    message = f"a scenario cannot hold an object of type {type(value).__name__}"
    raise ScenarioError([Problem(message, dotted(loc), shorten(value), file=place.file)])


def scalar_fault(value: Scalar) -> str:
    """Why a scalar cannot stand in a scenario; empty if it can."""
    if isinstance(value, float) and not np.isfinite(value):
        return "must be a finite number"
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        return "the whole number is too large (at most 9223372036854775807)"
    if isinstance(value, str) and ("\x00" in value or (not value.isascii() and _SURROGATE.search(value))):
        return "text must not contain NUL or lone surrogates"
    return ""
