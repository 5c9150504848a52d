"""Bills by incomes: by hand, against a solver and against other divisions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.core.equity import gini_with_negatives
from marketsim.sharing.rawls import least_gini, least_worst


def test_the_heaviest_burdens_are_brought_down_to_one_level():
    """Alone 30, 20 and 2 of incomes 100, 100 and 100; 16 are saved: the first two pay 17 each."""
    found = least_worst(np.array([30.0, 20.0, 2.0]), np.full(3, 100.0), 36.0)
    assert found == pytest.approx([17.0, 17.0, 2.0])


def test_who_has_less_pays_less_of_the_same_bill():
    found = least_worst(np.array([30.0, 30.0]), np.array([100.0, 200.0]), 30.0)
    assert found == pytest.approx([10.0, 20.0])


def test_what_all_lose_is_borne_by_the_lightest_burdens():
    found = least_worst(np.array([30.0, 20.0, 2.0]), np.full(3, 100.0), 54.0)
    assert found == pytest.approx([30.0, 20.0, 4.0])


def test_least_gini_by_hand():
    """A gain of 10 goes to the heavier burden of two until both are the same."""
    assert least_gini(np.array([30.0, 20.0]), np.full(2, 100.0), 40.0) == pytest.approx([20.0, 20.0])
    assert least_gini(np.array([30.0, 20.0]), np.full(2, 100.0), 45.0) == pytest.approx([25.0, 20.0])


def test_members_who_are_alike_pay_alike():
    alone, incomes = np.array([40.0, 40.0, 40.0, -5.0, 10.0]), np.array([100.0, 100.0, 100.0, 100.0, 300.0])
    found = least_gini(alone, incomes, 60.0)
    assert found[0] == pytest.approx(found[1], rel=1e-12)
    assert found[0] == pytest.approx(found[2], rel=1e-12)


def test_where_all_would_pay_alone_and_are_paid_together_all_are_paid():
    found = least_gini(np.array([3.0, 5.0, 2.0]), np.array([100.0, 200.0, 300.0]), -6.0)
    assert found == pytest.approx([-1.0, -2.0, -3.0])


@st.composite
def communities(draw):
    n = draw(st.integers(1, 7))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    alone = np.round(rng.normal(20, 30, n)) * (rng.random(n) < 0.9)
    change = draw(st.sampled_from((0.0, 1e-6, 0.2, 0.9, 3.0, -0.3)))
    return alone, rng.choice([1000.0, 2200.0, 4500.0], n), float(alone.sum() - change * np.abs(alone).sum())


@given(communities())
def test_nobody_pays_more_than_alone_unless_all_do(case):
    """And shares sum to the whole."""
    alone, incomes, total = case
    sign = 1.0 if total <= alone.sum() else -1.0
    for found in (least_worst(alone, incomes, total), least_gini(alone, incomes, total)):
        assert found.sum() == pytest.approx(total, abs=1e-6)
        assert (sign * (alone - found) >= -1e-6).all()


@settings(max_examples=50)
@given(communities(), st.integers(0, 1000))
def test_no_other_division_has_a_lighter_heaviest_burden_or_a_smaller_gini(case, seed):
    """200 divisions of the same gain to the same members try; those for the Gini change nobody's side."""
    alone, incomes, total = case
    sign = 1.0 if total <= alone.sum() else -1.0
    gain = abs(alone.sum() - total)
    worst = (least_worst(alone, incomes, total) / incomes).max()
    least = gini_with_negatives(least_gini(alone, incomes, total) / incomes)
    rng = np.random.default_rng(seed)
    for _ in range(200):
        other = alone - sign * gain * rng.dirichlet(np.full(len(alone), rng.choice([0.1, 1.0])))
        assert (other / incomes).max() >= worst - 1e-9 or sign < 0
        if (np.sign(sign * other) == np.where(sign * alone > 0, 1, -1)).all():
            found = gini_with_negatives(other / incomes)
            assert np.isnan(found) or found >= least - 1e-6
