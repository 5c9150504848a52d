"""The game of a finished period: bills behind one meter, prices of a slot, and who would leave."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.sharing.coalitions import all_costs, alone_costs, members_of
from marketsim.sharing.metered import MeteredGame
from marketsim.sharing.shapley import sampled_shapley, shapley
from marketsim.sharing.stability import worst_of_all
from marketsim.sharing.worst_group import worst_group

NET = np.array([[-1_000, 3_000, -500], [-2_000, 500, 0]])
PV = np.maximum(NET, 0)
RETAIL, FEED_IN = np.array([300_000, 300_000]), np.array([80_000, 80_000])


def test_bills_by_hand():
    """In slot 0 the first two feed in 2 kWh, worth 0.16; in slot 1 they draw 1.5 kWh, which costs 0.45."""
    game = MeteredGame(NET, PV, RETAIL, FEED_IN)
    both = np.array([[True, True, False]])
    assert game.cost(both).tolist() == [-160_000_000.0 + 450_000_000.0]
    assert alone_costs(game).tolist() == [900_000_000.0, -280_000_000.0, 150_000_000.0]
    assert game.paid_money == -1_500 * 80_000 + 1_500 * 300_000
    assert game.slot_prices().ticks.tolist() == [80_000, 300_000]


def test_where_feeding_in_costs_pv_is_curtailed_and_what_must_run_pays():
    """Of the 2 kWh that the first two have left in slot 0 all is PV, of the 3 kWh of the second alone 1 kWh is not."""
    pv = np.array([[0, 2_000, 0], [0, 500, 0]])
    game = MeteredGame(NET, pv, RETAIL, np.array([-50_000, 80_000]))
    assert game.cost(np.array([[True, True, False]])).tolist() == [450_000_000.0]
    assert alone_costs(game).tolist() == [900_000_000.0, 50_000_000.0 - 40_000_000.0, 150_000_000.0]
    assert game.slot_prices().ticks.tolist() == [0, 300_000]
    forced = MeteredGame(NET, pv // 4, RETAIL, np.array([-50_000, 80_000]))
    assert forced.paid_money == 1_000 * 50_000 + 450_000_000
    assert forced.slot_prices().ticks.tolist() == [-50_000, 300_000]
    assert forced.slot_prices().energy_wh[0].tolist() == [-1_000, 2_500, -500]


def test_everybody_pays_what_was_paid():
    game = MeteredGame(NET, PV, RETAIL, FEED_IN, 400_000_000)
    assert game.cost(np.ones((1, 3), dtype=bool)).tolist() == [400_000_000.0]
    assert game.beyond_money == 400_000_000 - 330_000_000


@st.composite
def games(draw, lowest_retail=0):
    n, slots = draw(st.integers(2, 7)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    feed_in = rng.integers(-100_000, 200_000, slots)
    retail = np.maximum(feed_in, lowest_retail) + rng.integers(0, 200_000, slots)
    net = rng.integers(-3_000, 3_000, (slots, n)) * (rng.random((slots, n)) < 0.9)
    pv = np.maximum(net, 0) * rng.integers(0, 2, net.shape) + rng.integers(0, 1_000, net.shape)
    return MeteredGame(net, pv, retail, feed_in)


@settings(max_examples=100)
@given(games())
def test_no_group_gains_against_prices_of_a_slot(game):
    """Owen 1975; feed-in tariffs of either sign."""
    bills = game.slot_prices().money.sum(axis=0)
    assert bills.sum() == game.paid_money
    assert worst_of_all(all_costs(game), bills.astype(float)).excess <= 1e-3


@pytest.mark.parametrize("seed", range(3))
def test_nor_does_any_of_the_4094_groups_of_twelve(seed):
    rng = np.random.default_rng(seed)
    net = rng.integers(-3_000, 3_000, (24, 12))
    game = MeteredGame(net, np.maximum(net, 0), np.full(24, 300_000), np.full(24, 80_000))
    bills = game.slot_prices().money.sum(axis=0).astype(float)
    assert worst_of_all(all_costs(game), bills).excess <= 1e-3
    assert worst_group(game, bills, 30.0).excess <= 1e-3


@settings(max_examples=50)
@given(games(-100_000))
def test_prices_of_a_slot_sum_to_one_meter_whatever_the_sign_of_retail(game):
    assert game.slot_prices().money.sum() == game.paid_money


@settings(max_examples=40)
@given(games(-100_000), st.integers(0, 1000))
def test_the_programme_finds_the_group_that_enumeration_finds(game, seed):
    """At prices of either sign, retail included."""
    shares = np.random.default_rng(seed).normal(size=game.n) * 1e8
    listed, found = worst_of_all(all_costs(game), shares), worst_group(game, shares, 30.0)
    assert found.excess == pytest.approx(listed.excess, abs=1e5)
    assert found.gap <= 1e6


def test_a_programme_of_one_member_has_no_groups():
    assert worst_group(MeteredGame(NET[:, :1], PV[:, :1], RETAIL, FEED_IN), np.zeros(1), 1.0) is None


def test_a_member_that_never_draws_or_feeds_in_pays_nothing():
    more = [np.column_stack((each, np.zeros(2, dtype=np.int64))) for each in (NET, PV)]
    game = MeteredGame(*more, RETAIL, FEED_IN)
    assert shapley(game).shares[3] == pytest.approx(0.0)
    assert sampled_shapley(game, 20, np.random.default_rng(1)).shares[3] == pytest.approx(0.0)


@given(games(-100_000), st.integers(0, 1000))
def test_groups_that_grow_cost_what_groups_cost(game, seed):
    orders = np.random.default_rng(seed).permuted(np.tile(np.arange(game.n), (5, 1)), axis=1)
    costs = all_costs(game)
    numbers = np.cumsum(1 << orders, axis=1)
    assert game.chains(orders) == pytest.approx(costs[numbers])
    assert members_of(numbers[:, -1], game.n).all()


def test_large_groups_are_asked_about_in_pieces(monkeypatch):
    whole = all_costs(MeteredGame(NET, PV, RETAIL, FEED_IN))
    orders = np.array([[0, 1, 2], [2, 0, 1]])
    chains = MeteredGame(NET, PV, RETAIL, FEED_IN).chains(orders)
    monkeypatch.setattr("marketsim.sharing.metered._CELLS", 4)
    assert all_costs(MeteredGame(NET, PV, RETAIL, FEED_IN)).tolist() == whole.tolist()
    assert MeteredGame(NET, PV, RETAIL, FEED_IN).chains(orders).tolist() == chains.tolist()
