"""Steps of critics and policies, against critics simple enough to compute by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from marketsim.core.rng import Streams
from marketsim.learning.cloning.fit import ACTOR, FLOOR
from marketsim.learning.critics.critic import CriticShape
from marketsim.learning.critics.mlp import MlpCritic
from marketsim.learning.number_kinds import algorithm_of
from marketsim.learning.numbers.replay import Batch
from marketsim.learning.numbers.shape import NumberShape, number_shape_of
from marketsim.learning.offpolicy.params import ImitationParams, MaddpgParams, Matd3Params, SacParams
from marketsim.learning.offpolicy.update import (
    CRITIC,
    MULTIPLIER,
    SIZE,
    TARGET_ACTOR,
    TARGET_CRITIC,
    TEMPERATURE,
    Rates,
    clipped_straight,
)
from marketsim.testing.games import Favour

STREAMS = Streams((1,))
N = 6
SMALL = {"hidden": (4,), "critic": {"mlp": {"hidden": (4,)}}, "episodes": 80, "markets": 8}
HALF_LOG = 0.5 * math.log(2.0 * math.pi * math.e)


class Straight:
    """Value of an agent by critic k: w_k x the sum of all agents' numbers + the agent's position."""

    sizes = (1,)

    def initial(self, generator):
        return torch.tensor([[2.0], [1.0]])

    def values(self, layers, seen, actions, state):
        (w,) = layers
        total = actions.sum(dim=(1, 2))
        return w.view(-1, 1, 1) * total.view(1, -1, 1) + torch.arange(2.0)


def made(kind, params):
    """An updater with the simple critics, and the state of its learner."""
    name = {SacParams: "sac", Matd3Params: "matd3", MaddpgParams: "maddpg"}[kind]
    game = Favour()
    shape = number_shape_of(game.shape, name)
    built = kind(**{**SMALL, "start": "cloning", "critics": 2, **params})
    built = built if "episodes" in params else built.model_copy(update={"episodes": 8 * 40})
    algorithm = algorithm_of(name, built, shape, game)
    updater = replace(algorithm.updater, critic=Straight())
    state = replace(algorithm, updater=updater).initial(torch.Generator().manual_seed(1), None)
    state[SIZE] = torch.tensor([4.0])
    return updater, state


def batch(labels=0.0):
    rng = torch.Generator().manual_seed(2)
    look = torch.randn(N, 2, 1, generator=rng)
    goes_on = torch.tensor([[1.0]] * (N - 1) + [[0.0]])
    actions = torch.rand(N, 2, 1, generator=rng)
    reward = torch.randn(N, 2, generator=rng)
    return Batch(
        look, torch.ones(N, 1), actions, torch.full((N, 2, 1), labels), reward, look + 1.0, torch.ones(N, 1), goes_on,
        torch.ones(N, 1),
    )  # fmt: skip


def mean_of(updater, weights, seen):
    layers = updater.actors.split(weights)
    return updater.actors.distribution(layers, seen.transpose(0, 1))


def test_deterministic_targets_take_the_means_of_the_followers_and_the_least_critic():
    """y = r / 4 + gamma min(2 s, 1 s) + gamma position, where s is the sum of the followers' means; r / 4 at the end."""
    updater, state = made(MaddpgParams, {"gamma": 0.9})
    state[TARGET_ACTOR] += 0.3
    state[TARGET_CRITIC] = torch.tensor([[2.0], [1.0]])
    now = batch()
    total = mean_of(updater, state[TARGET_ACTOR], now.next_seen).mean.sum(dim=(0, 2))
    value = torch.minimum(2.0 * total, total).unsqueeze(1) + torch.arange(2.0)
    wanted = now.reward / 4.0 + 0.9 * now.goes_on * value
    np.testing.assert_allclose(updater.target(state, now, STREAMS, 0).numpy(), wanted.numpy(), rtol=1e-5)


