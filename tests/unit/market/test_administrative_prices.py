"""Mid-market rate, supply-demand ratio and the pool in proportion: bills equal the published averages, exactly."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.core.errors import OrderError
from marketsim.core.free_gate_kernel import FreeGate
from marketsim.market import mid_market_rate, pro_rata, supply_demand_ratio
from marketsim.market.params import MidMarketRateParams, ProRataParams, SupplyDemandRatioParams
from marketsim.market.supply_demand_ratio import sell_price
from marketsim.testing.engine_kit import FEED_IN, RETAIL, filled, orders_of, tariffs_of
from marketsim.testing.worlds import build_context

BUY, SELL = 1, -1
MMR = mid_market_rate.build(MidMarketRateParams(), build_context())
SDR = supply_demand_ratio.build(SupplyDemandRatioParams(), build_context())

energies = st.lists(st.integers(1, 5_000), min_size=1, max_size=6)


def match(engine, demand, supply, retail=RETAIL, feed_in=FEED_IN):
    rows = [(k, BUY, retail, energy) for k, energy in enumerate(demand)]
    rows += [(k + len(demand), SELL, feed_in, energy) for k, energy in enumerate(supply)]
    orders = orders_of(rows)
    return orders, engine.match(orders, FreeGate(1), tariffs_of(1, retail, feed_in))[0]


def averages(orders, trades, retail=RETAIL, feed_in=FEED_IN):
    """Average price that all buyers pay and that all sellers get, the utility's part included."""
    left = orders.energy_wh - filled(orders, trades)
    value = int((trades.energy_wh * trades.price_ticks).sum())
    answers = []
    for side, tariff in ((BUY, retail), (SELL, feed_in)):
        mine = orders.side == side
        answers.append(Fraction(value + int(left[mine].sum()) * tariff, int(orders.energy_wh[mine].sum())))
    return answers


@given(energies, energies)
def test_mid_market_rate_bills_equal_the_published_averages(demand, supply):
    d, s, middle = sum(demand), sum(supply), (RETAIL + FEED_IN) // 2
    e = min(d, s)
    buyers, sellers = averages(*match(MMR, demand, supply))
    assert buyers == Fraction(middle * e + RETAIL * (d - e), d)
    assert sellers == Fraction(middle * e + FEED_IN * (s - e), s)


@given(energies, energies)
def test_supply_demand_ratio_bills_equal_the_published_averages(demand, supply):
    d, s = sum(demand), sum(supply)
    buyers, sellers = averages(*match(SDR, demand, supply))
    if s > d:
        assert buyers == sellers == FEED_IN
        return
    ratio = Fraction(s, d)
    published = Fraction(FEED_IN * RETAIL) / ((RETAIL - FEED_IN) * ratio + FEED_IN)
    assert 0 <= published - sellers < 1  # rounded down to a tick
    assert buyers == sellers * ratio + RETAIL * (1 - ratio)


@pytest.mark.parametrize(("supply", "demand", "price"), [(0, 1, RETAIL), (1, 1, FEED_IN), (2, 1, FEED_IN)])
def test_the_ratio_price_falls_from_retail_to_feed_in(supply, demand, price):
    assert sell_price(supply, demand, RETAIL, FEED_IN) == price


def test_the_ratio_has_no_trade_where_both_tariffs_are_one():
    assert match(SDR, [5], [5], FEED_IN, FEED_IN)[1].size == 0


@pytest.mark.parametrize("feed_in", [0, -20_000])
def test_the_ratio_refuses_a_feed_in_tariff_that_it_cannot_divide_by(feed_in):
    with pytest.raises(
        OrderError, match=r"divides by the feed-in tariff.*\(got (0|-0\.02)\)\s+choose .*mid_market_rate"
    ):
        match(SDR, [5], [5], RETAIL, feed_in)


@pytest.mark.parametrize(
    ("retail", "feed_in", "price"), [(300_000, 0, 150_000), (100_000, -50_000, 25_000), (-1, -4, -3)]
)
def test_the_middle_is_rounded_down_whatever_the_sign(retail, feed_in, price):
    """All bid retail and ask the feed-in tariff; the mid-market rate and the pool half-way are the same."""
    for engine in (MMR, pro_rata.build(ProRataParams(), build_context())):
        orders = orders_of([(0, 1, retail, 5), (1, -1, feed_in, 5)])
        trades, _ = engine.match(orders, FreeGate(1), tariffs_of(1, retail, feed_in))
        assert trades.price_ticks.tolist() == [price]


@pytest.mark.parametrize(
    "engine", [MMR, SDR, pro_rata.build(ProRataParams(), build_context())], ids=lambda engine: engine.name
)
def test_everybody_on_a_side_has_the_same_fill_rate(engine):
    orders, trades = match(engine, [10, 30], [8, 8, 4])
    assert filled(orders, trades).tolist() == [5, 15, 8, 8, 4]


def test_an_owners_limit_is_never_overridden():
    orders = orders_of([(0, BUY, 189_999, 5), (1, BUY, 190_000, 5), (2, SELL, 190_001, 5), (3, SELL, 190_000, 9)])
    trades = MMR.match(orders, FreeGate(1), tariffs_of())[0]
    assert filled(orders, trades).tolist() == [0, 5, 0, 5]


@pytest.mark.parametrize(("position", "price"), [(0.0, FEED_IN), (0.5, 190_000), (1.0, RETAIL), (1 / 3, 153_333)])
def test_the_pool_trades_at_its_place_between_the_tariffs(position, price):
    trades = match(pro_rata.build(ProRataParams(position=position), build_context()), [5], [5])[1]
    assert trades.price_ticks.tolist() == [price]


def test_the_pool_at_the_midpoint_trades_as_the_mid_market_rate():
    one, other = (
        match(engine, [7, 9], [3, 8])[1] for engine in (MMR, pro_rata.build(ProRataParams(), build_context()))
    )
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
