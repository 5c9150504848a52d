"""Feeder heads of any net, and their limits on meshed ones."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.core.records import BLAMES_SINK, NOWHERE, Reason
from marketsim.grid.gates.exact.ac import RadialGate
from marketsim.grid.gates.limits import GateSettings
from marketsim.grid.gates.meshed.gate import MeshedGate
from marketsim.grid.net.network import Network
from marketsim.grid.net.topology import head_names, head_of_node
from marketsim.testing.grids import tree_network

HOURS = 1.0
Z = np.full(5, 0.001 + 0.001j)


def two_feeders() -> Network:
    """Nodes 1-2-3 behind one branch of the source, 4-5 behind another."""
    return tree_network([0, 1, 2, 0, 4], Z, band_pu=(0.5, 1.5))


def joined() -> Network:
    """The same with a loop from the source to node 3: still two heads, the first with two branches."""
    of = two_feeders()
    add = {
        "kind": 0, "from_node": 0, "to_node": 3, "z_pu": 0.002 + 0.002j, "y_from_pu": 0, "y_to_pu": 0, "ratio": 1,
        "rating_from_pu": np.inf, "rating_to_pu": np.inf,
    }  # fmt: skip
    columns = {name: np.append(getattr(of, name), value) for name, value in add.items()}
    return of._replace(branch_names=(*of.branch_names, "line 0-3"), **columns)


def test_heads_are_what_falls_apart_without_the_source() -> None:
    assert head_of_node(two_feeders()).tolist() == [-1, 0, 0, 0, 1, 1]
    assert head_of_node(joined()).tolist() == [-1, 0, 0, 0, 1, 1]


def test_a_head_is_named_by_its_branches_at_the_source() -> None:
    assert head_names(two_feeders()) == ("line 0-1", "line 0-4")
    assert head_names(joined()) == ("line 0-1 + line 0-3", "line 0-4")


def test_heads_are_numbered_as_the_laterals_of_the_compiled_gate() -> None:
    """The element of a refusal means the same head, also where branches stand in another order."""
    of = two_feeders()
    order = np.array([3, 4, 0, 1, 2])
    turned = of._replace(
        branch_names=tuple(of.branch_names[k] for k in order), from_node=of.from_node[order], to_node=of.to_node[order]
    )
    gate = RadialGate(turned, np.array([1, 4]), 1, HOURS, GateSettings(head_export_kw=5.0))
    gate.open(np.zeros(2, dtype=np.int64), np.zeros(2))
    for connection, name in ((0, "line 0-1"), (1, "line 0-4")):
        _, code, element = gate.admit(0, connection, NOWHERE, 9_000)
        assert code == Reason.HEAD_EXPORT
        assert head_names(turned)[element] == name


@pytest.mark.parametrize("gate_class", [RadialGate, MeshedGate])
def test_both_gates_hold_heads_alike(gate_class: type) -> None:
    """Export, import, trade inside a head and between heads: same quantity, reason and head."""
    limits = GateSettings(head_export_kw=5.0, head_import_kw=7.0)
    gate = gate_class(two_feeders(), np.array([1, 3, 5]), 1, HOURS, limits)
    gate.open(np.array([-1_000, 0, -2_000]), np.zeros(3))
    asked = [(0, NOWHERE, 9_000), (NOWHERE, 2, 9_000), (0, 1, 2_000), (1, 2, 100), (2, 1, 800), (1, 2, 9_000)]
    answers = [gate.admit(0, *each) for each in asked]
    assert answers == [
        (6_000, Reason.HEAD_EXPORT, 0),  # 1 kWh of it meets the head's own consumption
        (5_000, Reason.HEAD_IMPORT + BLAMES_SINK, 1),
        (2_000, Reason.NONE, -1),  # does not pass a head
        (0, Reason.HEAD_EXPORT, 0),
        (800, Reason.NONE, -1),
        (800, Reason.HEAD_EXPORT, 0),
    ]


def test_a_loop_carries_its_head_limit_over_all_its_branches() -> None:
    """On the meshed net the sum of what both branches carry is held, to the losses, by a power flow."""
    of = joined()
    gate = MeshedGate(of, np.array([1, 3, 5]), 1, HOURS, GateSettings(head_export_kw=5.0))
    gate.open(np.zeros(3, dtype=np.int64), np.zeros(3))
    assert gate.admit(0, 0, NOWHERE, 3_000)[0] == 3_000
    admitted, code, element = gate.admit(0, 1, NOWHERE, 3_000)
    assert (admitted, code, element) == (2_000, Reason.HEAD_EXPORT, 0)
    state = gate.close()
    assert state.slack_wh[0] == pytest.approx(-5_000 + state.losses_wh[0])


def test_an_untraded_state_beyond_a_head_may_stand_and_no_more() -> None:
    gate = MeshedGate(joined(), np.array([1, 3, 5]), 1, HOURS, GateSettings(head_export_kw=5.0))
    gate.open(np.array([8_000, 0, 0]), np.zeros(3))
    assert gate.admit(0, 1, NOWHERE, 10)[0] == 0
    assert gate.admit(0, NOWHERE, 1, 1_000)[0] == 1_000
    assert gate.admit(0, 1, NOWHERE, 2_000)[0] == 1_000
