"""Heads: what may be chosen, and how joint choices stand for several."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.learning.ppo.heads import FORBIDDEN, make_heads

USED = np.array([[True, True], [True, False], [False, False]])


def allowed(heads):
    return [np.flatnonzero(row != FORBIDDEN).tolist() for row in heads.bias]


def test_of_an_unused_head_only_choice_0_is_left():
    heads = make_heads((2, 3), USED, joint=False)
    assert heads.sizes == (2, 3)
    assert allowed(heads) == [[0, 1, 2, 3, 4], [0, 1, 2], [0, 2]]


def test_a_joint_head_has_all_combinations_of_what_is_used():
    """Choice 3 a + b means (a, b)."""
    heads = make_heads((2, 3), USED, joint=True)
    assert heads.sizes == (6,)
    assert allowed(heads) == [[0, 1, 2, 3, 4, 5], [0, 3], [0]]


@pytest.mark.parametrize("joint", [False, True])
def test_actions_and_choices_are_one_to_one(joint):
    heads = make_heads((2, 3, 4), np.ones((1, 3), dtype=bool), joint=joint)
    actions = np.stack(np.meshgrid(range(2), range(3), range(4), indexing="ij"), axis=-1).reshape(-1, 3)
    choices = np.arange(24)[:, np.newaxis] if joint else actions
    assert np.array_equal(heads.to_played(choices), actions)
    assert heads.n_logits == (24 if joint else 9)


def test_heads_that_do_not_fit_are_refused():
    with pytest.raises(AssertionError, match="do not fit"):
        make_heads((2, 3, 4), USED, joint=False)
