"""Cases by the compiled sweep and by power-grid-model say the same, and what they say is true."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.grid.flow.case_kernel import HEAD, HIGH_VOLTAGE, LOW_VOLTAGE, OVERLOAD
from marketsim.grid.flow.cases import AnyCases, RadialCases, Slots, cases_of, element_name
from marketsim.grid.net.network import Network
from marketsim.testing.grids import dense_power_flow, random_network, tree_network

BASE_KVA = 1000.0


def slots(network: Network, rng: np.random.Generator, n_slots: int = 5, **options: float) -> Slots:
    net = -rng.uniform(0.0, 0.02, (n_slots, network.n_nodes)) * BASE_KVA
    return Slots(net, net * 0.3, rng.uniform(0.0, 1.0, n_slots) * (1.0 + 0.1j), **options)


def installed(network: Network, rng: np.random.Generator, n_cases: int = 8) -> np.ndarray:
    return rng.uniform(0.0, 0.4, (n_cases, network.n_nodes)) * BASE_KVA * (rng.random((n_cases, network.n_nodes)) < 0.4)


@pytest.mark.parametrize("seed", range(8))
def test_sweep_and_newton_agree(seed: int) -> None:
    """On random trees with transformers, taps, charging and shunts: excess, element, slot, counts, depth and shares."""
    rng = np.random.default_rng(seed)
    network = random_network(rng, 9)
    given = slots(network, rng, head_export_kw=600.0)
    swept, solved = RadialCases(network, given), AnyCases(network, given)
    cases = installed(network, rng)
    ours, theirs = swept.assess(cases), solved.assess(cases)
    clear = np.abs(ours.excess) > 1e-6
    np.testing.assert_allclose(ours.excess, theirs.excess, atol=1e-7)
    for one, other in ((ours.slot, theirs.slot), (ours.what, theirs.what), (ours.element, theirs.element)):
        np.testing.assert_array_equal(one[clear], other[clear])
    np.testing.assert_array_equal(ours.outside, theirs.outside)
    np.testing.assert_allclose(ours.depth, theirs.depth, atol=1e-7)
    np.testing.assert_allclose(ours.hard, theirs.hard, atol=1e-7)
    np.testing.assert_allclose(swept.kept_share(cases), solved.kept_share(cases), atol=1e-3)


def test_a_case_is_the_power_flow_of_what_is_added() -> None:
    """Excess and element by a dense Z-bus iteration that shares no code."""
    rng = np.random.default_rng(3)
    network = tree_network([0, 1, 2, 1], np.full(4, 0.02 + 0.01j), band_pu=(0.98, 1.02), rating_pu=0.5)
    given = Slots(np.zeros((1, 5)), np.zeros((1, 5)), np.array([1.0 + 0j]))
    cases = rng.uniform(0.0, 0.5, (6, 5)) * BASE_KVA
    cases[:, 0] = 0.0
    found = RadialCases(network, given).assess(cases)
    for row, case in enumerate(cases):
        flow = dense_power_flow(network, case / BASE_KVA + 0j)
        high = np.abs(flow.v_pu[1:]) - 1.02
        over = flow.loading(network) - 1.0
        assert found.excess[row] == pytest.approx(max(high.max(), over.max()), abs=1e-9)
        if high.max() > over.max():
            assert (found.what[row], found.element[row]) == (HIGH_VOLTAGE, 1 + high.argmax())
        else:
            assert (found.what[row], found.element[row]) == (OVERLOAD, over.argmax())


def test_what_is_broken_before_may_stand() -> None:
    """A bus below the band counts only where what is added pushes it lower."""
    network = tree_network([0, 1], np.full(2, 0.05 + 0.01j), band_pu=(0.95, 1.05))
    low = Slots(np.array([[0.0, -400.0, -400.0]]), np.zeros((1, 3)), np.array([1.0 + 0j]))
    cases = cases_of(network, low)
    assert isinstance(cases, RadialCases)
    found = cases.assess(np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 50.0], [0.0, 0.0, -50.0]]))
    assert (found.excess[:2] <= 0).all()
    assert found.excess[2] > 0
    assert found.what[2] == LOW_VOLTAGE
    assert found.outside[0].sum() == 0


def test_shares_stand_at_the_limit() -> None:
    """The share keeps every limit; 1e-4 more of it breaks one; where nothing binds it is one."""
    network = tree_network([0, 1], np.full(2, 0.05 + 0.01j), band_pu=(0.95, 1.05))
    given = Slots(np.zeros((2, 3)), np.zeros((2, 3)), np.array([1.0, 0.1], dtype=np.complex128))
    cases, added = RadialCases(network, given), np.array([[0.0, 500.0, 500.0]])
    share = cases.kept_share(added)[0]
    assert share[1] == 1.0
    assert 0.0 < share[0] < 1.0
    assert cases.assess(added * share[0]).excess[0] <= 0.0 < cases.assess(added * (share[0] + 1e-4)).excess[0]


def test_heads_bind_reverse_flow() -> None:
    """What flows out of a head is limited without losses, and it is named."""
    network = tree_network([0, 1, 0], np.full(3, 0.001 + 0.001j), band_pu=(0.8, 1.2))
    given = Slots(np.zeros((1, 4)), np.zeros((1, 4)), np.array([1.0 + 0j]), head_export_kw=300.0)
    for solver in (RadialCases(network, given), AnyCases(network, given)):
        found = solver.assess(np.array([[0.0, 150.0, 149.0, 299.0], [0.0, 150.0, 151.0, 0.0], [0.0, 0.0, 0.0, 301.0]]))
        assert (found.excess > 0).tolist() == [False, True, True]
        assert found.what[1:].tolist() == [HEAD, HEAD]
        names = [element_name(network, int(w), int(e)) for w, e in zip(found.what, found.element, strict=True)]
        assert names[1:] == ["limit of head line 0-1", "limit of head line 0-3"]


def test_no_solution_is_infinitely_bad() -> None:
    network = tree_network([0], np.array([0.5 + 0.5j]))
    given = Slots(np.zeros((1, 2)), np.zeros((1, 2)), np.array([-1.0 + 0j]))
    for solver in (RadialCases(network, given), AnyCases(network, given)):
        found = solver.assess(np.array([[0.0, 5_000.0]]))
        assert np.isposinf(found.excess[0])
        assert element_name(network, int(found.what[0]), int(found.element[0])) == "no power flow solution"
        assert solver.kept_share(np.array([[0.0, 5_000.0]]))[0, 0] < 1.0


def test_the_first_broken_slot_is_enough_to_say_no() -> None:
    rng = np.random.default_rng(1)
    network = random_network(rng, 8)
    cases, added = RadialCases(network, slots(network, rng)), installed(network, rng, 20)
    full, quick = cases.assess(added), cases.assess(added, stop=True)
    np.testing.assert_array_equal(full.excess > 0, quick.excess > 0)
