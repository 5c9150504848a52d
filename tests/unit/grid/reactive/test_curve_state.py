"""Volt-var curves followed outside the sweep reach the state that the compiled gate finds inside it."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.core.ports import ReactiveLaw
from marketsim.grid.flow.fixed_point import admittance
from marketsim.grid.flow.power_flow_check import Validator
from marketsim.grid.flow.untraded import UntradedBackground, UntradedFlow
from marketsim.grid.gates.exact.ac import RadialGate
from marketsim.grid.gates.limits import GateSettings
from marketsim.grid.net.network import Network
from marketsim.grid.reactive.curve_state import InverterCurves, Solved, followed
from marketsim.testing.grids import random_network, tree_network
from marketsim.testing.worlds import community

HOURS = 0.25
CURVE = np.array([0.92, 0.98, 1.02, 1.08])


def states(network: Network, wh: np.ndarray, full: np.ndarray, kva: np.ndarray) -> tuple[np.ndarray, ...]:
    """Voltages and reactive power of the nodes, by net power alone and by the gate."""
    n = network.n_nodes
    law = ReactiveLaw.none(n)._replace(kva=kva, curve_pu=CURVE, curve_kvar=full)
    people, nodes = community(n), np.arange(n)
    flow = UntradedFlow(
        Validator(network),
        admittance(network)[0],
        nodes,
        people,
        law,
        UntradedBackground.none(network, people),
        1 / (HOURS * 1e3),
    )
    own = flow.solve(wh, np.zeros(n))
    gate = RadialGate(network, nodes, 1, HOURS, GateSettings(curve_pu=CURVE, curve_kvar=full, inverter_kva=kva))
    gate.open(wh, np.zeros(n))
    theirs = gate.close()
    return own.v_pu[0], theirs.v_pu[0], own.kvar[0], theirs.kvar[0]


@pytest.mark.parametrize("seed", range(12))
def test_it_is_the_state_of_the_gate(seed: int) -> None:
    """On random trees with inverters of any size: voltages to 1e-9 p.u., reactive power to a millionth of the base."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 15))
    network = random_network(rng, n)._replace(source_pu=1.05)
    wh = np.rint(rng.uniform(-25, 25, n) * 250).astype(np.int64)
    full = rng.uniform(0, 40, n) * (rng.random(n) < 0.7)
    v, gate_v, q, gate_q = states(network, wh, full, rng.uniform(5, 60, n))
    np.testing.assert_allclose(v, gate_v, rtol=0.0, atol=1e-9)
    np.testing.assert_allclose(q[1:], gate_q[1:], rtol=0.0, atol=1e-3)
    assert not full[1:].any() or np.abs(q).max() > 0.1


@pytest.mark.parametrize("full_kvar", [2_000.0, 20_000.0])
def test_strong_curves_that_would_overshoot_together_are_damped(full_kvar: float) -> None:
    """Eight inverters at a voltage on the slope of their curves, as in the test of the gate."""
    network = tree_network([0, *range(1, 8)], np.full(8, 0.01 + 0.05j), source_pu=1.06)
    full = np.full(9, full_kvar)
    v, gate_v, _, _ = states(network, np.full(9, -100), full, full)
    assert np.isfinite(v).all()
    np.testing.assert_allclose(v, gate_v, rtol=0.0, atol=1e-9)


def test_a_power_flow_that_moves_farther_than_its_derivative_says_is_followed() -> None:
    """Steps that go too far come back shorter."""
    curves = InverterCurves(CURVE, np.array([100.0]), np.array([100.0]))
    asked = []

    def solve(q: np.ndarray) -> Solved:
        asked.append(q.copy())
        return Solved(1.06 + 2e-3 * q, np.array([[1e-3]]))

    assert followed(curves, solve)
    v = 1.06 + 2e-3 * asked[-1]
    assert curves.wanted(v)[0] == pytest.approx(asked[-1], abs=1e-6)


def test_what_has_no_power_flow_is_followed_nowhere() -> None:
    """No solution, and no state in which curve and voltage agree: both are told, and neither goes on for ever."""
    curves = InverterCurves(CURVE, np.array([100.0]), np.array([100.0]))
    assert not followed(curves, lambda q: None)
    flips = iter(range(10**6))
    assert not followed(curves, lambda q: Solved(np.array([0.9 + 0.2 * (next(flips) % 2)]), np.array([[1e-3]])))
    assert next(flips) < 100


def test_an_inverter_that_is_full_has_no_slope() -> None:
    """At the limit of its apparent power the curve gives what there is, and no more with the voltage."""
    curves = InverterCurves(CURVE, np.array([50.0, 50.0]), np.array([20.0, 60.0]))
    q, slope = curves.wanted(np.array([1.07, 1.05]))
    assert q.tolist() == pytest.approx([-20.0, -25.0])
    assert slope.tolist() == pytest.approx([0.0, -50.0 / 0.06])
