"""Stores without forecasts."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.agents.strategies.fleets import own_fleets
from marketsim.agents.strategies.plan import NO_OFFER, Draft
from marketsim.agents.strategies.storage import SelfConsumption, Trade
from marketsim.core.records import UNDECLARED, Side
from marketsim.testing.strategy_kit import FEED_IN, RETAIL, battery, observed, reach, strategy_context


def planned(policy, level=0.5, load_wh=0, pv_wh=0, last=190_000, tariffs=(RETAIL, FEED_IN), **rating):
    """(dispatch, side, value) of a battery that can move 1,000 Wh either way."""
    context = strategy_context([{"battery": battery(**rating)}])
    one = reach([-1_000], [0], [1_000], [level])
    seen = observed(context, [load_wh], [pv_wh], [one], last_price_ticks=last)
    seen = seen._replace(retail_ticks=np.array(tariffs[:1]), feed_in_ticks=np.array(tariffs[1:]))
    draft = Draft.opened(seen)
    policy(*own_fleets(context)).plan(seen, draft)
    return int(draft.dispatch_wh[0, 0]), int(draft.side[0, 0]), int(draft.value_ticks[0, 0])


@pytest.mark.parametrize(
    ("load_wh", "pv_wh", "dispatch"),
    [(0, 600, -600), (0, 5_000, -1_000), (400, 0, 400), (400, 900, -500), (9_000, 0, 1_000)],
)
def test_self_consumption_charges_surplus_and_serves_need(load_wh, pv_wh, dispatch):
    assert planned(SelfConsumption, load_wh=load_wh, pv_wh=pv_wh) == (dispatch, NO_OFFER, UNDECLARED)


def test_trade_begins_with_self_consumption():
    assert planned(Trade, load_wh=400)[:2] == (400, Side.SELL)
    assert planned(Trade, pv_wh=600)[:2] == (-600, Side.BUY)


def test_what_only_sells_makes_no_bids():
    """And asks as it would, where that is the better side."""
    only_sells = partial(Trade, buys=False)
    assert planned(only_sells, last=FEED_IN) == (0, NO_OFFER, UNDECLARED)
    assert planned(only_sells, pv_wh=600) == (-600, NO_OFFER, UNDECLARED)
    assert planned(only_sells, last=RETAIL) == planned(Trade, last=RETAIL)


@pytest.mark.parametrize("policy", [SelfConsumption, Trade])
@pytest.mark.parametrize(("retail", "dispatch"), [(1, 400), (0, 0), (-100_000, 0)])
def test_no_store_serves_a_need_that_is_free_or_paid(policy, retail, dispatch):
    assert planned(policy, load_wh=400, tariffs=(retail, -200_000))[0] == dispatch


@pytest.mark.parametrize("level", [0.5, 1.0])
def test_a_store_never_pays_to_be_rid_of_energy(level):
    """Negative tariffs count as nothing: it asks at least its wear twice, and where nobody may pay that it offers none."""
    dispatch, side, value = planned(Trade, level=level, last=RETAIL, tariffs=(RETAIL, -FEED_IN))
    assert (dispatch, side) == (0, Side.SELL)
    assert value >= 20_000
    assert planned(Trade, level=level, last=0, tariffs=(-100_000, -200_000))[1] != Side.SELL


def test_a_store_at_rest_takes_the_better_side_at_the_last_price():
    assert planned(Trade, last=RETAIL)[1] == Side.SELL
    assert planned(Trade, last=FEED_IN)[1] == Side.BUY


def test_an_asking_store_asks_what_its_energy_would_save():
    """Half full: the middle of the tariffs and the wear of delivering; refilling from own PV costs less than that."""
    assert planned(Trade, last=RETAIL)[2] == 200_000


def test_a_full_store_asks_at_least_what_refilling_costs():
    """Feed-in / (0.95 x 0.95) + wear of charging, and the wear of delivering."""
    assert planned(Trade, level=1.0, last=RETAIL)[2] == int(np.ceil(FEED_IN / 0.9025 + 10_000)) + 10_000


def test_a_bidding_store_bids_what_the_energy_will_save_after_losses_and_wear():
    """0.95 x 0.95 x (0.19 - 0.01) - 0.01."""
    assert planned(Trade, last=FEED_IN)[2] == int(0.9025 * 180_000) - 10_000


@given(st.floats(0, 1), st.floats(0.5, 1), st.floats(0, 0.1), st.sampled_from([FEED_IN, 190_000, RETAIL]))
def test_a_round_trip_never_loses(level, efficiency, wear, last):
    """What a store asks at any level covers what it bids at that level, and neither is the utility's price."""
    rating = {"charge_efficiency": efficiency, "discharge_efficiency": efficiency, "wear_cost": wear}
    _, side, ask = planned(Trade, level, last=10 * RETAIL, **rating)
    _, other, bid = planned(Trade, level, last=-10 * RETAIL, **rating)
    if side == Side.SELL:
        assert ask > FEED_IN
    if other == Side.BUY:
        assert bid < RETAIL
    if side == Side.SELL and other == Side.BUY:
        assert ask * efficiency**2 >= bid


def test_the_value_of_stored_energy_falls_as_the_store_fills():
    values = [planned(Trade, level, last=RETAIL)[2] for level in (0.1, 0.4, 0.7, 0.9)]
    assert values == sorted(values, reverse=True)


def test_who_has_no_store_offers_none():
    context = strategy_context([{"battery": battery()}, {}])
    seen = observed(context, [0, 0], [0, 0], [reach([-1_000, 0], [0, 0], [1_000, 0], [0.5, np.nan])])
    draft = Draft.opened(seen)
    Trade(*own_fleets(context)).plan(seen, draft)
    assert draft.side[0, 1] == NO_OFFER
    assert draft.value_ticks[0, 1] == UNDECLARED
