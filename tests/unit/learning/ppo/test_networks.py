"""A stack of networks is what each network would be alone."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from marketsim.learning.layers import tanh_
from marketsim.learning.params import LearnerParams
from marketsim.learning.ppo.networks import entropy, log_probability, make_networks
from marketsim.learning.ppo.shape import PolicyShape

A, F, G, N = 3, 4, 2, 5
USED = np.array([[True, True], [True, True], [True, False]])
SHAPE = PolicyShape(n_markets=1, n_agents=A, n_features=F, n_state=G, heads=(4, 3), used=USED, slots=2)


def made(**params):
    networks = make_networks(SHAPE, LearnerParams(hidden=(8, 6), **params))
    weights = networks.initial(torch.Generator().manual_seed(1))
    return networks, weights + 0.1 * torch.randn(weights.shape, generator=torch.Generator().manual_seed(2))


def features(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(3))


def plain_mlp(row, widths, x):
    """One network from its row of parameters, layer by layer, as torch.nn would do it."""
    at = 0
    for layer, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
        weight = row[at : at + n_in * n_out].reshape(n_in, n_out)
        bias = row[at + n_in * n_out : at + n_in * n_out + n_out]
        x = torch.nn.functional.linear(x, weight.T, bias)
        x = torch.tanh(x) if layer < len(widths) - 2 else x
        at += n_in * n_out + n_out
    return x


def test_the_stack_equals_each_network_alone():
    networks, weights = made()
    x = features(A, N, F)
    found = networks.policy.evaluate(networks.layers(weights)[: len(networks.policy.sizes)], x)
    for agent in range(A):
        assert torch.allclose(found[agent].T, plain_mlp(weights[agent], (F, 8, 6, 7), x[agent]), atol=1e-6)
    value = networks.values(networks.layers(weights), x)
    for agent in range(A):
        alone = plain_mlp(weights[agent, networks.policy.n_parameters :], (F, 8, 6, 1), x[agent])
        assert torch.allclose(value[agent], alone[:, 0], atol=1e-6)


def test_a_shared_network_is_one_that_sees_who_acts():
    """One row; an agent's bias on the first layer is the weight of its one-hot feature."""
    networks, weights = made(policies="shared")
    x = features(A, N, F)
    found = networks.policy.evaluate(networks.layers(weights)[: len(networks.policy.sizes)], x)
    row = weights[0, : networks.policy.n_parameters]
    own, rest = row[-A * 8 :].reshape(A, 8), row[: -A * 8]
    named = torch.cat([rest[: F * 8], own.reshape(-1), rest[F * 8 :]])
    for agent in range(A):
        seen = torch.cat([x[agent], torch.eye(A)[agent].expand(N, A)], dim=1)
        assert torch.allclose(found[agent].T, plain_mlp(named, (F + A, 8, 6, 7), seen), atol=1e-6)


@pytest.mark.parametrize(("params", "rows"), [({}, A), ({"policies": "shared"}, 1), ({"critic": "central"}, A)])
def test_parameters_are_counted(params, rows):
    """(F x 8 + 8) + (8 x 6 + 6) + (6 x out + out), the critic's inputs wider where it is central; own biases beside."""
    networks, weights = made(**params)
    inputs = F + (G if params.get("critic") else 0)
    own = 2 * A * 8 if rows == 1 else 0
    policy, value = F * 8 + 8 + 8 * 6 + 6 + 6 * 7 + 7, inputs * 8 + 8 + 8 * 6 + 6 + 6 + 1
    assert weights.shape == (rows, policy + value + own)
    assert networks.n_parameters == weights.shape[1]


@pytest.mark.parametrize("scale", [1e-4, 1.0, 30.0])
def test_the_tangent_is_torch_s_own_to_single_precision(scale):
    """Values to 1e-7 and gradients to the slope at those values, also where it saturates."""
    x = (torch.linspace(-3.0, 3.0, 1001) * scale).requires_grad_()
    found = tanh_(x * 1.0)
    found.sum().backward()
    own, x.grad = x.grad, None
    torch.tanh(x).sum().backward()
    assert torch.allclose(found, torch.tanh(x), rtol=0.0, atol=2e-7)
    assert torch.allclose(own, x.grad, rtol=0.0, atol=5e-7)


