"""Fitting the network of a surrogate."""

import numpy as np
import pytest
import torch

from marketsim.learning.surrogate import fit


def problem(n=300, seed=0, noise=0.03):
    """Scores that follow some features and not others; the second is often undefined."""
    rng = np.random.default_rng(seed)
    x = rng.random((n, 6))
    y = np.stack([0.2 + 0.6 * x[:, 0], np.abs(x[:, 1] - x[:, 2]), 0.5 + 0.4 * np.sin(4 * x[:, 3])], axis=1)
    y = np.clip(y + rng.normal(0, noise, y.shape), 0, 1)
    y[rng.random(n) < 0.3, 1] = np.nan
    return x, y


def forward(weights, x):
    w1, b1, w2, b2, w3, b3 = weights
    return 1 / (1 + np.exp(-(np.maximum(np.maximum(x @ w1 + b1, 0) @ w2 + b2, 0) @ w3 + b3)))


def test_it_predicts_what_it_has_not_seen_better_than_the_mean():
    x, y = problem()
    found = fit(x, y, np.random.default_rng(1))
    assert (found.held_out_error < 0.5 * found.mean_error).all()


def test_its_errors_are_those_of_the_weights_it_hands_over():
    """Scaling is part of the weights; the held-out rows are those that it names."""
    x, y = problem()
    x = 1e3 + 50 * x
    found = fit(x, y, np.random.default_rng(1))
    errors = np.nanmean(np.abs(forward(found.weights, x[found.held_out]) - y[found.held_out]), axis=0)
    assert np.allclose(errors, found.held_out_error, rtol=0, atol=1e-9)
    assert len(found.held_out) == 60
    assert len(set(found.held_out.tolist())) == 60


def test_the_same_answers_and_seed_give_the_same_weights():
    x, y = problem(60)
    ours, theirs, other = (fit(x, y, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(ours.weights, theirs.weights, strict=True))
    assert not np.array_equal(ours.weights[0], other.weights[0])


def test_constant_features_and_scores_that_are_never_defined_do_no_harm():
    x, y = problem(60)
    x[:, 4], y[:, 1] = 7.0, np.nan
    found = fit(x, y, np.random.default_rng(1))
    assert all(np.isfinite(each).all() for each in found.weights)
    assert found.held_out_error[1] == found.mean_error[1] == 0.0


def test_too_few_answers_are_refused():
    with pytest.raises(ValueError, match="19 answers are too few"):
        fit(np.zeros((19, 6)), np.zeros((19, 3)), np.random.default_rng(1))


def test_it_leaves_torch_as_it_found_it():
    """Neither its random numbers nor its threads are anybody else's business."""
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    fit(*problem(40), np.random.default_rng(1))
    assert torch.equal(torch.rand(3), wanted)
    assert torch.get_num_threads() == threads
