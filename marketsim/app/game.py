"""The game that agents learn: the simulation itself, many markets side by side, played slot by slot.

Nothing is rebuilt between episodes. An episode is a stretch of days of one long calendar, entered with all devices
reset, and every random number of the simulation is drawn by seed, stream and slot: so an episode depends on scenario,
seed and number alone, and a market in a batch has the bytes that it has alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from marketsim.agents.game.features import BOUND, OWN, PUBLIC, Look, scaling
from marketsim.app.episodes import on_part
from marketsim.app.game_parts import Parts, Scales, parts_of, scales_of
from marketsim.app.game_reward import Credit, credit_of, shaping_of
from marketsim.app.ready import ReadyScenario
from marketsim.app.wiring import build, critic_of
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.records import SlotRecord, State
from marketsim.core.rng import Streams
from marketsim.core.simulation import initial_state
from marketsim.core.slot import open_slot, play_slot
from marketsim.core.units import MONEY_PER_CURRENCY
from marketsim.fairness.critic import Critic, Critique, PatientCritic
from marketsim.fairness.shaping import Shaping
from marketsim.learning.game import Features, Layout, Shape, Step


class Bills(NamedTuple):
    """What the economic reward is made of [1e-9 currency] [M, A]."""

    reference: FloatArray
    paid: FloatArray
    """Payments, network charges and wear."""
    stored: FloatArray
    """Change of stored energy, at the mean feed-in price."""


class MarketGame:
    """Implements ``learning.game.Game`` on the simulation; made by ``build_game``."""

    def __init__(self, parts: Parts, scales: Scales, critic: Critic, credit: Credit, shaping: Shaping | None) -> None:
        self._parts, self._scales = parts, scales
        self._critic, self._credit, self._shaping = critic, credit, shaping
        world = parts.built.world
        self._m, self._a = world.community.n_markets, len(parts.learners)
        names = parts.features
        self._scaling = scaling(names, scales.ratings)
        self._look_of_all = self._scaling.of(np.tile(np.arange(self._a), self._m))
        self._own = [names.index(name) for name in OWN if name in names]
        self._public = [names.index(name) for name in PUBLIC]
        self._currency = np.tile(scales.currency, (self._m, 1)) * MONEY_PER_CURRENCY
        self._state: State | None = None

    @property
    def shape(self) -> Shape:
        """Sizes of the game."""
        player, n = self._parts.player, self._a
        used = np.ones((n, len(player.space.heads)), dtype=np.bool_)
        used[:, :2] = self._parts.trades[:, None]
        if player.space.charges:
            used[:, 2] = player.owns_store[:n]
        n_state = n * len(self._own) + len(self._public)
        return Shape(
            self._m, n, len(self._scaling.names), n_state, player.space.heads, used, self._parts.slots_per_episode
        )

    @property
    def layout(self) -> Layout:
        """Whose game it is, and what its features mean."""
        return Layout(self._parts.names, *self._scaling, BOUND)

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
        return {} if self._shaping is None else self._shaping.memory()

    def recall(self, memory: Mapping[str, FloatArray]) -> None:
        """Go on from a memory."""
        if self._shaping is not None:
            self._shaping.recall(memory)

    def reset(self, episode: int) -> tuple[Features, Features]:
        """Begin an episode with all devices as at the beginning of a run."""
        parts = self._parts
        first = parts.days.first(episode) * parts.built.world.clock.slots_per_day
        self._world = parts.world()
        self._state = initial_state(self._world)._replace(slot=first)
        self._reference = parts.reference(first)
        self._episode, self._slot = episode, 0
        self._record: SlotRecord | None = None
        self._bills: Bills | None = None
        return self._look()

    def step(self, actions: IntArray) -> Step:
        """Play a slot."""
        if self._state is None or self._slot >= self._parts.slots_per_episode:
            raise AssertionError("an episode is begun by reset, and ends after its slots")
        self._parts.player.hand.put(np.ascontiguousarray(actions).reshape(self._m * self._a, -1))
        before, opened = self._state, self._opened
        reference = self._reference(opened)
        record, self._state = play_slot(self._world, before, opened)
        self._record, self._bills = record, self._billed(record, reference, before, self._state)
        economic = (self._bills.reference - self._bills.paid + self._bills.stored) / self._currency
        scores = np.stack(self._critic.review(record), axis=1)
        shaping = self._shaped(record, scores, economic)
        self._slot += 1
        seen, state = self._look()
        return Step(seen, state, economic, shaping, scores, self._slot == self._parts.slots_per_episode)

    def _look(self) -> tuple[Features, Features]:
        assert self._state is not None
        self._opened = open_slot(self._world, self._state)
        seen = self._look_of_all(Look(self._opened.seen[0])).reshape(self._m, self._a, -1)
        state = np.concatenate((seen[:, :, self._own].reshape(self._m, -1), seen[:, 0, self._public]), axis=1)
        return seen, state

    def _billed(self, record: SlotRecord, reference: IntArray, before: State, after: State) -> Bills:
        rows = self._parts.rows
        paid = record.ledger.money.sum(axis=0) + record.wear_money
        stored = np.zeros(len(paid))
        for stores, had, has in zip(self._world.stores, before.devices, after.devices, strict=True):
            if stores:
                stored += has[0] - had[0]
        worth = stored[rows] * self._scales.feed_in_ticks
        parts = (reference[rows].astype(np.float64), paid[rows].astype(np.float64), worth)
        return Bills(*(part.reshape(self._m, self._a) for part in parts))

    def _shaped(self, record: SlotRecord, scores: FloatArray, economic: FloatArray) -> FloatArray:
        if self._shaping is None:
            return np.zeros_like(economic)
        credit, weight = self._credit(self._world, record, scores)
        time = record.inputs.time
        return self._shaping(credit, economic, weight, self._episode, time.slot, time.of_day)


def build_game(
    ready: ReadyScenario,
    *,
    markets: int | None = None,
    rounds: int | None = None,
    seeds: Sequence[int] | None = None,
) -> MarketGame:
    """The game of a scenario.

    ``markets`` are played side by side (default: as many as the learner asks for), each with a seed of its own that
    follows from the scenario's, unless ``seeds`` names them. ``rounds`` is how many episodes the whole training has
    (default: the learner's), which the ramp of the shaping is measured by.
    """
    section = ready.model.learning
    learner = section.learner.params
    ready = on_part(ready, "training")
    if seeds is None:
        count: int = getattr(learner, "markets", 1) if markets is None else markets
        seeds = market_seeds(ready.seed, count)
    built = build(ready, seeds)
    parts = parts_of(ready, built, shared=getattr(learner, "policies", "") == "shared")
    if rounds is None:
        rounds_of = getattr(learner, "rounds", None)
        rounds = rounds_of(len(parts.learners), parts.slots_per_episode) if rounds_of else 1
    critic = critic_of(ready, built.context)
    credit = credit_of(ready, parts, critic)
    return MarketGame(parts, scales_of(ready, parts), critic, credit, shaping_of(ready, built, parts, rounds))


def market_seeds(seed: int, markets: int) -> tuple[int, ...]:
    """Seeds of markets side by side; the first has the scenario's own."""
    keys = Streams((seed,))
    return (seed, *(int(keys.keys("markets", market)[0] >> np.uint64(1)) for market in range(1, markets)))
