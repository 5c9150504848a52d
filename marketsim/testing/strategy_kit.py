"""Contract kit for strategies: inherit, name what builds it and its parameters, get the contract tested.

::

    class TestMyStrategy(StrategyContract):
        build = staticmethod(my_strategy.build)
        params = MyParams()

The agents of the kit own the fleets that ``devices`` lists, with parameters of the built-in devices' shape. Plain
asserts; a test runner collects the ``test_`` methods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from marketsim.core import records
from marketsim.core.arrays import IntArray
from marketsim.core.build import AgentSpec, BuildContext, Choice, LoadSpec
from marketsim.core.fleets import FleetInfo, PriceInfo, StayInfo, StoreInfo
from marketsim.core.limits import hold_orders, positions
from marketsim.core.params import Params
from marketsim.core.ports import RevisingStrategy, Strategy
from marketsim.core.rng import Streams, mix
from marketsim.devices.fleet import column, owned
from marketsim.testing.fleets import BUILDS
from marketsim.testing.worlds import FlatForecast, build_context, clock, community

RETAIL, FEED_IN = 300_000, 80_000


class Owned(Params):
    """One device of an agent, as a fleet declares it."""

    power_kw: float = 1.0
    gives_kw: float = 0.0
    """Largest power that it injects."""
    store: tuple[float, float, float, float] | None = None
    """Usable energy [kWh], efficiencies of charging and discharging, wear [currency/kWh]."""
    price: tuple[float, float] | None = None
    """Linear and quadratic cost."""
    stay: tuple[float, float, float, float, float, float, float] | None = None
    """As ``StayInfo``."""


Devices = Mapping[str, Params]
"""By the name of the fleet: ``Owned``, or the parameters of a built-in device."""


def battery(
    *,
    energy_kwh: float = 10.0,
    power_kw: float = 4.0,
    charge_efficiency: float = 0.95,
    discharge_efficiency: float = 0.95,
    soc_min: float = 0.0,
    soc_max: float = 1.0,
    wear_cost: float = 0.01,
) -> Owned:
    """A battery of 10 kWh."""
    store = (energy_kwh * (soc_max - soc_min), charge_efficiency, discharge_efficiency, wear_cost)
    return Owned(power_kw=power_kw, gives_kw=power_kw, store=store)


def ev(
    *, energy_kwh: float = 50.0, power_kw: float = 11.0, efficiency: float = 0.9, departure_hour: float = 7.0
) -> Owned:
    """A vehicle that leaves at 7."""
    return Owned(power_kw=power_kw, stay=(energy_kwh, efficiency, 8.0, 18.0, departure_hour, 0.0, 0.0))


def heat_pump(*, power_kw: float = 2.0) -> Owned:
    """A heat pump."""
    return Owned(power_kw=power_kw)


def priced(cost_per_kwh: float, quadratic_cost: float = 0.0) -> Owned:
    """A device with a price of its own."""
    return Owned(price=(cost_per_kwh, quadratic_cost))


def fleet_of(name: str, devices: Sequence[Devices], n_markets: int = 1) -> FleetInfo:
    """What the fleet ``name`` declares, the same in every market."""
    params = [each.get(name) for each in devices] * n_markets
    own = [each if isinstance(each, Owned) else None for each in params]
    if own != params:
        info: FleetInfo = BUILDS[name](params, build_context(len(devices), n_markets)).info
        return info

    def part(kind: Any, name: str, absent: Sequence[float]) -> Any:
        """What ``kind`` says of the owners by their field ``name``; None where nobody says it."""
        told = [None if each is None else getattr(each, name) for each in own]
        return kind(*np.array([each or absent for each in told], dtype=np.float64).T) if any(told) else None

    return FleetInfo(
        name=name,
        owned=owned(own),
        rated_in_kw=column(own, lambda each: each.power_kw),
        rated_out_kw=column(own, lambda each: each.gives_kw),
        store=part(StoreInfo, "store", (0.0, 1.0, 1.0, 0.0)),
        price=part(PriceInfo, "price", (0.0, 0.0)),
        stay=part(StayInfo, "stay", (0.0, 1.0, 0.0, np.nan, np.nan, 0.0, 0.0)),
    )


FULLY_EQUIPPED: Devices = {
    "battery": battery(),
    "ev": ev(),
    "heat_pump": heat_pump(),
    "curtailable_load": priced(0.25),
    "generator": priced(0.2, quadratic_cost=0.002),
}


def specs(devices: Sequence[Devices], strategy: str = "any", kind: str = "prosumer") -> tuple[AgentSpec, ...]:
    """Agents of one market with these devices."""
    choice = Choice(strategy, Params())
    return tuple(
        AgentSpec(f"a{row}", kind, 0, None, LoadSpec(), 1.0, None, own, choice) for row, own in enumerate(devices)
    )


def strategy_context(
    devices: Sequence[Devices], seeds: Sequence[int] = (1,), slots: int = 96, slot_minutes: int = 15
) -> BuildContext:
    """What a strategy is built from, for all agents of markets with these seeds."""
    names = tuple(dict.fromkeys(name for own in devices for name in own))
    return BuildContext(
        clock=clock(slots, slot_minutes),
        streams=Streams(seeds),
        community=community(len(devices), len(seeds)),
        agents=specs(devices),
        fleets=tuple(fleet_of(name, devices, len(seeds)) for name in names),
        rows=np.arange(len(devices) * len(seeds)),
    )


Numbers: TypeAlias = Sequence[int] | IntArray


def reach(lo: Numbers, firm: Numbers, hi: Numbers, level: Sequence[float] | None = None) -> records.DeviceRange:
    """A fleet's range from plain numbers [Wh]."""
    share = np.full(len(lo), np.nan) if level is None else np.array(level, dtype=np.float64)
    return records.DeviceRange(np.array(lo), np.array(firm), np.array(hi), share)


