"""The game that agents learn: the simulation itself, many markets side by side, played slot by slot.

Nothing is rebuilt between episodes. An episode is a stretch of days of one long calendar, entered with all devices
reset, and every random number of the simulation is drawn by seed, stream and slot: so an episode depends on scenario,
seed and number alone, and a market in a batch has the bytes that it has alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from marketsim.agents.game.actions import ActionSpace, Player, has_stores
from marketsim.agents.game.features import BOUND, OWN, PUBLIC, Look, Ratings, feature_names, scaling
from marketsim.app.counterfactual import Copies, Counterfactual, copies_of
from marketsim.app.episodes import EpisodeDays, RecurringTariff, draws_days, on_part
from marketsim.app.ready import ReadyScenario
from marketsim.app.wiring import Built, build, cast_of, copied_world, critic_of, profiles_of
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.delivery import Immediate
from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.potential import availability
from marketsim.core.records import SlotRecord, State
from marketsim.core.rng import Streams
from marketsim.core.simulation import initial_state
from marketsim.core.slot import Opened, open_slot, play_slot, run_slot
from marketsim.core.units import MONEY_PER_CURRENCY, to_price
from marketsim.core.world import Role, World
from marketsim.fairness.critic import Critic, Critique
from marketsim.fairness.shaping import Shaping, ShapingRule, influence
from marketsim.learning.game import Features, Layout, Shape, Step

_CALIBRATION_DAYS: Final = 28
"""Training days that sizes of agents are read from."""
_CONSTANT_SCORE: Final = 0.5
_SMALLEST_SCALE: Final = 1e-4
"""Least scale of an economic reward [currency a slot]."""
_STORE_USE: Final = 0.25
"""Share of a store's power that counts towards its owner's economic scale."""


class Scales(NamedTuple):
    """Sizes of the learning agents of one market, from ratings and training days."""

    ratings: Ratings
    currency: FloatArray
    """What an agent could gain in an average slot by trading all it has at the other end of the tariff [A]."""
    feed_in_ticks: float
    """Mean feed-in price, which stored energy is worth."""


class Bills(NamedTuple):
    """What the economic reward is made of [1e-9 currency] [M, A]."""

    reference: FloatArray
    paid: FloatArray
    """Payments, network charges and wear."""
    stored: FloatArray
    """Change of stored energy, at the mean feed-in price."""


class MarketGame:
    """Implements ``learning.game.Game`` on the simulation; made by ``build_game``."""

    def __init__(self, parts: Parts, scales: Scales, shaping: Shaping | None) -> None:
        self._parts, self._scales, self._shaping = parts, scales, shaping
        world = parts.built.world
        self._m, self._a = world.community.n_markets, len(parts.learners)
        names = parts.features
        self._scaling = scaling(names, scales.ratings)
        self._agents = np.tile(np.arange(self._a), self._m)
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
        return self._parts.critic.drain()

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
        scores = np.stack(self._parts.critic.review(record), axis=1)
        shaping = self._shaped(record, scores, economic)
        self._slot += 1
        seen, state = self._look()
        return Step(seen, state, economic, shaping, scores, self._slot == self._parts.slots_per_episode)

    def _look(self) -> tuple[Features, Features]:
        assert self._state is not None
        self._opened = open_slot(self._world, self._state)
        seen = self._scaling(Look(self._opened.seen[0]), self._agents).reshape(self._m, self._a, -1)
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
        credit, weight = self._parts.credit(record, scores)
        time = record.inputs.time
        return self._shaping(credit, economic, weight, self._episode, time.slot, time.of_day)


class Parts(NamedTuple):
    """What a game is made of."""

    built: Built
    """Of all markets, on the training days."""
    player: Player
    critic: Critic
    learners: IntArray
    """Positions of the A learning agents in their market."""
    names: tuple[str, ...]
    """Of the learning agents [A]."""
    trades: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
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
    credit: Callable[[SlotRecord, FloatArray], tuple[FloatArray, FloatArray | float]]
    """What each agent is credited with [M, A, 3], and its weight in it."""


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
    parts = _parts(ready, built, shared=getattr(learner, "policies", "") == "shared")
    if rounds is None:
        rounds_of = getattr(learner, "rounds", None)
        rounds = rounds_of(len(parts.learners), parts.slots_per_episode) if rounds_of else 1
    return MarketGame(parts, _scales(ready, parts), _shaping(ready, built, parts, rounds))


def market_seeds(seed: int, markets: int) -> tuple[int, ...]:
    """Seeds of markets side by side; the first has the scenario's own."""
    keys = Streams((seed,))
    return (seed, *(int(keys.keys("markets", market)[0] >> np.uint64(1)) for market in range(1, markets)))


