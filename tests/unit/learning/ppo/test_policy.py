"""Frozen policies: numpy, one row by itself, and the same distribution as the networks'."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.core.rng import Streams, mix
from marketsim.learning.params import LearnerParams
from marketsim.learning.ppo.networks import make_networks
from marketsim.learning.ppo.policy import FrozenPolicy, ObservationScale
from marketsim.learning.ppo.shape import PolicyShape

A, F = 3, 4
USED = np.array([[True, True], [True, True], [True, False]])
SHAPE = PolicyShape(2, A, F, 1, (4, 3), USED, 2)
KINDS = [{}, {"policies": "shared"}, {"joint_head": True}, {"hidden": (5, 9, 3)}]


def made(params=None, scale=None):
    networks = make_networks(SHAPE, LearnerParams(**{"hidden": (8, 6), **(params or {})}))
    generator = torch.Generator().manual_seed(1)
    weights = networks.initial(generator)
    weights = weights + 0.4 * torch.randn(weights.shape, generator=generator)
    return networks, weights, FrozenPolicy(networks.tables(weights), scale)


def rows(n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, F)).astype(np.float32), rng.integers(0, A, n)


def keys(n, *counters):
    return mix(Streams((1,)).keys("test", *counters), np.arange(n))


def shares(networks, weights, features, agent):
    """Probabilities of each head by the networks."""
    x = torch.from_numpy(features).expand(A, 1, F)
    return [
        each[agent, :, 0].exp().double().numpy() for each in networks.log_probabilities(networks.layers(weights), x)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_the_most_probable_choice_is_that_of_the_networks(kind):
    networks, weights, policy = made(kind)
    features, agents = rows(40)
    found = policy.choose(features, agents)
    for row in range(40):
        expected = [share.argmax() for share in shares(networks, weights, features[row], agents[row])]
        assert found[row].tolist() == expected


@pytest.mark.parametrize("kind", KINDS)
def test_sampled_choices_have_the_networks_probabilities(kind):
    """Chi-square at ALPHA = 1e-3 with a fixed seed."""
    networks, weights, policy = made(kind)
    n = 20_000
    features, _ = rows(1)
    for agent in range(A):
        found = policy.choose(np.repeat(features, n, axis=0), np.full(n, agent), keys(n, agent))
        for head, share in enumerate(shares(networks, weights, features[0], agent)):
            counts = np.bincount(found[:, head], minlength=len(share))
            assert not counts[share == 0.0].any()
            likely = share * n > 5.0
            statistic = ((counts - share * n)[likely] ** 2 / (share * n)[likely]).sum()
            assert statistic < {1: 11, 2: 14, 3: 17, 4: 19}.get(likely.sum(), 35)


@settings(max_examples=25)
@given(st.integers(1, 30), st.integers(0, 2**31), st.booleans())
def test_a_row_acts_alone_as_in_a_batch(n, seed, sampled):
    _, _, policy = made()
    features, agents = rows(n, seed)
    drawn = keys(n, seed) if sampled else None
    together = policy.act(features, agents, drawn)
    for row in range(n):
        one = slice(row, row + 1)
        assert np.array_equal(policy.act(features[one], agents[one], drawn[one] if sampled else None), together[one])


def test_actions_are_those_of_the_game():
    """With a joint head, too: a choice for each head, in range, 0 where an agent has no use for it."""
    for kind in KINDS:
        _, _, policy = made(kind)
        features, agents = rows(200)
        actions = policy.act(features, agents, keys(200))
        assert actions.shape == (200, 2)
        assert actions.min() >= 0
        assert (actions < np.array([4, 3])).all()
        assert not actions[agents == 2, 1].any()
        assert (policy.n_agents, policy.n_features, policy.heads) == (A, F, (4, 3))


def test_the_keys_decide():
    _, _, policy = made()
    features, agents = rows(50)
    assert np.array_equal(policy.act(features, agents, keys(50, 1)), policy.act(features, agents, keys(50, 1)))
    assert not np.array_equal(policy.act(features, agents, keys(50, 1)), policy.act(features, agents, keys(50, 2)))


def test_observations_are_scaled_for_each_agent():
    """(x - mean) / deviation, held to +-10."""
    scale = ObservationScale(np.arange(A * F, dtype=np.float32).reshape(A, F), np.full((A, F), 0.5, np.float32))
    _, _, scaled = made(scale=scale)
    _, _, plain = made()
    features, agents = rows(30)
    by_hand = np.clip((features - scale.mean[agents]) / 2.0, -10.0, 10.0)
    assert np.array_equal(scaled.act(features, agents, keys(30)), plain.act(by_hand, agents, keys(30)))
    assert scale(np.full((1, F), 1e6, np.float32), np.array([0])).max() == 10.0


def test_features_that_do_not_fit_are_refused():
    _, _, policy = made()
    with pytest.raises(AssertionError, match="4 expected"):
        policy.act(np.zeros((2, F + 1), np.float32), np.array([0, 1]))


def test_later_learning_does_not_move_a_frozen_policy():
    networks, weights, policy = made()
    features, agents = rows(20)
    before = policy.act(features, agents, keys(20))
    weights.mul_(-5.0)
    assert np.array_equal(policy.act(features, agents, keys(20)), before)
    assert not np.array_equal(FrozenPolicy(networks.tables(weights)).act(features, agents, keys(20)), before)


def test_acting_needs_no_torch():
    """Only reading the file does."""
    code = "import sys, marketsim.learning.ppo.policy, marketsim.learning.ppo.policy_kernel; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