def observed(
    context: BuildContext,
    load_wh: Numbers,
    pv_wh: Numbers,
    ranges: Sequence[records.DeviceRange] = (),
    *,
    slot: int = 0,
    last_price_ticks: int = (RETAIL + FEED_IN) // 2,
) -> records.Observations:
    """Observations of all agents of ``context`` in a slot, by plain numbers."""
    k = len(load_wh)
    market, time = context.community.market, context.clock.at(slot)
    retail, feed_in = np.full(k, RETAIL), np.full(k, FEED_IN)
    power = {"load_kw": np.array(load_wh) / 1e3 / time.hours, "pv_kw": np.array(pv_wh) / 1e3 / time.hours}
    return records.Observations(
        time=time,
        slots_per_day=context.clock.slots_per_day,
        agents=np.arange(k),
        market=market,
        retail_ticks=retail,
        feed_in_ticks=feed_in,
        load_wh=np.array(load_wh, dtype=np.int64),
        pv_wh=np.array(pv_wh, dtype=np.int64),
        ranges=tuple(ranges),
        device_names=context.device_names,
        last_price_ticks=np.full(k, last_price_ticks),
        last_fill=np.zeros(k),
        last_refused=np.zeros(k),
        voltage_pu=np.full(k, np.nan),
        keys=mix(context.streams.keys("strategies", slot)[market], context.community.connection),
        forecast=FlatForecast(power, retail, feed_in),
        states=tuple(np.zeros((0, k)) for _ in ranges),
    )


def random_observations(context: BuildContext, rng: np.random.Generator, slot: int = 40) -> records.Observations:
    """Any loads, PV and device ranges that can occur, the same in every market."""
    n, copies = len(context.agents), context.community.n_markets
    ranges = [_random_reach(fleet, n, rng) for fleet in context.fleets]
    every = np.tile(np.arange(n), copies)
    repeated = [records.DeviceRange._make(values[every] for values in one) for one in ranges]
    load, pv = rng.integers(0, 2_000, n), rng.integers(0, 3_000, n) * (rng.random(n) < 0.6)
    price = int(rng.integers(FEED_IN, RETAIL))
    return observed(context, load[every], pv[every], repeated, slot=slot, last_price_ticks=price)