def test_smoothed_targets_are_the_same_without_noise_and_held_by_the_clip():
    """The noise is at most the clip, so a value that sums both numbers moves by at most twice of it."""
    updater, state = made(Matd3Params, {"gamma": 1.0, "noise_clip": 0.0})
    plain, _ = made(MaddpgParams, {"gamma": 1.0})
    noisy, _ = made(Matd3Params, {"gamma": 1.0, "target_noise": 2.0, "noise_clip": 0.05})
    now = batch()
    quiet = updater.target(state, now, STREAMS, 0)
    assert torch.equal(quiet, plain.target(state, now, STREAMS, 0))
    apart = (noisy.target(state, now, STREAMS, 0) - quiet).abs()
    assert 0.0 < float(apart.max()) <= 2.0 * 2.0 * 0.05 + 1e-6


def test_soft_targets_add_the_priced_entropy_of_what_follows():
    """With drawn numbers that the critics do not weigh, y = r / 4 + gamma (position + alpha H)."""
    updater, state = made(SacParams, {"gamma": 0.5})
    state[TARGET_CRITIC] = torch.zeros(2, 1)
    state[TEMPERATURE] = torch.tensor([math.log(0.1), math.log(0.2)])
    now = batch()
    entropy = mean_of(updater, state[f"{ACTOR}.weights"], now.next_seen).log_deviation.squeeze(2) + HALF_LOG
    following = torch.arange(2.0) + torch.tensor([0.1, 0.2]) * entropy.T
    wanted = now.reward / 4.0 + 0.5 * now.goes_on * following
    np.testing.assert_allclose(updater.target(state, now, STREAMS, 0).numpy(), wanted.numpy(), rtol=1e-4, atol=1e-6)


def test_a_step_of_the_critics_lowers_their_loss_and_their_targets_follow():
    updater, state = made(MaddpgParams, {"tau": 0.5, "gamma": 0.0})
    now, before = batch(), state[f"{CRITIC}.weights"].clone()
    first, _ = updater.critics(state, now, 0.05, STREAMS, 0)
    after = state[f"{CRITIC}.weights"]
    assert not torch.equal(before, after)
    np.testing.assert_allclose(state[TARGET_CRITIC].numpy(), (0.5 * before + 0.5 * after).numpy(), rtol=1e-6)
    for step in range(1, 60):
        last, _ = updater.critics(state, now, 0.05, STREAMS, step)
    assert float(last) < 0.5 * float(first)


@pytest.mark.parametrize("kind", [SacParams, Matd3Params, MaddpgParams])
def test_policies_climb_where_all_values_rise_with_all_numbers(kind):
    """Both agents' means move up."""
    updater, state = made(kind, {})
    now = batch()
    before = mean_of(updater, state[f"{ACTOR}.weights"], now.seen).mean
    for step in range(20):
        updater.policies(state, now, Rates(1e-2, 1e-3, None), STREAMS, step)
    after = mean_of(updater, state[f"{ACTOR}.weights"], now.seen).mean
    assert bool(((after - before).mean(dim=(1, 2)) > 0.2).all())


@pytest.mark.parametrize("kind", [SacParams, MaddpgParams])
def test_who_pays_another_is_paid_for_it(kind):
    """Each agent's number is worth something to the other alone: it rises all the same, for policies ascend the sum."""
    updater, state = made(kind, {})
    updater.critic.values = lambda layers, seen, actions, state: (
        layers[0].view(-1, 1, 1) * actions.squeeze(2).flip(1).unsqueeze(0)
    )
    before = mean_of(updater, state[f"{ACTOR}.weights"], batch().seen).mean
    for step in range(20):
        updater.policies(state, batch(), Rates(1e-2, 1e-3, None), STREAMS, step)
    after = mean_of(updater, state[f"{ACTOR}.weights"], batch().seen).mean
    assert bool(((after - before).mean(dim=(1, 2)) > 0.2).all())


def test_values_over_their_mean_size_move_policies_alike_whatever_their_scale():
    """A hundred times the critic is the same step; without the division the gradient grows with it."""
    rates = Rates(1e-2, 1e-3, None)
    for scaled in (True, False):
        steps = []
        for factor in (1.0, 100.0):
            updater, state = made(MaddpgParams, {"scaled_values": scaled, "max_gradient": 1e9})
            state[f"{CRITIC}.weights"] = factor * torch.tensor([[2.0], [1.0]])
            updater.critic.values = scaled_values(factor)
            updater.policies(state, batch(), rates, STREAMS, 0)
            steps.append(state[f"{ACTOR}.mean"].abs().sum())
        ratio = float(steps[1] / steps[0])
        assert ratio == pytest.approx(1.0 if scaled else 100.0, rel=1e-3)


