"""Running scales equal those of all the numbers together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.learning.ppo.scales import discounted_sums, new_scales, observation_scale, scaled_state


@settings(max_examples=30)
@given(st.lists(st.integers(1, 20), min_size=1, max_size=5), st.integers(0, 2**31))
def test_moments_in_parts_are_those_of_the_whole(sizes, seed):
    rng = np.random.default_rng(seed)
    moments = new_scales(2, 3, 1).seen
    parts = [rng.normal(5.0, 2.0, (size, 2, 3)) for size in sizes]
    for part in parts:
        moments = moments.joined(part)
    whole = np.concatenate(parts)
    assert moments.number == len(whole)
    assert np.allclose(moments.mean, whole.mean(axis=0))
    assert np.allclose(moments.variance, whole.var(axis=0))


def test_before_anything_was_seen_nothing_is_scaled():
    scales = new_scales(2, 3, 1)
    features = np.array([[1.0, -2.0, 3.0]], np.float32)
    assert np.array_equal(observation_scale(scales.seen)(features, np.array([1])), features)
    assert np.array_equal(scaled_state(scales.state, features[:, :1]), features[:, :1])
    assert scales.returns.inverse.tolist() == [1.0, 1.0]


def test_what_never_changes_is_not_blown_up():
    """A constant has no deviation: it is centred, not divided by nearly nothing."""
    moments = new_scales(1, 1, 1).returns.joined(np.full((10, 1), 3.0))
    assert moments.inverse.tolist() == [1.0]


def test_agents_have_scales_of_their_own():
    values = np.stack([np.linspace(-1, 1, 50), np.linspace(-100, 100, 50)], axis=1)
    moments = new_scales(2, 1, 1).returns.joined(values)
    assert moments.inverse[0] == pytest.approx(100 * moments.inverse[1])


def test_state_is_held_to_ten_deviations():
    moments = new_scales(1, 1, 1).state.joined(np.array([[-1.0], [1.0]]))
    assert scaled_state(moments, np.array([[1e9]], np.float32)).tolist() == [[10.0]]


def test_discounted_sums_begin_anew_with_an_episode():
    """1, 0.5 + 1, then the next episode."""
    found = discounted_sums(np.ones((4, 1)), np.array([0.0, 1.0, 0.0, 1.0]), 0.5)
    assert found[:, 0].tolist() == [1.0, 1.5, 1.0, 1.5]