def _parts(ready: ReadyScenario, built: Built, *, shared: bool) -> Parts:
    section, context = ready.model.learning, built.context
    learners = _learners(ready)
    n, m = len(ready.agents), context.community.n_markets
    rows = (np.arange(m)[:, None] * n + learners).reshape(-1)
    within = replace(context, rows=rows)
    game = section.game
    player = Player(ActionSpace(game.prices, game.quantities, game.charges if has_stores(within) else 0), within)
    others = [position for position in range(n) if position not in set(learners.tolist())]
    tariff = RecurringTariff(built.world.tariff, context.clock)
    role = Role(player, rows)

    def world() -> World:
        return replace(built.world, cast=(role, *cast_of(ready, context, built.kinds, others)), tariff=tariff)

    agents = [ready.agents[position] for position in learners]
    ratings = shared if game.ratings is None else game.ratings
    parts = Parts(
        built=built,
        player=player,
        critic=critic_of(ready, context),
        learners=learners,
        names=tuple(agent.name for agent in agents),
        trades=np.array([agent.pv_kw > 0 or _draws(agent.load) or _is_metered(ready) for agent in agents]),
        rows=rows,
        features=feature_names(
            stores=player.space.charges > 0, grid=bool((built.world.node_of >= 0).any()), ratings=ratings
        ),
        days=EpisodeDays(ready, game.days),
        slots_per_episode=game.days * context.clock.slots_per_day,
        world=world,
        reference=lambda first: _reference(replace(built.reference, tariff=tariff), first),
        credit=lambda _, scores: (scores[:, None, :], 1.0),
    )
    return parts._replace(credit=_credit(ready, parts))


def _draws(load: object) -> bool:
    return getattr(load, "peak_kw", None) is not None or getattr(load, "annual_kwh", None) is not None


def _is_metered(ready: ReadyScenario) -> bool:
    return "metered" in ready.registry.traits("profile", ready.model.profiles.name)


def _learners(ready: ReadyScenario) -> IntArray:
    chosen = ready.model.learning.game.agents
    names = [agent.name for agent in ready.agents]
    if chosen == "all":
        return np.arange(len(names))
    unknown = [name for name in chosen if name not in names]
    if unknown or not chosen:
        hint = f"agents: {', '.join(names)}"
        problem = Problem("there is no such agent", "learning.game.agents", ", ".join(unknown) or "[]", hint)
        raise ScenarioError([problem])
    return np.array(sorted({names.index(name) for name in chosen}), dtype=np.int64)


def _reference(world: World, first: int) -> Callable[[Opened], IntArray]:
    """Bills of the reference run, slot by slot from ``first`` on; no action has any part in them.

    Without devices, wires and deviations everybody simply imports what it lacks and exports what it has too much.
    """
    if not world.devices and (world.node_of < 0).all() and isinstance(world.delivery, Immediate):
        market = world.community.market

        def closed(opened: Opened) -> IntArray:
            inputs = opened.inputs
            net = inputs.load_wh - inputs.pv_wh
            prices = inputs.tariffs
            return np.asarray(net * np.where(net > 0, prices.retail_ticks[market], prices.feed_in_ticks[market]))

        return closed
    state = initial_state(world)._replace(slot=first)

    def simulated(_: Opened) -> IntArray:
        nonlocal state
        record, state = run_slot(world, state)
        return np.asarray(record.ledger.money.sum(axis=0) + record.wear_money)

    return simulated


