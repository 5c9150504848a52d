from __future__ import annotations

import numpy as np

from marketsim.core.rng import Streams
from marketsim.profiles.draws import DrawPurpose, agent_keys, normals, pick, relative_noise
from marketsim.testing.worlds import community

KEYS = agent_keys(Streams((7,)), community(20_000))


def test_keys_depend_on_market_seed_and_index_in_the_market_alone() -> None:
    both = agent_keys(Streams((3, 5)), community(4, 2))
    assert both[4:].tolist() == agent_keys(Streams((5,)), community(9))[:4].tolist()
    assert len(set(both.tolist())) == 8


def test_streams_have_keys_of_their_own() -> None:
    other = agent_keys(Streams((7,)), community(5), "arrivals")
    assert not set(other.tolist()) & set(KEYS.tolist())


def test_picks_reach_every_number_about_equally_often() -> None:
    counts = np.bincount(pick(KEYS, DrawPurpose.LOAD_SHAPE, 5), minlength=5)
    assert counts.sum() == len(KEYS)
    assert (abs(counts - 4000) < 5 * np.sqrt(3200)).all()


def test_normals_have_mean_0_and_variance_1_and_are_finite() -> None:
    z = normals(KEYS, 3)
    assert np.isfinite(z).all()
    assert abs(z.mean()) < 5 / np.sqrt(len(z))
    assert abs(z.var() - 1) < 5 * np.sqrt(2 / len(z))


def test_noise_is_positive_with_mean_1() -> None:
    noise = relative_noise(KEYS, np.arange(5), 0.5)
    assert noise.shape == (5, len(KEYS))
    assert noise.min() > 0
    assert abs(noise.mean() - 1) < 5 * 0.6 / np.sqrt(noise.size)


def test_no_noise_is_exactly_1() -> None:
    assert (relative_noise(KEYS[:4], np.arange(3), 0.0) == 1.0).all()
