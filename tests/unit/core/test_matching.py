"""Arrival, hub prices, rounds, and what stays refused."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from marketsim.core.errors import LawBroken
from marketsim.core.matching import arrival_rank, join_rejects, match_rounds
from marketsim.core.ports import ChargeTable
from marketsim.core.records import (
    NO_PRICE_TICKS,
    PV,
    UTILITY_ONLY_TICKS,
    Rejects,
    Side,
    Trades,
    empty_rejects,
    empty_trades,
)
from marketsim.core.rng import Streams
from marketsim.core.simulation import initial_state
from marketsim.core.world import Role
from marketsim.market.double_auction import DoubleAuction
from marketsim.testing.engine_kit import orders_of
from marketsim.testing.gates_kernel import head_gate
from marketsim.testing.plain_world import plain_world
from marketsim.testing.worlds import ConstantProfiles, Scripted, community, plain_decisions

BUY, SELL = int(Side.BUY), int(Side.SELL)


class Raises(Scripted):
    """Raises bids and lowers asks by a step in each round, and remembers what it was asked."""

    def __init__(self, step=0):
        super().__init__(lambda seen: plain_decisions(len(seen.agents), []))
        self.step, self.asked = step, []

    def revise(self, seen, quotes):
        self.asked.append(quotes)
        return quotes.price_ticks + self.step * quotes.side


class Deaf(Scripted):
    """Does not revise."""

    def __init__(self):
        super().__init__(lambda seen: plain_decisions(len(seen.agents), []))


class ScriptedEngine:
    """Answers round after round with what it was given, and remembers the orders it got."""

    name, rounds = "scripted", 1

    def __init__(self, *answers):
        self.answers, self.got = list(answers), []

    def match(self, orders, gate, tariffs, pair_ticks=None):
        self.got.append(orders)
        return self.answers[len(self.got) - 1]


def world_of(n_agents, *cast, rounds=1, n_markets=1, **parts):
    people = community(n_agents, n_markets)
    roles = cast or (Role(Deaf(), np.arange(people.n_agents)),)
    profiles = ConstantProfiles([0.0] * people.n_agents, [0.0] * people.n_agents)
    world = plain_world(people, profiles, roles, rounds=rounds, seeds=range(1, n_markets + 1))
    return replace(world, **parts)


def everybody(strategy, n_agents):
    return Role(strategy, np.arange(n_agents))


def matched(world, orders, charges=None):
    n_agents = world.community.n_agents
    time = world.clock.at(0)
    inputs = SimpleNamespace(time=time, tariffs=world.tariff.at(time))
    zero = np.zeros(n_agents, dtype=np.int64)
    assert initial_state(world).slot == 0
    return match_rounds(world, inputs, [None] * len(world.cast), orders, charges or ChargeTable(zero, zero, None))


def refused(*rows, side=Side.SELL):
    """Rejects from (buy, sell, Wh)."""
    table = np.array(rows, dtype=np.int64).reshape(-1, 3).T.copy()
    return Rejects(*table, np.full(len(rows), 2), np.arange(len(rows)), np.full(len(rows), int(side)))


def legs(*rows):
    """Trades from (buy, sell, Wh, ticks)."""
    buy, sell, energy, price = np.array(rows, dtype=np.int64).reshape(-1, 4).T.copy()
    return Trades(buy, sell, energy, price, price, price, np.full(len(rows), 3))


@pytest.mark.parametrize("slot", range(3))
def test_arrival_is_an_order_of_each_market(slot):
    """Agents of a market come one after the other, each once, markets ascending."""
    rank = arrival_rank(world_of(6, n_markets=3), slot, 0)
    for market in range(3):
        assert sorted(rank[6 * market : 6 * market + 6]) == list(range(6 * market, 6 * market + 6))


def test_a_market_arrives_alone_as_in_a_batch():
    """Each market's order of arrival follows from its own seed only."""
    batch = world_of(6, n_markets=3)
    for market in range(3):
        alone = replace(world_of(6), streams=Streams([market + 1]))
        for slot, round_ in ((0, 0), (0, 1), (7, 2)):
            inside = arrival_rank(batch, slot, round_)[6 * market : 6 * market + 6] - 6 * market
            assert inside.tolist() == arrival_rank(alone, slot, round_).tolist()


def test_the_order_of_arrival_changes_with_slot_and_round():
    """Nobody is first for ever: over 300 slots, each of four agents comes first about equally often."""
    world = world_of(4)
    first = [int(np.argmin(arrival_rank(world, slot, round_))) for slot in range(150) for round_ in (0, 1)]
    counts = np.bincount(first, minlength=4)
    assert counts.min() > 45  # 75 expected; four standard deviations are 30
    assert counts.max() < 105


def test_joined_rejects_keep_their_order():
    """One table after the other."""
    joined = join_rejects([refused((0, 1, 5)), empty_rejects(), refused((2, -1, 6), (-1, 3, 7))])
    assert joined.energy_wh.tolist() == [5, 6, 7]
    assert joined.buy_order.tolist() == [0, 2, -1]


