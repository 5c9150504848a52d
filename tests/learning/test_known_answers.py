"""What the learner must solve before it may play a market: games whose best answer is known. Seeds are fixed."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.learning.curves import read_curves
from marketsim.learning.params import LearnerParams, TrustRegionParams
from marketsim.learning.ppo.rollout import play
from marketsim.learning.ppo.trainer import train
from marketsim.testing.games import Bandit, ContextualBandit, HiddenState, TwoSteps, TwoTraders

NEAR = 0.95
"""Share of the optimum that a solved game reaches."""
QUICK = LearnerParams(
    hidden=(32,),
    markets=8,
    episodes=8 * 4 * 24,
    rounds_per_update=4,
    learning_rate=1e-2,
    entropy_bonus=1e-3,
    trust_region=TrustRegionParams(target=0.05),
)


def learned(game, folder, seed=1, **changes):
    """Curves of a training, and the mean reward a slot of the greedy policies in new episodes [A]."""
    trained = train(game, QUICK.model_copy(update=changes), folder, seed=seed)
    policy = trained.last.policy()
    agents = np.tile(np.arange(game.shape.n_agents), game.shape.n_markets)
    rewards = []
    for episode in range(10_000, 10_004):
        seen, _ = game.reset(episode)
        for _ in range(game.shape.slots):
            actions = policy.act(seen.reshape(len(agents), -1), agents)
            step = game.step(actions.reshape(game.shape.n_markets, game.shape.n_agents, -1))
            rewards.append(step.parts["economic"])
            seen = step.seen
    return read_curves(folder), np.mean(rewards, axis=(0, 1))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_agents_find_their_own_arms(tmp_path, seed):
    """Three bandits side by side, each with another best arm."""
    _, earned = learned(Bandit([0, 3, 1], 5), tmp_path, seed)
    assert earned.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    "changes",
    [{}, {"joint_head": True}, {"critic": "central"}, {"normalise_observations": True}],
    ids=["independent", "joint", "central", "normalised"],
)
def test_what_is_best_depends_on_what_is_seen_and_on_who_sees_it(tmp_path, changes):
    """A contextual bandit with another optimum for each agent, in two heads."""
    _, earned = learned(ContextualBandit(3, 4), tmp_path, **changes)
    assert earned.min() > NEAR


def test_one_network_for_all_tells_agents_apart(tmp_path):
    """Parameters are shared, the optimum is not."""
    _, earned = learned(
        ContextualBandit(3, 3), tmp_path, policies="shared", hidden=(64, 64), episodes=8 * 4 * 48, entropy_bonus=0.02
    )
    assert earned.min() > NEAR


@pytest.mark.parametrize("changes", [{}, {"policies": "shared"}, {"critic": "central"}])
def test_two_traders_find_the_best_price_and_the_whole_quantity(tmp_path, changes):
    """Both earn 0.5 a slot: the buyer bids no more than it must, nobody holds energy back."""
    _, earned = learned(TwoTraders(), tmp_path, **changes)
    assert earned.tolist() == pytest.approx([0.5, 0.5])


def test_the_discount_decides_whether_to_wait(tmp_path):
    """0.5 now or 1 in the next slot: 1 for the patient, 0.5 for who discounts it away; a mean over two slots."""
    for name, gamma, a_slot in (("patient", 0.99, 0.5), ("greedy", 0.0, 0.25)):
        (tmp_path / name).mkdir()
        _, earned = learned(TwoSteps(), tmp_path / name, gamma=gamma)
        assert earned.tolist() == [a_slot]


def test_only_a_central_critic_explains_what_the_state_alone_shows(tmp_path):
    """A coin in the state decides the reward: the local critic explains nothing of it, the central one nearly all."""
    explained = {}
    for critic in ("local", "central"):
        (tmp_path / critic).mkdir()
        curves, _ = learned(HiddenState(), tmp_path / critic, critic=critic, gamma=0.0)
        explained[critic] = curves["explained_variance"][-1]
    assert explained["local"] < 0.05
    assert explained["central"] > 0.9


def test_a_learning_rate_that_is_too_large_learns_under_the_trust_region_and_not_without(tmp_path):
    """Undone epochs keep divergence at the limit; without them the policies jump, at once, by a hundred times as much."""
    region = TrustRegionParams()
    highest = {}
    for name, used in (("held", region), ("free", TrustRegionParams(target=1e9))):
        (tmp_path / name).mkdir()
        curves, _ = learned(
            Bandit([0, 3], 5), tmp_path / name, learning_rate=0.1, trust_region=used, episodes=8 * 4 * 4
        )
        highest[name] = max(curves["highest_kl"])
        assert (sum(curves["undone"]) > 0) == (name == "held")
    assert highest["held"] <= region.undo * region.target
    assert highest["free"] > 10 * region.undo * region.target


def test_learning_is_what_earns_it(tmp_path):
    """The same policies before the first update earn what chance earns: the games are not won from the start."""
    game = ContextualBandit(3, 4)
    untrained = train(game, QUICK.model_copy(update={"learning_rate": 1e-9, "episodes": 1}), tmp_path).last.policy()
    chance = play(game, untrained, 1, range(8)).rewards["economic"].mean()
    # both heads right in 1/16 of slots, one in 6/16; the agent with one head is right in 1/4
    expected = (2 * (1 / 16 + 0.25 * 6 / 16) + 1 / 4) / 3
    assert chance == pytest.approx(expected, abs=0.03)
