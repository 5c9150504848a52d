"""Adam by rows: torch's own where all rows move, and no trace where one stands still or goes back."""

from __future__ import annotations

import pytest
import torch

from marketsim.learning import adam


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
        adam.step(state, gradient, 0.02)
        parameter.grad = gradient.clone()
        theirs.step()
    assert torch.allclose(state.weights, parameter, atol=1e-6)


def test_rows_never_touch_each_other():
    """What is no number in one row stays there."""
    one, other = started(), started()
    gradient = gradients(1)[0]
    adam.step(one, gradient, 0.1)
    gradient[1] = float("nan")
    adam.step(other, gradient, 0.1)
    for part, same in zip(one, other, strict=True):
        assert torch.equal(part[[0, 2]], same[[0, 2]])
    assert torch.isnan(other.weights[1]).all()


def test_a_row_that_went_back_goes_on_as_if_nothing_had_been():
    """Its bias correction counts its own steps, not everybody's."""
    one, other = started(), started()
    before = adam.copied(one)
    first, second = gradients(2)
    adam.step(one, first, 0.1)
    adam.restore(one, before, torch.tensor([False, True, False]))
    adam.step(one, second, 0.1)
    adam.step(other, second, 0.1)
    assert torch.equal(one.weights[1], other.weights[1])
    assert one.steps[:, 0].tolist() == [2.0, 1.0, 2.0]


def test_restored_rows_are_as_before_in_everything():
    state = started()
    for gradient in gradients(3):
        adam.step(state, gradient, 0.1)
    before = adam.copied(state)
    for gradient in gradients(2):
        adam.step(state, gradient, 0.1)
    after = adam.copied(state)
    adam.restore(state, before, torch.tensor([False, True, False]))
    for now, then, moved in zip(state, before, after, strict=True):
        assert torch.equal(now[1], then[1])
        assert torch.equal(now[[0, 2]], moved[[0, 2]])


def test_long_gradients_are_shortened_by_rows():
    found = adam.clipped(torch.tensor([[3.0, 4.0], [0.3, 0.4]]), 1.0)
    assert found[0].tolist() == pytest.approx([0.6, 0.8], abs=1e-6)
    assert found[1].tolist() == pytest.approx([0.3, 0.4])