def test_prices_are_all_in():
    """At the hub a bid loses and an ask gains its charge; buyer and seller settle with their charges added back."""
    orders = orders_of([(0, BUY, 250_000, 100), (1, SELL, 150_000, 100)])
    charges = ChargeTable(np.array([30_000, 1]), np.array([2, 20_000]), None)
    done, trades, rejects = matched(world_of(2), orders, charges)
    assert done.price_ticks.tolist() == [220_000, 170_000]
    price = int(trades.price_ticks[0])
    assert (trades.energy_wh.tolist(), rejects.size) == ([100], 0)
    assert trades.buyer_ticks.tolist() == [price + 30_000]
    assert trades.seller_ticks.tolist() == [price - 20_000]
    assert 170_000 <= price <= 220_000


@pytest.mark.parametrize(("charge", "n_trades"), [(50_000, 1), (50_001, 0)])
def test_charges_count_against_the_spread(charge, n_trades):
    """Two limits 100,000 ticks apart trade with charges up to their distance, and not beyond."""
    orders = orders_of([(0, BUY, 250_000, 100), (1, SELL, 150_000, 100)])
    both = np.full(2, charge)
    _, trades, _ = matched(world_of(2), orders, ChargeTable(both, both, None))
    assert trades.size == n_trades


def test_an_engine_that_breaks_a_limit_is_stopped():
    """A trade above the buyer's limit is found in its round."""
    orders = orders_of([(0, BUY, 200_000, 5), (1, SELL, 100_000, 5)])
    world = world_of(2, engine=ScriptedEngine((legs((0, 1, 5, 200_001)), empty_rejects())))
    with pytest.raises(LawBroken, match="slot 0: a buyer's limit price"):
        matched(world, orders)


def test_revising_strategies_are_asked_between_rounds():
    """In three rounds a strategy is asked twice; limits that approach each other trade once they cross."""
    strategy = Raises(30_000)
    world = world_of(2, everybody(strategy, 2), rounds=3)
    orders = orders_of([(0, BUY, 150_000, 100), (1, SELL, 250_000, 100)])
    done, trades, _ = matched(world, orders)
    assert [quotes.round for quotes in strategy.asked] == [1, 2]
    assert done.limit_ticks.tolist() == [210_000, 190_000]
    assert trades.energy_wh.tolist() == [100]


def test_they_are_asked_also_when_nothing_could_be_booked():
    """Orders outside the bounds in the first round may come inside by revision."""
    strategy = Raises(-40_000)

    def cheap(orders, tariffs):
        return orders.limit_ticks <= 200_000, empty_rejects()

    orders = orders_of([(0, BUY, 240_000, 100), (0, BUY, 241_000, 7)])
    engine = ScriptedEngine((empty_trades(), empty_rejects()))
    matched(world_of(2, everybody(strategy, 2), rounds=2, bounds=cheap, engine=engine), orders)
    assert [quotes.round for quotes in strategy.asked] == [1]
    assert [got.price_ticks.tolist() for got in engine.got] == [[200_000]]


def test_who_does_not_revise_keeps_its_limit():
    """Only revising strategies are asked, each about its own orders, counted within itself."""
    strategy = Raises(5)
    cast = (Role(Deaf(), np.array([0, 2])), Role(strategy, np.array([3, 1])))
    orders = orders_of([(0, BUY, 100_000, 1), (1, BUY, 100_000, 2), (2, SELL, 200_000, 3), (3, SELL, 200_000, 4)])
    done, _, _ = matched(world_of(4, *cast, rounds=2), orders)
    assert done.limit_ticks.tolist() == [100_000, 100_005, 200_000, 199_995]
    (quotes,) = strategy.asked
    assert quotes.agent.tolist() == [1, 0]
    assert quotes.open_wh.tolist() == [2, 4]


def test_orders_for_the_utility_only_are_never_quoted():
    """An order without a limit price stays out of the market in every round, and out of the best prices."""
    strategy = Raises(10)
    orders = orders_of([(0, SELL, UTILITY_ONLY_TICKS, 100), (1, SELL, 200_000, 100)])
    done, trades, _ = matched(world_of(2, everybody(strategy, 2), rounds=2), orders)
    assert done.limit_ticks.tolist() == [UTILITY_ONLY_TICKS, 199_990]
    assert (strategy.asked[0].best_ask_ticks.tolist(), strategy.asked[0].best_bid_ticks.tolist()) == (
        [200_000],
        [NO_PRICE_TICKS],
    )
    assert trades.size == 0


