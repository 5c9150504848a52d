"""The update: what it learns from, and where the trust region stops it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from marketsim.learning import adam
from marketsim.learning.params import LearnerParams, TrustRegionParams
from marketsim.learning.ppo import losses
from marketsim.learning.ppo import update as ppo
from marketsim.learning.ppo.networks import entropy, log_probability, make_networks
from marketsim.learning.ppo.shape import PolicyShape
from marketsim.learning.ppo.update import Experience

A, T, M, F = 3, 4, 5, 2
SHAPE = PolicyShape(M, A, F, 1, (3, 2), np.ones((A, 2), dtype=bool), T)
FREE = TrustRegionParams(target=1e6)


def experience(reward_of_agents=(1.0, 1.0, 1.0)):
    """Choice 0 of the first head pays so much to each agent; the others nothing."""
    generator = torch.Generator().manual_seed(1)
    features = torch.randn((A, T, M, F), generator=generator)
    choices = torch.stack([torch.randint(0, size, (A, T, M), generator=generator) for size in (3, 2)], dim=3)
    reward = torch.tensor(reward_of_agents).view(A, 1, 1) * (choices[:, :, :, 0] == 0)
    discount = torch.full((T, A, M), 0.9)
    discount[-1] = 0.0
    return Experience(features, features, choices, reward.transpose(0, 1).contiguous(), discount)


def begun(params):
    networks = make_networks(SHAPE, params)
    return networks, adam.new_state(networks.initial(torch.Generator().manual_seed(1)))


def updated(params, learning_rate=1e-3, played=None, seed=0):
    networks, state = begun(params)
    report = ppo.update(networks, state, played or experience(), params, learning_rate, np.random.default_rng(seed))
    return networks, state, report


def kl_of(networks, before, after, played):
    features, choices = played.features.flatten(1, 2), played.choices.flatten(1, 2)
    old, new = (
        log_probability(networks.log_probabilities(networks.layers(each), features), choices)
        for each in (before, after)
    )
    return losses.approximate_kl(new - old)


def test_the_total_loss_is_its_three_parts():
    params = LearnerParams(hidden=(4,))
    networks, state = begun(params)
    batch, _ = ppo.prepared(networks, state.weights, experience(), params)
    moved = state.weights + 0.05
    log_probabilities = networks.log_probabilities(networks.layers(moved), batch.features)
    ratio = (log_probability(log_probabilities, batch.choices) - batch.old_log_probability).exp()
    gain = torch.minimum(ratio * batch.advantage, ratio.clamp(0.8, 1.2) * batch.advantage).mean(dim=1)
    value = 0.5 * (networks.values(networks.layers(moved), batch.critic_features) - batch.target).square().mean(dim=1)
    expected = -gain + 0.5 * value - 0.01 * entropy(log_probabilities)
    assert torch.allclose(ppo.total_loss(networks, networks.layers(moved), batch, params), expected, atol=1e-6)


def test_targets_are_advantages_plus_values_in_the_order_of_the_features():
    """With lambda 1 the target is the discounted return of that slot and market, whatever the critic says."""
    params = LearnerParams(hidden=(4,), gae_lambda=1.0)
    networks, state = begun(params)
    played = experience()
    batch, _ = ppo.prepared(networks, state.weights, played, params)
    returns = torch.zeros(T, A, M)
    following = torch.zeros(A, M)
    for t in reversed(range(T)):
        following = played.r_t[t] + played.discount_t[t] * following
        returns[t] = following
    assert torch.allclose(batch.target, returns.transpose(0, 1).reshape(A, -1), atol=1e-5)


def test_good_choices_become_likelier():
    params = LearnerParams(hidden=(8,), trust_region=FREE, epochs=4)
    played = experience()
    networks, state, report = updated(params, 3e-3, played)
    _, start = begun(params)
    features = played.features.flatten(1, 2)
    before, after = (
        networks.log_probabilities(networks.layers(each.weights), features)[0][:, 0].exp() for each in (start, state)
    )
    assert (after.mean(dim=1) > before.mean(dim=1)).all()
    assert (report.kl > 0.0).all()
    assert report.epochs.tolist() == [4, 4, 4]
    assert not report.stopped.any()


def test_the_reported_divergence_is_that_of_the_whole_batch():
    params = LearnerParams(hidden=(8,), trust_region=FREE)
    networks, state, report = updated(params)
    _, start = begun(params)
    assert report.kl.tolist() == pytest.approx(
        kl_of(networks, start.weights, state.weights, experience()).tolist(), rel=1e-4
    )


def test_a_learning_rate_that_is_too_large_is_undone():
    """Weights and optimiser are what they were before the update, to the bit; it is reported."""
    params = LearnerParams(hidden=(8,))
    _, state, report = updated(params, learning_rate=1.0)
    _, start = begun(params)
    for now, then in zip(state, start, strict=True):
        assert torch.equal(now, then)
    assert report.undone.all()
    assert report.stopped.all()
    assert report.epochs.tolist() == [0, 0, 0]
    assert report.kl.tolist() == pytest.approx([0.0] * A, abs=1e-6)


def test_between_stop_and_undo_the_epoch_counts_and_is_the_last():
    free = LearnerParams(hidden=(8,), trust_region=FREE, epochs=1)
    _, after_one, report = updated(free)
    smallest, largest = report.kl.min(), report.kl.max()
    region = TrustRegionParams(target=smallest / 2, stop=1.0, undo=4.0 * largest / smallest)
    _, stopped, report = updated(LearnerParams(hidden=(8,), trust_region=region, epochs=5))
    assert report.stopped.all()
    assert not report.undone.any()
    assert report.epochs.tolist() == [1, 1, 1]
    assert torch.equal(stopped.weights, after_one.weights)


def test_agents_stop_by_themselves():
    """One whose policy runs away is held; the others learn exactly as without it. Never the mean over agents."""
    region = TrustRegionParams(target=1e-3, stop=1.55, undo=3.0)
    params = LearnerParams(hidden=(8,), trust_region=region, epochs=5, entropy_bonus=0.0)
    runaway, calm = experience(), experience()
    runaway.features[1] *= 30.0
    _, state, report = updated(params, 1e-3, runaway)
    _, other, _ = updated(params, 1e-3, calm)
    assert report.stopped.tolist() == [False, True, False]
    assert report.epochs.tolist() == [5, 4, 5]
    assert torch.equal(state.weights[[0, 2]], other.weights[[0, 2]])
    assert report.kl.max() <= region.undo * region.target


def test_no_agent_ends_beyond_the_undo_limit():
    """Whatever the learning rate."""
    for learning_rate in (1e-4, 1e-3, 1e-2, 1e-1):
        params = LearnerParams(hidden=(8,), epochs=8)
        _, _, report = updated(params, learning_rate)
        assert (report.kl <= 0.03 + 1e-6).all()


def test_weights_that_become_no_numbers_are_undone():
    params = LearnerParams(hidden=(8,))
    played = experience()
    played.r_t[:, 1] = float("nan")
    _, state, report = updated(params, 1e-4, played)
    assert report.undone.tolist() == [False, True, False]
    assert torch.isfinite(state.weights).all()


def test_a_shared_network_stops_by_its_farthest_agent():
    params = LearnerParams(hidden=(8,), policies="shared", trust_region=FREE, epochs=1)
    _, _, free = updated(params, 1e-3)
    region = TrustRegionParams(target=free.kl.max() / 2, stop=1.0, undo=10.0)
    assert free.kl.mean() < free.kl.max()
    _, _, report = updated(params.model_copy(update={"trust_region": region, "epochs": 3}), 1e-3)
    assert report.stopped.all()
    assert report.epochs.tolist() == [1, 1, 1]


@pytest.mark.parametrize("changes", [{}, {"policies": "shared"}, {"joint_head": True}])
def test_the_same_update_gives_the_same_bytes(changes):
    params = LearnerParams(hidden=(8,), **changes)
    played = experience()
    if changes.get("joint_head"):
        joint = played.choices[..., :1] * 2 + played.choices[..., 1:]
        played = played._replace(choices=joint)
    _, one, _ = updated(params, played=played)
    _, same, _ = updated(params, played=played)
    _, other, _ = updated(params, played=played, seed=1)
    assert torch.equal(one.weights, same.weights)
    assert not torch.equal(one.weights, other.weights)


def test_minibatches_hold_each_decision_once():
    rows = list(ppo.minibatches(10, 4, np.random.default_rng(1)))
    assert sorted(np.concatenate([each.numpy() for each in rows]).tolist()) == list(range(10))
    assert sorted(len(each) for each in rows) == [2, 2, 3, 3]


def test_there_are_no_more_minibatches_than_decisions():
    assert len(list(ppo.minibatches(3, 8, np.random.default_rng(1)))) == 3
