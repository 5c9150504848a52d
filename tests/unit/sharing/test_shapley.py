"""Shapley values by hand, by definition over all orders, and sampled."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from marketsim.sharing.coalitions import all_costs
from marketsim.sharing.shapley import (
    marginals_by_place,
    sampled_shapley,
    sampled_weighted_shapley,
    shapley,
    weighted_shapley,
)
from tests.unit.sharing.games import AIRPORT, GLOVE, Game, drawn, votes


@pytest.mark.parametrize(
    ("game", "shares"),
    [
        (GLOVE, [-2 / 3, -1 / 6, -1 / 6]),
        (AIRPORT, [1 / 3, 5 / 6, 17 / 6]),
        (votes([50, 49, 1], 51), [-2 / 3, -1 / 6, -1 / 6]),
        (votes([2, 1, 1], 3), [-2 / 3, -1 / 6, -1 / 6]),
        (Game(1, lambda _: 7.0), [7.0]),
    ],
)
def test_games_of_the_literature(game, shares):
    assert shapley(game).shares == pytest.approx(shares)


def by_orders(game, chance):
    """Mean marginal cost over all orders, each with its chance."""
    shares = np.zeros(game.n)
    costs = all_costs(game)
    for order in permutations(range(game.n)):
        there = 0
        for member in order:
            shares[member] += chance(order) * (costs[there | 1 << member] - costs[there])
            there |= 1 << member
    return shares


@pytest.mark.parametrize("n", [2, 3, 5])
@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_mean_over_all_orders(n, seed):
    game = drawn(n, seed)
    orders = len(list(permutations(range(n))))
    assert shapley(game).shares == pytest.approx(by_orders(game, lambda _: 1 / orders))
    assert shapley(game).standard_errors is None


@pytest.mark.parametrize("seed", range(5))
def test_weighted_it_is_the_mean_over_orders_drawn_from_the_last_place_on(seed):
    game, weights = drawn(4, seed), np.array([1.0, 2.0, 0.5, 3.0])

    def chance(order):
        left, found = list(order), 1.0
        while left:
            found *= weights[left[-1]] / weights[left].sum()
            left.pop()
        return found

    assert weighted_shapley(game, weights).shares == pytest.approx(by_orders(game, chance))
    assert weighted_shapley(game, np.ones(4)).shares == pytest.approx(shapley(game).shares)


def test_of_what_only_all_gain_together_each_has_its_weight():
    unanimous = Game(3, lambda group: -float(len(group) == 3))
    assert weighted_shapley(unanimous, np.array([1.0, 2.0, 3.0])).shares == pytest.approx([-1 / 6, -1 / 3, -1 / 2])


def test_places_say_when_a_member_is_worth_most():
    """The second aeroplane of 2: alone 2, after another 1 or 0, last 0."""
    places = marginals_by_place(all_costs(AIRPORT), 3)
    assert places[:, 1] == pytest.approx([2.0, 0.5, 0.0])
    assert places.mean(axis=0) == pytest.approx(shapley(AIRPORT).shares)


@pytest.mark.parametrize("weights", [None, np.array([1.0, 2.0, 0.5, 3.0, 1.0, 1.0])])
def test_sampled_shares_are_within_their_standard_errors(weights):
    """Over 40 games of 6, the root mean square of errors in standard errors is near 1; and they sum to the cost of all."""
    scores = []
    for seed in range(40):
        game, rng = drawn(6, seed), np.random.default_rng(1000 + seed)
        exact = shapley(game) if weights is None else weighted_shapley(game, weights)
        found = (
            sampled_shapley(game, 200, rng) if weights is None else sampled_weighted_shapley(game, weights, 400, rng)
        )
        assert found.shares.sum() == pytest.approx(exact.shares.sum())
        scores.append((found.shares - exact.shares) / found.standard_errors)
    assert 0.7 < np.sqrt(np.mean(np.square(scores))) < 1.4


def test_the_same_state_of_the_generator_gives_the_same_shares():
    first, second = (sampled_shapley(drawn(5, 1), 10, np.random.default_rng(3)) for _ in range(2))
    assert first.shares.tolist() == second.shares.tolist()


def test_a_game_of_one_has_nothing_to_sample():
    assert sampled_shapley(Game(1, lambda _: 7.0), 4, np.random.default_rng(1)).shares.tolist() == [7.0]


@pytest.mark.parametrize("seed", range(5))
def test_it_is_that_of_shapiq(seed):
    """An independent implementation, where it is installed: it is no dependency, for it brings half a gigabyte."""
    shapiq = pytest.importorskip("shapiq", reason="shapiq, the other implementation, is not installed")
    game = drawn(7, seed)

    def worth(members):
        inside = members.any(axis=1)
        found = np.zeros(len(members))
        found[inside] = game.cost(members[inside])
        return found

    other = shapiq.ExactComputer(n_players=7, game=worth)("SV", 1).get_n_order_values(1)
    assert shapley(game).shares == pytest.approx(other, abs=1e-12)