def test_quotes_tell_the_last_round():
    """Tape, fills, open energy and best prices are those after the round, a market each."""
    strategy = Raises()
    rows = [
        (0, BUY, 200_000, 100),
        (1, SELL, 200_000, 60),
        (0, BUY, 100_000, 5),
        (2, BUY, 120_000, 7),
        (3, SELL, 210_000, 9),
    ]
    engine = ScriptedEngine((legs((0, 1, 60, 200_000)), empty_rejects()), (empty_trades(), empty_rejects()))
    cast = everybody(strategy, 4)
    matched(world_of(2, cast, rounds=2, n_markets=2, engine=engine), orders_of(rows, [0, 0, 0, 1, 1]))
    (quotes,) = strategy.asked
    assert quotes.filled_wh.tolist() == [60, 60, 0, 0, 0]
    assert quotes.open_wh.tolist() == [40, 0, 5, 7, 9]
    assert (quotes.trade_market.tolist(), quotes.trade_price_ticks.tolist()) == ([0], [200_000])
    assert quotes.best_bid_ticks.tolist() == [200_000, 120_000]
    assert quotes.best_ask_ticks.tolist() == [NO_PRICE_TICKS, 210_000]


def test_a_filled_order_does_not_come_back():
    """Later rounds get what is open, less what was filled, firm energy first."""
    orders = orders_of([(0, BUY, 200_000, 100, 50), (1, SELL, 100_000, 70), (2, SELL, 100_000, 30)])
    engine = ScriptedEngine((legs((0, 1, 70, 150_000)), empty_rejects()), (empty_trades(), empty_rejects()))
    matched(world_of(3, rounds=2, engine=engine), orders)
    again = engine.got[1]
    by_agent = dict(
        zip(again.agent.tolist(), zip(again.energy_wh.tolist(), again.firm_wh.tolist(), strict=True), strict=True)
    )
    assert by_agent == {0: (30, 0), 2: (30, 0)}


def test_trades_of_later_rounds_point_into_the_full_table():
    """Positions are those of the orders given, whatever the order of arrival in a round."""
    rows = [(agent, SELL if agent % 2 else BUY, 150_000, 10) for agent in range(6)]
    orders = orders_of(rows)
    world = world_of(6, rounds=2, engine=DoubleAuction(rounds=2), bounds=None)
    calls = []

    def only_some(table, tariffs):
        calls.append(table)
        inside = np.isin(table.agent, (4, 5)) if len(calls) == 1 else np.ones(table.size, dtype=bool)
        return inside, empty_rejects()

    _, trades, _ = matched(replace(world, bounds=only_some), orders)
    assert (trades.buy_order[0], trades.sell_order[0]) == (4, 5)
    assert trades.energy_wh.sum() == 30
    assert sorted([*trades.buy_order, *trades.sell_order]) == list(range(6))


def test_what_is_refused_in_every_round_counts_once():
    """The same pair refused in two rounds is told once, with its last energy."""
    orders = orders_of([(0, BUY, 200_000, 100), (1, SELL, 100_000, 100)])
    answers = [(empty_trades(), refused((0, 1, wh))) for wh in (80, 60)]
    _, _, rejects = matched(world_of(2, rounds=2, engine=_by_side(ScriptedEngine(*answers))), orders)
    assert (rejects.buy_order.tolist(), rejects.sell_order.tolist()) == ([0], [1])
    assert rejects.energy_wh.tolist() == [60]


def _by_side(engine):
    """The engine with orders sorted by agent, so that scripted positions mean the same in every round."""
    inner = engine.match

    def match(orders, gate, tariffs, pair_ticks=None):
        place = np.argsort(orders.agent, kind="stable")
        trades, rejects = inner(type(orders)(*(column[place] for column in orders)), gate, tariffs)
        lookup = np.append(place, -1)
        trades = trades._replace(buy_order=lookup[trades.buy_order], sell_order=lookup[trades.sell_order])
        return trades, rejects._replace(buy_order=lookup[rejects.buy_order], sell_order=lookup[rejects.sell_order])

    engine.match = match
    return engine


def test_refused_energy_that_traded_later_is_not_refused():
    """A refusal counts as far as its order is still open at the end; one that a later round cured is gone."""
    orders = orders_of([(0, BUY, 200_000, 100), (1, SELL, 100_000, 100), (2, SELL, 100_000, 50)])
    first = (empty_trades(), refused((0, 1, 80), (-1, 2, 50)))
    second = (legs((0, 1, 70, 150_000), (0, 2, 20, 150_000)), empty_rejects())
    _, _, rejects = matched(world_of(3, rounds=2, engine=_by_side(ScriptedEngine(first, second))), orders)
    assert rejects.buy_order.tolist() == [0, -1]
    assert rejects.energy_wh.tolist() == [30, 30]


def test_one_rounds_refusals_are_told_as_they_are():
    """In a single round the engine's own table stands, in positions of the full table."""
    orders = orders_of([(0, SELL, UTILITY_ONLY_TICKS, 9), (1, SELL, 100_000, 50), (2, BUY, 200_000, 80)])._replace(
        component=np.full(3, PV)
    )
    gate = head_gate(0, 3)
    gate.open(np.zeros(3, dtype=np.int64), np.zeros(3))
    engine = ScriptedEngine((empty_trades(), refused((1, 0, 50))))
    _, _, rejects = matched(world_of(3, engine=engine, gate=gate), orders)
    assert (rejects.buy_order.tolist(), rejects.sell_order.tolist()) == ([2], [1])
