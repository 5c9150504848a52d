"""What older versions wrote otherwise: read as it is written now, so that their scenarios and folders keep working.

``learning.game`` held the settings of the market game themselves, since there was no other: ``game: {quantities: 4}``.
Now it names a game, ``game: {market: {quantities: 4}}``.
"""

from __future__ import annotations

from typing import Final

from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.game import MARKET
from marketsim.scenario.tree import Loc, Member, Node, child, dotted, locate

GAME: Final = ("learning", "game")
MARKET_SETTINGS: Final = frozenset(("days", "prices", "quantities", "charges", "agents", "ratings"))
"""What of the market game stood under ``learning.game`` itself; what the game has been given since has no older form."""


def renewed(root: Node) -> Node:
    """The same scenario as it is written now; values keep the places where they were written."""
    game = locate(root, GAME)
    if game[0] < len(GAME) or not _is_older(game[1]):
        return root
    return _with(root, GAME, Node({MARKET: Member(game[1].place, game[1])}, game[1].place))


def renewed_path(root: Node, loc: Loc, leaf: Node) -> Loc:
    """An override's path as it is written now; ``leaf`` is its value.

    ScenarioError where it sets something of the market game, or a value beside the name of a game, and ``root`` names
    another one: that would be taken away.
    """
    if loc[:2] != GAME or len(loc) < 3:
        return loc
    other = _named(locate(root, GAME))
    if loc[2] not in MARKET_SETTINGS:
        if len(loc) == 3 and other not in ("", MARKET) and leaf.value is not None and not isinstance(leaf.value, dict):
            hint = f"parameters of {other} go below its name: {dotted((*GAME, other, loc[2]))}"
            raise ScenarioError([Problem(f"names no game, and the scenario's game is {other}", dotted(loc), hint=hint)])
        return loc
    path = (*GAME, MARKET, *loc[2:])
    if other not in ("", MARKET):
        message = f"{loc[2]} is a setting of the game {MARKET}, and the scenario's game is {other}"
        raise ScenarioError([Problem(message, dotted(loc), hint=f"to train on the market instead: {dotted(path)}")])
    return path


def _is_older(game: Node) -> bool:
    """Whether a mapping holds settings and no game: a game has a mapping of parameters, or none."""
    if not isinstance(game.value, dict) or MARKET in game.value:
        return False
    values = [member.node.value for member in game.value.values()]
    plain = [value is not None and not isinstance(value, dict) for value in values]
    return not plain or any(plain) or any(key in MARKET_SETTINGS for key in game.value)


def _named(found: tuple[int, Node]) -> str:
    """The game that is named; empty: none."""
    steps, game = found
    if steps < len(GAME):
        return ""
    if isinstance(game.value, dict) and not _is_older(game):
        return next(iter(game.value), "")
    return game.value if isinstance(game.value, str) else ""


def _with(node: Node, loc: tuple[str, ...], leaf: Node) -> Node:
    """The tree with another value at a path that it has."""
    if not loc:
        return leaf
    below = child(node, loc[0])
    assert isinstance(node.value, dict)
    assert below is not None
    key = node.value[loc[0]].key
    return Node({**node.value, loc[0]: Member(key, _with(below, loc[1:], leaf))}, node.place)
