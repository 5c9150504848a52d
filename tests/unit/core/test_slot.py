"""One slot of tiny worlds without a grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from marketsim.core.delivery import Ahead, ClosedProfiles
from marketsim.core.laws import energy_imbalance_wh, money_imbalance
from marketsim.core.records import FIRM, NO_PRICE_TICKS, PV, Fallback, LedgerLine, Reason, Side
from marketsim.core.rng import Streams, uniforms
from marketsim.core.simulation import Simulation, initial_state
from marketsim.core.slot import run_slot
from marketsim.core.world import Role
from marketsim.testing.plain_world import plain_world
from marketsim.testing.worlds import ConstantProfiles, Scripted, clock, community, plain_decisions

KEEP, UTILITY = int(Fallback.KEEP), int(Fallback.UTILITY)
LOAD_KW, PV_KW = [0.5, 1.2003, 0.3, 2.0], [3.0, 0.0, 1.7, 0.0]


def offer_all(seen):
    """Everybody offers surplus and demand at prices drawn from its own keys."""
    net = seen.pv_wh - seen.load_wh
    price = (100_000 + 150_000 * uniforms(seen.keys)).astype(np.int64)
    rows = [
        (row, Side.SELL if net[row] > 0 else Side.BUY, price[row], abs(net[row]), PV if net[row] > 0 else FIRM, UTILITY)
        for row in range(len(net))
    ]
    return plain_decisions(len(net), rows, len(seen.ranges))


def world_of(n_markets=1, script=offer_all, load=LOAD_KW, pv=PV_KW, **options):
    people = community(len(load), n_markets)
    profiles = ConstantProfiles(load * n_markets, pv * n_markets)
    cast = [Role(Scripted(script), np.arange(people.n_agents))]
    return plain_world(people, profiles, cast, seeds=range(1, n_markets + 1), **options)


def two_neighbours(*rows, **options):
    """Agent 0 has 1 kWh of surplus, agent 1 needs 2 kWh; every slot brings the given orders."""
    return world_of(script=lambda _: plain_decisions(2, rows), load=[1.0, 2.0], pv=[2.0, 0.0], **options)


CROSSING = ((0, Side.SELL, 100_000, 1_000, PV, UTILITY), (1, Side.BUY, 200_000, 2_000, FIRM, KEEP))


def test_neighbours_trade_and_the_utility_does_the_rest():
    """1 kWh between peers at a price between the limits, 1 kWh from the utility, and a ledger that says so."""
    record, _ = run_slot(two_neighbours(*CROSSING), initial_state(two_neighbours(*CROSSING)))
    price = int(record.trades.price_ticks[0])
    assert record.trades.energy_wh.tolist() == [1_000]
    assert 100_000 <= price <= 200_000
    assert record.exchange.import_wh.tolist() == [0, 1_000]
    assert record.energy.net_wh.tolist() == [1_000, -2_000]
    assert record.ledger.money[LedgerLine.PEER_PURCHASES].tolist() == [0, 1_000 * price]
    assert record.ledger.money[LedgerLine.PEER_SALES].tolist() == [-1_000 * price, 0]
    assert record.ledger.money[LedgerLine.IMPORTS].tolist() == [0, 1_000 * 300_000]


def test_the_laws_hold_in_every_slot():
    """Energy of each agent and money of all balance exactly, and the gate's balance is that of the meters."""
    for record in Simulation(world_of()).run():
        assert record.trades.size > 0
        assert not energy_imbalance_wh(record).any()
        assert money_imbalance(record) == 0
        assert record.grid.slack_wh[0] == -record.energy.net_wh.sum()


