"""What a game is made of: who learns, what is seen, how large everybody is, and what everybody would pay anyway."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from marketsim.agents.game.actions import ActionLevels, Player, has_stores
from marketsim.agents.game.features import Ratings, feature_names
from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.build import AgentSpec
from marketsim.core.delivery import Immediate
from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.simulation import initial_state
from marketsim.core.slot import Opened, run_slot
from marketsim.core.units import to_price
from marketsim.core.world import Role, World
from marketsim.games.context import GameContext
from marketsim.games.episodes import EpisodeDays, RecurringTariff
from marketsim.games.market.params import MarketGameParams

_CALIBRATION_DAYS: Final = 28
"""Training days that sizes of agents are read from."""
_SMALLEST_SCALE: Final = 1e-4
"""Least scale of an economic reward [currency a slot]."""
_STORE_USE: Final = 0.25
"""Share of a device's power that counts towards its owner's economic scale."""


class AgentScales(NamedTuple):
    """Sizes of the learning agents of one market, from ratings and training days."""

    ratings: Ratings
    currency: FloatArray
    """What an agent could gain in an average slot by trading all it has at the other end of the tariff [A]."""
    feed_in_ticks: float
    """Mean feed-in price, which stored energy is worth; negative ones count as 0."""


class Parts(NamedTuple):
    """What a game is made of, beside its reward."""

    context: GameContext
    player: Player
    learners: IntArray
    """Positions of the A learning agents in their market."""
    names: tuple[str, ...]
    """Of the learning agents [A]."""
    trades: BoolArray
    """Which of them have a load or PV of their own, so that price and quantity mean something [A]."""
    rows: IntArray
    """Their rows on the flat axis, market by market [M * A]."""
    features: tuple[str, ...]
    days: EpisodeDays
    slots_per_episode: int
    world: Callable[[], World]
    """The world of an episode: strategies of those who do not learn remember nothing of the one before."""
    reference: Callable[[int], Callable[[Opened], IntArray]]
    """Of an episode that begins in a slot: the bills [n_agents] of its slots in turn, in the reference run."""


def parts_of(game: MarketGameParams, context: GameContext) -> Parts:
    """Everything but the reward; ScenarioError for learners that are not there."""
    learners = _learners(game, context)
    n, m = len(context.agents), context.community.n_markets
    rows = (np.arange(m)[:, None] * n + learners).reshape(-1)
    within = context.for_rows(rows)
    player = Player(ActionLevels(game.prices, game.quantities, game.charges if has_stores(within) else 0), within)
    others = [position for position in range(n) if position not in set(learners.tolist())]
    tariff = RecurringTariff(context.world.tariff, context.clock)
    role = Role(player, rows)

    def world() -> World:
        return replace(context.world, cast=(role, *context.cast(others)), tariff=tariff)

    agents = [context.agents[position] for position in learners]
    ratings = context.needs.shared if game.ratings is None else game.ratings
    return Parts(
        context=context,
        player=player,
        learners=learners,
        names=tuple(agent.name for agent in agents),
        trades=np.array([agent.pv_kw > 0 or _draws(agent) or context.metered for agent in agents]),
        rows=rows,
        features=feature_names(
            stores=player.space.charges > 0, grid=bool((context.world.node_of >= 0).any()), ratings=ratings
        ),
        days=EpisodeDays(game.days, context.clock, context.seed, draws_days=context.draws_days),
        slots_per_episode=game.days * context.clock.slots_per_day,
        world=world,
        reference=lambda first: _reference(replace(context.reference, tariff=tariff), first),
    )


def _draws(agent: AgentSpec) -> bool:
    return agent.load.peak_kw is not None or agent.load.annual_kwh is not None


def _learners(game: MarketGameParams, context: GameContext) -> IntArray:
    chosen = game.agents
    names = [agent.name for agent in context.agents]
    if chosen == "all":
        return np.arange(len(names))
    unknown = [name for name in chosen if name not in names]
    if unknown or not chosen:
        hint = f"agents: {', '.join(names)}"
        problem = Problem("there is no such agent", "learning.game.market.agents", ", ".join(unknown) or "[]", hint)
        raise ScenarioError([problem])
    return np.array(sorted({names.index(name) for name in chosen}), dtype=np.int64)


def _reference(world: World, first: int) -> Callable[[Opened], IntArray]:
    """Bills of the reference run, slot by slot from ``first`` on; no action has any part in them.

    Without devices, wires and deviations everybody simply imports what it lacks and exports what it has too much, or curtails
    it where exporting costs.
    """
    if not world.devices and (world.node_of < 0).all() and isinstance(world.delivery, Immediate):
        market = world.community.market

        def closed(opened: Opened) -> IntArray:
            inputs = opened.inputs
            net = inputs.load_wh - inputs.pv_wh
            prices = inputs.tariffs
            pays = np.maximum(prices.feed_in_ticks, 0)
            return np.asarray(net * np.where(net > 0, prices.retail_ticks[market], pays[market]))

        return closed
    state = initial_state(world)._replace(slot=first)

    def simulated(_: Opened) -> IntArray:
        nonlocal state
        record, state = run_slot(world, state)
        return np.asarray(record.ledger.money.sum(axis=0) + record.wear_money)

    return simulated


def scales_of(parts: Parts) -> AgentScales:
    """Sizes of agents, from one market with the scenario's own seed: the same however many are played."""
    context = parts.context
    one, clock = context.profiles(), context.clock
    days = _CALIBRATION_DAYS if context.draws_days else min(clock.days, _CALIBRATION_DAYS)
    series = [one.at(clock.at(slot)) for slot in range(days * clock.slots_per_day)]
    load, pv = (np.array([each[name] for each in series])[:, parts.learners] for name in ("load_kw", "pv_kw"))
    prices = [context.world.tariff.at(clock.at(slot)) for slot in range(min(clock.slots, 7 * clock.slots_per_day))]
    retail = np.array([price.retail_ticks[0] for price in prices])
    feed_in = np.array([price.feed_in_ticks[0] for price in prices])
    agents = [context.agents[position] for position in parts.learners]
    power_kw = np.array([fleet.rated_in_kw[parts.learners] for fleet in context.fleets]).sum(axis=0)
    tradable_kwh = (np.abs(pv - load).mean(axis=0) + _STORE_USE * power_kw) * clock.slot_hours
    spread = float(to_price(retail - feed_in).mean())
    return AgentScales(
        ratings=Ratings(
            is_prosumer=np.array([agent.kind != "consumer" for agent in agents]),
            load_kw=load.max(axis=0),
            pv_kw=pv.max(axis=0),
            retail=float(to_price(np.maximum(np.abs(retail), np.abs(feed_in))).max()),
        ),
        currency=np.maximum(tradable_kwh * spread, _SMALLEST_SCALE),
        feed_in_ticks=float(np.maximum(feed_in, 0).mean()),
    )
