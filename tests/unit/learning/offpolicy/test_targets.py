"""What critics are fitted to, computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from marketsim.learning.offpolicy import targets


def test_of_twins_the_lesser_value_of_each_agent_counts():
    values = torch.tensor([[[1.0, 5.0]], [[2.0, -3.0]]])
    assert targets.least(values).tolist() == [[1.0, -3.0]]


def test_a_target_is_the_reward_and_what_is_ahead_unless_the_episode_ended():
    """1 + 0.9 (10 + 0.5) and, at the end, 2."""
    reward, value = torch.tensor([[1.0], [2.0]]), torch.tensor([[10.0], [10.0]])
    discount, priced = torch.tensor([[0.9], [0.0]]), torch.full((2, 1), 0.5)
    assert targets.bootstrapped(reward, discount, value, priced).tolist() == [[pytest.approx(10.45)], [2.0]]
    assert targets.bootstrapped(reward, discount, value).tolist() == [[10.0], [2.0]]


def test_the_loss_is_half_the_weighted_mean_square_of_each_critic():
    """(1 x 2 + 9 x 0) / 4 and (16 x 2 + 0) / 4: two transitions of two agents, one of them without weight."""
    values = torch.tensor([[[1.0, 0.0], [3.0, 0.0]], [[4.0, 0.0], [0.0, 0.0]]])
    weight = torch.tensor([[2.0], [0.0]])
    found = targets.critic_loss(values, torch.zeros(2, 2), weight)
    assert found.tolist() == [0.5 * 2.0 / 4.0, 0.5 * 32.0 / 4.0]


def test_targets_follow_by_their_share():
    target = torch.tensor([1.0, 0.0])
    targets.follow(target, torch.tensor([2.0, -1.0]), 0.25)
    assert target.tolist() == [1.25, -0.25]


def test_the_size_of_a_return_is_that_of_what_is_ahead_in_each_slot():
    """Rewards 1, 2 at a discount of 0.5: ahead are 2 and 2; without rewards the size is 1."""
    reward = np.array([1.0, 2.0]).reshape(2, 1, 1)
    assert targets.return_size(reward, 0.5) == pytest.approx(2.0)
    assert targets.return_size(reward, 1.0) == pytest.approx(np.sqrt((9.0 + 4.0) / 2.0))
    assert targets.return_size(np.zeros((3, 2, 2)), 1.0) == 1.0


def test_the_entropy_aimed_at_counts_the_numbers_that_an_agent_has():
    used = torch.tensor([[[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]]])
    assert targets.target_entropy(-0.5, used).tolist() == [-1.0, -0.5]
