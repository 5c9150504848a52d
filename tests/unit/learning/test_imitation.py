"""The distance of policies from an expert, and what leaving it costs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import norm

from marketsim.learning import imitation

USED = torch.tensor([[[1.0, 1.0]], [[1.0, 0.0]]])


def test_the_distance_is_that_of_transport_between_the_distributions():
    """Against the integral of squared differences of quantiles, which W2^2 is in one dimension."""
    grid = (np.arange(200_000) + 0.5) / 200_000
    mean, deviation, label = 0.3, 0.2, -0.1
    transport = np.mean((norm.ppf(grid, mean, deviation) - label) ** 2)
    ones = torch.ones(1, 1, 1)
    found = imitation.wasserstein2(mean * ones, deviation * ones, label * ones, ones)
    assert float(found) == pytest.approx(transport, rel=1e-3)


def test_it_is_a_mean_over_the_numbers_that_an_agent_has():
    """By hand: (0.5^2 + 0.1^2) / 2 where both count, 0.5^2 where one does; with a deviation of 0.2, 0.04 more."""
    mean, labels = torch.tensor([[[0.5, 0.1]], [[0.5, 9.0]]]), torch.zeros(2, 1, 2)
    assert imitation.wasserstein2(mean, None, labels, USED).tolist() == [pytest.approx([0.13]), pytest.approx([0.25])]
    deviation = torch.full_like(mean, 0.2)
    found = imitation.wasserstein2(mean, deviation, labels, USED)
    assert found.tolist() == [pytest.approx([0.17]), pytest.approx([0.29])]


def test_an_agent_without_numbers_is_at_no_distance():
    found = imitation.wasserstein2(torch.ones(1, 3, 2), None, torch.zeros(1, 3, 2), torch.zeros(1, 1, 2))
    assert found.tolist() == [[0.0, 0.0, 0.0]]


@pytest.mark.parametrize(("progress", "factor"), [(0.0, 1.1), (0.5, 1.55), (1.0, 2.0)])
def test_epsilon_goes_from_one_multiple_of_the_clones_distance_to_the_other(progress, factor):
    floor = torch.tensor([0.02, 0.0])
    found = imitation.epsilon_at(progress, (1.1, 2.0), floor)
    assert found.tolist() == pytest.approx([0.02 * factor, imitation.SMALLEST])


def test_a_multiplier_rises_above_epsilon_falls_below_it_and_stays_within_its_bounds():
    """By hand: ln lambda moves by rate x (W2^2 / epsilon - 1)."""
    log = torch.tensor([0.0, 0.0, math.log(10.0), -math.log(10.0)])
    distance, epsilon = torch.tensor([0.3, 0.05, 9.0, 0.0]), torch.full((4,), 0.1)
    found = imitation.stepped(log, distance, epsilon, 0.1, 10.0)
    assert found.tolist() == pytest.approx([0.2, -0.05, math.log(10.0), -math.log(10.0)])
