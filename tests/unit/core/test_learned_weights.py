"""What a policy of weights sees, and what becomes of its choices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.core.errors import CheckpointError
from marketsim.core.game import Box, Layout
from marketsim.core.learned_weights import (
    BOUND,
    CHANGES,
    FACTORS,
    NAMES,
    WIDEST,
    LearnedWeights,
    looks,
    moved,
    policy_of_weights,
)
from marketsim.core.standing import MemberStanding

ROWS = np.array([[0, 1, 2], [4, 5, 6]])
INCOME = np.array([1000.0, 2000.0, 4000.0, np.nan, 1000.0, 2000.0, 4000.0, np.nan])


class Always:
    """A policy that gives each row the choice of its burden's sign."""

    heads = (len(CHANGES),)

    def act(self, features, agents, keys):
        return np.where(features[:, :1] > 0, 4, 0).astype(np.int64)


@given(
    st.lists(st.integers(-(10**12), 10**12), min_size=8, max_size=8),
    st.lists(st.integers(0, 10**5), min_size=8, max_size=8),
    st.just(0.0) | st.floats(1 / 60, 9000.0),
)
def test_it_sees_finite_numbers_whatever_bills_are(paid, used, hours):
    """Negative bills, nothing used, nothing known, whatever the weights are."""
    standing = MemberStanding(hours, np.array(paid), np.array(used), np.array(used) // 2)
    seen = looks(standing, INCOME[ROWS], np.full((2, 3), 9.0), ROWS)
    assert seen.shape == (2, 3, len(NAMES))
    assert np.isfinite(seen).all()
    assert np.abs(seen).max() <= BOUND


def test_what_it_sees_by_hand():
    """Burdens of .1, .05, .025 of a month's income, local shares of 0, .5 and 1."""
    paid = np.array([100, 100, 100, 0]) * 10**9
    standing = MemberStanding(730.0, paid, np.array([10, 10, 10, 0]), np.array([10, 5, 0, 0]))
    burden, access = np.array([0.1, 0.05, 0.025]), np.array([0.0, 0.5, 1.0])
    logs = np.array([[1.0, 0.0, -1.0]])
    income = INCOME[:3]
    wanted = np.stack(
        (burden / burden.mean() - 1, access / access.mean() - 1, np.log(income.mean() / income), logs[0] / 4), axis=-1
    )
    assert looks(standing, income[None], logs, ROWS[:1])[0] == pytest.approx(wanted.astype(np.float32))


@given(st.lists(st.integers(0, 4), min_size=6, max_size=6), st.lists(st.floats(-8, 8), min_size=6, max_size=6))
def test_a_choice_moves_a_weight_about_its_market(choices, logs):
    """By what is chosen less the mean of the market, within the widest."""
    before = np.array(logs).reshape(2, 3)
    chosen = np.array(choices).reshape(2, 3)
    after = moved(before, chosen)
    free = before + np.array(CHANGES)[chosen]
    free = free - free.mean(axis=1, keepdims=True)
    assert np.abs(after).max() <= WIDEST
    assert after == pytest.approx(np.clip(free, -WIDEST, WIDEST))


def test_weights_follow_from_day_to_day_and_a_rule_is_a_value():
    """Asked twice a rule says the same; assets have 1; who bears more gets more."""
    paid = np.array([9, 5, 1, 0, 9, 5, 1, 0]) * 10**9
    standing = MemberStanding(730.0, paid, np.full(8, 10), np.full(8, 5))
    rule = LearnedWeights(Always(), INCOME, ROWS, np.zeros(ROWS.shape))
    weights, after = rule.of_day(standing)
    assert rule.of_day(standing)[0].tolist() == weights.tolist()
    assert weights[[3, 7]].tolist() == [1.0, 1.0]
    assert weights[0] > weights[1] > 0
    assert weights[:3].tolist() == weights[4:7].tolist()
    assert (after.of_day(standing)[0][0] / weights[0]) > 1.0


class Trained:
    def __init__(self, game="equity", features=NAMES, policy=None):
        size = np.zeros((1, len(features)))
        self.layout = Layout(("a",), features, size, size + FACTORS[0], BOUND, game)
        self.policy = Always() if policy is None else policy


class OfNumbers:
    box = Box(np.zeros((1, 1)), np.ones((1, 1)))

    def act(self, features, agents, keys):
        raise AssertionError


class OfThree(Always):
    heads = (3,)


@pytest.mark.parametrize(
    ("trained", "said"),
    [
        (Trained(game=""), "trained in the game market"),
        (Trained(game="setpoints", policy=OfNumbers()), "trained in the game setpoints"),
        (Trained(features=("burden", "access", "income", "mood")), "do not see or choose"),
        (Trained(policy=OfThree()), "do not see or choose"),
    ],
)
def test_policies_of_something_else_are_refused(trained, said):
    with pytest.raises(CheckpointError, match=said):
        policy_of_weights(Path("other.pt"), trained)


def test_its_own_are_taken():
    trained = Trained()
    assert policy_of_weights(Path("own.pt"), trained) is trained.policy
