"""Legs: what agents stand to trade, at their reservation values."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.agents.strategies.orders import legs_of
from marketsim.agents.strategies.plan import Draft
from marketsim.core.limits import stand
from marketsim.core.records import FIRM, PV, Fallback, Side
from marketsim.testing.strategy_kit import FEED_IN, RETAIL, battery, heat_pump, observed, reach, strategy_context


def legs(load_wh, pv_wh, ranges=(), offer=None, devices=None):
    """Legs of agents after an offer of the first fleet."""
    context = strategy_context(devices or [{}] * len(load_wh))
    seen = observed(context, load_wh, pv_wh, ranges)
    draft = Draft.opened(seen)
    if offer is not None:
        draft.offer(0, *(np.array(column) for column in offer))
    plan = draft.done(np.ones(len(load_wh), dtype=bool))
    standing = stand(seen.load_wh, seen.pv_wh, seen.ranges, context.stores, plan.dispatch_wh)
    return legs_of(seen, plan, standing, range(len(ranges)))


def store_legs(side, value, most=2**62):
    """Legs of one idle store, offered as given."""
    one = legs([0], [0], [reach([-600], [0], [400])], ([side], [value], [most]), [{"battery": battery()}])
    return [tuple(int(number) for number in row) for row in zip(*one, strict=True)]


def test_firm_demand_is_worth_retail_and_pv_the_feed_in_tariff():
    """Demand bids between retail and feed-in, PV asks between feed-in and retail; both fall back on the utility."""
    one = legs([500, 100], [0, 900])
    assert one.agent.tolist() == [0, 1]
    assert one.side.tolist() == [Side.BUY, Side.SELL]
    assert one.component.tolist() == [FIRM, PV]
    assert one.energy_wh.tolist() == [500, 800]
    assert one.value_ticks.tolist() == [RETAIL, FEED_IN]
    assert one.bound_ticks.tolist() == [FEED_IN, RETAIL]
    assert one.fallback.tolist() == [Fallback.UTILITY] * 2


def test_must_run_energy_is_sold_as_firm():
    one = legs([100], [0], [reach([400], [400], [400])], devices=[{"generator": heat_pump()}])
    assert (one.side.tolist(), one.component.tolist(), one.energy_wh.tolist()) == ([Side.SELL], [FIRM], [300])
    assert one.value_ticks.tolist() == [FEED_IN]


def test_who_is_balanced_offers_nothing():
    assert legs([500], [500]).size == 0


def test_legs_stand_agent_by_agent():
    one = legs([500, 0, 300], [0, 400, 0])
    assert np.array_equal(one.agent, np.sort(one.agent))


def test_a_store_offers_the_side_of_its_plan():
    assert store_legs(Side.SELL, 150_000) == [(0, Side.SELL, 0, 400, 150_000, RETAIL, Fallback.KEEP)]
    assert store_legs(Side.BUY, 150_000) == [(0, Side.BUY, 0, 600, 150_000, FEED_IN, Fallback.KEEP)]


def test_at_most_what_the_plan_says_is_offered():
    assert store_legs(Side.SELL, 150_000, most=250)[0][3] == 250


@pytest.mark.parametrize(
    ("side", "value", "limit", "fallback"),
    [
        (Side.SELL, FEED_IN - 20_000, FEED_IN, Fallback.UTILITY),
        (Side.SELL, FEED_IN, FEED_IN, Fallback.UTILITY),
        (Side.SELL, FEED_IN + 1, FEED_IN + 1, Fallback.KEEP),
        (Side.SELL, RETAIL, RETAIL, Fallback.KEEP),
        (Side.BUY, RETAIL + 20_000, RETAIL, Fallback.UTILITY),
        (Side.BUY, RETAIL - 1, RETAIL - 1, Fallback.KEEP),
        (Side.BUY, FEED_IN, FEED_IN, Fallback.KEEP),
    ],
)
def test_values_beyond_a_tariff_move_to_it_and_fall_back_on_it(side, value, limit, fallback):
    """Who would sell below the feed-in tariff or buy above retail trades with the utility, if not with peers."""
    ((_, _, _, _, value_ticks, _, chosen),) = store_legs(side, value)
    assert (value_ticks, chosen) == (limit, fallback)


@pytest.mark.parametrize(("side", "value"), [(Side.SELL, RETAIL + 1), (Side.BUY, FEED_IN - 1)])
def test_what_no_price_within_the_tariffs_pays_for_is_not_offered(side, value):
    assert store_legs(side, value) == []


def test_legs_become_orders_at_their_prices():
    one = legs([500, 100], [0, 900])
    batch = one.priced(np.array([111_111, 222_222]))
    assert batch.price_ticks.tolist() == [111_111, 222_222]
    assert batch.energy_wh.tolist() == one.energy_wh.tolist()
    assert one.take(np.array([False, True])).agent.tolist() == [1]
