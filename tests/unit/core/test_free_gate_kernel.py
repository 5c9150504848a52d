"""A gate without a grid."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.core.free_gate_kernel import FreeGate
from marketsim.core.records import BLAMES_SINK, NOWHERE, Reason
from marketsim.core.units import UNLIMITED_WH

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


EXPORT, IMPORT = int(Reason.CONNECTION_EXPORT), int(Reason.CONNECTION_IMPORT) + BLAMES_SINK


def limited(firm):
    """Agent 0 may draw 50 Wh and inject 40; agent 1 is free; agent 2, alone in its market, may inject 10."""
    free = UNLIMITED_WH
    gate = FreeGate(2, MARKET, np.array([50, free, free]), np.array([40, free, 10]))
    gate.open(np.array(firm), np.zeros(3))
    return gate


@pytest.mark.parametrize("admit", [by_method, by_kernel])
def test_a_connection_admits_what_its_limit_leaves_and_says_which_binds(admit):
    gate = limited([0, 0, 0])
    assert admit(gate, 0, 0, 1, 30) == (30, 0, -1)
    assert admit(gate, 0, 0, NOWHERE, 30) == (10, EXPORT, 0)
    assert admit(gate, 0, 1, 0, 100) == (90, IMPORT, 0)
    assert admit(gate, 0, NOWHERE, 0, 1) == (0, IMPORT, 0)
    assert admit(gate, 1, 0, NOWHERE, 11) == (10, EXPORT, 0)
    assert gate.close().slack_wh.tolist() == [-10.0, -10.0]


@pytest.mark.parametrize("admit", [by_method, by_kernel])
def test_what_happens_in_any_case_stands_and_leaves_no_room(admit):
    gate = limited([-70, 0, 25])
    assert admit(gate, 0, NOWHERE, 0, 5) == (0, IMPORT, 0)
    assert admit(gate, 1, 0, NOWHERE, 5) == (0, EXPORT, 0)
    assert admit(gate, 0, 0, NOWHERE, 20) == (20, 0, -1)
    assert admit(gate, 0, NOWHERE, 0, 25) == (20, IMPORT, 0)


def test_what_is_released_is_room_again_and_amending_asks_nobody():
    gate = limited([0, 0, 0])
    gate.admit(0, 0, 1, 40)
    gate.release(0, 0, 1, 15)
    assert gate.admit(0, 0, NOWHERE, 40) == (15, EXPORT, 0)
    gate.amend(np.array([60, 0, 0]), np.zeros(3))
    assert gate.admit(0, 0, NOWHERE, 1) == (0, EXPORT, 0)
    assert gate.close().slack_wh.tolist() == [-75.0, 0.0]
