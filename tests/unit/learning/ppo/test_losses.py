"""Losses on numbers worked out by hand, and against plain loops written from the papers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.learning.ppo import losses


def plain_advantage(r, discount, v_tm1, v_t, lambda_):
    """The sum of Schulman et al. 2016, equation 16, term by term."""
    n = len(r)
    delta = [r[t] + discount[t] * v_t[t] - v_tm1[t] for t in range(n)]
    out = []
    for t in range(n):
        total, weight = 0.0, 1.0
        for k in range(t, n):
            total += weight * delta[k]
            weight *= lambda_ * discount[k]
        out.append(total)
    return out


def test_advantage_by_hand():
    """Two slots: d = (1 + 0.9 x 2 - 1, 2 + 0 - 2) = (1.8, 0); A = (1.8 + 0.9 x 0.5 x 0, 0)."""
    found = losses.generalised_advantage(
        torch.tensor([1.0, 2.0]), torch.tensor([0.9, 0.0]), torch.tensor([1.0, 2.0]), torch.tensor([2.0, 5.0]), 0.5
    )
    assert found.tolist() == pytest.approx([1.8, 0.0])


def test_advantage_with_lambda_1_is_the_return_less_the_value():
    """Monte Carlo: 1 + 0.5 x (2 + 0.5 x 4) - v."""
    v = torch.tensor([0.3, -1.0, 7.0])
    discount = torch.tensor([0.5, 0.5, 0.0])
    found = losses.generalised_advantage(torch.tensor([1.0, 2.0, 4.0]), discount, v, torch.cat([v[1:], v[:1]]), 1.0)
    assert found.tolist() == pytest.approx([3.0 - 0.3, 4.0 + 1.0, 4.0 - 7.0])


def test_advantage_with_lambda_0_is_the_error_of_one_step():
    v = torch.tensor([0.3, -1.0])
    found = losses.generalised_advantage(
        torch.tensor([1.0, 2.0]), torch.tensor([0.5, 0.5]), v, torch.tensor([-1.0, 4.0]), 0.0
    )
    assert found.tolist() == pytest.approx([1.0 - 0.5 - 0.3, 2.0 + 2.0 + 1.0])


@settings(max_examples=50)
@given(st.integers(1, 9), st.floats(0.0, 1.0), st.integers(0, 2**32 - 1))
def test_advantage_equals_the_plain_sum(n, lambda_, seed):
    rng = np.random.default_rng(seed)
    r, v_tm1, v_t = rng.standard_normal((3, n))
    discount = rng.uniform(0.0, 1.0, n) * rng.integers(0, 2, n)
    found = losses.generalised_advantage(*(torch.tensor(each) for each in (r, discount, v_tm1, v_t)), lambda_)
    assert found.tolist() == pytest.approx(plain_advantage(r, discount, v_tm1, v_t, lambda_), abs=1e-12)


def test_advantage_passes_no_end_of_an_episode():
    """What follows a discount of 0 changes nothing before it."""
    r, v = torch.ones(4), torch.zeros(4)
    discount = torch.tensor([0.9, 0.0, 0.9, 0.0])
    one = losses.generalised_advantage(r, discount, v, v, 0.95)
    other = losses.generalised_advantage(torch.tensor([1.0, 1.0, 9.0, 9.0]), discount, v, v, 0.95)
    assert one[:2].tolist() == other[:2].tolist()


def test_shapes_that_differ_are_refused():
    with pytest.raises(AssertionError, match="different shapes"):
        losses.generalised_advantage(torch.ones(2, 3), torch.ones(2), torch.ones(2, 3), torch.ones(2, 3), 0.9)


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss"),
    [
        (1.5, 1.0, -1.2),  # a gain is paid up to the clip range
        (1.1, 1.0, -1.1),
        (0.5, 1.0, -0.5),  # getting worse is charged in full
        (0.5, -1.0, 0.8),  # likewise for what should become rarer
        (1.5, -1.0, 1.5),
        (1.0, 2.0, -2.0),
    ],
)
def test_clipped_loss_by_hand(ratio, advantage, loss):
    found = losses.clipped_policy_loss(torch.tensor([[math.log(ratio)]]), torch.tensor([[advantage]]), 0.2)
    assert found.tolist() == pytest.approx([loss])


def test_clipped_loss_has_no_gradient_beyond_the_range():
    """Where r is above 1 + clip and the action was good, nothing is to be gained."""
    log_ratio = torch.tensor([[math.log(1.5), math.log(1.1)]], requires_grad=True)
    losses.clipped_policy_loss(log_ratio, torch.ones(1, 2), 0.2).sum().backward()
    assert log_ratio.grad[0].tolist() == pytest.approx([0.0, -1.1 / 2])


def test_value_loss_is_half_the_mean_square():
    assert losses.value_loss(
        torch.tensor([[1.0, 3.0], [0.0, 0.0]]), torch.tensor([[0.0, 0.0], [0.0, 2.0]])
    ).tolist() == [2.5, 1.0]


def test_approximate_kl_by_hand():
    """((2 - 1) - ln 2 + (0.5 - 1) + ln 2) / 2 = 0.25."""
    found = losses.approximate_kl(torch.tensor([[math.log(2.0), -math.log(2.0)]]))
    assert found.tolist() == pytest.approx([0.25])


@given(st.lists(st.floats(-5.0, 5.0), min_size=1, max_size=20))
def test_approximate_kl_is_never_negative(log_ratios):
    assert losses.approximate_kl(torch.tensor([log_ratios], dtype=torch.float64)).item() >= 0.0


def test_approximate_kl_estimates_the_divergence():
    """Over actions of the old policy its mean is sum old log(old / new)."""
    rng = np.random.default_rng(5)
    old, new = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.4, 0.2])
    actions = rng.choice(3, 200_000, p=old)
    found = losses.approximate_kl(torch.tensor(np.log(new / old)[actions]).unsqueeze(0)).item()
    assert found == pytest.approx(float((old * np.log(old / new)).sum()), rel=0.02)


def test_clipped_share_counts_both_sides():
    log_ratio = torch.tensor([[0.5, 1.0, 1.19, 1.21]]).log()
    assert losses.clipped_share(log_ratio, 0.2).tolist() == [0.5]


def test_explained_variance_by_hand():
    """1 for a perfect critic, 0 for the mean, below 0 for worse, undefined without variance."""
    target = torch.tensor([[1.0, 3.0]] * 3 + [[2.0, 2.0]])
    value = torch.tensor([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0], [0.0, 1.0]])
    assert losses.explained_variance(value, target).tolist() == pytest.approx([1.0, 0.0, -3.0, math.nan], nan_ok=True)


def test_standardised_rows_have_mean_0_and_deviation_1():
    found = losses.standardised(torch.tensor([[1.0, 2.0, 3.0, 6.0], [5.0, 5.0, 5.0, 5.0]]))
    assert found.mean(dim=1).tolist() == pytest.approx([0.0, 0.0], abs=1e-6)
    assert found.square().mean(dim=1).tolist() == pytest.approx([1.0, 0.0], abs=1e-6)


def test_rows_are_independent():
    """No loss of an agent depends on another agent's numbers."""
    one, other = torch.tensor([[0.1, -0.2]]), torch.tensor([[5.0, 3.0]])
    both = torch.cat([one, other])
    for loss in (
        losses.approximate_kl,
        lambda x: losses.clipped_policy_loss(x, x, 0.2),
        lambda x: losses.value_loss(x, 2.0 * x),
        lambda x: losses.clipped_share(x, 0.2),
        losses.standardised,
    ):
        assert torch.equal(loss(both)[0], loss(one)[0])
