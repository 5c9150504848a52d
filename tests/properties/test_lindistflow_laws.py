"""Mode ``lindistflow`` against the same model in matrices, on networks as they are: ratios, shunts, either way round."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.core.records import BLAMES_SINK, Reason
from marketsim.grid.gates.limits import GateSettings
from marketsim.grid.gates.lindistflow.gate import LinDistFlowGate
from marketsim.grid.net.network import Network
from marketsim.testing.grids import random_network

HOURS, WORSEN_V, WORSEN_I = 0.25, 1e-4, 1e-3
SINK_KVAR = 0.3


class Linear(NamedTuple):
    """A state of the linear model."""

    w: np.ndarray
    """Squared voltages [n_nodes]."""
    flow: np.ndarray
    """Active power from the from end to the to end [n_branches]."""
    current: np.ndarray
    """At the from and at the to end [2, n_branches]."""


def by_matrices(network: Network, injection_pu: np.ndarray) -> Linear:
    """Flows from the incidence matrix, squared voltages from one linear system in the bus voltages themselves."""
    n, m, rows = network.n_nodes, network.n_branches, np.arange(network.n_branches)
    a, b, t2 = network.from_node, network.to_node, np.abs(network.ratio) ** 2
    at_from, at_to = np.conj(network.y_from_pu) / t2, np.conj(network.y_to_pu)
    drawn = -injection_pu.astype(complex) + np.conj(network.ground_pu)
    np.add.at(drawn, a, at_from)
    np.add.at(drawn, b, at_to)
    incidence = np.zeros((n, m))
    incidence[b, rows] += 1.0
    incidence[a, rows] -= 1.0
    s = np.linalg.solve(incidence[1:], drawn[1:])
    left = np.zeros((n, n))
    left[rows, b], left[rows, a] = 1.0, -1.0 / t2
    left[m, 0] = 1.0
    fall = 2.0 * (network.z_pu.real * s.real + network.z_pu.imag * s.imag)
    w = np.linalg.solve(left, np.append(-fall, network.source_pu**2))
    return Linear(w, s.real, np.abs([s + at_from, s - at_to]))


class Case(NamedTuple):
    network: Network
    firm: np.ndarray
    trades: list[tuple[int, int, int]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(2, 12))
    network = random_network(rng, n, plain=draw(st.booleans()))
    stress = draw(st.sampled_from([0.0, 10.0, 40.0, 150.0]))
    firm = np.rint(rng.uniform(-stress, stress / 2, n) * HOURS * 1000).astype(np.int64)
    most = int(10 ** draw(st.floats(1, 5.5)))
    trades = [
        (*(int(end) for end in rng.integers(-1, n, 2)), int(rng.integers(1, most + 1)))
        for _ in range(draw(st.integers(1, 20)))
    ]
    return Case(network, firm, [trade for trade in trades if trade[0] != trade[1]])


def opened(case: Case) -> LinDistFlowGate:
    n = case.network.n_nodes
    # no guard: limits are then those of the network itself
    made = GateSettings(sink_kvar_per_kw=np.full(n, SINK_KVAR), guard_voltage_pu=0.0, guard_loading=0.0)
    gate = LinDistFlowGate(case.network, np.arange(n), 1, HOURS, made)
    gate.open(case.firm, np.zeros(n))
    return gate


def injection(case: Case, taken: list[tuple[int, int, int]]) -> np.ndarray:
    kw = case.firm / (HOURS * 1000.0) + 0j
    for source, sink, wh in taken:
        if source >= 0:
            kw[source] += wh / (HOURS * 1000.0)
        if sink >= 0:
            kw[sink] -= wh / (HOURS * 1000.0) * (1.0 + SINK_KVAR * 1j)
    return kw / case.network.base_kva


def excess(network: Network, firm: Linear, now: Linear) -> float:
    """How far a state lies beyond what the slot allows; the untraded state may stand and worsen by the tolerance."""
    v0, v = (np.sqrt(np.maximum(each.w, 0.0))[1:] for each in (firm, now))
    low, high = network.v_min_pu[1:], network.v_max_pu[1:]
    worst = max(
        (np.where(v0 < low, v0 - WORSEN_V, low) - v).max(), (v - np.where(v0 > high, v0 + WORSEN_V, high)).max()
    )
    ratings = (network.rating_from_pu, network.rating_to_pu)
    over = (firm.current > ratings).any(axis=0)
    for end, rating in enumerate(ratings):
        stands = over & (now.flow * firm.flow >= 0.0) & (firm.current[end] > rating)
        allowed = np.where(stands, firm.current[end] + WORSEN_I * rating, rating)
        worst = max(worst, float((now.current[end] / allowed).max()) - 1.0)
    return float(worst)


@settings(max_examples=150)
@given(cases())
def test_the_linear_state_is_that_of_the_matrices(case: Case) -> None:
    """Voltages and loadings after any sequence of trades and releases, transformers and charging included."""
    gate = opened(case)
    if not gate.close().converged[0]:
        assert np.isnan(gate.predicted()[0]).all()
        return
    taken = [(source, sink, gate.admit(0, source, sink, wh)[0]) for source, sink, wh in case.trades]
    for trade in taken[::3]:
        gate.release(0, *trade)
    kept = [trade for index, trade in enumerate(taken) if index % 3]
    expected = by_matrices(case.network, injection(case, kept))
    v_pu, loading = gate.predicted()
    np.testing.assert_allclose(v_pu[0], np.sqrt(np.maximum(expected.w, 0.0)), atol=1e-11)
    ratings = np.array([case.network.rating_from_pu, case.network.rating_to_pu])
    np.testing.assert_allclose(loading[0], (expected.current / ratings).max(axis=0), atol=1e-10)


@settings(max_examples=150)
@given(cases())
def test_what_is_admitted_keeps_the_linear_limits_and_1_wh_more_does_not(case: Case) -> None:
    """By the matrices: every state stays within what the slot allows, and every refusal ends at a limit."""
    gate = opened(case)
    if not gate.close().converged[0]:
        assert all(gate.admit(0, *trade) == (0, Reason.DIVERGED, -1) for trade in case.trades)
        return
    firm, taken = by_matrices(case.network, injection(case, [])), []
    for source, sink, wh in case.trades:
        admitted, code, element = gate.admit(0, source, sink, wh)
        assert 0 <= admitted <= wh
        assert (admitted < wh) == (code != Reason.NONE) == (element >= 0)
        if admitted < wh:
            more = by_matrices(case.network, injection(case, [*taken, (source, sink, admitted + 1)]))
            assert excess(case.network, firm, more) > -1e-10
            assert gate.admit(0, source, sink, 1) == (0, code, element)
        taken.append((source, sink, admitted))
        assert excess(case.network, firm, by_matrices(case.network, injection(case, taken))) < 1e-10


@settings(max_examples=60)
@given(cases(), st.randoms())
def test_the_way_to_a_linear_state_leaves_no_trace(case: Case, shuffler: object) -> None:
    """Admitting and releasing in any order ends in the decisions and bytes of the committed energy alone."""
    gate, direct = opened(case), opened(case)
    if not gate.close().converged[0]:
        return
    taken = [(source, sink, gate.admit(0, source, sink, wh)[0]) for source, sink, wh in case.trades]
    shuffler.shuffle(taken)  # type: ignore[attr-defined]
    for trade in taken:
        gate.release(0, *trade)
    for one, other in zip(gate.predicted(), direct.predicted(), strict=True):
        np.testing.assert_array_equal(one, other)
    for trade in case.trades:
        assert gate.admit(0, *trade) == direct.admit(0, *trade)
    for one, other in zip(gate.close(), direct.close(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_properties_meet_limits() -> None:
    """A good part of such trades is cut, by each kind of limit."""
    rng, codes, asked = np.random.default_rng(3), list[int](), 0
    for _ in range(60):
        gate = opened(Case(random_network(rng, 8), np.zeros(8, dtype=np.int64), []))
        for _ in range(20):
            source, sink = (int(node) for node in rng.choice(8, 2, replace=False))
            source, sink = (source, -1) if rng.random() < 0.4 else (-1, sink) if rng.random() < 0.6 else (source, sink)
            codes.append(gate.admit(0, source, sink, int(10 ** rng.uniform(2, 5.5)))[1] & ~BLAMES_SINK)
            asked += 1
    cut = [code for code in codes if code]
    assert 0.05 * asked < len(cut) < 0.9 * asked
    assert len(set(cut)) >= 3
