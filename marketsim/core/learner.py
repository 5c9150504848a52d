"""Port of learning algorithms: what one has to know of a game, what a game has to know of it, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from marketsim.core.arrays import FloatArray, IntArray, KeyArray
from marketsim.core.game import Box, Features, Game, Layout


class GameNeeds(NamedTuple):
    """What a game has to know of who will play it."""

    markets: int
    """Markets that are played side by side."""
    shared: bool
    """Whether one policy acts for all agents, which then have to see whom it acts for."""
    rounds: Callable[[int, int], int]
    """(agents of a market, slots of an episode) -> episodes of the game, each in all markets, in the whole training."""
    rounds_per_update: int = 1
    """Episodes of the game, each in all markets, between two updates of the policies."""
    alike: bool = False
    """Whether one policy acts for all agents and does not know for whom: it can then act for anybody."""


class Row(NamedTuple):
    """An update of a training: how much was played until then, and what it says, by name."""

    update: int
    """From 1."""
    episodes: int
    """Played until then, of all markets."""
    agent_steps: int
    """Decisions made until then."""
    values: Mapping[str, float]
    """Returns (``total`` and the game's parts, sums over an episode, means over agents and episodes), the game's scores
    (means over slots and markets where defined), and what the learner says of itself; NaN where undefined."""


class Progress(NamedTuple):
    """Where a training stands."""

    row: Row
    scores: tuple[str, ...]
    """Which of its values are scores of the game."""
    updates: int
    """In the whole training."""
    agent_steps_per_s: float
    """Of the last update, playing and learning together."""


@runtime_checkable
class Learner(Protocol):
    """What a scenario names under ``learning.learner``."""

    @property
    def needs(self) -> GameNeeds:
        """What the game that it will play has to know."""
        ...

    def train(
        self,
        game: Game,
        folder: Path,
        *,
        seed: int,
        scenario_hash: str,
        resume: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> Path:
        """Train the agents of ``game``, write curves and checkpoints into ``folder``; the last checkpoint."""
        ...


class Policy(Protocol):
    """Policies of agents, frozen, whose actions are choices."""

    @property
    def heads(self) -> tuple[int, ...]:
        """Number of choices of each head of an action."""
        ...

    def act(self, features: Features, agents: IntArray, keys: KeyArray | None) -> IntArray:
        """Actions [n, heads]; sampled with ``keys``, else the most probable."""
        ...


@runtime_checkable
class NumberPolicy(Protocol):
    """Policies of agents, frozen, whose actions are numbers within bounds, such as set-points."""

    @property
    def box(self) -> Box:
        """Bounds of each agent's numbers [A, D], in units of the game that was trained."""
        ...

    def act(self, features: Features, agents: IntArray, keys: KeyArray | None) -> FloatArray:
        """Actions [n, D] within the bounds of the ``agents`` [n] (positions in ``Layout.agents``) on what they see [n, F].

        Drawn with the counter-based ``keys`` [n], a key a row; with None the means. A row depends on nothing but itself.
        """
        ...


class Trained(Protocol):
    """A loaded checkpoint."""

    @property
    def policy(self) -> Policy | NumberPolicy:
        """Its policies; which of the two, the action space of the game decides that was trained."""
        ...

    @property
    def layout(self) -> Layout:
        """What they need to act."""
        ...
