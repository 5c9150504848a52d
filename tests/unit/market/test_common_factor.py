"""Largest remainders and the largest common factor."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.core.records import NOWHERE, Reason
from marketsim.market.common_factor import Stop, Transfers, commit, commit_largest, share
from marketsim.testing.gates_kernel import capacity_gate, fickle_gate, head_gate

weights = st.lists(st.integers(0, 10**15), min_size=1, max_size=12)


@given(weights, st.floats(0, 1))
def test_shares_sum_to_the_total_and_differ_from_the_exact_ones_by_less_than_one(energies, part):
    energy = np.array(energies)
    total = int(part * energy.sum())
    shares = share(total, energy)
    assert shares.sum() == total
    assert (shares <= energy).all()
    whole = max(sum(energies), 1)
    for found, weight in zip(shares.tolist(), energies, strict=True):
        assert abs(found * whole - weight * total) < whole


@pytest.mark.parametrize(("total", "expected"), [(0, [0, 0, 0]), (1, [1, 0, 0]), (2, [1, 1, 0]), (9, [3, 3, 3])])
def test_ties_of_remainders_go_to_the_first(total, expected):
    assert share(total, np.array([3, 3, 3])).tolist() == expected


def injections(energy):
    n = len(energy)
    return Transfers(np.arange(n), np.full(n, NOWHERE), np.asarray(energy, dtype=np.int64))


@pytest.mark.parametrize("compiled", [True, False])
def test_a_commitment_is_all_or_nothing(compiled):
    gate = capacity_gate([5, 3], compiled=compiled)
    assert commit(gate, 0, injections([5, 4])) == Stop(Reason.CONNECTION_EXPORT, 1)
    assert gate.net_wh.tolist() == [[0, 0]]
    assert commit(gate, 0, injections([5, 3])) is None
    assert gate.net_wh.tolist() == [[5, 3]]


def test_what_moves_nothing_is_not_asked():
    gate = capacity_gate([0])
    nowhere = np.array([NOWHERE])
    assert commit(gate, 0, Transfers(nowhere, nowhere, np.array([7]))) is None
    assert gate.calls == 0


@pytest.mark.parametrize("compiled", [True, False])
@given(limit=st.integers(0, 120), energies=st.lists(st.integers(0, 30), min_size=1, max_size=5))
def test_the_largest_total_is_committed_to_the_last_unit(compiled, limit, energies):
    gate, energy = head_gate(limit, 5, compiled=compiled), np.array(energies)
    total, stop = commit_largest(gate, 0, int(energy.sum()), lambda part: injections(share(part, energy)))
    assert total == min(limit, energy.sum())
    assert gate.net_wh.sum() == total
    assert (stop is None) == (energy.sum() <= limit)
    assert stop in (None, Stop(Reason.HEAD_EXPORT, 0))


def test_a_gate_that_changes_its_mind_still_ends_with_what_it_committed():
    energy = np.full(4, 100)
    for seed in range(20):
        gate = fickle_gate(1, 5, seed=seed)
        total, _ = commit_largest(gate, 0, 400, lambda part: injections(share(part, energy)))
        assert gate.net_wh.sum() == total