def test_an_agent_s_row_moves_that_agent_alone():
    networks, weights = made()
    x = features(A, N, F)
    moved = weights.clone()
    moved[1] += 0.5
    before, after = (networks.log_probabilities(networks.layers(each), x)[0] for each in (weights, moved))
    assert torch.equal(before[[0, 2]], after[[0, 2]])
    assert not torch.allclose(before[1], after[1])


def test_initial_weights_are_orthogonal_with_their_gains():
    """Q^T Q = gain^2 on the smaller side: sqrt 2 hidden, 0.01 for logits, 1 for values; biases 0."""
    networks = make_networks(SHAPE, LearnerParams(hidden=(8, 6)))
    row = networks.initial(torch.Generator().manual_seed(1))[2]
    sizes = [*networks.policy.sizes[:-1], *networks.value.sizes[:-1]]
    shapes = [(F, 8), (8, 6), (6, 7), (F, 8), (8, 6), (6, 1)]
    gains = [math.sqrt(2), math.sqrt(2), 0.01, math.sqrt(2), math.sqrt(2), 1.0]
    parts = torch.split(row, sizes)
    for (n_in, n_out), gain, weight, bias in zip(shapes, gains, parts[::2], parts[1::2], strict=True):
        q = weight.reshape(n_in, n_out)
        small = q @ q.T if n_in <= n_out else q.T @ q
        assert torch.allclose(small, gain**2 * torch.eye(len(small)), atol=1e-5)
        assert not bias.any()


def test_agents_begin_differently_and_the_seed_decides():
    networks = make_networks(SHAPE, LearnerParams())
    one, same, other = (networks.initial(torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert not torch.equal(one[0], one[1])


def test_log_probability_and_entropy_against_torch_distributions():
    networks, weights = made()
    x = features(A, N, F)
    log_probabilities = networks.log_probabilities(networks.layers(weights), x)
    choices = torch.stack([torch.randint(0, 4, (A, N)), torch.randint(0, 3, (A, N))], dim=2)
    choices[2, :, 1] = 0
    dists = [torch.distributions.Categorical(logits=each.mT) for each in log_probabilities]
    expected = dists[0].log_prob(choices[:, :, 0]) + dists[1].log_prob(choices[:, :, 1])
    assert torch.allclose(log_probability(log_probabilities, choices), expected, atol=1e-6)
    both = (dists[0].entropy() + dists[1].entropy()).mean(dim=1)
    assert torch.allclose(entropy(log_probabilities), both, atol=1e-6)


def test_an_unused_head_adds_nothing():
    """Neither probability, entropy nor gradient: agent 2 does not use the second head."""
    networks, weights = made()
    leaf = weights.clone().requires_grad_()
    log_probabilities = networks.log_probabilities(networks.layers(leaf), features(A, N, F))
    choices = torch.zeros(A, N, 2, dtype=torch.int64)
    alone = log_probabilities[0][2, 0]
    assert torch.equal(log_probability(log_probabilities, choices)[2], alone)
    assert torch.equal(entropy(log_probabilities)[2], entropy(log_probabilities[:1])[2])
    log_probabilities[1][2, 0].sum().backward()
    assert not leaf.grad.any()


def test_a_joint_head_gives_probability_only_to_what_is_used():
    networks, weights = made(joint_head=True)
    (joint,) = networks.log_probabilities(networks.layers(weights), features(A, N, F))
    shares = joint.exp().mT.reshape(A, N, 4, 3)
    assert torch.allclose(shares.sum(dim=(2, 3)), torch.ones(A, N))
    assert not shares[2, :, :, 1:].any()
    assert shares[0].min() > 0.0
