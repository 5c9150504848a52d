"""Weights of members, and filling by weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from marketsim.core.filling import fill
from marketsim.core.member_weights import MemberWeights
from marketsim.core.standing import MemberStanding, local_share
from marketsim.core.weight_params import MemberWeightsParams

INCOME = np.array([1000.0, 2000.0, 4000.0])
MONTH = 8760 / 12


def standing(paid=(100, 100, 100), used=(100, 100, 100), imported=(50, 50, 50), hours=MONTH):
    return MemberStanding(hours, np.array(paid) * 10**9, np.array(used), np.array(imported))


def weights(rule, stands, income=INCOME, market=None, **more):
    return MemberWeights(
        MemberWeightsParams(weights=rule, **more),
        income,
        np.zeros(len(income), dtype=int) if market is None else market,
    ).of_day(stands)[0]


def test_feedback_is_the_published_rule():
    """w = exp(8 (b / mean b - 1) - 4 (a / mean a - 1)), here with burdens of .1, .05, .025 and shares of 0, .5, 1."""
    found = weights("feedback", standing(imported=(100, 50, 0)))
    burden, access = np.array([0.1, 0.05, 0.025]), np.array([0.0, 0.5, 1.0])
    answer = 8 * (burden / burden.mean() - 1) - 4 * (access / access.mean() - 1)
    assert found == pytest.approx(np.exp(np.clip(answer, -8, 8)))


@pytest.mark.parametrize("rule", ["equal", "income", "rank", "feedback"])
def test_weights_are_finite_and_above_zero_whatever_bills_are(rule):
    """All paid, all nothing, nobody used anything, one alone; before the first day all are the same but by income."""
    for stands in (standing((-5, 1, 4)), standing((0, 0, 0)), standing(used=(0, 0, 0)), standing((-9, -1, -2))):
        found = weights(rule, stands)
        assert np.isfinite(found).all()
        assert (found > 0).all()
    first = weights(rule, MemberStanding.nothing(3))
    assert len(set(first.tolist())) == (3 if rule == "income" else 1)


def test_a_summer_in_which_some_are_paid_keeps_the_order():
    """Who pays most of its income has most weight, also where all together are paid."""
    found = weights("feedback", standing((2, -100, -3000)), access_gain=0.0)
    assert found.argsort().tolist() == [2, 1, 0]


def test_the_worst_off_comes_first_by_rank_and_equals_are_equal():
    found = weights("rank", standing((100, 100, 200)))
    assert found[0] > found[1] == found[2]


def test_each_market_is_weighed_by_itself_and_assets_stay_out():
    """The same people in two markets, one of which has a shared plant that bears nothing."""
    income = np.array([*INCOME, np.nan, *INCOME])
    stands = standing((9, 5, 100, -400, 9, 5, 100), (100,) * 7, (10, 50, 90, 0, 10, 50, 90))
    found = weights("feedback", stands, income, np.array([0, 0, 0, 0, 1, 1, 1]))
    assert found[:3].tolist() == found[4:].tolist()
    assert found[3] == 1.0


def test_local_is_what_was_not_imported():
    assert local_share(np.array([10, 10, 10, 0]), np.array([0, 5, 30, 0])).tolist()[:3] == [1.0, 0.5, 0.0]
    assert np.isnan(local_share(np.array([0]), np.array([0])))[0]


cases = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        st.lists(st.floats(1e-4, 3e3), min_size=n, max_size=n),
        st.lists(st.integers(0, 100_000), min_size=n, max_size=n),
        st.floats(0.0, 1.2),
    )
)


@given(cases)
def test_filling_sums_to_the_unit_and_never_exceeds_a_demand(case):
    """And is a_i = min(d_i, theta w_i d_i) to a Wh, for one theta."""
    weight, demand = np.array(case[0]), np.array(case[1])
    total = int(case[2] * demand.sum())
    found = fill(weight, demand, total)
    assert found.sum() == min(total, demand.sum())
    assert (found >= 0).all()
    assert (found <= demand).all()
    scarce = (found < demand) & (demand > 0)
    if scarce.any() and demand.sum() > total:
        low = ((found[scarce] - 1) / (weight * demand)[scarce]).max()
        high = ((found + 1) / np.maximum(weight * demand, 1e-300))[scarce].min()
        assert low <= high * (1 + 1e-9)
        served = (found >= demand) & (demand > 0)
        assert (high * (weight * demand)[served] >= demand[served] * (1 - 1e-9) - 1.0 - 1e-6).all()


@given(cases, st.integers(0, 11), st.floats(1.0, 50.0))
@example(([0.5, 0.5, 0.125], [0, 0, 0], 0.5), 0, 1.0)
def test_more_weight_is_never_less_energy(case, row, factor):
    """Of equal demands the heavier gets no less, and equals differ by rounding; who gains weight loses no more than that."""
    weight, demand = np.array(case[0]), np.array(case[1])
    row %= len(weight)
    total = int(case[2] * demand.sum())
    before, heavier = fill(weight, demand, total), weight.copy()
    heavier[row] *= factor
    assert fill(heavier, demand, total)[row] >= before[row] - 1
    same = fill(weight, np.full(len(weight), 1000), int(case[2] * 1000 * len(weight)))
    order = np.lexsort((same, weight))
    assert (np.diff(same[order]) >= 0).all()
    assert (np.diff(same[order])[np.diff(weight[order]) == 0] <= 1).all()
