"""The game that agents learn: the simulation itself, many markets side by side, played slot by slot.

Nothing is rebuilt between episodes. An episode is a stretch of days of one long calendar, entered with all devices
reset, and every random number of the simulation is drawn by seed, stream and slot: so an episode depends on scenario,
seed and number alone, and a market in a batch has the bytes that it has alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from marketsim.agents.game.features import BOUND, OWN, PUBLIC, Look, scaling
from marketsim.core.arrays import FloatArray
from marketsim.core.game import MARKET, Actions, Categorical, Features, Layout, Shape, Step
from marketsim.core.records import SlotRecord, State
from marketsim.core.simulation import initial_state
from marketsim.core.slot import open_slot, play_slot
from marketsim.fairness.critic import Critic, Critique, PatientCritic, Scores
from marketsim.games.context import GameContext
from marketsim.games.market.credit import credit_of
from marketsim.games.market.params import MarketGameParams
from marketsim.games.market.parts import AgentScales, Parts, parts_of, scales_of
from marketsim.games.market.reward import ECONOMIC, REWARDS, SHAPING, Bills, Played, Reward, shaping_of

SCORES: Final = Scores._fields
"""Scores of the critic in the slot."""


class MarketGame:
    """Implements ``core.game.Game`` on the simulation; made by ``build``."""

    def __init__(self, parts: Parts, scales: AgentScales, critic: Critic, reward: Reward) -> None:
        self._parts, self._critic, self._reward = parts, critic, reward
        world = parts.context.world
        self._m, self._a = world.community.n_markets, len(parts.learners)
        names = parts.features
        self._scaling = scaling(names, scales.ratings)
        self._look_of_all = self._scaling.of(np.tile(np.arange(self._a), self._m))
        self._own = [names.index(name) for name in OWN if name in names]
        self._public = [names.index(name) for name in PUBLIC]
        self._state: State | None = None

    @property
    def shape(self) -> Shape:
        """Sizes and names of the game."""
        player, n = self._parts.player, self._a
        used = np.ones((n, len(player.space.heads)), dtype=np.bool_)
        used[:, :2] = self._parts.trades[:, None]
        if player.space.charges:
            used[:, 2] = player.owns_store[:n]
        n_state = n * len(self._own) + len(self._public)
        return Shape(
            n_markets=self._m,
            n_agents=n,
            n_features=len(self._scaling.names),
            n_state=n_state,
            actions=Categorical(player.space.heads, used),
            slots=self._parts.slots_per_episode,
            rewards=REWARDS,
            scores=SCORES,
        )

    @property
    def layout(self) -> Layout:
        """Whose game it is, and what its features mean."""
        return Layout(self._parts.names, *self._scaling, BOUND, MARKET)

    @property
    def record(self) -> SlotRecord:
        """What happened in the last slot."""
        if self._record is None:
            raise AssertionError("no slot of this episode has been played yet")
        return self._record

    @property
    def bills(self) -> Bills:
        """What the last slot's economic reward was made of."""
        if self._bills is None:
            raise AssertionError("no slot of this episode has been played yet")
        return self._bills

    def critiques(self) -> list[Critique]:
        """What the critic wrote down since the last call."""
        return self._critic.drain()

    def close(self, *, wait: bool = True) -> Mapping[str, object]:
        """Let the critic go, after what it has under way unless it need not ``wait``; what it says of itself."""
        if not isinstance(self._critic, PatientCritic):
            return {}
        self._critic.finish(wait=wait)
        return self._critic.facts()

    def memory(self) -> Mapping[str, FloatArray]:
        """What shaping remembers."""
        return {} if self._reward.shaping is None else self._reward.shaping.memory()

    def recall(self, memory: Mapping[str, FloatArray]) -> None:
        """Go on from a memory."""
        if self._reward.shaping is not None:
            self._reward.shaping.recall(memory)

    def reset(self, episode: int) -> tuple[Features, Features]:
        """Begin an episode with all devices as at the beginning of a run."""
        parts = self._parts
        first = parts.days.first(episode) * parts.context.world.clock.slots_per_day
        self._world = parts.world()
        self._state = initial_state(self._world)._replace(slot=first)
        self._reference = parts.reference(first)
        self._episode, self._slot = episode, 0
        self._record: SlotRecord | None = None
        self._bills: Bills | None = None
        return self._look()

    def step(self, actions: Actions) -> Step:
        """Play a slot."""
        if self._state is None or self._slot >= self._parts.slots_per_episode:
            raise AssertionError("an episode is begun by reset, and ends after its slots")
        self._parts.player.hand.put(np.ascontiguousarray(actions).reshape(self._m * self._a, -1))
        before, opened = self._state, self._opened
        reference = self._reference(opened)
        record, self._state = play_slot(self._world, before, opened)
        found = self._reward(Played(self._world, record, reference, before, self._state), self._episode)
        self._record, self._bills = record, found.bills
        self._slot += 1
        seen, state = self._look()
        economic, shaping = found.economic, found.shaping
        told = {ECONOMIC: economic, SHAPING: shaping, **dict(zip(SCORES, found.scores.T, strict=True))}
        return Step(seen, state, economic + shaping, told, self._slot == self._parts.slots_per_episode)

    def _look(self) -> tuple[Features, Features]:
        assert self._state is not None
        self._opened = open_slot(self._world, self._state)
        seen = self._look_of_all(Look(self._opened.seen[0])).reshape(self._m, self._a, -1)
        state = np.concatenate((seen[:, :, self._own].reshape(self._m, -1), seen[:, 0, self._public]), axis=1)
        return seen, state


def build(params: MarketGameParams, context: GameContext) -> MarketGame:
    """Game ``market``; ScenarioError where the scenario asks for what cannot be."""
    parts = parts_of(params, context)
    critic, scales = context.critic(), scales_of(parts)
    reward = Reward(parts, scales, critic, credit_of(parts, critic), shaping_of(parts))
    return MarketGame(parts, scales, critic, reward)