def scaled_values(factor):
    """The simple critics with the position scaled, too."""

    def values(layers, seen, actions, state):
        (w,) = layers
        return w.view(-1, 1, 1) * actions.sum(dim=(1, 2)).view(1, -1, 1) + factor * (1.0 + torch.arange(2.0))

    return values


def test_the_temperature_rises_where_policies_are_surer_than_aimed_at_and_falls_where_less():
    for aim, sign in ((0.4, 1.0), (0.02, -1.0)):
        updater, state = made(SacParams, {"entropy": {"deviation": aim, "rate": 0.1}})
        before = state[TEMPERATURE].clone()
        updater.policies(state, batch(), Rates(1e-9, 1e-9, None), STREAMS, 0)
        moved = state[TEMPERATURE] - before
        deviation = mean_of(updater, state[f"{ACTOR}.weights"], batch().seen).log_deviation.mean(dim=(1, 2))
        np.testing.assert_allclose(moved.numpy(), 0.1 * (math.log(aim) - deviation).numpy(), rtol=1e-4)
        assert bool((sign * moved > 0.0).all())


def test_imitation_pulls_towards_the_expert_by_the_multiplier():
    """Values pull up, the expert sits at -0.5: without it the means rise, with a dear multiplier they fall to it."""
    ends = {}
    for name, most in (("none", None), ("dear", 1000.0)):
        rules = {} if most is None else {"imitation": ImitationParams(multiplier={"initial": most, "most": most})}
        updater, state = made(SacParams, rules)
        state[FLOOR] = torch.full((2,), 0.01)
        epsilon = None if most is None else torch.full((2,), 0.011)
        now = batch(labels=-0.5)
        for step in range(150):
            moved = updater.policies(state, now, Rates(1e-2, 1e-3, epsilon), STREAMS, step)
        ends[name] = mean_of(updater, state[f"{ACTOR}.weights"], now.seen).mean.mean()
        if most is not None:
            assert float(moved.distance.max()) < 0.011
            assert bool((state[MULTIPLIER] < math.log(most)).all())
    assert float(ends["none"]) > 0.3
    assert float(ends["dear"]) == pytest.approx(-0.5, abs=0.1)


def test_what_is_held_to_the_bounds_passes_its_gradient_on():
    x = torch.tensor([-3.0, 0.5, 2.0], requires_grad=True)
    held = clipped_straight(x)
    held.sum().backward()
    assert held.tolist() == [-1.0, 0.5, 1.0]
    assert x.grad.tolist() == [1.0, 1.0, 1.0]


def test_numbers_that_mean_nothing_move_no_weights():
    """Of an agent whose bounds are equal, nothing is learned, and its number stays 0."""
    low, high = np.array([[-1.0], [0.0]]), np.array([[1.0], [0.0]])
    shape = NumberShape(8, 2, 1, 1, low, high, 8)
    params = SacParams(**{**SMALL, "episodes": 80})
    algorithm = algorithm_of("sac", params, shape, Favour())
    state = algorithm.initial(torch.Generator().manual_seed(1), None)
    state[SIZE] += 1.0
    before = state[f"{ACTOR}.weights"].clone()
    now = batch()._replace(labels=torch.zeros(0, 1, 1))
    algorithm.updater.policies(state, now, Rates(1e-2, 1e-3, None), STREAMS, 0)
    moved = (state[f"{ACTOR}.weights"] - before).abs().sum(dim=1)
    assert float(moved[0]) > 0.0
    assert float(moved[1]) == 0.0
    drawn = algorithm.policy(state).act(
        np.ones((3, 1), np.float32), np.ones(3, np.int64), np.arange(3).astype(np.uint64)
    )
    assert drawn.tolist() == [[0.0]] * 3


def test_the_critics_are_those_of_the_game():
    """They see all agents: as many values as agents, from everything that all see and do."""
    shape = number_shape_of(Favour().shape, "sac")
    algorithm = algorithm_of("sac", SacParams(**{**SMALL, "critics": 3}), shape, Favour())
    assert algorithm.updater.critic == MlpCritic.of(CriticShape(3, 2, 1, 1, 1), (4,))
