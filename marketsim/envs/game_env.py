"""A game as a PettingZoo environment: what the package's own learners play, with one market."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

import gymnasium
import numpy as np
from gymnasium.spaces import MultiDiscrete
from numpy.typing import NDArray
from pettingzoo import ParallelEnv  # type: ignore[import-untyped]

from marketsim.core.errors import RunError
from marketsim.core.game import Actions, Box, Categorical, Features, Game, demand_parts, demand_sound

Info: TypeAlias = dict[str, float | None]
Space: TypeAlias = MultiDiscrete | gymnasium.spaces.Box
OneMarket = TypeVar("OneMarket", bound=Game)


class GameEnv(ParallelEnv, Generic[OneMarket]):  # type: ignore[misc]  # PettingZoo is not typed
    """All agents of a game of one market act at once, slot by slot.

    An observation is a finite vector. An action has one number a head that means something to the agent where the game
    has choices (``MultiDiscrete``), or as many numbers within bounds as the game says (``Box``). The parts of the reward
    stand in the infos, as do the slot's scores (None where undefined). Every agent is there from the beginning to the end
    of an episode, which the clock truncates. ``reset(seed)`` begins with the first episode of the game with this seed;
    without a seed the next episode follows.
    """

    metadata: ClassVar[dict[str, Any]] = {"name": "marketsim_v0", "render_modes": [], "is_parallelizable": True}
    render_mode = None

    def __init__(self, make: Callable[[int], OneMarket], seed: int) -> None:
        """``make`` builds the game of a seed, of one market; RunError for a game that nobody can play."""
        self._make, self._seed, self._episode = make, seed, -1
        self._game = make(seed)
        self._shape, layout = self._game.shape, self._game.layout
        demand_sound(self._shape)
        if self._shape.n_markets != 1:
            raise RunError(f"an environment is a game of one market, this one has {self._shape.n_markets}")
        self.possible_agents = list(layout.agents)
        self.agents: list[str] = []
        self.observation_spaces = {name: _box(self._shape.n_features, layout.bound) for name in layout.agents}
        self.action_spaces = dict(zip(layout.agents, _spaces(self._shape.actions), strict=True))
        self.state_space = _box(self._shape.n_state, layout.bound)
        self._state = np.zeros(self._shape.n_state, dtype=np.float32)

    def observation_space(self, agent: str) -> gymnasium.spaces.Box:
        """Of an agent; the same object each time."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Space:
        """Of an agent; the same object each time."""
        return self.action_spaces[agent]

    def state(self) -> Features:
        """What a centralised critic may see of the market as it stands."""
        return self._state.copy()

    def reset(
        self,
        seed: int | None = None,
        options: Mapping[str, Any] | None = None,  # noqa: ARG002 - part of the signature
    ) -> tuple[dict[str, Features], dict[str, Info]]:
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
        self, actions: dict[str, NDArray[Any]]
    ) -> tuple[dict[str, Features], dict[str, float], dict[str, bool], dict[str, bool], dict[str, Info]]:
        """Play a slot; RunError for an action that is missing or outside its space."""
        if not self.agents:
            raise RunError("the episode is over; begin another with reset")
        move = self._game.step(self._joined(actions)[np.newaxis])
        demand_parts(self._shape, move)
        self._state = move.state[0]
        rewards = dict(zip(self.agents, move.reward[0].tolist(), strict=True))
        scores = {name: _defined(float(move.parts[name][0])) for name in self._shape.scores}
        parts = {name: move.parts[name][0].tolist() for name in self._shape.rewards}
        infos: dict[str, Info] = {
            agent: {**{name: part[row] for name, part in parts.items()}, **scores}
            for row, agent in enumerate(self.agents)
        }
        seen = self._by_agent(move.seen[0])
        going, ended = dict.fromkeys(self.agents, False), dict.fromkeys(self.agents, bool(move.ended))
        if move.ended:
            self.agents = []
        return seen, rewards, going, ended, infos

    def render(self) -> None:
        """There is nothing to see."""

    def close(self) -> None:
        """Let go what the game holds."""
        self._game.close(wait=False)

    def _by_agent(self, seen: Features) -> dict[str, Features]:
        return {agent: own.copy() for agent, own in zip(self.possible_agents, seen, strict=True)}

    def _joined(self, actions: Mapping[str, NDArray[Any]]) -> Actions:
        """Actions of all agents [A, H or D]; choice 0 of heads that an agent does not use."""
        space = self._shape.actions
        choices = isinstance(space, Categorical)
        used = space.used if isinstance(space, Categorical) else np.ones(space.low.shape, dtype=np.bool_)
        together = np.zeros(used.shape, dtype=np.int64 if choices else np.float64)
        for row, agent in enumerate(self.possible_agents):
            if agent not in actions:
                raise RunError(f"there is no action for agent {agent!r}")
            own = _within(self.action_spaces[agent], actions[agent], agent)
            together[row, used[row]] = own[: used[row].sum()]
        return together


def _spaces(actions: Categorical | Box) -> list[Space]:
    """Space of each agent's actions; one choice that means nothing for who has none."""
    if isinstance(actions, Box):
        bounds = zip(actions.low, actions.high, strict=True)
        return [gymnasium.spaces.Box(low, high, dtype=np.float64) for low, high in bounds]
    heads = np.array(actions.heads, dtype=np.int64)
    return [MultiDiscrete(heads[used] if used.any() else np.ones(1, np.int64)) for used in actions.used]


def _within(space: Space, action: NDArray[Any], agent: str) -> Actions:
    """The action of an agent; RunError outside of its space, where what is no number lies, too, and 1.5 of a choice."""
    chosen = np.asarray(action)
    fits = chosen.dtype.kind in "biuf" and chosen.shape == space.shape
    if isinstance(space, MultiDiscrete):
        inside = fits and bool(((chosen >= 0) & (chosen < space.nvec) & (np.floor(chosen) == chosen)).all())
    else:
        inside = fits and bool(((chosen >= space.low) & (chosen <= space.high)).all())
    if not inside:
        raise RunError(f"the action {action!r} of agent {agent!r} lies outside {space}")
    return chosen


def _box(size: int, bound: float) -> gymnasium.spaces.Box:
    return gymnasium.spaces.Box(-bound, bound, (size,), np.float32)


def _defined(score: float) -> float | None:
    return None if np.isnan(score) else score
