"""Traders: policies in turn, then prices."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.agents.params import TruthfulParams, ZeroIntelligenceParams
from marketsim.agents.strategies import truthful, zero_intelligence
from marketsim.agents.strategies.plan import Fixed
from marketsim.agents.strategies.trader import BASE_SEES
from marketsim.core.errors import LawBroken
from marketsim.core.records import FIRM, PV, Side
from marketsim.testing.strategy_kit import (
    FULLY_EQUIPPED,
    battery,
    ev,
    heat_pump,
    observed,
    priced,
    quotes_of,
    reach,
    strategy_context,
)


def test_what_a_trader_sees_is_the_sum_of_its_parts():
    """A household without devices sees tariffs, load and PV; a battery on offer adds the last public price."""
    assert truthful.build(TruthfulParams(), strategy_context([{}])).sees == BASE_SEES
    stored = truthful.build(TruthfulParams(), strategy_context([{"battery": battery()}]))
    assert stored.sees == (*BASE_SEES, "last_price_ticks")


def test_own_surplus_goes_to_waiting_demand_before_the_battery():
    """Of 1.5 kWh of surplus the heat pump takes 1 and the battery the rest; nothing is left for sale."""
    context = strategy_context([{"battery": battery(), "heat_pump": heat_pump()}])
    ranges = [reach([-4_000], [0], [4_000], [0.5]), reach([-1_000], [0], [0], [0.5])]
    decided = truthful.build(TruthfulParams(), context).decide(observed(context, [500], [2_000], ranges))
    assert decided.dispatch_wh[:, 0].tolist() == [-500, -1_000]
    assert PV not in decided.orders.component.tolist()


def test_the_cheapest_own_source_is_not_bought_from_oneself():
    """A generator below retail serves its owner: the agent asks with the rest and bids nothing."""
    context = strategy_context([{"generator": priced(0.2)}])
    one = [reach([0], [0], [2_000])]
    orders = truthful.build(TruthfulParams(), context).decide(observed(context, [500], [0], one)).orders
    assert orders.side.tolist() == [Side.SELL]
    assert orders.energy_wh.tolist() == [1_500]


def test_on_arrival_is_firm_demand():
    context = strategy_context([{"ev": ev()}])
    strategy = truthful.build(TruthfulParams(deferrable="on_arrival"), context)
    orders = strategy.decide(observed(context, [500], [0], [reach([-2_000], [0], [0], [0.5])])).orders
    assert orders.component.tolist() == [FIRM]
    assert orders.energy_wh.tolist() == [2_500]


def test_a_plan_is_made_around_what_is_fixed():
    """With its battery held still, the surplus is for sale."""
    context = strategy_context([{"battery": battery()}])
    trader = truthful.build(TruthfulParams(), context)
    seen = observed(context, [0], [1_000], [reach([-4_000], [0], [4_000], [0.5])])
    plan = trader.plan(seen, Fixed(np.array([[True]]), np.array([[0]])))
    assert plan.dispatch_wh.tolist() == [[0]]
    assert trader.quote(seen, plan).component.tolist() == [PV]


def test_only_those_asked_for_quote():
    context = strategy_context([{}] * 3)
    trader = truthful.build(TruthfulParams(), context)
    seen = observed(context, [100, 200, 300], [0, 0, 0])
    assert trader.quote(seen, trader.plan(seen), np.array([True, False, True])).agent.tolist() == [0, 2]


def test_quotes_for_other_orders_are_a_fault():
    context = strategy_context([{}] * 2)
    trader = zero_intelligence.build(ZeroIntelligenceParams(), context)
    seen = observed(context, [100, 200], [0, 0])
    orders = trader.decide(seen).orders
    missing = quotes_of(context, orders, np.array([0]))
    with pytest.raises(LawBroken, match="quotes of a round are not for the orders that were submitted"):
        trader.revise(seen, missing)


def test_a_mixed_community_is_decided_at_once():
    """Agents with and without devices share one strategy; each decides as it would with its own."""
    devices = [{}, FULLY_EQUIPPED, {"battery": battery()}]
    context = strategy_context(devices)
    rows = {"battery": [0, 1, 1], "ev": [0, 1, 0], "heat_pump": [0, 1, 0], "curtailable_load": [0, 1, 0]}
    ranges = [
        *(reach([-900 * own for own in rows[name]], [0] * 3, [0] * 3, [0.5] * 3) for name in rows),
        reach([0] * 3, [0] * 3, [0, 700, 0]),
    ]
    seen = observed(context, [300, 300, 300], [0, 900, 900], ranges)
    together = truthful.build(TruthfulParams(), context).decide(seen)
    for agent, own in enumerate(devices):
        alone = strategy_context([own])
        part = [
            reach(*([column[agent]] for column in one[:3]), [one.level[agent]])
            for one, name in zip(ranges, context.device_names, strict=True)
            if name in own
        ]
        decided = truthful.build(TruthfulParams(), alone).decide(observed(alone, [300], [int(seen.pv_wh[agent])], part))
        mine = together.orders.agent == agent
        assert together.orders.energy_wh[mine].tolist() == decided.orders.energy_wh.tolist()
        assert together.orders.price_ticks[mine].tolist() == decided.orders.price_ticks.tolist()
