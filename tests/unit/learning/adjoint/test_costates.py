"""Slopes carried back through an episode: against differences of a closed loop that is written out, and where it is held."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.learning.adjoint.costates import episode_slopes
from marketsim.learning.numbers.rollout import PlayedSlopes

T, GAIN, LEAK = 5, -0.3, 0.9


def returned(nudge, start=0.2, gain=GAIN):
    """Return of a store x with u = gain x + nudge_t: pays sin(t) u - u^2 + 0.1 x, x' = 0.9 x + 0.5 u."""
    x, total = start, 0.0
    for t in range(T):
        u = gain * x + nudge[t]
        total += np.sin(t) * u - u**2 + 0.1 * x
        x = LEAK * x + 0.5 * u
    return total


def slopes(start=0.2, gain=GAIN, leak=LEAK):
    """What the game would say of it, one market, agent, number and carried feature."""
    x, u = start, np.zeros(T)
    for t in range(T):
        u[t] = gain * x
        x = leak * x + 0.5 * u[t]
    of = (T, 1, 1, 1)
    whole = PlayedSlopes(
        reward=(np.sin(np.arange(T)) - 2.0 * u).reshape(of),
        reward_by_carried=np.full(of, 0.1),
        moved=np.full((*of, 1), 0.5),
        kept=np.full(of, leak),
    )
    return whole, np.full((*of, 1), gain)


def test_slopes_are_those_of_the_closed_loop():
    """Each is what the return changes by with a nudge in its slot, the policy answering to what the nudge leaves behind."""
    found = episode_slopes(*slopes(), gamma=1.0).ravel()
    step = 1e-6
    numeric = [(returned(step * row) - returned(-step * row)) / (2.0 * step) for row in np.eye(T)]
    np.testing.assert_allclose(found, numeric, atol=1e-8)


def test_without_answers_they_are_those_of_a_fixed_plan_and_without_future_those_of_the_slot():
    whole, answers = slopes()
    np.testing.assert_array_equal(episode_slopes(whole, answers, gamma=0.0), whole.reward)
    fixed = episode_slopes(whole, np.zeros_like(answers), gamma=1.0).ravel()
    ahead = [0.1 * 0.5 * sum(LEAK**k for k in range(T - 1 - t)) for t in range(T)]
    np.testing.assert_allclose(fixed, whole.reward.ravel() + ahead)


def test_a_loop_that_drives_away_is_held():
    """Of a store whose policy grows it by half a slot, no more is carried back than of one that keeps it."""
    grows, answers = slopes(gain=1.2)
    keeps = episode_slopes(grows, np.full_like(answers, 0.2), gamma=1.0)
    found = episode_slopes(grows, answers, gamma=1.0)
    own = 0.1 + grows.reward.ravel() * 1.2
    assert found[-2].item() == pytest.approx(grows.reward[-2].item() + 0.5 * own[-1])
    assert found[-3].item() == pytest.approx(grows.reward[-3].item() + 0.5 * (own[-2] + own[-1]))
    assert np.isfinite(keeps).all()
