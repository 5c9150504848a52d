"""A gate without a grid."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.core.free_gate_kernel import FreeGate
from marketsim.core.records import NOWHERE

MARKET = np.array([0, 0, 1])


def by_method(gate, *ask):
    return gate.admit(*ask)


def by_kernel(gate, market, *ends_and_wh):
    admit, ints, floats = gate.kernel
    return admit(ints[market], floats[market], *ends_and_wh)


@pytest.mark.parametrize("admit", [by_method, by_kernel])
def test_everything_is_admitted_and_the_source_supplies_the_balance(admit):
    gate = FreeGate(2, MARKET)
    gate.open(np.array([-100, 20, 5]), np.zeros(3))
    assert admit(gate, 0, 1, NOWHERE, 60) == (60, 0, -1)
    assert admit(gate, 0, NOWHERE, 0, 7) == (7, 0, -1)
    assert admit(gate, 1, 0, 0, 9) == (9, 0, -1)
    assert gate.close().slack_wh.tolist() == [27.0, -5.0]


def test_release_and_amend_change_the_balance():
    gate = FreeGate(2, MARKET)
    gate.open(np.zeros(3, dtype=np.int64), np.zeros(3))
    gate.admit(0, 1, NOWHERE, 60)
    gate.release(0, 1, NOWHERE, 20)
    gate.amend(np.array([0, -15, 4]), np.zeros(3))
    assert gate.close().slack_wh.tolist() == [-25.0, -4.0]


def test_opening_forgets_the_last_slot():
    gate = FreeGate(1, MARKET[:2])
    gate.admit(0, 1, NOWHERE, 60)
    gate.open(np.zeros(2, dtype=np.int64), np.zeros(2))
    assert gate.close().slack_wh.tolist() == [0.0]


def test_there_are_no_nodes_nothing_breaks_and_nothing_is_sensitive():
    gate = FreeGate(2, MARKET)
    state = gate.close()
    assert state.v_pu.shape == state.loading.shape == (2, 0)
    assert state.converged.all()
    assert not gate.broken().any()
    assert gate.sensitivity().tolist() == [0.0, 0.0, 0.0]