def _credit(
    ready: ReadyScenario, parts: Parts
) -> Callable[[SlotRecord, FloatArray], tuple[FloatArray, FloatArray | float]]:
    section = ready.model.learning.reward
    shape = (parts.built.context.community.n_markets, len(parts.learners), 3)
    if section.scores == "constant":
        return lambda _, scores: (
            np.where(np.isfinite(scores), _CONSTANT_SCORE, np.nan)[:, None] + np.zeros(shape),
            1.0,
        )
    rule = section.credit or ("difference" if _is_formula(ready) else "shared")
    if rule == "shared":
        return lambda _, scores: (scores[:, None] + np.zeros(shape), 1.0)
    if rule == "influence":
        return lambda record, scores: (scores[:, None] + np.zeros(shape), _influence(record, parts))
    copies = copies_of(parts.built.world.streams.seeds, shape[1])
    on_grid = section.counterfactual == "grid"
    world, context = copied_world(ready, parts.built, copies, on_grid=on_grid)
    counterfactual = Counterfactual(Copies(world, critic_of(ready, context), parts.learners), shape[0])

    def difference(record: SlotRecord, scores: FloatArray) -> tuple[FloatArray, float]:
        legs = parts.player.truthful
        flat = legs._replace(agent=parts.rows[legs.agent])
        return counterfactual.differences(record, flat, np.asarray(np.isfinite(scores).any(axis=1))), 1.0

    return difference


def _is_formula(ready: ReadyScenario) -> bool:
    return "formula" in ready.registry.traits("critic", ready.model.critic.name)


def _influence(record: SlotRecord, parts: Parts) -> FloatArray:
    community = parts.built.context.community
    available = availability(record.positions, record.inputs.tariffs, community)
    shape = (community.n_markets, -1)
    return influence(*(each.reshape(shape)[:, parts.learners] for each in available))


def _shaping(ready: ReadyScenario, built: Built, parts: Parts, rounds: int) -> Shaping | None:
    section = ready.model.learning.reward
    if section.scores == "none" or section.eta == 0.0:
        return None
    begins, ends = (share * rounds for share in section.ramp)
    rule = ShapingRule(
        weights=(section.weights.ftg, section.weights.fbs, section.weights.fpp),
        eta=section.eta,
        ramp=(begins, ends),
        cap=section.cap,
        placebo=section.scores == "placebo",
        centred=section.centred,
    )
    return Shaping(rule, len(parts.learners), built.context.clock.slots_per_day, built.context.streams)


def _scales(ready: ReadyScenario, parts: Parts) -> Scales:
    """Sizes of agents, from one market with the scenario's own seed: the same however many are played."""
    one = profiles_of(ready)
    clock = parts.built.context.clock
    days = _CALIBRATION_DAYS if draws_days(ready) else min(clock.days, _CALIBRATION_DAYS)
    series = [one.at(clock.at(slot)) for slot in range(days * clock.slots_per_day)]
    load, pv = (np.array([each[name] for each in series])[:, parts.learners] for name in ("load_kw", "pv_kw"))
    prices = [parts.built.world.tariff.at(clock.at(slot)) for slot in range(min(clock.slots, 7 * clock.slots_per_day))]
    retail, feed_in = (
        np.array([getattr(price, name)[0] for price in prices]) for name in ("retail_ticks", "feed_in_ticks")
    )
    agents = [ready.agents[position] for position in parts.learners]
    power_kw = np.array([sum(getattr(each, "power_kw", 0.0) or 0.0 for each in a.devices.values()) for a in agents])
    tradable_kwh = (np.abs(pv - load).mean(axis=0) + _STORE_USE * power_kw) * clock.slot_hours
    spread = float(to_price(retail - feed_in).mean())
    return Scales(
        ratings=Ratings(
            is_prosumer=np.array([agent.kind != "consumer" for agent in agents]),
            load_kw=load.max(axis=0),
            pv_kw=pv.max(axis=0),
            retail=float(to_price(retail).max()),
        ),
        currency=np.maximum(tradable_kwh * spread, _SMALLEST_SCALE),
        feed_in_ticks=float(feed_in.mean()),
    )