def _random_reach(fleet: FleetInfo, n: int, rng: np.random.Generator) -> records.DeviceRange:
    has = fleet.owned[:n]
    draw, give = rng.integers(0, 3_000, (2, n)) * has
    level = np.where(has, rng.random(n), np.nan)
    must = np.where(rng.random(n) < 0.3, rng.integers(0, draw + 1), 0)
    zero = np.zeros(n, dtype=np.int64)
    if fleet.name == "generator":
        return records.DeviceRange(np.minimum(must, give), np.minimum(must, give), give, np.full(n, np.nan))
    if fleet.stores:
        return records.DeviceRange(-draw, zero, give, level)
    if fleet.priced:
        return records.DeviceRange(-draw, zero, zero, np.full(n, np.nan))
    return records.DeviceRange(-draw, -must, -must, level)


class Watched:
    """Observations that note which of their fields are read."""

    def __init__(self, seen: records.Observations) -> None:
        self._seen, self.read = seen, set[str]()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        self.read.add(name)
        return getattr(self._seen, name)


def quotes_of(
    context: BuildContext,
    batch: records.OrderBatch,
    order: IntArray,
    *,
    round_: int = 1,
    slot: int = 40,
    **changes: Any,
) -> records.Quotes:
    """What a strategy sees after a round, of so many and one more, without trades; its orders in the order ``order``."""
    own = batch.price_ticks[order] > records.UTILITY_ONLY_TICKS
    columns = records.OrderBatch(*(column[order][own] for column in batch))
    market = context.community.market[columns.agent]
    keys = context.streams.keys("strategies", slot, round_)
    none = np.zeros(0, dtype=np.int64)
    quiet = np.full(context.community.n_markets, -1)
    quotes = records.Quotes(
        round=round_,
        rounds=round_ + 1,
        agent=columns.agent,
        side=columns.side,
        price_ticks=columns.price_ticks,
        open_wh=columns.energy_wh,
        market=market,
        filled_wh=np.zeros_like(columns.energy_wh),
        trade_market=none,
        trade_price_ticks=none,
        best_bid_ticks=quiet,
        best_ask_ticks=quiet,
        keys=mix(keys[market], context.community.connection[columns.agent]),
    )
    return quotes._replace(**changes)


