"""Shaping: ramped, centred, capped, silent where scores are undefined."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.core.rng import Streams
from marketsim.fairness.shaping import Means, RewardSpread, Shaping, ShapingRule, influence, ramp

RULE = ShapingRule(weights=(1.0, 0.0, 0.0), eta=1.0, ramp=(2.0, 4.0), cap=0.5)


def shaping(rule: ShapingRule = RULE, markets: int = 1, agents: int = 2) -> Shaping:
    return Shaping(rule, agents, 24, Streams(range(markets)))


def credit(*values: float, agents: int = 2) -> np.ndarray:
    """The same FTG credit for all agents of each market; the other scores undefined."""
    table = np.full((len(values), agents, 3), np.nan)
    table[:, :, 0] = np.array(values)[:, None]
    return table


@pytest.mark.parametrize(("episode", "share"), [(0, 0.0), (2, 0.0), (3, 0.5), (4, 1.0), (99, 1.0)])
def test_weights_grow_linearly_between_two_episodes(episode, share):
    assert ramp(episode, 2.0, 4.0) == share


def test_a_ramp_without_length_is_a_step():
    assert [ramp(episode, 3.0, 3.0) for episode in (2, 3)] == [0.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_running_means_are_means(values):
    """Each number counts alike, and what is undefined does not count."""
    means = Means(*np.zeros((2, 1, 1, 3)))
    for value in values:
        means = means.joined(np.array([[[value, np.nan, 1.0]]]))
    assert means.mean[0, 0, 0] == pytest.approx(np.mean(values))
    assert (means.number[0, 0, 1], means.mean[0, 0, 1]) == (0, 0)


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=30))
def test_the_spread_is_the_standard_deviation(values):
    spread = RewardSpread(*np.zeros((3, 1, 1)))
    for value in values:
        spread = spread.joined(np.array([[value]]))
    assert spread.deviation()[0, 0] == pytest.approx(np.std(values), abs=1e-9)


def test_nothing_is_shaped_before_the_ramp_and_in_null_slots():
    own = shaping()
    assert not own(credit(0.2), np.ones((1, 2)), 1.0, 0, 0, 0).any()
    assert not own(credit(0.9), np.ones((1, 2)), 1.0, 1, 1, 1).any()
    assert not own(credit(np.nan), np.ones((1, 2)), 1.0, 4, 2, 2).any()


def test_a_score_counts_as_far_as_it_leaves_its_mean():
    """Hand-computed: scores 0.2 and 0.6 so far, then 1.0: the mean is 0.6, so 0.4 is left; 0.25 of a deviation of 1."""
    own = shaping(RULE._replace(cap=10.0))
    own(credit(0.2), np.array([[1.0, 1.0]]), 1.0, 0, 0, 0)
    own(credit(0.6), np.array([[3.0, 3.0]]), 1.0, 1, 1, 0)
    assert own(credit(1.0), np.zeros((1, 2)), 1.0, 4, 2, 0) == pytest.approx(0.4)
    assert shaping(RULE._replace(centred=False))(credit(0.3), np.zeros((1, 2)), 1.0, 4, 0, 0) == pytest.approx(0.3)


def test_the_cap_is_a_share_of_the_spread_before_the_ramp_and_frozen_then():
    """Economic rewards 1 and 3 have a deviation of 1; what comes later does not change it."""
    own = shaping()
    for episode, economic in enumerate((1.0, 3.0)):
        own(credit(0.0), np.full((1, 2), economic), 1.0, episode, episode, 0)
    for slot in range(3):
        found = own(credit(100.0 * (slot + 1)), np.full((1, 2), 1000.0 * slot), 1.0, 5, 2 + slot, 0)
        assert found == pytest.approx(0.5)


@given(
    values=st.lists(st.floats(0, 1) | st.just(float("nan")), min_size=5, max_size=20),
    eta=st.floats(0, 100),
    weights=st.tuples(*[st.floats(0, 10)] * 3),
    placebo=st.booleans(),
)
def test_shaping_is_finite_and_within_its_cap(values, eta, weights, placebo):
    own = shaping(RULE._replace(eta=eta, weights=weights, placebo=placebo))
    for slot, value in enumerate(values):
        found = own(credit(value), np.full((1, 2), float(slot % 2)), 1.0, slot, slot, 0)
        assert np.isfinite(found).all()
        assert (np.abs(found) <= 0.5 * 0.5 + 1e-12).all() or slot < 3


def test_a_market_is_shaped_as_alone():
    """Also where credits come from other slots."""
    rule = RULE._replace(placebo=True)
    both, alone = shaping(rule, markets=2), Shaping(rule, 2, 24, Streams([1]))
    rng = np.random.default_rng(3)
    for slot in range(60):
        scores, economic = rng.random(2), rng.random((2, 2))
        together = both(credit(*scores), economic, 1.0, slot // 12, slot, slot % 2)
        single = alone(credit(scores[1]), economic[1:], 1.0, slot // 12, slot, slot % 2)
        np.testing.assert_array_equal(together[1:], single)


def test_a_placebo_pays_what_other_slots_of_the_hour_earned():
    """Never the slot's own credit; the same amounts in another order, so the same on average."""
    own = shaping(RULE._replace(placebo=True, centred=False, cap=100.0), agents=1)
    given_, paid = [], []
    rng = np.random.default_rng(1)
    for slot in range(400):
        hour = slot % 2
        score = float(rng.random()) + 10 * hour
        found = own(credit(score, agents=1), np.zeros((1, 1)), 1.0, 9, slot, hour)[0, 0]
        if slot > 40:
            given_.append(score)
            paid.append(found)
            assert found == 0.0 or (found >= 10) == (hour == 1)
    assert np.mean(paid) == pytest.approx(np.mean(given_), abs=0.1)
    assert abs(np.corrcoef(given_[::2], paid[::2])[0, 1]) < 0.2


def test_memory_goes_on_to_the_same_bytes():
    first = shaping(RULE._replace(placebo=True))
    rng = np.random.default_rng(0)
    slots = [(credit(rng.random()), rng.random((1, 2)), slot) for slot in range(30)]
    for scores, economic, slot in slots[:15]:
        first(scores, economic, 1.0, slot // 5, slot, 0)
    second = shaping(RULE._replace(placebo=True))
    second.recall(first.memory())
    for scores, economic, slot in slots[15:]:
        ours, theirs = (each(scores, economic, 1.0, slot // 5, slot, 0) for each in (first, second))
        np.testing.assert_array_equal(ours, theirs)


def test_influence_is_one_on_average_and_goes_by_availability():
    weight = influence(np.array([[3, 0], [0, 0]]), np.array([[0, 1], [0, 0]]))
    np.testing.assert_array_equal(weight, [[1.5, 0.5], [0.0, 0.0]])
