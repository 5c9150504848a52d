"""Days of communities that are played again under other weights, without playing their slots again.

Weights decide who gets scarce local energy and what shared assets earned, and nothing else. So slots are played once, and what a
day would have cost under other weights follows from what was asked for and offered in them, by the filling and the sharing that
runs have: to the last unit what a run would bring. Where something else depends on weights, the scenario is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.filling import fill_rows
from marketsim.core.records import LedgerLine, Side, SlotRecord
from marketsim.core.simulation import Simulation
from marketsim.core.standing import MemberStanding
from marketsim.core.world import World
from marketsim.market.equity_pool import EquityPool
from marketsim.sharing.dividend import Dividend


class Scarce(NamedTuple):
    """Slots of a day and market in which more local energy is asked for than there is, a row each [k]."""

    market: IntArray
    demand_wh: IntArray
    """Of each agent of the market [k, n]."""
    total_wh: IntArray
    """What there is."""
    saved_ticks: IntArray
    """What a local kWh costs less than one of the utility."""
    arrival: IntArray
    """Agents of the market in the order in which their orders came [k, n]."""


class PlayedDay(NamedTuple):
    """A day of all markets; as if nobody got local energy in the slots where it is scarce. Each [n_agents], flat."""

    paid_money: IntArray
    """Dividends of shared assets not yet paid out [1e-9 currency]."""
    used_wh: IntArray
    imported_wh: IntArray
    scarce: Scarce


class CommunityDays:
    """Days of M communities of as many agents, side by side."""

    def __init__(
        self, days: tuple[PlayedDay, ...], hours: float, dividend: Dividend, names: tuple[str, ...], n_markets: int
    ) -> None:
        """``hours`` of a day; ``names`` of all agents, flat."""
        self._days, self._hours, self._dividend, self._names, self._markets = days, hours, dividend, names, n_markets

    def __len__(self) -> int:
        return len(self._days)

    def __getitem__(self, day: int) -> PlayedDay:
        """One of the days."""
        return self._days[day]

    @property
    def n_agents(self) -> int:
        """Of all markets."""
        return len(self._names)

    def after(self, day: int, weights: FloatArray, standing: MemberStanding) -> MemberStanding:
        """Where everybody stands after a day under these weights [n_agents], which began at ``standing``."""
        played = self._days[day]
        local_wh, saved_money = self._local(played.scarce, weights)
        paid = self._dividend.divided(played.paid_money - saved_money, weights, self._names)
        return MemberStanding(
            standing.hours + self._hours,
            standing.paid_money + paid,
            standing.used_wh + played.used_wh,
            standing.imported_wh + played.imported_wh - local_wh,
        )

    def _local(self, scarce: Scarce, weights: FloatArray) -> tuple[IntArray, IntArray]:
        """Scarce local energy of each agent, and what it saves by it, both of the whole day [n_agents]."""
        sums = np.zeros((2, self._markets, len(self._names) // self._markets), dtype=np.int64)
        if len(scarce.market):
            own = weights.reshape(self._markets, -1)[scarce.market]
            own = np.take_along_axis(own, scarce.arrival, axis=1)
            demand = np.take_along_axis(scarce.demand_wh, scarce.arrival, axis=1)
            filled = np.empty_like(scarce.demand_wh)
            np.put_along_axis(filled, scarce.arrival, fill_rows(own, demand, scarce.total_wh), axis=1)
            np.add.at(sums[0], scarce.market, filled)
            np.add.at(sums[1], scarce.market, filled * scarce.saved_ticks[:, None])
        return sums[0].reshape(-1), sums[1].reshape(-1)


def played_days(world: World) -> CommunityDays:
    """The days of a world's clock; ScenarioError where weights would change more than who gets scarce energy and dividends."""
    pool, dividend = _parts(world)
    simulation = Simulation(replace(world, sharing=None, daily=False))
    days = []
    for _ in range(world.clock.slots // world.clock.slots_per_day):
        slots = [simulation.step() for _ in range(world.clock.slots_per_day)]
        days.append(_day(world, pool, slots))
    hours = world.clock.slots_per_day * world.clock.slot_hours
    return CommunityDays(tuple(days), hours, dividend, world.community.names, world.community.n_markets)


def _parts(world: World) -> tuple[EquityPool, Dividend]:
    """Engine and sharing of a world that can be played again; ScenarioError for another."""
    pool, shared = world.engine, world.sharing
    if not isinstance(pool, EquityPool):
        hint = "choose market: {engine: {equity_pool: {}}}"
        raise ScenarioError(
            [Problem("the game equity is played in the engine equity_pool", "market.engine", hint=hint)]
        )
    if shared is None or not isinstance(shared.rule, Dividend):
        hint = "choose market: {sharing: {dividend: {}}}"
        raise ScenarioError([Problem("the game equity shares dividends", "market.sharing", hint=hint)])
    if shared.slots != world.clock.slots_per_day or world.clock.slots % world.clock.slots_per_day:
        hint = "choose sharing_period: day, and a clock of whole days"
        raise ScenarioError([Problem("the game equity shares day by day", "market.sharing_period", hint=hint)])
    return pool, shared.rule


class _Asked(NamedTuple):
    """What was asked for in a slot of one market."""

    price_ticks: int
    buys: IntArray
    """Orders, in the order in which they came."""
    total_wh: int


def _day(world: World, pool: EquityPool, slots: list[SlotRecord]) -> PlayedDay:
    n_markets = world.community.n_markets
    n = world.community.n_agents // n_markets
    standing = MemberStanding.nothing(world.community.n_agents)
    more = np.zeros((2, n_markets, n), dtype=np.int64)
    rows: list[tuple[int, IntArray, int, int, IntArray]] = []
    for record in slots:
        standing = standing.after(record, world.stores)
        bought = _bought(record, world.community.n_agents).reshape(n_markets, n)
        price = np.zeros(n_markets, dtype=np.int64)
        for market, asked in _asked(pool, record):
            price[market] = asked.price_ticks
            saved = int(record.inputs.tariffs.retail_ticks[market]) - asked.price_ticks
            agents = record.orders.agent[asked.buys] - market * n
            demand = np.zeros(n, dtype=np.int64)
            demand[agents] = record.orders.energy_wh[asked.buys]
            _demand_firm(world, record, asked)
            if asked.total_wh < demand.sum():
                others = np.setdiff1d(np.arange(n), agents)
                rows.append((market, demand, asked.total_wh, saved, np.concatenate((agents, others))))
                more[:, market] += bought[market] * saved, bought[market]
        _demand_plain_bills(world, record, price, bought.reshape(-1))
    paid, imported = more.reshape(2, -1)
    return PlayedDay(standing.paid_money + paid, standing.used_wh, standing.imported_wh + imported, _stacked(rows, n))


def _asked(pool: EquityPool, record: SlotRecord) -> Iterator[tuple[int, _Asked]]:
    """Markets in which something can trade, and what is asked for there."""
    orders, tariffs = record.orders, record.inputs.tariffs
    for market in np.unique(orders.market).tolist():
        rows = np.flatnonzero((orders.market == market) & (orders.energy_wh > 0))
        buys, sells = (rows[orders.side[rows] == side] for side in (Side.BUY, Side.SELL))
        if len(buys) and len(sells):
            prices = int(tariffs.retail_ticks[market]), int(tariffs.feed_in_ticks[market])
            found = pool.asked(orders, buys, sells, *prices)
            yield market, _Asked(found.price_ticks, found.buys, found.total_wh)


def _bought(record: SlotRecord, n_agents: int) -> IntArray:
    bought = np.zeros(n_agents, dtype=np.int64)
    np.add.at(bought, record.orders.agent[record.trades.buy_order], record.trades.energy_wh)
    return bought


def _stacked(rows: list[tuple[int, IntArray, int, int, IntArray]], n: int) -> Scarce:
    if not rows:
        none, nobody = np.zeros(0, dtype=np.int64), np.zeros((0, n), dtype=np.int64)
        return Scarce(none, nobody, none, none, nobody)
    return Scarce(*(np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)))


