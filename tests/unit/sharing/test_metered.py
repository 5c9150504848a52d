"""The game of a finished period: bills behind one meter, prices of a slot, and who would leave."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.sharing.coalitions import all_costs, alone_costs
from marketsim.sharing.metered import MeteredGame
from marketsim.sharing.shapley import sampled_shapley, shapley
from marketsim.sharing.stability import worst_of_all

NET = np.array([[-1_000, 3_000, -500], [-2_000, 500, 0]])
RETAIL, FEED_IN = np.array([300_000, 300_000]), np.array([80_000, 80_000])


def test_bills_by_hand():
    """In slot 0 the first two feed in 2 kWh, worth 0.16; in slot 1 they draw 1.5 kWh, which costs 0.45."""
    game = MeteredGame(NET, RETAIL, FEED_IN)
    both = np.array([[True, True, False]])
    assert game.cost(both).tolist() == [-160_000_000.0 + 450_000_000.0]
    assert alone_costs(game).tolist() == [900_000_000.0, -280_000_000.0, 150_000_000.0]
    assert game.paid_money == -1_500 * 80_000 + 1_500 * 300_000
    assert game.slot_price_ticks().tolist() == [80_000, 300_000]


def test_everybody_pays_what_was_paid():
    game = MeteredGame(NET, RETAIL, FEED_IN, 400_000_000)
    assert game.cost(np.ones((1, 3), dtype=bool)).tolist() == [400_000_000.0]
    assert game.beyond_money == 400_000_000 - 330_000_000


@st.composite
def games(draw):
    n, slots = draw(st.integers(2, 7)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    feed_in = rng.integers(-100_000, 200_000, slots)
    return MeteredGame(rng.integers(-3_000, 3_000, (slots, n)), feed_in + rng.integers(0, 200_000, slots), feed_in)


@settings(max_examples=60)
@given(games())
def test_no_group_gains_against_prices_of_a_slot(game):
    """Owen 1975; prices of either sign."""
    bills = -(game.slot_price_ticks()[:, None] * game.net_wh).sum(axis=0).astype(float)
    assert bills.sum() == game.paid_money
    assert worst_of_all(all_costs(game), bills).excess <= 1e-3


@settings(max_examples=25)
@given(games(), st.integers(0, 1000))
def test_the_programme_finds_the_group_that_enumeration_finds(game, seed):
    shares = np.random.default_rng(seed).normal(size=game.n) * 1e8
    listed, found = worst_of_all(all_costs(game), shares), game.worst(shares, 30.0)
    assert found.excess == pytest.approx(listed.excess, abs=1e5)
    assert found.gap <= 1e6


def test_a_programme_of_one_member_has_no_groups():
    assert MeteredGame(NET[:, :1], RETAIL, FEED_IN).worst(np.zeros(1), 1.0) is None


def test_a_member_that_never_draws_or_feeds_in_pays_nothing():
    game = MeteredGame(np.column_stack((NET, np.zeros(2, dtype=np.int64))), RETAIL, FEED_IN)
    assert shapley(game).shares[3] == pytest.approx(0.0)
    assert sampled_shapley(game, 20, np.random.default_rng(1)).shares[3] == pytest.approx(0.0)


def test_large_groups_are_asked_about_in_pieces(monkeypatch):
    whole = all_costs(MeteredGame(NET, RETAIL, FEED_IN))
    monkeypatch.setattr("marketsim.sharing.metered._CELLS", 4)
    assert all_costs(MeteredGame(NET, RETAIL, FEED_IN)).tolist() == whole.tolist()
