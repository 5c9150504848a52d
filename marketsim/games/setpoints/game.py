"""The game of set-points: many days side by side, played slot by slot, each by the agents of one market.

Nothing is rebuilt between episodes. An episode is a day of one long calendar, entered with all devices reset; it depends on
scenario, seed and number alone, and a market in a batch has the bytes that it has alone.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from marketsim.agents.game.features import BOUND
from marketsim.agents.setpoints.devices import Steerable
from marketsim.agents.setpoints.features import NAMES, PoolSight, SetpointScaling, rows_of_state
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.game import Actions, Features, Layout, Memoryless, Shape, Slopes, Step
from marketsim.core.records import Observations, SlotRecord, State
from marketsim.core.setpoints import ACTIONS, to_actions
from marketsim.core.simulation import initial_state
from marketsim.core.slot import open_slot, play_slot
from marketsim.core.units import WH_PER_KWH
from marketsim.games.context import GameContext
from marketsim.games.guide import Guide, Visited
from marketsim.games.setpoints.params import SetpointsGameParams
from marketsim.games.setpoints.parts import SetpointParts, StoredValue, box_of, parts_of, sizes_of
from marketsim.games.setpoints.reward import REWARDS, SCORES, SetpointReward
from marketsim.games.setpoints.slopes import PlayedSlot, SlotSlopes


class SetpointsGame(Memoryless):
    """Implements ``core.game.Game`` on the simulation, with labels of an expert where the scenario has one; made by ``build``."""

    def __init__(self, game: SetpointsGameParams, parts: SetpointParts) -> None:
        self._game, self._parts, self._reward = game, parts, SetpointReward(game, parts)
        self._value = StoredValue(game, parts)
        self._slots = parts.context.clock.slots_per_day
        self._scaling = SetpointScaling.by(sizes_of(parts))
        self._scale = self._scaling.tiled(parts.shape[0])
        self._of_state = rows_of_state(parts.shape[1])
        self._guide: Guide | None = None
        self._guided = -1
        self._record: SlotRecord | None = None
        self._slopes: SlotSlopes | None = None
        self._played: PlayedSlot | None = None
        self._state: State | None = None

    @property
    def shape(self) -> Shape:
        """Sizes and names of the game."""
        m, n = self._parts.shape
        return Shape(
            n_markets=m,
            n_agents=n,
            n_features=len(NAMES),
            n_state=len(self._of_state),
            actions=box_of(self._parts),
            slots=self._slots,
            rewards=REWARDS,
            scores=SCORES,
        )

    @property
    def layout(self) -> Layout:
        """Whose game it is, and what its features mean."""
        return Layout(self._parts.names, NAMES, *self._scaling, BOUND, "setpoints")

    @property
    def record(self) -> SlotRecord:
        """What happened in the last slot."""
        if self._record is None:
            raise AssertionError("no slot of this episode has been played yet")
        return self._record

    @property
    def context(self) -> GameContext:
        """What it was built from, for the players alone."""
        return replace(self._parts.context, rows=self._parts.rows)

    @property
    def stored_kwh(self) -> FloatArray:
        """In each player's battery now, counted from empty; 0 without one [M, A]."""
        if self._state is None:
            raise AssertionError("an episode is begun by reset")
        return self._value.stored_kwh(self._state).reshape(self._parts.shape)

    @property
    def looked(self) -> tuple[Observations, Steerable]:
        """What the players see in full, and the devices that they steer: for rules, which see no scaled features."""
        return self._opened.seen[0], self._parts.player.devices

    def reset(self, episode: int) -> tuple[Features, Features]:
        """Begin an episode with all devices as at the beginning of a run."""
        self._world = self._parts.world()
        self._first = self._parts.context.first_slot(episode)
        self._state = initial_state(self._world)._replace(slot=self._first)
        self._start_kwh = self._value.stored_kwh(self._state)
        self._worth = np.zeros(len(self._start_kwh))
        self._record, self._played, self._slot, self._guided = None, None, 0, -1
        return self._look()

    def step(self, actions: Actions) -> Step:
        """Play a slot."""
        if self._state is None or self._slot >= self._slots:
            raise AssertionError("an episode is begun by reset, and ends after its slots")
        flat = np.asarray(actions, dtype=np.float64).reshape(-1, len(ACTIONS))
        self._parts.hand.put(flat)
        idle_money, stored_kwh, opened = (
            self._reward.idle_money(self._opened),
            self._value.stored_kwh(self._state),
            self._opened,
        )
        record, self._state = play_slot(self._world, self._state, opened)
        dispatch_wh, _ = self._parts.player.last_held
        self._played = PlayedSlot(opened.seen[0], flat, dispatch_wh, record, stored_kwh, self._start_kwh)
        parts = self._reward(record, idle_money, self._gained(), self._short_wh(record))
        self._record, self._slot = record, self._slot + 1
        seen, state = self._look()
        reward = parts["cost"] + parts["voltage"] + parts["stored"]
        return Step(seen, state, reward, parts, self._slot == self._slots)

    @property
    def carried(self) -> tuple[int, ...]:
        """See ``core.game.Sloped``."""
        return self._slopes_of_slots().carried

    def slopes(self) -> Slopes:
        """See ``core.game.Sloped`` and ``SlotSlopes``."""
        if self._played is None:
            raise AssertionError("no slot of this episode has been played yet")
        return self._slopes_of_slots()(self._played)

    def _slopes_of_slots(self) -> SlotSlopes:
        if self._slopes is None:
            self._slopes = SlotSlopes(self._game, self._parts, self._scaling)
        return self._slopes

    def labels(self) -> FloatArray:
        """What the scenario's expert would do in the state that is seen now [M, A, 5]; ScenarioError where there is none."""
        if self._state is None:
            raise AssertionError("an episode is begun by reset")
        guide = self._guide_of_day()
        points = guide.setpoints(self._slot, self._visited())
        devices = self._parts.player.devices
        flat = type(points)(*(part.reshape(-1) for part in points))
        actions = to_actions(flat, devices.ratings, devices.available(self._opened.seen[0]))
        space = box_of(self._parts)
        return np.clip(actions.reshape(*self._parts.shape, len(ACTIONS)), space.low, space.high)

    def _guide_of_day(self) -> Guide:
        if self._guide is None:
            make = self._parts.context.guide
            if make is None:
                hint = "name one, such as expert: {joint: {}}"
                raise ScenarioError([Problem("there is no expert to learn from in this scenario", "expert", hint=hint)])
            self._guide = make(self._parts.connections)
        if self._guided != self._first:
            self._guide.begin([self._world.clock.at(self._first + slot) for slot in range(self._slots)])
            self._guided = self._first
        return self._guide

    def _visited(self) -> Visited:
        assert self._state is not None
        rows, shape, series = self._parts.rows, self._parts.shape, self._opened.inputs.series
        quantities = (series["load_kw"][rows], series["pv_kw"][rows], self._value.stored_kwh(self._state))
        return Visited(*(part.reshape(shape) for part in (*quantities, self._generator_kw())))

    def _generator_kw(self) -> FloatArray:
        """Mean power of the players' generators in the last slot [M * A]."""
        fleet = self._parts.player.devices.generator
        if fleet is None or self._state is None:
            return np.zeros(len(self._parts.rows))
        return np.asarray(self._state.device_wh[fleet][self._parts.rows] / (WH_PER_KWH * self._world.clock.slot_hours))

    def _gained(self) -> FloatArray:
        """Change of stored value in the slot that was played [currency] [M, A]."""
        assert self._state is not None
        before = self._worth
        self._worth = self._value(self._value.stored_kwh(self._state), self._start_kwh)
        return (self._worth - before).reshape(self._parts.shape)

    def _short_wh(self, record: SlotRecord) -> IntArray:
        """What is missing of the set-points that devices could have executed [M * A]."""
        dispatch, pv_wh = self._parts.player.last_held
        wanted = dispatch.sum(axis=0) + pv_wh - record.inputs.load_wh[self._parts.rows]
        return np.asarray(wanted - record.energy.net_wh[self._parts.rows])

    def _look(self) -> tuple[Features, Features]:
        assert self._state is not None
        self._opened = open_slot(self._world, self._state)
        m, n = self._parts.shape
        seen = self._scale(PoolSight(self._opened.seen[0], self._parts.player.devices.generator))
        return seen.reshape(m, n, -1), np.take(seen.reshape(m, -1), self._of_state, axis=1)


def build(params: SetpointsGameParams, context: GameContext) -> SetpointsGame:
    """Game ``setpoints``; ScenarioError where the scenario asks for what cannot be."""
    return SetpointsGame(params, parts_of(params, context))
