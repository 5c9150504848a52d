"""Policies of numbers: the kernel that acts is the network that learns, row by row, within the bounds."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import torch

from marketsim.core.game import Box
from marketsim.core.learner import NumberPolicy
from marketsim.core.rng import Streams, mix
from marketsim.learning.numbers.actors import make_actors
from marketsim.learning.numbers.policy import to_played, to_scaled
from marketsim.learning.numbers.shape import NumberShape

LOW = np.array([[-2.0, 0.0, 5.0], [10.0, 0.0, -1.0]])
HIGH = np.array([[2.0, 0.0, 6.0], [20.0, 1.0, -1.0]])
SHAPE = NumberShape(4, 2, 3, 1, LOW, HIGH, 5)
DEVIATION = (0.05, 0.5)


def actors(hidden=(7, 6)):
    return make_actors(SHAPE, hidden, DEVIATION)


def weights(stack, scale=1.0):
    drawn = stack.initial(torch.Generator().manual_seed(1))
    return drawn + scale * torch.randn(drawn.shape, generator=torch.Generator().manual_seed(2))


def features(n, seed=3):
    return np.random.default_rng(seed).standard_normal((n, 3)).astype(np.float32)


def keys(n):
    return mix(Streams((1,)).keys("test"), np.arange(n))


@pytest.mark.parametrize("hidden", [(7,), (7, 6), (3, 9, 4)])
def test_the_kernel_gives_the_means_of_the_network(hidden):
    stack = actors(hidden)
    row, seen = weights(stack), features(6)
    wanted = stack.distribution(stack.split(row), torch.from_numpy(seen).expand(2, 6, 3)).mean.detach().numpy()
    policy = stack.policy(row)
    for agent in (0, 1):
        found = policy.draw(seen, np.full(6, agent), None)
        used = SHAPE.used[agent]
        np.testing.assert_allclose(found[:, used], wanted[agent][:, used], atol=1e-5)


def test_draws_have_the_mean_and_the_deviation_of_the_network():
    """20,000 draws of one look: within five standard errors."""
    stack, n = actors(), 20_000
    row, seen = weights(stack, 0.3), np.repeat(features(1), 20_000, axis=0)
    made = stack.distribution(stack.split(row), torch.from_numpy(seen[:1]).expand(2, 1, 3))
    found = stack.policy(row).draw(seen, np.zeros(n, dtype=np.int64), keys(n))
    mean, deviation = made.mean[0, 0].detach().numpy(), made.log_deviation[0, 0].exp().detach().numpy()
    for d in (0, 2):
        assert abs(found[:, d].mean() - mean[d]) < 5.0 * deviation[d] / math.sqrt(n)
        assert found[:, d].std() == pytest.approx(deviation[d], rel=0.03)
        assert np.quantile(found[:, d], 0.975) == pytest.approx(mean[d] + 1.96 * deviation[d], abs=0.05)
    assert abs(np.corrcoef(found[:, 0], found[:, 2])[0, 1]) < 0.04


def test_a_row_acts_as_it_does_alone():
    """To the bit, drawn or not."""
    stack = actors()
    policy, seen, agents = stack.policy(weights(stack)), features(9), np.arange(9) % 2
    for drawn in (None, keys(9)):
        together = policy.act(seen, agents, drawn)
        for i in range(9):
            alone = policy.act(seen[i : i + 1], agents[i : i + 1], None if drawn is None else drawn[i : i + 1])
            assert alone.tobytes() == together[i : i + 1].tobytes()


def test_actions_lie_within_each_agents_bounds_and_reach_them():
    """Also far out, and exactly: a game refuses what is beyond by a rounding."""
    stack = actors()
    policy, agents = stack.policy(weights(stack, 20.0)), np.arange(400) % 2
    found = policy.act(features(400), agents, keys(400))
    assert bool(((found >= LOW[agents]) & (found <= HIGH[agents])).all())
    assert set(found[agents == 0, 1]) == {0.0}
    assert set(found[agents == 1, 2]) == {-1.0}
    assert found[agents == 1, 0].min() == 10.0
    assert found[agents == 1, 0].max() == 20.0


def test_the_seed_decides_the_draws_and_means_need_none():
    stack = actors()
    policy, agents = stack.policy(weights(stack)), np.zeros(5, dtype=np.int64)
    seen = features(5)
    assert np.array_equal(policy.act(seen, agents, keys(5)), policy.act(seen, agents, keys(5)))
    assert not np.array_equal(policy.act(seen, agents, keys(5)), policy.act(seen, agents, keys(6)[1:]))
    assert np.array_equal(policy.act(seen, agents), policy.act(seen, agents, None))


def test_scaling_there_and_back_is_the_same():
    box, agents = Box(LOW, HIGH), np.arange(20) % 2
    rng = np.random.default_rng(1)
    played = rng.uniform(LOW[agents], HIGH[agents])
    scaled = to_scaled(played.reshape(10, 2, 3), box)
    np.testing.assert_allclose(to_played(scaled.reshape(20, 3), box, agents), played, atol=1e-12)
    assert bool((scaled[:, 0, 1] == 0.0).all())


def test_densities_and_entropies_are_those_of_normal_distributions():
    """The sum over the numbers that an agent has; against the formula in double precision."""
    stack = actors()
    seen = torch.from_numpy(features(4)).expand(2, 4, 3)
    made = stack.distribution(stack.split(weights(stack)), seen)
    numbers = made.sample(torch.randn(made.mean.shape, generator=torch.Generator().manual_seed(5)))
    mean, log, x = (each.detach().double().numpy() for each in (made.mean, made.log_deviation, numbers))
    used = SHAPE.used[:, np.newaxis, :]
    density = (-0.5 * ((x - mean) / np.exp(log)) ** 2 - log - 0.5 * np.log(2 * np.pi)) * used
    np.testing.assert_allclose(made.log_density(numbers, stack.used).detach().numpy(), density.sum(axis=2), rtol=1e-4)
    entropy = ((log + 0.5 * np.log(2 * np.pi * np.e)) * used).sum(axis=2)
    np.testing.assert_allclose(made.entropy(stack.used).detach().numpy(), entropy, rtol=1e-5)


def test_deviations_stay_between_least_and_most_and_begin_in_the_middle():
    stack = actors()
    seen = torch.from_numpy(features(50)).expand(2, 50, 3)
    far = stack.distribution(stack.split(weights(stack, 30.0)), seen).log_deviation.exp()
    assert float(far.min()) >= 0.05 * (1 - 1e-5)
    assert float(far.max()) <= 0.5 * (1 + 1e-5)
    near = stack.distribution(stack.split(weights(stack, 0.0)), seen).log_deviation.exp()
    np.testing.assert_allclose(near.detach().numpy(), math.sqrt(0.05 * 0.5), rtol=0.05)


def test_it_is_a_policy_of_numbers_and_not_of_choices():
    """What strategies ask before they act by it."""
    stack = actors()
    policy = stack.policy(weights(stack))
    assert isinstance(policy, NumberPolicy)
    assert not hasattr(policy, "heads")
    assert (policy.n_agents, policy.n_features) == (2, 3)
    assert np.array_equal(policy.box.high, HIGH)


def test_acting_needs_no_torch():
    code = (
        "import sys, marketsim.learning.numbers.policy, marketsim.learning.numbers.gaussian_kernel, "
        "marketsim.learning.number_learner, marketsim.learning.offpolicy.params; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