class StrategyContract:
    """The laws of every strategy. Subclasses set ``build`` and ``params``; ``devices`` are the kit's agents'."""

    build: Callable[[Any, BuildContext], Strategy]
    params: Params
    devices: tuple[Devices, ...] = ({}, {}, FULLY_EQUIPPED, {"battery": battery()}, {"ev": ev()}, FULLY_EQUIPPED)
    draws = 20

    def _built(self, seeds: Sequence[int] = (1,)) -> tuple[BuildContext, Strategy]:
        context = strategy_context(self.devices, seeds)
        return context, type(self).build(self.params, context)

    def _decided(self) -> list[tuple[BuildContext, records.Observations, records.Decisions]]:
        context, strategy = self._built()
        cases = [random_observations(context, np.random.default_rng(seed)) for seed in range(self.draws)]
        return [(context, seen, strategy.decide(seen)) for seen in cases]

    def test_decisions_have_their_shapes(self) -> None:
        """Dispatch and values count fleets by agents, in whole numbers; orders name agents, sides and components."""
        for context, seen, decided in self._decided():
            shape = (len(context.device_names), len(seen.load_wh))
            assert decided.dispatch_wh.shape == decided.marginal_ticks.shape == shape
            assert all(column.dtype == np.int64 for column in (decided.dispatch_wh, *decided.orders))
            assert decided.absorb.shape == (shape[1],)
            assert set(decided.orders.side.tolist()) <= {int(side) for side in records.Side}
            assert set(decided.orders.fallback.tolist()) <= {int(fallback) for fallback in records.Fallback}

    def test_dispatch_keeps_the_ranges(self) -> None:
        """No fleet is dispatched beyond what it can do."""
        for _, seen, decided in self._decided():
            for fleet, one in enumerate(seen.ranges):
                assert (decided.dispatch_wh[fleet] >= one.lo_wh).all()
                assert (decided.dispatch_wh[fleet] <= one.hi_wh).all()

    def test_orders_are_covered(self) -> None:
        """No order exceeds its agent's position, and no store is offered both ways."""
        for context, seen, decided in self._decided():
            tariffs = records.Tariffs(np.array([RETAIL]), np.array([FEED_IN]), None)
            inputs = records.SlotInputs(seen.time, seen.load_wh, seen.pv_wh, {}, tariffs)
            place = positions(inputs, seen.ranges, context.stores, decided)
            everything = np.arange(len(decided.orders.agent))
            _, refused = hold_orders(context.community, place, context.stores, decided.orders, everything)
            assert refused.size == 0

    def test_orders_keep_the_tariffs(self) -> None:
        """Limits lie within the tariffs, or trade with the utility only. Energies are positive."""
        for _, _, decided in self._decided():
            price = decided.orders.price_ticks
            assert (((price >= FEED_IN) & (price <= RETAIL)) | (price == records.UTILITY_ONLY_TICKS)).all()
            assert (decided.orders.energy_wh > 0).all()

    def test_values_are_declared_for_what_is_offered(self) -> None:
        """Energy of a fleet on offer has a declared value, and no bid is above it, no ask below."""
        for _, _, decided in self._decided():
            orders = decided.orders
            for row in np.flatnonzero((orders.component >= 0) & (orders.price_ticks > records.UTILITY_ONLY_TICKS)):
                value = decided.marginal_ticks[orders.component[row], orders.agent[row]]
                assert value != records.UNDECLARED
                assert (orders.price_ticks[row] - value) * orders.side[row] <= 0

    def test_firm_orders_come_first(self) -> None:
        """Each agent submits its firm energy before anything else."""
        for _, _, decided in self._decided():
            for agent in np.unique(decided.orders.agent):
                firm = decided.orders.component[decided.orders.agent == agent] == records.FIRM
                assert (np.diff(firm.astype(int)) <= 0).all()

    def test_sees_what_it_says(self) -> None:
        """Only fields of the observations that ``sees`` names are read, and each of them is."""
        context, strategy = self._built()
        read: set[str] = set()
        for seed in range(self.draws):
            watched = Watched(random_observations(context, np.random.default_rng(seed)))
            decided = strategy.decide(watched)  # type: ignore[arg-type]
            if isinstance(strategy, RevisingStrategy):
                everything = np.arange(len(decided.orders.agent))
                strategy.revise(watched, quotes_of(context, decided.orders, everything))  # type: ignore[arg-type]
            read |= watched.read
        assert read == set(strategy.sees)

    def test_a_market_decides_as_it_would_alone(self) -> None:
        """Beside another market, in a slot and its rounds, a market decides what it decides alone."""
        together, both = self._built((7, 8))
        alone, one = self._built((7,))
        for seed in range(5):
            many = both.decide(random_observations(together, np.random.default_rng(seed)))
            few = one.decide(random_observations(alone, np.random.default_rng(seed)))
            k = len(self.devices)
            first = many.orders.agent < k
            assert np.array_equal(many.dispatch_wh[:, :k], few.dispatch_wh)
            assert np.array_equal(many.marginal_ticks[:, :k], few.marginal_ticks)
            assert all(np.array_equal(a[first], b) for a, b in zip(many.orders, few.orders, strict=True))

    def test_revised_prices_do_not_depend_on_the_order_of_arrival(self) -> None:
        """Whoever arrives first, each order gets its own new price, within the tariffs."""
        prices = []
        for arrival_seed in (0, 1):
            context, strategy = self._built()
            if not isinstance(strategy, RevisingStrategy):
                return
            seen = random_observations(context, np.random.default_rng(3))
            orders = strategy.decide(seen).orders
            rank = np.random.default_rng(arrival_seed).permutation(len(self.devices))
            arrival = np.argsort(rank[orders.agent], kind="stable")
            price = np.empty(len(arrival), dtype=np.int64)
            price[arrival] = strategy.revise(seen, quotes_of(context, orders, arrival))
            assert ((price >= FEED_IN) & (price <= RETAIL)).all()
            prices.append(price)
        assert np.array_equal(prices[0], prices[1])

    def test_same_seed_same_decisions(self) -> None:
        """Built twice from the same seed, it decides the same."""
        for (_, _, first), (_, _, second) in zip(self._decided(), self._decided(), strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(first.orders, second.orders, strict=True))

    def test_needs_its_rows(self) -> None:
        """A context without rows is refused."""
        context, _ = self._built()
        refused = False
        try:
            type(self).build(self.params, replace(context, rows=None))
        except ValueError as error:
            refused = "rows" in str(error)
        assert refused
