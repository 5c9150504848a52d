"""Verdicts: differences beyond the noise of seeds, within it, and what cannot be said."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.analysis.compare.arms import ComparedArm
from marketsim.analysis.compare.verdicts import DIFFERS, EQUAL, FEW_SEEDS, NOISE, ONE_SEED, UNDEFINED, compare


def arm(values, first_seed=1):
    return ComparedArm("x", {first_seed + place: {"k": value} for place, value in enumerate(values)}, {})


def verdict(left, right, shift=0):
    (found,) = compare(arm(left), arm(right, 1 + shift), ["k"])
    return found


def test_pairs_see_a_small_effect_under_large_noise():
    """The noise of the seed is in both arms and cancels: paired it differs, unpaired it is lost."""
    noise = np.random.default_rng(1).normal(0, 10, 12)
    left, right = noise, noise + 0.5 + 0.1 * np.random.default_rng(2).normal(size=12)
    paired, unpaired = verdict(left, right), verdict(left, right, shift=100)
    assert (paired.verdict, paired.paired, paired.seeds) == (DIFFERS, True, 12)
    assert paired.difference == pytest.approx(0.5, abs=0.1)
    assert 0 < paired.low < paired.difference < paired.high
    assert (unpaired.verdict, unpaired.paired) == (NOISE, False)


def test_without_an_effect_about_one_comparison_in_twenty_differs():
    """The interval keeps its level (30 seeds, 60 comparisons, fixed draws: at most 8 false alarms)."""
    draws = np.random.default_rng(7)
    false = sum(verdict(draws.normal(size=30), draws.normal(size=30)).verdict == DIFFERS for _ in range(60))
    assert false <= 8


def test_equal_to_the_last_digit_is_equal():
    assert verdict([1.0, 2.0], [1.0, 2.0]).verdict == EQUAL
    assert verdict([1.0], [1.0]).verdict == EQUAL
    assert verdict([1.0], [1.0 + 1e-15]).verdict == ONE_SEED


@pytest.mark.parametrize(("count", "word"), [(1, ONE_SEED), (2, FEW_SEEDS), (4, FEW_SEEDS), (5, DIFFERS)])
def test_few_seeds_say_nothing_of_noise(count, word):
    """A bootstrap of four values promises what it does not hold."""
    found = verdict(np.arange(count), np.arange(count) + 1.0 + 0.01 * np.arange(count) ** 2)
    assert found.verdict == word
    assert (found.low is None) == (word != DIFFERS)


def test_a_difference_that_never_varies_is_its_own_interval():
    found = verdict([1, 2, 3, 4, 5], [2, 3, 4, 5, 6])
    assert (found.low, found.high, found.verdict) == (1.0, 1.0, DIFFERS)
    found = verdict([1] * 5, [2] * 5, shift=50)
    assert (found.low, found.high, found.verdict) == (1.0, 1.0, DIFFERS)


def test_only_common_seeds_are_compared():
    """Means and difference come from the same seeds."""
    found = verdict([1, 2, 3], [20, 30, 40], shift=1)
    assert (found.base, found.other, found.difference, found.seeds) == (2.5, 25.0, 22.5, 2)


@pytest.mark.parametrize(("left", "right"), [([None], [1]), ([1], [None]), ([None, 1], [2, 3])])
def test_what_is_undefined_in_a_seed_has_no_verdict(left, right):
    found = verdict(left, right)
    assert found.verdict == UNDEFINED
    assert found.difference is None


def test_intervals_are_the_same_each_time():
    draws = np.random.default_rng(3)
    left, right = draws.normal(size=8), draws.normal(size=8)
    assert verdict(left, right) == verdict(left, right)


def test_every_number_is_compared_but_seed_and_clock():
    kpis = {"seed": 1, "wall_s": 0.1, "p2p_kwh": 3.0, "g_star_method": "merit", "ftg": None}
    found = compare(ComparedArm("a", {1: kpis}, {}), ComparedArm("b", {1: kpis}, {}))
    assert [(each.kpi, each.verdict) for each in found] == [("p2p_kwh", EQUAL), ("ftg", UNDEFINED)]
