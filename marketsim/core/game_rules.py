"""What a game of a plugin may declare and return, and what may be asked of it: types, shapes, finite numbers.

A rule raises ``Wrong`` with what is wrong, or returns a copy in the types that learners count on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.errors import RunError
from marketsim.core.game import Actions, Box, Categorical, Features, Layout, Shape, Step, demand_parts, demand_sound
from marketsim.core.learner import GameNeeds
from marketsim.core.rule_terms import Wrong, pair_of, real, record_of, whole_number

_MOST: Final = 10**9
"""Of anything that is counted in a game."""
_MOST_MARKETS: Final = 10**6
_LONGEST_NAME: Final = 200


class DeclaredGame(NamedTuple):
    """What a game has declared of itself."""

    shape: Shape
    layout: Layout


def sound_shape(shape: Any) -> Shape:
    """Sizes and names that a game can have."""
    if not isinstance(shape, Shape):
        raise Wrong(f"shape has to be a Shape, not {type(shape).__name__}")
    for name in ("n_markets", "n_agents", "n_features", "n_state", "slots"):
        whole_number(f"shape.{name}", getattr(shape, name), 0, _MOST)
    for name in ("rewards", "scores"):
        _names(f"shape.{name}", getattr(shape, name))
    actions = _space(shape.actions)
    try:
        demand_sound(shape._replace(actions=actions))
    except RunError as error:
        raise Wrong(str(error)) from None
    return shape._replace(actions=actions, rewards=tuple(shape.rewards), scores=tuple(shape.scores))


def _space(actions: Any) -> Categorical | Box:
    if isinstance(actions, Categorical):
        heads, used = actions.heads, actions.used
        if not isinstance(heads, tuple) or not isinstance(used, np.ndarray) or used.dtype.kind != "b":
            raise Wrong("shape.actions has to have a tuple of heads, and truth values of which are used")
        return Categorical(
            tuple(whole_number("a head of shape.actions", each, 1, _MOST) for each in heads), used.copy()
        )
    if isinstance(actions, Box):
        return Box(
            real("shape.actions.low", actions.low, (None, None)), real("shape.actions.high", actions.high, (None, None))
        )
    raise Wrong(f"shape.actions has to be Categorical or Box, not {type(actions).__name__}")


def sound_layout(layout: Any, shape: Shape) -> Layout:
    """Whose game it is, as many as the shape counts."""
    if not isinstance(layout, Layout):
        raise Wrong(f"layout has to be a Layout, not {type(layout).__name__}")
    for name, wanted in (("agents", shape.n_agents), ("features", shape.n_features)):
        found = getattr(layout, name)
        _names(f"layout.{name}", found)
        if len(found) != wanted:
            raise Wrong(f"layout.{name} has {len(found)} names, and the shape counts {wanted}")
    size = (shape.n_agents, shape.n_features)
    if not isinstance(layout.bound, int | float) or not 0 < layout.bound < float("inf"):
        raise Wrong(f"layout.bound has to be a positive number, not {layout.bound!r}")
    return layout._replace(
        agents=tuple(layout.agents),
        features=tuple(layout.features),
        offset=real("layout.offset", layout.offset, size),
        factor=real("layout.factor", layout.factor, size),
        bound=float(layout.bound),
    )


def _names(what: str, names: Any) -> None:
    if not isinstance(names, tuple | list) or not all(isinstance(name, str) and name for name in names):
        raise Wrong(f"{what} has to hold names, not {names!r:.80}")
    if len(set(names)) < len(names) or any(len(name) > _LONGEST_NAME or not name.isprintable() for name in names):
        raise Wrong(f"{what} has to hold different names that can be printed")


def looked(found: Any, of: DeclaredGame) -> tuple[Features, Features]:
    """What is seen [M, A, F] and the state [M, G], as ``reset`` returns them."""
    seen, state = pair_of(found, "what is seen and the state")
    shape, bound = of.shape, of.layout.bound
    seen = _features("what is seen", seen, (shape.n_markets, shape.n_agents, shape.n_features), bound)
    return seen, _features("the state", state, (shape.n_markets, shape.n_state), bound)


def _features(name: str, value: Any, shape: tuple[int, ...], bound: float) -> Features:
    found = real(name, value, shape)
    beyond = np.argwhere(np.abs(found) > bound * (1.0 + 1e-6))
    if len(beyond):
        place = tuple(beyond[0].tolist())
        raise Wrong(f"{name} has to be within +-{bound:g}, which the layout says, not {found[place]:g} at {place}")
    return found.astype(np.float32)


def stepped(step: Any, of: DeclaredGame, *, last: bool) -> Step:
    """A step whose parts are those that are declared; it ends the episode with its ``last`` slot."""
    record_of(step, Step)
    seen, state = looked((step.seen, step.state), of)
    each = (of.shape.n_markets, of.shape.n_agents)
    reward = real("reward", step.reward, each)
    if not isinstance(step.parts, Mapping):
        raise Wrong(f"parts has to be a mapping of arrays by name, not {type(step.parts).__name__}")
    try:
        demand_parts(of.shape, step)
    except RunError as error:
        raise Wrong(str(error)) from None
    parts: dict[str, FloatArray] = {
        name: real(f"the part {name!r}", step.parts[name], each) for name in of.shape.rewards
    }
    for name in of.shape.scores:
        parts[name] = real(f"the score {name!r}", step.parts[name], each[:1], nan=True)
    if not isinstance(step.ended, bool | np.bool_) or bool(step.ended) != last:
        ends = "ends" if last else "does not end"
        raise Wrong(
            f"ended has to be {last}, not {step.ended!r:.40}: the slot {ends} the episode of {of.shape.slots} slots"
        )
    return Step(seen, state, reward, parts, last)


def labelled(found: Any, of: DeclaredGame) -> FloatArray:
    """What the expert of a guided game would do, within the bounds of its actions [M, A, D]."""
    space = of.shape.actions
    if not isinstance(space, Box):
        raise Wrong("a game whose actions are choices has no labels: they are numbers within bounds")
    labels = real("labels", found, (of.shape.n_markets, of.shape.n_agents, space.low.shape[1]))
    beyond = np.argwhere((labels < space.low) | (labels > space.high))
    if len(beyond):
        place = tuple(beyond[0].tolist())
        raise Wrong(f"labels have to lie within the bounds of the actions, not {labels[place]:g} at {place}")
    return labels


def remembered(memory: Any) -> dict[str, FloatArray]:
    """What a game remembers, as a checkpoint keeps it."""
    if not isinstance(memory, Mapping):
        raise Wrong(f"it has to return arrays by name, not {type(memory).__name__}")
    _names("its answer", list(memory))
    if len(memory) > 100:
        raise Wrong(f"it has to return at most 100 arrays, not {len(memory)}")
    return {name: real(f"{name!r}", np.asarray(values), np.shape(values)) for name, values in memory.items()}


def facts(found: Any) -> Mapping[str, object]:
    """What a game says of itself at the end, which the manifest keeps."""
    if not isinstance(found, Mapping) or not all(isinstance(name, str) for name in found):
        raise Wrong(f"it has to return facts by name, not {type(found).__name__}")
    try:
        json.dumps(dict(found), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise Wrong(f"it has to return texts, finite numbers, and lists and mappings of them: {error}") from None
    return dict(found)


def demand_playable(actions: Actions, shape: Shape) -> None:
    """ValueError for actions that no game of this shape can play: a fault of who plays it."""
    space = shape.actions
    choices = isinstance(space, Categorical)
    size = len(space.heads) if isinstance(space, Categorical) else space.low.shape[1]
    wanted = (shape.n_markets, shape.n_agents, size)
    if (
        not isinstance(actions, np.ndarray)
        or actions.shape != wanted
        or actions.dtype.kind not in ("iu" if choices else "fiu")
    ):
        kind = "whole numbers" if choices else "numbers"
        raise ValueError(f"actions are {kind} of the shape {wanted}, and these are {actions!r:.80}")
    low, high = (0, np.array(space.heads) - 1) if isinstance(space, Categorical) else (space.low, space.high)
    if not ((actions >= low) & (actions <= high)).all():
        raise ValueError("actions lie within the heads or bounds that the game declares, and some of these do not")


def sound_needs(needs: Any) -> GameNeeds:
    """What a learner says that a game has to know."""
    if not isinstance(needs, GameNeeds):
        raise Wrong(f"needs has to be GameNeeds, not {type(needs).__name__}")
    for name in ("shared", "alike"):
        if not isinstance(getattr(needs, name), bool):
            raise Wrong(f"needs.{name} has to be true or false, not {getattr(needs, name)!r:.40}")
    if not callable(needs.rounds):
        raise Wrong("needs.rounds has to be callable as rounds(agents, slots)")
    return needs._replace(
        markets=whole_number("needs.markets", needs.markets, 1, _MOST_MARKETS),
        rounds_per_update=whole_number("needs.rounds_per_update", needs.rounds_per_update, 1, _MOST),
    )


def sound_rounds(rounds: Any) -> int:
    """How many episodes a training has."""
    return whole_number("its answer", rounds, 1, _MOST)
