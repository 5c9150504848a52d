"""Where a scenario chooses one of several parts, and how documents are laid over each other there.

Mappings merge key by key; lists and scalars are replaced. Where a part is chosen, parameters merge only if both
documents choose the same part: the parameters of one engine mean nothing to another.
"""

from __future__ import annotations

from typing import Final

from marketsim.scenario.tree import Loc, Mark, Member, Node

LAWS: Final = ("uniform", "normal", "triangular", "integers", "choice")
"""Distributions; a mapping with one of these as its only key is drawn for each agent."""

_BY_KEY: Final = frozenset(
    {
        ("tariff",),
        ("market", "engine"),
        ("market", "charges"),
        ("grid", "allocation"),
        ("grid", "reactive"),
        ("learning", "game"),
        ("learning", "learner"),
        ("agents", "*", "strategy"),
    }
)
_BY_TAG: Final[dict[tuple[str, ...], str]] = {("profiles",): "source", ("critic",): "kind"}


def _pattern(loc: Loc) -> tuple[str, ...]:
    return tuple("*" if isinstance(part, int) else part for part in loc)


def tag_of(loc: Loc) -> str | None:
    """Key that names the part chosen at ``loc``, if parts are chosen by a key there (``profiles``, ``critic``)."""
    return _BY_TAG.get(_pattern(loc))


def opened(node: Node | None, loc: Loc, place: Mark) -> dict[str, Member]:
    """Members of a mapping; of a part chosen by its bare name, the mapping that it stands for; else none."""
    if node is None:
        return {}
    if isinstance(node.value, dict):
        return node.value
    tag = tag_of(loc)
    if tag and isinstance(node.value, str):
        return {tag: Member(place, node)}
    return {}


def keeps(base: dict[str, Member], over: dict[str, Member], loc: Loc) -> bool:
    """Whether ``over`` still means the part that ``base`` chose, so that their members merge."""
    tag = tag_of(loc)
    if tag:
        return tag not in over or (tag in base and base[tag].node.value == over[tag].node.value)
    only_laws = len(base) == len(over) == 1 and {*base, *over} <= set(LAWS)
    if _pattern(loc) in _BY_KEY or only_laws:
        return set(over) == set(base)
    return True


def merge(base: Node, over: Node, loc: Loc = ()) -> Node:
    """``over`` laid over ``base``."""
    if not isinstance(over.value, dict):
        return over
    under = opened(base, loc, base.place)
    if not under or not keeps(under, over.value, loc):
        return over
    merged = dict(under)
    for key, member in over.value.items():
        known = under.get(key)
        node = merge(known.node, member.node, (*loc, key)) if known else member.node
        merged[key] = Member(member.key, node)
    return Node(merged, over.place)
