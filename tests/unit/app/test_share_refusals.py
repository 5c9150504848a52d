"""``marketsim.share`` refuses what would pass for an answer."""

from __future__ import annotations

import pytest

import marketsim as ms
from marketsim.core.errors import InputError


def test_costs_that_are_complex_are_refused():
    with pytest.raises(InputError, match="cost: must answer with numbers"):
        ms.share(lambda members: members.sum(axis=1) * 1j, 3)


@pytest.mark.parametrize("seed", [-1, 1.5, True, "1"])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(InputError, match="seed: must be a whole number"):
        ms.share(lambda members: members.sum(axis=1), 16, seed=seed)
