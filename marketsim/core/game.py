"""Port of what is learned: many copies of one game side by side, stepped together.

Shapes: M markets, A agents a market, F features of an observation, G features of the state of a market, H heads or D
numbers of an action. Games stand in ``marketsim.games``; tests use small ones with known answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from marketsim.core.arrays import BoolArray, FloatArray
from marketsim.core.errors import RunError

MARKET: Final = "market"
"""What scenarios call the game of the market; every checkpoint that says nothing is one of it."""
Features = NDArray[np.float32]
"""Scaled observations, about [-1, 1]."""


class Categorical(NamedTuple):
    """Actions that are choices: one number a head, counted from 0; integers [M, A, H]."""

    heads: tuple[int, ...]
    """Number of choices of each categorical head."""
    used: BoolArray
    """Which heads mean something to which agent; of the others choice 0 is always made, and nothing learned [A, H]."""


class Box(NamedTuple):
    """Actions that are numbers within bounds, in units of the game's; floats [M, A, D]."""

    low: FloatArray
    """Finite; equal to ``high`` where a number means nothing to an agent [A, D]."""
    high: FloatArray
    """[A, D]"""


ActionSpace: TypeAlias = Categorical | Box
Actions: TypeAlias = NDArray[Any]
"""Of all agents in all markets, of the shape and kind that the game's ``ActionSpace`` says."""


class Shape(NamedTuple):
    """Sizes and names of a game that never change."""

    n_markets: int
    n_agents: int
    """In one market."""
    n_features: int
    n_state: int
    actions: ActionSpace
    """What an agent may do."""
    slots: int
    """Steps of an episode; all markets end together."""
    rewards: tuple[str, ...] = ()
    """Names of the parts that add up to the reward, each [M, A] in ``Step.parts``."""
    scores: tuple[str, ...] = ()
    """Names of what is told of a slot beside its reward, each [M] in ``Step.parts``; NaN where undefined."""


class Step(NamedTuple):
    """What a step brought to every agent, and what is seen next."""

    seen: Features
    """[M, A, F]."""
    state: Features
    """For centralised critics [M, G]."""
    reward: FloatArray
    """What is learned from [M, A]."""
    parts: Mapping[str, FloatArray]
    """Parts of the reward [M, A] and scores of the slot [M], by the names that the game's ``Shape`` declares."""
    ended: bool
    """Whether the episode is over; ``seen`` is then the last look, not the first of a new episode."""


class Layout(NamedTuple):
    """What policies need to act where there is no game, in any scenario: a part of every checkpoint.

    An observation is ``clip((x - offset) * factor, -bound, bound)`` of features x in natural units.
    """

    agents: tuple[str, ...]
    """Whose policies they are, by name [A]."""
    features: tuple[str, ...]
    """Names of what they see [F]."""
    offset: FloatArray
    """[A, F]"""
    factor: FloatArray
    """[A, F]"""
    bound: float
    """Largest size of a scaled feature, of the state's, too."""
    game: str = ""
    """What scenarios call the game; filled in where a scenario names it, else empty."""


class Game(Protocol):
    """A batch of markets, or of whatever else is played."""

    @property
    def shape(self) -> Shape:
        """Sizes and names of the game."""
        ...

    @property
    def layout(self) -> Layout:
        """Whose game it is, and what its features mean."""
        ...

    def memory(self) -> Mapping[str, FloatArray]:
        """What rewards remember across episodes (running means, scales of caps), by name; a part of every checkpoint."""
        ...

    def recall(self, memory: Mapping[str, FloatArray]) -> None:
        """Go on from what ``memory`` returned after the last episode that counts; without it, from nothing."""
        ...

    def reset(self, episode: int) -> tuple[Features, Features]:
        """Begin episode ``episode`` (from 0) in all markets: what is seen [M, A, F], and the state [M, G].

        The same game and episode look alike, whatever came before; only ``memory`` goes from one to the next.
        """
        ...

    def step(self, actions: Actions) -> Step:
        """Play a slot; ``actions`` [M, A, H] or [M, A, D] as the game's ``ActionSpace`` says."""
        ...

    def close(self, *, wait: bool = True) -> Mapping[str, object]:
        """Release what the game holds, after what is under way unless it need not ``wait``; what it says of itself."""
        ...


