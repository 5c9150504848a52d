"""Prices of the memoryless rules."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.agents.params import FixedMarginParams, TruthfulParams, UtilityOnlyParams, ZeroIntelligenceParams
from marketsim.agents.strategies import fixed_margin, truthful, utility_only, zero_intelligence
from marketsim.core.ports import RevisingStrategy
from marketsim.core.records import PV, UTILITY_ONLY_TICKS, Fallback, Side
from marketsim.testing.strategy_kit import (
    FEED_IN,
    RETAIL,
    battery,
    ev,
    heat_pump,
    observed,
    priced,
    quotes_of,
    reach,
    strategy_context,
)


def orders(build, params, load_wh, pv_wh, devices=None, ranges=(), slot=0):
    context = strategy_context(devices or [{}] * len(load_wh))
    return build(params, context).decide(observed(context, load_wh, pv_wh, ranges, slot=slot)).orders


def test_truthful_states_the_outside_option():
    """Firm demand bids retail, PV asks the feed-in tariff."""
    assert orders(truthful.build, TruthfulParams(), [500, 0], [0, 500]).price_ticks.tolist() == [RETAIL, FEED_IN]


@pytest.mark.parametrize(
    ("margin", "bid", "ask"), [(0.0, RETAIL, FEED_IN), (0.25, 245_000, 135_000), (1.0, FEED_IN, RETAIL)]
)
def test_a_margin_moves_both_sides_towards_the_other_tariff(margin, bid, ask):
    quoted = orders(fixed_margin.build, FixedMarginParams(margin=margin), [500, 0], [0, 500])
    assert quoted.price_ticks.tolist() == [bid, ask]


def test_a_margin_rounds_in_the_favour_of_trade():
    """Fractions of a tick are given up: the quote is on the side of the own value."""
    quoted = orders(fixed_margin.build, FixedMarginParams(margin=1e-5), [500, 0], [0, 500])
    assert quoted.price_ticks.tolist() == [RETAIL - 2, FEED_IN + 2]


def test_zero_intelligence_draws_uniformly_between_value_and_bound():
    """Over many traders the prices of one round have mean and quantiles of a uniform distribution."""
    n = 4_000
    quoted = orders(zero_intelligence.build, ZeroIntelligenceParams(), [500] * n, [0] * n).price_ticks
    assert quoted.min() >= FEED_IN
    assert quoted.max() <= RETAIL
    share = (np.sort(quoted) - FEED_IN) / (RETAIL - FEED_IN)
    assert np.abs(share - (np.arange(n) + 0.5) / n).max() < 1.63 / np.sqrt(n)  # Kolmogorov, 1 %


def test_zero_intelligence_never_loses():
    """With a cost of 0.25 no ask is below it."""
    n = 500
    plants = [{"generator": priced(0.25)}] * n
    quoted = orders(
        zero_intelligence.build,
        ZeroIntelligenceParams(),
        [0] * n,
        [0] * n,
        plants,
        [reach([0] * n, [0] * n, [900] * n)],
    )
    assert quoted.price_ticks.min() >= 250_000
    assert quoted.price_ticks.max() <= RETAIL


def test_the_orders_of_an_agent_have_prices_of_their_own():
    """Two legs at the same value are two draws."""
    n = 50
    plants = [{"generator": priced(0.08)}] * n
    one = reach([0] * n, [0] * n, [900] * n)
    quoted = orders(zero_intelligence.build, ZeroIntelligenceParams(), [0] * n, [500] * n, plants, [one])
    pv = quoted.component == PV
    assert (quoted.price_ticks[pv] != quoted.price_ticks[~pv]).all()


@given(st.integers(0, 95), st.integers(1, 49))
def test_zero_intelligence_draws_anew_each_round_and_slot(slot, round_):
    context = strategy_context([{}] * 8)
    strategy = zero_intelligence.build(ZeroIntelligenceParams(), context)
    assert isinstance(strategy, RevisingStrategy)
    seen = observed(context, [500] * 8, [0] * 8, slot=slot)
    first = strategy.decide(seen).orders
    everything = np.arange(8)
    now, later = (
        strategy.revise(seen, quotes_of(context, first, everything, round_=when, slot=slot))
        for when in (round_, round_ + 1)
    )
    assert (now != later).any()
    assert (now != first.price_ticks).any()


def test_memoryless_quotes_are_not_revised():
    for build, params in ((truthful.build, TruthfulParams()), (fixed_margin.build, FixedMarginParams())):
        assert not isinstance(build(params, strategy_context([{}])), RevisingStrategy)


def utility(devices, ranges, load_wh=0, pv_wh=0, slot=0):
    context = strategy_context(devices)
    seen = observed(context, [load_wh], [pv_wh], ranges, slot=slot)
    return utility_only.build(UtilityOnlyParams(), context).decide(seen)


def test_the_reference_meets_no_peer():
    """PV surplus goes to the utility by an order below zero; firm demand needs none."""
    decided = utility([{}], [], pv_wh=500)
    (row,) = zip(*decided.orders, strict=True)
    assert tuple(map(int, row)) == (0, Side.SELL, UTILITY_ONLY_TICKS, 500, PV, Fallback.UTILITY)
    assert len(utility([{}], [], load_wh=500).orders.agent) == 0


def test_the_reference_runs_batteries_on_self_consumption():
    one = [reach([-1_000], [0], [1_000], [0.5])]
    assert utility([{"battery": battery()}], one, pv_wh=600).dispatch_wh.tolist() == [[-600]]
    assert utility([{"battery": battery()}], one, load_wh=600).dispatch_wh.tolist() == [[600]]
    assert len(utility([{"battery": battery()}], one, load_wh=600).orders.agent) == 0


def test_the_reference_charges_vehicles_on_arrival():
    decided = utility([{"ev": ev()}], [reach([-2_000], [0], [0], [0.5])])
    assert decided.dispatch_wh.tolist() == [[-2_000]]


def test_the_reference_heats_when_needed():
    decided = utility([{"heat_pump": heat_pump()}], [reach([-2_000], [-300], [-300], [0.5])])
    assert decided.dispatch_wh.tolist() == [[-300]]
    assert len(decided.orders.agent) == 0


@pytest.mark.parametrize(("cost", "bought"), [(0.35, [400]), (0.25, [])])
def test_the_reference_serves_curtailable_load_that_is_worth_retail(cost, bought):
    decided = utility([{"curtailable_load": priced(cost)}], [reach([-400], [0], [0])])
    assert decided.orders.energy_wh.tolist() == bought


@pytest.mark.parametrize(("cost", "sold"), [(0.05, [900]), (0.2, [])])
def test_the_reference_exports_generation_that_the_tariff_pays_for(cost, sold):
    decided = utility([{"generator": priced(cost)}], [reach([0], [0], [900])])
    assert decided.orders.energy_wh.tolist() == sold
    assert (decided.orders.price_ticks < 0).all()
