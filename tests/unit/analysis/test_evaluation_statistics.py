"""The hierarchical bootstrap on data whose answer is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.analysis.evaluation.measures import by_name
from marketsim.analysis.evaluation.statistics import compare, draw_weeks, estimate, holm
from marketsim.analysis.evaluation.totals import SCORES, WeeklyTotals

FBS = by_name("fbs")
DRAWS = 2_000


def totals(fbs, weight=1.0):
    """Totals [S, W] in which only FBS says something."""
    fbs = np.asarray(fbs, dtype=np.float64)
    seeds, weeks = fbs.shape
    weights = np.zeros((seeds, weeks, len(SCORES)))
    weights[..., SCORES.index("fbs")] = weight
    nothing, agents = np.zeros((seeds, weeks)), np.zeros((seeds, weeks, 2))
    return WeeklyTotals(weights * fbs[..., None], weights, nothing, nothing, nothing, agents, agents, agents)


def rng():
    return np.random.default_rng(1)


def test_without_spread_the_interval_is_a_point():
    """All weeks of all seeds alike: mean, low and high are that value."""
    found = estimate(FBS, totals(np.full((4, 3), 0.7)), totals(np.zeros((4, 3))), rng(), DRAWS)
    assert (found.mean, found.low, found.high) == pytest.approx((0.7, 0.7, 0.7))


def test_weeks_count_by_what_could_be_traded_in_them():
    """A week with three times the tradable energy weighs three times as much within its seed."""
    weighted = totals([[0.2, 1.0]])
    weights = weighted.weight.copy()
    weights[0, 1] *= 3.0
    weighted = weighted._replace(weight=weights, weighted=np.where(weights > 0, weights * [[[0.2], [1.0]]], 0.0))
    assert estimate(FBS, weighted, weighted, rng(), 10).mean == pytest.approx(0.8)


def test_seeds_weigh_alike():
    """The mean is over seeds, however much each of them could trade."""
    many = totals([[0.2], [0.8]], weight=np.array([[1.0], [100.0]]))
    assert estimate(FBS, many, many, rng(), 10).mean == pytest.approx(0.5)


def test_pairing_cancels_what_seeds_share():
    """Seeds differ by far more than the arms do; paired, a constant advantage is still certain."""
    base = np.random.default_rng(3).uniform(0.1, 0.8, (10, 4))
    better, worse = totals(base + 0.02), totals(base)
    found = compare(FBS, better, worse, worse, rng(), DRAWS)
    assert found.difference.mean == pytest.approx(0.02)
    assert found.difference.low == pytest.approx(0.02)
    assert found.p <= 2.0 / DRAWS * 1.1


def test_equal_arms_do_not_differ():
    """Arm against itself: difference 0, p = 1."""
    same = totals(np.random.default_rng(3).uniform(0.1, 0.8, (10, 4)))
    found = compare(FBS, same, same, same, rng(), DRAWS)
    assert found.difference[:3] == (0.0, 0.0, 0.0)
    assert found.p == 1.0


@pytest.mark.full
def test_coverage_of_the_interval():
    """For normal seeds with a seed effect, about 95 % of intervals hold the true mean (20 seeds: a little fewer)."""
    source, inside, trials = np.random.default_rng(7), 0, 200
    for trial in range(trials):
        data = 0.5 + 0.1 * source.standard_normal((20, 1)) + 0.1 * source.standard_normal((20, 4))
        found = estimate(FBS, totals(data), totals(data), np.random.default_rng(trial), 500)
        inside += found.low <= 0.5 <= found.high
    assert 0.88 <= inside / trials <= 0.99


def test_seed_effects_widen_the_interval():
    """Weeks of one seed that move together count as one observation, not as four."""
    source = np.random.default_rng(5)
    shared = np.repeat(source.normal(0.5, 0.1, (12, 1)), 4, axis=1)
    own = source.normal(0.5, 0.1, (12, 4))
    wide, narrow = (estimate(FBS, totals(data), totals(data), rng(), DRAWS) for data in (shared, own))
    assert wide.high - wide.low > 1.3 * (narrow.high - narrow.low)


def test_undefined_weeks_are_left_out():
    """A seed without any defined week counts neither as 0 nor as 1; all undefined: NaN."""
    some = totals([[0.6, 0.6], [0.9, 0.9]], weight=np.array([[1.0, 1.0], [0.0, 0.0]]))
    assert estimate(FBS, some, some, rng(), 200).mean == pytest.approx(0.6)
    none = totals([[0.6]], weight=0.0)
    found = compare(FBS, none, none, none, rng(), 10)
    assert np.isnan([found.difference.mean, found.difference.low, found.p]).all()


@given(st.integers(1, 6), st.integers(1, 5), st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_draws_are_positions(n_seeds, n_weeks, seed):
    """Every drawn seed and week exists."""
    seeds, weeks = draw_weeks(n_seeds, n_weeks, 7, np.random.default_rng(seed))
    assert seeds.shape == (7, n_seeds, 1)
    assert weeks.shape == (7, n_seeds, n_weeks)
    assert ((seeds >= 0) & (seeds < n_seeds)).all()
    assert ((weeks >= 0) & (weeks < n_weeks)).all()


@pytest.mark.full
def test_holm_on_a_worked_example():
    """p = 0.01, 0.04, 0.03, 0.005: times 3, 1, 2, 4, made monotone; what is undefined does not count."""
    found = holm([0.01, 0.04, float("nan"), 0.03, 0.005])
    assert found[0] == pytest.approx(0.03)
    assert found[1] == pytest.approx(0.06)
    assert np.isnan(found[2])
    assert found[3] == pytest.approx(0.06)
    assert found[4] == pytest.approx(0.02)
    assert all(np.isnan(value) for value in holm([float("nan")]))
