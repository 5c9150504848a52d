"""Values set from outside: ``--set agents[0].pv_kw=300`` and the mapping of the Python face."""

from __future__ import annotations

import re
from collections.abc import Mapping

from marketsim.core.errors import Problem, ScenarioError
from marketsim.scenario import tree
from marketsim.scenario.older import renewed, renewed_path
from marketsim.scenario.switches import keeps, opened
from marketsim.scenario.yamltext import parse

_LONGEST_PATH = 1_000
_PART = re.compile(r"([^.\[\]]+)((?:\[(?:\d+|\d*:\d*)\])*)")
_PATH = re.compile(rf"{_PART.pattern}(?:\.{_PART.pattern})*")
_SPAN = re.compile(r"(\d*):(\d*)")


def parse_override(text: str) -> tuple[str, object]:
    """``PATH=VALUE`` of a command line; the value is YAML. ScenarioError where it is neither."""
    path, equals, value = text.partition("=")
    if not equals or not _is_path(path.strip()):
        hint = "for example --set grid.gate=observe or --set 'agents[0].pv_kw=300'"
        raise ScenarioError([Problem("must read PATH=VALUE", value=tree.shorten(text, 200), hint=hint, file="--set")])
    return path.strip(), parse_value(value, f"--set {path.strip()}")


def parse_value(text: str, option: str) -> object:
    """YAML after an ``option`` of a command line, nothing as None; ScenarioError where it is none."""
    if not text.strip():
        return None
    try:
        return tree.plain(parse(text, option))
    except ScenarioError as error:
        seen = tree.shorten_text(text, 200)
        raise ScenarioError([problem._replace(line=0, column=0, value=seen) for problem in error.problems]) from error


def split_path(path: str) -> tree.Loc:
    """``agents[0].pv_kw`` and ``agents.0.pv_kw`` as ("agents", 0, "pv_kw"), spans of a list as text: ("agents", "0:20")."""
    if not _is_path(path):
        problem = Problem("is not a path such as agents[0].pv_kw", value=tree.shorten(path, 200), file="--set")
        raise ScenarioError([problem])
    parts: list[str | int] = []
    for name, positions in _PART.findall(path):
        parts.append(int(name) if name.isdecimal() and parts else name)
        parts += [int(each) if each.isdecimal() else each for each in re.findall(r"[\d:]+", positions)]
    if len(parts) > tree.MAX_DEPTH:
        message = f"a path has at most {tree.MAX_DEPTH} steps"
        raise ScenarioError([Problem(message, value=tree.shorten(path, 200), file="--set")])
    return tuple(parts)


def _is_path(text: str) -> bool:
    return len(text) <= _LONGEST_PATH and _PATH.fullmatch(text) is not None


def apply_overrides(root: tree.Node, overrides: Mapping[str, object]) -> tree.Node:
    """The tree with every override in place, in the order given; all problems with paths at once."""
    problems: list[Problem] = []
    for path, value in overrides.items():
        place = tree.Mark(f"--set {tree.shorten_text(path, 200)}")
        try:
            leaf = tree.from_python(value, place)
            loc = renewed_path(root, split_path(path), leaf)
            root = renewed(_put(root, loc, leaf, place, ()))
        except ScenarioError as error:
            problems += [problem._replace(file=place.file) for problem in error.problems]
    if problems:
        raise ScenarioError(problems)
    return root


def _put(node: tree.Node | None, rest: tree.Loc, leaf: tree.Node, place: tree.Mark, loc: tree.Loc) -> tree.Node:
    if not rest:
        return leaf
    if node is not None and isinstance(node.value, list):
        return _put_item(node, node.value, rest, leaf, place, loc)
    key = str(rest[0])
    members = opened(node, loc, place)
    known = members.get(key)
    changed = tree.Member(place, _put(known.node if known else None, rest[1:], leaf, place, (*loc, key)))
    if not keeps(members, {key: changed}, loc):
        members = {}
    return tree.Node({**members, key: changed}, node.place if node else place)


def _put_item(
    node: tree.Node, items: list[tree.Node], rest: tree.Loc, leaf: tree.Node, place: tree.Mark, loc: tree.Loc
) -> tree.Node:
    chosen = _chosen(rest[0], len(items))
    if not chosen:
        last = len(items) - 1
        hint = f"positions are 0 to {last}, as in {tree.dotted((*loc, last))}" if items else "the list is empty"
        raise ScenarioError([Problem(f"has no item {rest[0]!r}", tree.dotted(loc), hint=hint)])
    changed = [
        _put(item, rest[1:], leaf, place, (*loc, position)) if position in chosen else item
        for position, item in enumerate(items)
    ]
    return tree.Node(changed, node.place)


def _chosen(part: str | int, n: int) -> range:
    """Positions in a list of ``n`` that a part of a path is about: one, or a span ``first:behind the last``; empty: not there."""
    if isinstance(part, int):
        return range(part, part + 1) if part < n else range(0)
    span = _SPAN.fullmatch(part)
    if span is None or int(span[2] or n) > n:
        return range(0)
    return range(int(span[1] or 0), int(span[2] or n))
