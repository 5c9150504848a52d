"""A market as a PettingZoo environment: the same game that the package's own learner plays, with one market."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, Protocol, TypeAlias

import numpy as np
from gymnasium.spaces import Box, MultiDiscrete
from numpy.typing import NDArray
from pettingzoo import ParallelEnv  # type: ignore[import-untyped]

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.errors import RunError
from marketsim.core.records import SlotRecord

Seen: TypeAlias = NDArray[np.float32]
Info: TypeAlias = dict[str, float | None]
_SCORES = ("ftg", "fbs", "fpp")


class Move(Protocol):
    """What a step brings; see ``learning.game.Step``."""

    @property
    def seen(self) -> Seen:
        """[1, A, F]."""
        ...

    @property
    def state(self) -> Seen:
        """[1, G]."""
        ...

    @property
    def economic(self) -> FloatArray:
        """[1, A]."""
        ...

    @property
    def shaping(self) -> FloatArray:
        """[1, A]."""
        ...

    @property
    def scores(self) -> FloatArray:
        """[1, 3]."""
        ...

    @property
    def ended(self) -> bool:
        """Whether the episode is over."""
        ...


class OneMarket(Protocol):
    """A game of one market; see ``learning.game.Game``."""

    @property
    def record(self) -> SlotRecord:
        """What happened in the last slot."""
        ...

    def reset(self, episode: int) -> tuple[Seen, Seen]:
        """Begin an episode."""
        ...

    def step(self, actions: IntArray) -> Move:
        """Play a slot; ``actions`` [1, A, H]."""
        ...

    def close(self, *, wait: bool = True) -> object:
        """Release what the market holds."""
        ...


class Rules(NamedTuple):
    """What never changes about the game."""

    agents: tuple[str, ...]
    heads: tuple[int, ...]
    used: NDArray[np.bool_]
    """Heads that mean something to an agent [A, H]; the others are no part of its action."""
    n_features: int
    n_state: int
    bound: float
    """Of every observation."""


class MarketEnv(ParallelEnv):  # type: ignore[misc]  # PettingZoo is not typed
    """All agents of one market act at once, slot by slot.

    An observation is a finite vector, an action one number a head that means something to the agent: price, quantity,
    charge level. Rewards are the economic one and the fairness shaping together; both stand in the infos, as do the
    slot's scores (None where undefined). Every agent is there from the beginning to the end of an episode, which the
    clock truncates. ``reset(seed)`` begins with the first episode of the market with this seed; without a seed the next
    episode follows.
    """

    metadata: ClassVar[dict[str, Any]] = {"name": "marketsim_v0", "render_modes": [], "is_parallelizable": True}
    render_mode = None

    def __init__(self, rules: Rules, make: Callable[[int], OneMarket], seed: int, first: OneMarket) -> None:
        """``make`` builds the market of a seed; ``first`` is that of ``seed``."""
        self.possible_agents = list(rules.agents)
        self.agents: list[str] = []
        self._rules, self._make = rules, make
        self._game, self._seed, self._episode = first, seed, -1
        self.observation_spaces = {name: _box(rules.n_features, rules.bound) for name in rules.agents}
        self.action_spaces = {
            name: MultiDiscrete(np.array(rules.heads, dtype=np.int64)[used] if used.any() else np.ones(1, np.int64))
            for name, used in zip(rules.agents, rules.used, strict=True)
        }
        self.state_space = _box(rules.n_state, rules.bound)
        self._state = np.zeros(rules.n_state, dtype=np.float32)

    def observation_space(self, agent: str) -> Box:
        """Of an agent; the same object each time."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> MultiDiscrete:
        """Of an agent; the same object each time."""
        return self.action_spaces[agent]

    @property
    def record(self) -> SlotRecord:
        """Everything that happened in the last slot; read-only."""
        return self._game.record

    def state(self) -> Seen:
        """What a centralised critic may see of the market as it stands."""
        return self._state.copy()

    def reset(
        self,
        seed: int | None = None,
        options: Mapping[str, Any] | None = None,  # noqa: ARG002 - part of the signature
    ) -> tuple[dict[str, Seen], dict[str, Info]]:
        """Begin an episode."""
        if seed is not None:
            if seed != self._seed:
                self._game, self._seed = self._make(seed), seed
            self._episode = -1
        self._episode += 1
        self.agents = list(self.possible_agents)
        seen, state = self._game.reset(self._episode)
        self._state = state[0]
        return self._by_agent(seen[0]), {agent: {} for agent in self.agents}

    def step(
        self, actions: dict[str, NDArray[np.int64]]
    ) -> tuple[dict[str, Seen], dict[str, float], dict[str, bool], dict[str, bool], dict[str, Info]]:
        """Play a slot; RunError for an action that is missing or outside its space."""
        if not self.agents:
            raise RunError("the episode is over; begin another with reset")
        move = self._game.step(self._joined(actions)[np.newaxis])
        self._state = move.state[0]
        economic, shaping = move.economic[0], move.shaping[0]
        scores = {name: _defined(score) for name, score in zip(_SCORES, move.scores[0].tolist(), strict=True)}
        rewards = dict(zip(self.agents, (economic + shaping).tolist(), strict=True))
        parts = zip(self.agents, economic.tolist(), shaping.tolist(), strict=True)
        infos: dict[str, Info] = {agent: {"economic": own, "shaping": fair, **scores} for agent, own, fair in parts}
        seen = self._by_agent(move.seen[0])
        going, ended = dict.fromkeys(self.agents, False), dict.fromkeys(self.agents, bool(move.ended))
        if move.ended:
            self.agents = []
        return seen, rewards, going, ended, infos

    def render(self) -> None:
        """There is nothing to see; ``record`` holds the slot."""

    def close(self) -> None:
        """Let the market's critic go."""
        self._game.close(wait=False)

    def _by_agent(self, seen: Seen) -> dict[str, Seen]:
        return {agent: own.copy() for agent, own in zip(self.possible_agents, seen, strict=True)}

    def _joined(self, actions: Mapping[str, NDArray[np.int64]]) -> IntArray:
        """Actions of all agents [A, H]; choice 0 of heads that an agent does not use."""
        together = np.zeros(self._rules.used.shape, dtype=np.int64)
        for row, agent in enumerate(self.possible_agents):
            if agent not in actions:
                raise RunError(f"there is no action for agent {agent!r}")
            chosen = np.asarray(actions[agent], dtype=np.int64)
            space = self.action_spaces[agent]
            if chosen.shape != space.shape or (chosen < 0).any() or (chosen >= space.nvec).any():
                raise RunError(f"the action {actions[agent]!r} of agent {agent!r} lies outside {space}")
            used = self._rules.used[row]
            together[row, used] = chosen[: used.sum()]
        return together


def _box(size: int, bound: float) -> Box:
    return Box(-bound, bound, (size,), np.float32)


def _defined(score: float) -> float | None:
    return None if np.isnan(score) else score
