from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.core.records import Reason
from marketsim.grid.gates.exact.ac import RadialGate
from marketsim.grid.gates.limits import GateSettings
from marketsim.grid.gates.observed.observe import ObserveGate
from marketsim.grid.gates.screened.sensitivity import SensitivityGate
from marketsim.grid.net.network import Network
from marketsim.testing.grids import dense_power_flow, random_network

HOURS = 0.25
WORSEN_V, WORSEN_I = 1e-4, 1e-3


class Case(NamedTuple):
    """A feeder with an agent at each node, a slot's untraded state and a sequence of trades."""

    network: Network
    firm: np.ndarray
    trades: list[tuple[int, int, int]]


@st.composite
def cases(draw: st.DrawFn, most_trades: int = 30) -> Case:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(2, 15))
    plain = draw(st.booleans())
    network = random_network(rng, n, plain=plain)
    stress = draw(st.sampled_from([0.0, 10.0, 40.0]))
    firm = np.rint(rng.uniform(-stress, stress / 2, n) * HOURS * 1000).astype(np.int64)
    most = int(10 ** draw(st.floats(1, 5.5)))
    trades = [
        (int(rng.integers(-1, n)), int(rng.integers(-1, n)), int(rng.integers(1, most + 1)))
        for _ in range(draw(st.integers(1, most_trades)))
    ]
    return Case(network, firm, [trade for trade in trades if trade[0] != trade[1]])


def opened(case: Case, kind: type[RadialGate] = RadialGate, **options: object) -> RadialGate:
    gate = kind(case.network, np.arange(case.network.n_nodes), 1, HOURS, GateSettings(**options))  # type: ignore[arg-type]
    gate.open(case.firm, np.zeros(case.network.n_nodes))
    return gate


def excess(network: Network, firm: np.ndarray, final: np.ndarray) -> float:
    """How far the final state breaks what the slot allows, by the dense solver [p.u., share of rating]."""
    to_pu = 1.0 / (HOURS * 1000 * network.base_kva)
    before, after = (dense_power_flow(network, wh * to_pu + 0j) for wh in (firm, final))
    v0, v = np.abs(before.v_pu)[1:], np.abs(after.v_pu)[1:]
    low, high = network.v_min_pu[1:], network.v_max_pu[1:]
    low = np.where(v0 < low, v0 - WORSEN_V, low)
    high = np.where(v0 > high, v0 + WORSEN_V, high)
    worst = max((low - v).max(), (v - high).max())
    for current0, current, rating in (
        (before.current_from_pu, after.current_from_pu, network.rating_from_pu),
        (before.current_to_pu, after.current_to_pu, network.rating_to_pu),
    ):
        allowed = np.where(current0 > rating, current0 / rating + WORSEN_I, 1.0)
        worst = max(worst, (current / rating - allowed).max())
    return float(worst)


@settings(max_examples=150)
@given(cases())
def test_no_sequence_of_trades_breaks_a_limit(case: Case) -> None:
    """By an independent solver: nothing that the untraded state keeps is broken, nothing broken gets worse."""
    gate = opened(case)
    state = gate.close()
    if not state.converged[0]:
        return
    for trade in case.trades:
        gate.admit(0, *trade)
    final = gate.close()
    assert final.converged[0]
    assert excess(case.network, case.firm, final.net_wh[0]) <= 0.0


@settings(max_examples=150)
@given(cases())
def test_skipping_solves_changes_no_decision(case: Case) -> None:
    """Admitted quantity, code, element and the final state are the same as when each trade is solved."""
    skipping, solving = opened(case), opened(case, skip_solves=False)
    for trade in case.trades:
        assert skipping.admit(0, *trade) == solving.admit(0, *trade)
    for one, other in zip(skipping.close(), solving.close(), strict=True):
        np.testing.assert_array_equal(one, other)


