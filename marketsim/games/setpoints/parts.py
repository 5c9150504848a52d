"""What the game of set-points is made of: who plays, how large everybody is, and what energy in store is worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from marketsim.agents.setpoints.features import PlayerSizes
from marketsim.agents.setpoints.player import ActionHand, SetpointPlayer
from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.game import Box
from marketsim.core.records import State
from marketsim.core.setpoints import IDLE
from marketsim.core.units import WH_PER_KWH, to_price
from marketsim.core.world import Role, World
from marketsim.games.context import GameContext
from marketsim.games.episodes import RecurringTariff
from marketsim.games.setpoints.params import SetpointsGameParams

_SIZING_DAYS: Final = 28
"""Training days that sizes of agents are read from."""
AT: Final = "learning.game.setpoints.agents"


class SetpointParts(NamedTuple):
    """What a game is made of, beside its reward."""

    context: GameContext
    hand: ActionHand
    player: SetpointPlayer
    connections: IntArray
    """Positions of the A players in their market."""
    names: tuple[str, ...]
    """Of the players [A]."""
    rows: IntArray
    """Their rows on the flat axis, market by market [M * A]."""
    world: Callable[[], World]
    """The world of an episode: strategies of those who do not play remember nothing of the one before."""

    @property
    def shape(self) -> tuple[int, int]:
        """Markets, and players of each."""
        return self.context.community.n_markets, len(self.connections)


def parts_of(game: SetpointsGameParams, context: GameContext) -> SetpointParts:
    """Everything but the reward; ScenarioError where nobody can play."""
    connections = _players(game, context)
    n, m = len(context.agents), context.community.n_markets
    rows = (np.arange(m)[:, None] * n + connections).reshape(-1)
    hand = ActionHand()
    player = SetpointPlayer(hand, context.for_rows(rows))
    role, tariff = Role(player, rows), RecurringTariff(context.world.tariff, context.clock)
    playing, traders = set(connections.tolist()), _traders(context, connections)
    others = [position for position in range(n) if position not in playing]
    return SetpointParts(
        context=context,
        hand=hand,
        player=player,
        connections=connections,
        names=tuple(context.agents[position].name for position in connections.tolist()),
        rows=rows,
        world=lambda: replace(context.world, cast=(role, *context.cast(others)), tariff=tariff, traders=traders),
    )


def _traders(context: GameContext, players: IntArray) -> IntArray | None:
    """Who is in the pools when these agents play: they, and whoever trades by the scenario's strategies [M, T]."""
    traders, n = context.world.traders, len(context.agents)
    if traders is None:
        return None
    everybody = np.union1d(traders[0] % n, players)
    return np.asarray(np.arange(context.community.n_markets)[:, None] * n + everybody, dtype=np.int64)


def _players(game: SetpointsGameParams, context: GameContext) -> IntArray:
    names, has = [agent.name for agent in context.agents], _has_something(context)
    if game.agents == "all":
        if not has.any():
            hint = "give agents pv_kw, or a battery, generator or curtailable_load"
            raise ScenarioError([Problem("nobody has anything to set", AT, "all", hint)])
        return np.flatnonzero(has)
    unknown = [name for name in game.agents if name not in names]
    if unknown or not game.agents:
        raise ScenarioError(
            [Problem("there is no such agent", AT, ", ".join(unknown) or "[]", f"agents: {', '.join(names)}")]
        )
    chosen = np.array(sorted({names.index(name) for name in game.agents}), dtype=np.int64)
    idle = [names[position] for position in chosen.tolist() if not has[position]]
    if idle:
        hint = "give it pv_kw, or a battery, generator or curtailable_load"
        raise ScenarioError([Problem("this agent has nothing to set", AT, ", ".join(idle), hint)])
    return chosen


def _has_something(context: GameContext) -> BoolArray:
    has = np.array([agent.pv_kw > 0.0 for agent in context.agents])
    for fleet in context.fleets:
        if fleet.priced or (fleet.stores and not fleet.departs):
            has |= fleet.owned[: len(has)]
    return has


def box_of(parts: SetpointParts) -> Box:
    """Bounds of each player's actions: the idle number alone where it has nothing of the kind [A, 5]."""
    n, devices, context = len(parts.connections), parts.player.devices, parts.context
    ratings = devices.ratings
    owned = np.zeros(n, dtype=np.bool_)
    if devices.curtailable is not None:
        owned = context.fleets[devices.curtailable].owned[parts.connections]
    pv = np.array([context.agents[position].pv_kw > 0.0 for position in parts.connections.tolist()])
    if context.metered:
        pv[:] = True
    has = np.stack(
        (ratings.generator_kw[:n] > 0, ratings.discharge_kw[:n] > 0, owned, pv, (ratings.kva[:n] > 0) & pv), axis=1
    )
    return Box(np.where(has, -1.0, IDLE), np.where(has, 1.0, IDLE))


def sizes_of(parts: SetpointParts) -> PlayerSizes:
    """Sizes of the players, from one market with the scenario's own seed: the same however many are played."""
    context, n = parts.context, len(parts.connections)
    one, clock = context.profiles(), context.clock
    days = _SIZING_DAYS if context.draws_days else min(clock.days, _SIZING_DAYS)
    series = [one.at(clock.at(slot)) for slot in range(days * clock.slots_per_day)]
    load, pv = (np.array([each[name] for each in series])[:, parts.connections] for name in ("load_kw", "pv_kw"))
    prices = [context.world.tariff.at(clock.at(slot)) for slot in range(min(clock.slots, 7 * clock.slots_per_day))]
    sides = np.array([(price.retail_ticks[0], price.feed_in_ticks[0]) for price in prices])
    return PlayerSizes(
        load_kw=load.max(axis=0),
        pv_kw=pv.max(axis=0),
        generator_kw=parts.player.devices.ratings.generator_kw[:n],
        retail=float(to_price(np.abs(sides)).max()),
    )


class StoredValue:
    """What the energy in the players' stores is worth against that of the start [currency] [M * A].

    Missing energy has to be bought, charging losses on top; spare energy is sold less the losses of discharging. Its changes
    over a day sum to its value at the end, so a day that ends as it began earns nothing by it.
    """

    def __init__(self, game: SetpointsGameParams, parts: SetpointParts) -> None:
        fleet = parts.player.devices.battery
        self._fleet, self._rows = fleet, parts.rows
        store = None if fleet is None else parts.context.fleets[fleet].store
        if store is not None:
            self._missing = game.missing_per_kwh / store.charge_efficiency[parts.rows]
            self._spare = game.spare_per_kwh * store.discharge_efficiency[parts.rows]

    def stored_kwh(self, state: State) -> FloatArray:
        """In each store [M * A]; 0 without one."""
        if self._fleet is None:
            return np.zeros(len(self._rows))
        return np.asarray(state.devices[self._fleet][0][self._rows] / WH_PER_KWH)

    def __call__(self, kwh: FloatArray, start_kwh: FloatArray) -> FloatArray:
        """Value of so much in store against the start."""
        more = kwh - start_kwh
        return np.zeros(len(more)) if self._fleet is None else more * np.where(more < 0.0, self._missing, self._spare)
