"""Rounds of a slot in which agents act: what is left open is offered again, ever closer to its value."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import marketsim as ms
from marketsim.agents.game.actions import conceded
from marketsim.app.game import build_game
from marketsim.core import matching
from marketsim.core.records import Side

SCENARIOS = Path(__file__).resolve().parents[4] / "scenarios"
BUY, SELL = int(Side.BUY), int(Side.SELL)
FEED_IN, RETAIL = 80_000, 300_000


@given(st.sampled_from((BUY, SELL)), st.integers(0, 10**9), st.integers(0, 10**9), st.integers(2, 1000), st.data())
def test_a_limit_moves_to_the_value_in_equal_steps_and_never_away(side, first, value, rounds, data):
    done = data.draw(st.integers(0, rounds - 1))
    whole = np.array([side]), np.array([first]), np.array([value])
    found = [int(conceded(*whole, turn, rounds)[0]) for turn in range(rounds)]
    gives_more_already = (value - first) * side <= 0
    assert found[0] == first
    assert found[-1] == (first if gives_more_already else value)
    assert all((later - earlier) * side >= 0 for earlier, later in pairwise(found))
    exact = first if gives_more_already else first + (value - first) * done / (rounds - 1)
    assert abs(found[done] - exact) < 1 + 1e-6 * abs(exact)
    assert (found[done] - exact) * side <= 1e-6 * abs(exact)  # rounded to the owner's side


def noon(rounds: int, actions: np.ndarray):
    """The record of a summer noon in a game of one market."""
    engine = {"double_auction": {"price_rule": "midpoint", "rounds": rounds}}
    ready = ms.load_scenario(SCENARIOS / "pilot.yaml", {"learning": {}, "market.engine": engine})
    game = build_game(ready, markets=1, rounds=1)
    game.reset(0)
    for _ in range(13):
        game.step(actions)
    return game.record


def greedy() -> np.ndarray:
    """Everybody offers all: sellers ask retail, buyers bid the feed-in tariff."""
    actions = np.zeros((1, 8, 2), dtype=np.int64)
    actions[..., 1], actions[:, :4, 0] = 4, 10
    return actions


def test_prices_that_never_met_meet_on_the_way():
    """In one round nothing trades. In three, halfway limits meet in the second: at the middle, if both move alike."""
    once, thrice = noon(1, greedy()), noon(3, greedy())
    assert once.trades.size == 0
    assert thrice.trades.size > 0
    assert set(thrice.trades.price_ticks.tolist()) == {(FEED_IN + RETAIL) // 2}
    surplus, demand = thrice.positions.surplus_wh.sum(), thrice.positions.firm_demand_wh.sum()
    assert thrice.trades.energy_wh.sum() == min(surplus, demand)


def test_the_last_limits_are_the_values():
    record = noon(4, greedy())
    orders = record.orders
    offered = orders.limit_ticks >= 0
    assert set(orders.limit_ticks[offered & (orders.side == BUY)].tolist()) == {RETAIL}
    assert set(orders.limit_ticks[offered & (orders.side == SELL)].tolist()) == {FEED_IN}


def test_what_is_held_back_is_not_offered_in_any_round():
    actions = greedy()
    actions[..., 1] = 2
    record = noon(5, actions)
    held = record.positions.surplus_wh - record.energy.sold_wh
    assert (held >= record.positions.surplus_wh - record.positions.surplus_wh // 2).all()
    assert record.energy.sold_wh.sum() > 0


def test_no_trade_is_beyond_the_limits_of_its_round(monkeypatch):
    """The limits of every round are taken where the engine is called, and the trades of the round held against them."""
    rounds: list[tuple] = []
    take = matching.matching_kernel.take_trades

    def taking(found, index, agent, limit, *rest):
        table, status = take(found, index, agent, limit, *rest)
        rounds.append((limit.copy(), table))
        return table, status

    monkeypatch.setattr(matching.matching_kernel, "take_trades", taking)
    rng = np.random.default_rng(1)
    record = noon(6, np.stack((rng.integers(0, 11, (1, 8)), np.full((1, 8), 4)), axis=2))
    assert record.trades.size
    for limit, table in rounds:
        buy, sell, _, price = table[:4]
        assert (limit[sell] <= price).all()
        assert (price <= limit[buy]).all()


@pytest.mark.parametrize("rounds", [2, 6])
def test_rounds_make_a_difference_to_what_is_traded(rounds):
    """Sellers at four fifths and buyers at one fifth of the way: one round trades nothing, several trade all there is."""
    actions = greedy()
    actions[:, :4, 0], actions[:, 4:, 0] = 8, 2
    assert noon(1, actions).trades.size == 0
    assert noon(rounds, actions).trades.size > 0