def test_the_state_moves_on():
    """The next slot, remainders, last price, fill and refusal follow from the record."""
    greedy = (0, Side.SELL, 100_000, 1_500, PV, UTILITY)
    world = two_neighbours(greedy, CROSSING[1])
    record, state = run_slot(world, initial_state(world))
    assert state.slot == 1
    assert state.last_price_ticks.tolist() == record.trades.price_ticks.tolist()
    assert state.last_fill.tolist() == [1.0, 0.5]
    assert np.isnan(state.voltage_pu).all()
    assert record.rejects.reason.tolist() == [Reason.EXCEEDS_POSITION]
    assert record.rejects.energy_wh.tolist() == [500]


def test_a_slot_writes_into_no_state():
    """Running the slot again from the same state gives the same record and the same state."""
    world = world_of()
    state = Simulation(world).state
    for _ in range(2):
        first, after = run_slot(world, state)
        second, again = run_slot(world, state)
        assert same(first, second)
        assert same(after, again)
        state = after


def test_without_orders_everything_is_left_to_the_utility():
    """Firm demand is imported; surplus that nobody offers is curtailed."""
    world = two_neighbours()
    record, state = run_slot(world, initial_state(world))
    assert record.exchange.import_wh.tolist() == [0, 2_000]
    assert record.exchange.curtailed_wh.tolist() == [1_000, 0]
    assert state.last_price_ticks.tolist() == [NO_PRICE_TICKS]


def same(one, other):
    """Whether two records are equal to the last bit."""
    if isinstance(one, tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    return one == other


def agents_of(record, market):
    """Every table [..., n_agents] of a record, cut to a market of four agents, and its trades."""
    rows = slice(4 * market, 4 * market + 4)
    orders, trades, energy, exchange = record.orders, record.trades, record.energy, record.exchange
    own_orders = np.flatnonzero(orders.market == market)
    own_trades = orders.market[trades.buy_order] == market
    tables = (*energy, *exchange[:4], record.ledger.money, record.inputs.load_wh, record.inputs.pv_wh)
    legs = tuple(column[own_trades] for column in (trades.energy_wh, *trades[3:]))
    ends = tuple(orders.agent[column[own_trades]] - 4 * market for column in trades[:2])
    prices = (orders.limit_ticks[own_orders], orders.energy_wh[own_orders], orders.connection[own_orders])
    return (*(table[..., rows].copy() for table in tables), *legs, *ends, *prices)


@pytest.mark.parametrize("market", [0, 1])
def test_two_markets_side_by_side_equal_each_alone(market):
    """Slot after slot, each market of a batch has the bits of the market alone, with its own seed."""
    alone = replace(world_of(), streams=Streams([market + 1]))
    for batch, single in zip(Simulation(world_of(2)).run(), Simulation(alone).run(), strict=True):
        assert same(agents_of(batch, market), agents_of(single, 0))


def test_markets_with_other_seeds_differ():
    """The comparison above is not between identical markets."""
    record = Simulation(world_of(2)).step()
    assert not same(agents_of(record, 0), agents_of(record, 1))


class Misjudged(ConstantProfiles):
    """Expects more sun and less load than there is."""

    def forecast(self, time, agents):
        expected = {
            name: np.maximum(kw + {"load_kw": -0.2, "pv_kw": 0.4}[name], 0) for name, kw in self._series.items()
        }
        return ConstantProfiles(expected["load_kw"], expected["pv_kw"]).forecast(time, agents)


def test_a_market_ahead_of_time_keeps_the_laws():
    """With a wrong forecast the market trades what was expected, and the utility covers what is missing."""
    world = world_of()
    profiles = ClosedProfiles(Misjudged(LOAD_KW, PV_KW), 1, clock())
    delivery = Ahead(world.community, profiles, world.reactive, world.firm_share)
    for record in Simulation(replace(world, profiles=profiles, delivery=delivery)).run():
        assert not energy_imbalance_wh(record).any()
        assert record.positions.surplus_wh.tolist() == [3_100, 0, 2_000, 0]
        assert record.positions.firm_demand_wh[3] == 1_400
        assert record.energy.pv_used_wh.tolist() == [3_000, 0, 1_700, 0]
        assert record.grid.slack_wh[0] == -record.energy.net_wh.sum()