@settings(max_examples=100)
@given(cases())
def test_whatever_is_refused_is_refused_again_and_1_wh_less_than_admitted_is_not(case: Case) -> None:
    """The admitted quantity ends at a limit: in the same state 1 Wh more is refused, for the same element.

    What is admissible need not be an interval: losses of a large trade can relieve a branch that a small one overloads. A
    search from another quantity may then end at another limit, which is one in the same sense.
    """
    gate = opened(case)
    if not gate.close().converged[0]:
        assert all(gate.admit(0, *trade) == (0, Reason.DIVERGED, -1) for trade in case.trades)
        return
    for source, sink, wh in case.trades:
        admitted, code, element = gate.admit(0, source, sink, wh)
        if admitted < wh:
            assert gate.admit(0, source, sink, 1) == (0, code, element)
            gate.release(0, source, sink, admitted)
            again, *why = gate.admit(0, source, sink, admitted + 1)
            assert again <= admitted
            assert again < admitted or why == [code, element]
            assert gate.admit(0, source, sink, 1) == (0, *why)


@settings(max_examples=60)
@given(cases(), st.randoms())
def test_the_way_to_a_state_leaves_no_trace(case: Case, shuffler: object) -> None:
    """Admitting and releasing in any order ends in the bytes of the committed energy alone."""
    gate = opened(case)
    taken = [(source, sink, gate.admit(0, source, sink, wh)[0]) for source, sink, wh in case.trades]
    shuffler.shuffle(taken)  # type: ignore[attr-defined]
    kept, undone = taken[::2], taken[1::2]
    for trade in undone:
        gate.release(0, *trade)
    direct = opened(case, ObserveGate)
    for trade in kept:
        direct.admit(0, *trade)
    for one, other in zip(gate.close(), direct.close(), strict=True):
        np.testing.assert_array_equal(one, other)


@settings(max_examples=100)
@given(cases())
def test_the_screen_admits_nothing_that_ac_refuses(case: Case) -> None:
    """With its bound of what the prediction leaves out, mode ``sensitivity`` makes no false accept."""
    gate = opened(case, SensitivityGate, screen_band=1e-6)
    for trade in case.trades:
        gate.admit(0, *trade)
    assert not gate.broken()[0]


@settings(max_examples=60)
@given(cases())
def test_whatever_stays_inside_is_admitted_in_full(case: Case) -> None:
    """A trade after which the independent solver finds every stated limit kept by 1e-6 is never cut."""
    gate = opened(case)
    net = case.firm.copy()
    for source, sink, wh in case.trades:
        tried = net.copy()
        for node, sign in ((source, 1), (sink, -1)):
            if node >= 0:
                tried[node] += sign * wh
        tight = case.network._replace(
            v_min_pu=case.network.v_min_pu + 1e-6,
            v_max_pu=case.network.v_max_pu - 1e-6,
            rating_from_pu=case.network.rating_from_pu * (1 - 1e-6),
            rating_to_pu=case.network.rating_to_pu * (1 - 1e-6),
        )
        inside = holds(tight, tried)
        admitted = gate.admit(0, source, sink, wh)[0]
        assert admitted == wh or not inside
        for node, sign in ((source, 1), (sink, -1)):
            if node >= 0:
                net[node] += sign * admitted


def holds(network: Network, net_wh: np.ndarray) -> bool:
    try:
        state = dense_power_flow(network, net_wh / (HOURS * 1000 * network.base_kva) + 0j)
    except (ArithmeticError, FloatingPointError):
        return False
    v = np.abs(state.v_pu)[1:]
    inside = ((network.v_min_pu[1:] <= v) & (v <= network.v_max_pu[1:])).all()
    return bool(inside and (state.loading(network) <= 1.0).all())


def test_the_properties_are_not_empty() -> None:
    """A good part of such random trades is cut, and a good part needs no power flow."""
    rng = np.random.default_rng(5)
    cut = asked = solves = 0
    for _ in range(40):
        gate = opened(Case(random_network(rng, 10), np.zeros(10, dtype=np.int64), []))
        for _ in range(30):
            source, sink = (int(node) for node in rng.choice(10, 2, replace=False))
            wh = int(10 ** rng.uniform(1, 5))
            before = gate.solves
            cut += gate.admit(0, source, sink, wh)[0] < wh
            asked += 1
            solves += gate.solves > before
    assert 0.05 * asked < cut < 0.9 * asked
    assert 0.1 * asked < solves < 0.9 * asked
