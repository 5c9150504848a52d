"""Excess, least core and nucleolus on games whose values are known, and by definition."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.sharing.coalitions import all_costs, members_of, sums
from marketsim.sharing.stability import excesses, least_core, nucleolus, worst_of_all
from tests.unit.sharing.games import AIRPORT, GLOVE, MAJORITY, Game, bankruptcy, drawn, votes


@pytest.mark.parametrize(
    ("estate", "shares"),
    [(100, [100 / 3] * 3), (200, [50, 75, 75]), (300, [50, 100, 150])],
)
def test_the_nucleolus_shares_an_estate_as_the_talmud_does(estate, shares):
    """Claims of 100, 200 and 300 (Aumann and Maschler 1985)."""
    assert nucleolus(bankruptcy(estate, [100, 200, 300])).shares == pytest.approx(-np.array(shares), abs=1e-6)


@pytest.mark.parametrize(
    ("game", "shares"),
    [(GLOVE, [-1.0, 0.0, 0.0]), (AIRPORT, [0.5, 0.75, 2.75]), (Game(1, lambda _: 7.0), [7.0])],
)
def test_nucleoli_of_the_literature(game, shares):
    assert nucleolus(game).shares == pytest.approx(shares, abs=1e-9)


def test_where_the_core_is_empty_somebody_would_rather_leave():
    """Of three of whom any two get everything, two gain a third; of five of whom any three do, 0.4."""
    worst = worst_of_all(all_costs(MAJORITY), least_core(MAJORITY).shares)
    assert worst.excess == pytest.approx(1 / 3)
    assert worst.members.sum() == 2
    five = votes([1] * 5, 3)
    assert worst_of_all(all_costs(five), nucleolus(five).shares).excess == pytest.approx(0.4)


def test_the_largest_excess_is_that_of_a_group_that_is_somebody_and_not_everybody():
    costs, shares = all_costs(AIRPORT), np.array([0.0, 0.0, 4.0])
    worst = worst_of_all(costs, shares)
    assert (worst.excess, worst.members.tolist()) == (0.0, [False, False, True])
    assert excesses(costs, shares)[-1] == 0.0
    assert worst_of_all(all_costs(Game(1, lambda _: 7.0)), np.array([7.0])) is None


@pytest.mark.parametrize("n", [2, 4, 6])
@pytest.mark.parametrize("seed", range(4))
def test_no_division_has_a_smaller_largest_excess_than_the_least_core(n, seed):
    """Nor has the nucleolus a larger one; 2,000 other divisions try."""
    game = drawn(n, seed)
    costs = all_costs(game)
    least, fine = least_core(game).shares, nucleolus(game).shares
    level = excesses(costs, least)[1:-1].max()
    assert least.sum() == pytest.approx(costs[-1])
    assert excesses(costs, fine)[1:-1].max() == pytest.approx(level, abs=1e-7)
    rng = np.random.default_rng(seed)
    for _ in range(2000):
        step = rng.normal(scale=rng.choice([0.01, 0.3]), size=n)
        assert excesses(costs, fine + step - step.mean())[1:-1].max() >= level - 1e-7


@pytest.mark.parametrize("seed", range(6))
def test_no_small_change_of_the_nucleolus_lowers_the_ordered_excesses(seed):
    """The excesses, from the largest on, are lexicographically least (Schmeidler 1969)."""
    game = drawn(4, seed)
    costs, found = all_costs(game), nucleolus(game).shares
    own = np.sort(excesses(costs, found)[1:-1])[::-1]
    rng = np.random.default_rng(seed)
    for _ in range(500):
        step = rng.normal(scale=0.05, size=4)
        other = np.sort(excesses(costs, found + step - step.mean())[1:-1])[::-1]
        apart = np.flatnonzero(np.abs(other - own) > 1e-6)
        assert not len(apart) or other[apart[0]] > own[apart[0]]


def test_sums_are_those_of_the_members():
    values = np.array([1.0, 10.0, 100.0])
    assert sums(values).tolist() == [float(values[row].sum()) for row in members_of(np.arange(8), 3)]
