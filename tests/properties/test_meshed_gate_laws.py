"""The gate of meshed nets decides on trees as the compiled one does, whatever the untraded state breaks already."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from marketsim.core.records import BLAMES_SINK, NOWHERE, Reason
from marketsim.grid.gates.exact.ac import RadialGate
from marketsim.grid.gates.limits import GateSettings
from marketsim.grid.gates.meshed.gate import MeshedGate
from marketsim.testing.grids import random_network, tree_network

HOURS = 0.25
MUCH = 2_000_000
APART_WH = 25
"""The two solvers agree to some 1e-10 p.u., which is a few Wh on these feeders."""


def wh(*kw):
    return np.rint(np.array(kw) * HOURS * 1000).astype(np.int64)


def both(network, firm_wh, **made):
    """The two gates, an agent at each node, opened at the same state."""
    nodes = np.arange(network.n_nodes)
    gates = [kind(network, nodes, 1, HOURS, GateSettings(**made)) for kind in (RadialGate, MeshedGate)]
    for gate in gates:
        gate.open(firm_wh, np.zeros(network.n_nodes))
    return gates


@st.composite
def cases(draw):
    """A feeder, an untraded state that may break limits, and what is admitted, released and amended."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(3, 8))
    network = random_network(rng, n, plain=draw(st.booleans()))
    stress = draw(st.sampled_from([0.0, 60.0, 300.0]))
    firm = wh(*rng.uniform(-stress, stress / 2, n))
    steps = draw(st.lists(st.sampled_from(["admit", "admit", "admit", "release", "amend"]), min_size=1, max_size=5))
    asked = [(kind, *rng.integers(-1, n, 2).tolist(), int(10 ** rng.uniform(2, 5.5))) for kind in steps]
    return network, firm, [step for step in asked if step[1] != step[2]]


@settings(max_examples=40)
@given(cases())
def test_on_trees_both_gates_admit_the_same(case):
    """Quantities agree to the solvers' difference, refusals to their reason, and so do the states in the end."""
    network, firm, steps = case
    compiled, plain = both(network, firm)
    assume(compiled.close().converged[0])
    taken = []
    for kind, source, sink, quantity in steps:
        if kind == "amend":
            delta = np.zeros(network.n_nodes, dtype=np.int64)
            delta[max(source, 0)] += 40
            for gate in (compiled, plain):
                gate.amend(delta, np.zeros(network.n_nodes))
        elif kind == "release" and taken:
            back = taken.pop()
            for gate in (compiled, plain):
                gate.release(0, *back)
        else:
            one, other = (gate.admit(0, source, sink, quantity) for gate in (compiled, plain))
            assert abs(one[0] - other[0]) <= APART_WH
            if max(one[0], other[0]) < quantity - APART_WH and one[0] > APART_WH:
                assert one[1] & ~BLAMES_SINK == other[1] & ~BLAMES_SINK
            smaller = min(one[0], other[0])
            compiled.release(0, source, sink, one[0] - smaller)
            plain.release(0, source, sink, other[0] - smaller)
            taken.append((source, sink, smaller))
    ours, theirs = compiled.close(), plain.close()
    np.testing.assert_array_equal(ours.net_wh, theirs.net_wh)
    np.testing.assert_allclose(ours.v_pu, theirs.v_pu, atol=1e-8)
    np.testing.assert_allclose(ours.firm_v_pu, theirs.firm_v_pu, atol=1e-8)
    np.testing.assert_allclose(ours.loading, theirs.loading, atol=1e-7)
    np.testing.assert_allclose(ours.losses_wh, theirs.losses_wh, atol=1e-3)


LINE = tree_network([0, 1, 2], np.full(3, 0.02 + 0.01j))


def test_an_overload_may_stay_in_its_direction_and_a_reversed_flow_gets_the_plain_rating():
    """300 kW flow where 200 may; fed backwards, the line carries 200 and not 300."""
    rated = LINE._replace(
        rating_from_pu=np.array([0.2, np.inf, np.inf]), v_min_pu=np.zeros(4), v_max_pu=np.full(4, 9.0)
    )
    compiled, plain = both(rated, wh(0, 0, 0, -300))
    found = [gate.admit(0, 3, NOWHERE, MUCH) for gate in (compiled, plain)]
    assert [code for _, code, _ in found] == [Reason.LINE_LOADING] * 2
    assert abs(found[0][0] - found[1][0]) <= APART_WH
    assert plain.close().loading[0, 0] == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("ratio", [1.0, 0.85, 1.15, 0.9 * np.exp(0.3j)])
def test_behind_a_tap_a_voltage_may_grow_by_as_much_as_without_one(ratio):
    """1e-4 p.u. of the bus's own voltage, whatever the ratio of the transformer above it."""
    network = LINE._replace(ratio=np.array([ratio, 1.0, 1.0]), v_max_pu=np.full(4, 0.8))
    for gate in both(network, wh(0, 0, 0, 0)):
        before = gate.close().v_pu[0, 3]
        assert gate.admit(0, 3, NOWHERE, MUCH)[1] == Reason.OVERVOLTAGE
        assert gate.close().v_pu[0, 3] - before == pytest.approx(1e-4 - 1e-8, abs=3e-7)  # of which one Wh moves 2.4e-7


def test_a_state_inside_the_guard_may_stay_but_not_grow():
    """A voltage between the guarded and the stated limit is no violation: counter-flows and others go on."""
    probe = both(LINE, wh(0, 0, 0, -100))[1].close().v_pu[0, 3]
    low = LINE.v_min_pu.copy()
    low[3] = probe - 5e-9
    _, plain = both(LINE._replace(v_min_pu=low), wh(0, 0, 0, -100))
    assert plain.admit(0, NOWHERE, 3, 100)[:2] == (0, Reason.UNDERVOLTAGE + BLAMES_SINK)
    assert plain.admit(0, 3, NOWHERE, 10)[0] == 10
