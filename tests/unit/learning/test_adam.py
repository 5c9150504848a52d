"""Adam by rows: torch's own where all rows move, and no trace where one stands still or goes back."""

from __future__ import annotations

import pytest
import torch

from marketsim.learning import adam

ALL = torch.ones(3, dtype=torch.bool)


def gradients(n):
    generator = torch.Generator().manual_seed(4)
    return [torch.randn(3, 5, generator=generator) for _ in range(n)]


def started():
    return adam.new_state(torch.randn(3, 5, generator=torch.Generator().manual_seed(1)))


def test_it_equals_torch_s_adam():
    state = started()
    parameter = torch.nn.Parameter(state.weights.clone())
    theirs = torch.optim.Adam([parameter], lr=0.02, betas=(adam.BETA_1, adam.BETA_2), eps=adam.EPSILON)
    for gradient in gradients(20):
        adam.step(state, gradient, 0.02, ALL)
        parameter.grad = gradient.clone()
        theirs.step()
    assert torch.allclose(state.weights, parameter, atol=1e-6)


def test_a_row_that_stands_still_keeps_weights_moments_and_count():
    state = started()
    adam.step(state, gradients(1)[0], 0.1, ALL)
    before = adam.copied(state)
    gradient = torch.full((3, 5), float("nan"))
    gradient[[0, 2]] = 1.0
    adam.step(state, gradient, 0.1, torch.tensor([True, False, True]))
    for now, then in zip(state, before, strict=True):
        assert torch.equal(now[1], then[1])
        assert not torch.equal(now[0], then[0])
    assert torch.isfinite(state.weights).all()


def test_a_row_that_rested_goes_on_as_if_alone():
    """Its bias correction counts its own steps, not everybody's."""
    one, other = started(), started()
    moving = torch.tensor([True, False, True])
    first, second = gradients(2)
    adam.step(one, first, 0.1, moving)
    adam.step(one, second, 0.1, ALL)
    adam.step(other, second, 0.1, ALL)
    assert torch.equal(one.weights[1], other.weights[1])


def test_restored_rows_are_as_before_in_everything():
    state = started()
    for gradient in gradients(3):
        adam.step(state, gradient, 0.1, ALL)
    before = adam.copied(state)
    for gradient in gradients(2):
        adam.step(state, gradient, 0.1, ALL)
    after = adam.copied(state)
    adam.restore(state, before, torch.tensor([False, True, False]))
    for now, then, moved in zip(state, before, after, strict=True):
        assert torch.equal(now[1], then[1])
        assert torch.equal(now[[0, 2]], moved[[0, 2]])


def test_long_gradients_are_shortened_by_rows():
    found = adam.clipped(torch.tensor([[3.0, 4.0], [0.3, 0.4]]), 1.0)
    assert found[0].tolist() == pytest.approx([0.6, 0.8], abs=1e-6)
    assert found[1].tolist() == pytest.approx([0.3, 0.4])