@runtime_checkable
class Guided(Protocol):
    """What a game of numbers may be beside: an expert says what it would do, which cloning and imitation learn from."""

    def labels(self) -> FloatArray:
        """What the expert would do in the state that is seen now, within the bounds of the action space [M, A, D].

        Asked at most once before each ``step``, never after the last of an episode; it changes nothing in the game.
        """
        ...


@runtime_checkable
class GuidedGame(Guided, Game, Protocol):
    """A game of numbers with an expert."""


class Slopes(NamedTuple):
    """How a slot that was played answers to small changes; features scaled as they are seen, K of them carried."""

    reward: FloatArray
    """Of all agents' rewards together with each number of an action [M, A, D]."""
    reward_by_carried: FloatArray
    """Of the same with each carried feature, as it was when the slot opened [M, A, K]."""
    moved: FloatArray
    """Of each carried feature of the next look with each number of its agent's action [M, A, K, D]."""
    kept: FloatArray
    """Of each carried feature of the next look with the same one of this look [M, A, K]."""


@runtime_checkable
class Sloped(Protocol):
    """What a game of numbers may be beside: it knows how its slots answer to small changes of what is done."""

    @property
    def carried(self) -> tuple[int, ...]:
        """Features that an agent's own actions carry from slot to slot, such as what is stored: their places [K]."""
        ...

    def slopes(self) -> Slopes:
        """Those of the slot that was played last, at what was done in it; asked at most once after each ``step``."""
        ...


@runtime_checkable
class SlopedGame(Sloped, Game, Protocol):
    """A game of numbers that knows its slopes."""


class Memoryless:
    """A part of ``Game`` for games whose rewards remember nothing and that hold nothing: their base."""

    def memory(self) -> Mapping[str, FloatArray]:
        """Nothing."""
        return {}

    def recall(self, memory: Mapping[str, FloatArray]) -> None:
        """There is nothing to go on from."""

    def close(self, *, wait: bool = True) -> Mapping[str, object]:  # noqa: ARG002 - part of the port
        """There is nothing to release, and nothing to say."""
        return {}


def demand_sound(shape: Shape) -> None:
    """RunError where a game declares what nobody can play: a fault of the game."""
    sizes = {
        "n_markets": shape.n_markets,
        "n_agents": shape.n_agents,
        "n_features": shape.n_features,
        "slots": shape.slots,
    }
    for name, size in sizes.items():
        if size < 1:
            raise RunError(f"the game declares {name} = {size}, at least 1 expected")
    names = (*shape.rewards, *shape.scores)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RunError(f"the game declares the part {twice[0]!r} twice")
    match shape.actions:
        case Categorical(heads, used):
            if used.shape != (shape.n_agents, len(heads)) or min(heads, default=0) < 1:
                raise RunError(f"the game declares heads {heads}, used {used.shape}, for {shape.n_agents} agents")
        case Box(low, high):
            if low.ndim != 2 or len(low) != shape.n_agents or low.shape != high.shape or low.size == 0:
                raise RunError(f"the game declares bounds {low.shape} and {high.shape} for {shape.n_agents} agents")
            if not (np.isfinite(low).all() and np.isfinite(high).all() and (low <= high).all()):
                raise RunError("the game declares bounds of actions that are not finite, or a low above its high")


def demand_parts(shape: Shape, step: Step) -> None:
    """RunError where a step has other parts than its game declares, or of another size."""
    each = (shape.n_markets, shape.n_agents)
    wanted = {**dict.fromkeys(shape.rewards, each), **dict.fromkeys(shape.scores, each[:1])}
    found = {name: np.shape(part) for name, part in step.parts.items()}
    if found != wanted:
        raise RunError(f"the game declares the parts {wanted}, and a step brought {found}")
    if np.shape(step.reward) != each:
        raise RunError(f"the game gave a reward of shape {np.shape(step.reward)}, {each} expected")