def _demand_firm(world: World, record: SlotRecord, asked: _Asked) -> None:
    """ScenarioError where what an agent draws depends on what it is given, as a battery's charge does."""
    orders, buys = record.orders, asked.buys
    agents = orders.agent[buys]
    flexible = (orders.firm_wh[buys] < orders.energy_wh[buys]) | (np.bincount(agents)[agents] > 1)
    if flexible.any():
        name = world.community.names[agents[np.argmax(flexible)]].partition("#")[0]
        said = "what this agent draws depends on what it is given, so days cannot be played again under other weights"
        hint = (
            "let batteries be charged from own surplus alone: strategy: {truthful: {storage: {trade: {buys: false}}}}"
        )
        raise ScenarioError([Problem(said, "agents", name, hint)])


def _demand_plain_bills(world: World, record: SlotRecord, price: IntArray, bought_wh: IntArray) -> None:
    """ScenarioError where bills are more than energy at three prices."""
    market, tariffs, exchange = world.community.market, record.inputs.tariffs, record.exchange
    plain = (
        exchange.import_wh * tariffs.retail_ticks[market]
        - exchange.export_wh * tariffs.feed_in_ticks[market]
        + (bought_wh - record.energy.sold_wh) * price[market]
    )
    if not np.array_equal(plain, record.ledger.money[: LedgerLine.SHARING].sum(axis=0)):
        said = "bills hold more than energy at the pool's price and the tariffs, or something limits what trades"
        hint = "leave out charges, feeder, limits of connections and settlements of your own"
        raise ScenarioError([Problem(said, "market", hint=hint)])
