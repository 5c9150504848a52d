from __future__ import annotations

import numpy as np
import pytest

from marketsim.core.records import NOWHERE, Reason
from marketsim.grid.gates.exact.ac import RadialGate
from marketsim.grid.gates.limits import GateSettings
from marketsim.grid.net.network import Network
from marketsim.testing.grids import dense_power_flow, random_network, tree_network

HOURS = 0.25
MUCH = 1_000_000
CURVE = np.array([0.92, 0.98, 1.02, 1.08])
LINE = tree_network([0, 1, 2], np.full(3, 0.02 + 0.02j))


def curve_gate(network: Network, full_kvar: np.ndarray, kva: np.ndarray, **options: object) -> RadialGate:
    settings = GateSettings(curve_pu=CURVE, curve_kvar=full_kvar, inverter_kva=kva, **options)  # type: ignore[arg-type]
    return RadialGate(network, np.arange(network.n_nodes), 1, HOURS, settings)


def dense_volt_var(network: Network, kw: np.ndarray, full_kvar: np.ndarray, kva: np.ndarray) -> tuple[np.ndarray, ...]:
    """Voltages and reactive injections by a slow outer loop around the independent solver."""
    q = np.zeros(network.n_nodes)
    room = np.sqrt(np.maximum(kva**2 - kw**2, 0))
    for _ in range(3000):
        v = np.abs(dense_power_flow(network, (kw + 1j * q) / network.base_kva).v_pu)
        target = np.clip(full_kvar * np.interp(v, CURVE, [1.0, 0.0, 0.0, -1.0]), -room, room)
        target[0] = 0.0
        if np.abs(target - q).max() < 1e-10:
            break
        q += 0.1 * (target - q)
    return v, q


@pytest.mark.parametrize("seed", range(8))
def test_voltages_and_curves_agree_with_an_outer_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 15))
    network = random_network(rng, n)
    kw = np.rint(rng.uniform(-25, 25, n) * 250) / 250
    kva = rng.uniform(5, 60, n)
    full = rng.uniform(0, 40, n) * (rng.random(n) < 0.7)
    gate = curve_gate(network, full, kva)
    gate.open(np.rint(kw * 250).astype(np.int64), np.zeros(n))
    state = gate.close()
    v, q = dense_volt_var(network, kw, full, kva)
    np.testing.assert_allclose(state.v_pu[0], v, rtol=0, atol=2e-10)
    np.testing.assert_allclose(state.kvar[0], q, rtol=0, atol=1e-5)
    np.testing.assert_allclose(state.firm_kvar, state.kvar)


def test_curves_take_more_pv_into_the_same_band() -> None:
    kva, full = np.full(4, 3000.0), np.full(4, 300.0)
    plain = RadialGate(LINE, np.arange(4), 1, HOURS)
    curved = curve_gate(LINE, full, kva)
    for gate in (plain, curved):
        gate.open(np.zeros(4, dtype=np.int64), np.zeros(4))
    most, code, element = plain.admit(0, 3, NOWHERE, MUCH)
    more, same_code, same_element = curved.admit(0, 3, NOWHERE, MUCH)
    assert more > 1.04 * most
    assert (code, element) == (same_code, same_element) == (Reason.OVERVOLTAGE, 3)
    assert curved.close().kvar[0, 3] < -100


@pytest.mark.parametrize(("source", "sink"), [(3, NOWHERE), (NOWHERE, 3), (3, 1)])
def test_the_admitted_quantity_is_the_largest_under_a_curve(source: int, sink: int) -> None:
    """At what is admitted the reference finds the band kept, 20 Wh more breaks it; the gate refuses 1 Wh more."""
    kva, full = np.full(4, 500.0), np.full(4, 200.0)
    gate = curve_gate(LINE, full, kva)
    gate.open(np.zeros(4, dtype=np.int64), np.zeros(4))
    admitted, code, element = gate.admit(0, source, sink, MUCH)
    assert gate.admit(0, source, sink, 1) == (0, code, element)
    for extra, inside in ((0, True), (20, False)):
        kw = np.zeros(4)
        for node, sign in ((source, 1), (sink, -1)):
            if node >= 0:
                kw[node] = sign * (admitted + extra) / 250
        v, _ = dense_volt_var(LINE, kw, full, kva)
        assert bool(((v[1:] >= 0.95) & (v[1:] <= 1.05)).all()) is inside


def test_the_apparent_limit_holds_at_the_admitted_power() -> None:
    """An inverter full of active power has no room for reactive power."""
    kva = np.full(4, 100.0)
    gate = curve_gate(LINE._replace(v_max_pu=np.full(4, 1.2)), np.full(4, 90.0), kva)
    gate.open(np.array([0, 0, 0, 99_000 // 4]), np.zeros(4))
    gate.admit(0, 2, NOWHERE, 200_000)
    state = gate.close()
    assert state.v_pu[0, 3] > 1.03
    assert state.kvar[0, 3] == pytest.approx(-np.sqrt(100.0**2 - 99.0**2), abs=1e-6)


def test_load_behind_the_meter_counts_for_the_inverter() -> None:
    """Net injection 0 with 99 kW of own use: the inverter is as full as if it exported them."""
    kva = np.full(4, 100.0)
    network = LINE._replace(source_pu=1.05, v_max_pu=np.full(4, 1.2))
    own = np.array([0.0, 0.0, 0.0, 99.0])
    gate = curve_gate(network, np.full(4, 90.0), kva, behind_kw=lambda: own)
    gate.open(np.zeros(4, dtype=np.int64), np.zeros(4))
    state = gate.close()
    assert state.kvar[0, 3] == pytest.approx(-np.sqrt(100.0**2 - 99.0**2), abs=1e-6)
    assert state.kvar[0, 2] < -20


@pytest.mark.parametrize("full_kvar", [2_000.0, 20_000.0])
def test_steep_curves_converge(full_kvar: float) -> None:
    """Many strong inverters that would overshoot together, at a voltage on the slope."""
    network = tree_network([0, *range(1, 8)], np.full(8, 0.01 + 0.05j), source_pu=1.06)
    full = np.full(9, full_kvar)
    gate = curve_gate(network, full, full)
    gate.open(np.full(9, -100), np.zeros(9))
    state = gate.close()
    assert state.converged[0]
    share = np.interp(state.v_pu[0, 1:], CURVE, [1.0, 0.0, 0.0, -1.0])
    np.testing.assert_allclose(
        state.kvar[0, 1:], np.clip(full_kvar * share, -full_kvar, full_kvar), atol=full_kvar * 1e-7
    )


def test_a_refusal_leaves_no_trace_under_a_curve() -> None:
    gate = curve_gate(LINE, np.full(4, 200.0), np.full(4, 500.0))
    firm = np.array([0, -2_000, 5_000, 3_000])
    gate.open(firm, np.zeros(4))
    gate.admit(0, 3, NOWHERE, 1_000)
    before = [np.asarray(column).tobytes() for column in gate.close()]
    taken = gate.admit(0, 3, NOWHERE, MUCH)[0]
    gate.admit(0, 3, NOWHERE, MUCH)
    gate.release(0, 3, NOWHERE, taken)
    assert [np.asarray(column).tobytes() for column in gate.close()] == before
