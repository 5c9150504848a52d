from __future__ import annotations

import numpy as np
import pandapower  # type: ignore[import-untyped]
import pytest

from marketsim.core.records import GridState
from marketsim.grid.gates.exact.ac import RadialGate
from marketsim.grid.gates.limits import GateSettings
from marketsim.grid.net import extraction, feeder141, pandapower_nets
from marketsim.grid.net.feeder import FeederOptions
from marketsim.grid.net.network import Network
from marketsim.grid.net.quiet import quiet_pandapower
from marketsim.testing.grids import dense_power_flow, random_network, tree_network

LV_NETS = (
    "pandapower:create_kerber_vorstadtnetz_kabel_1",
    "pandapower:create_kerber_landnetz_freileitung_1",
    "pandapower:create_kerber_dorfnetz",
    "pandapower:create_kerber_landnetz_kabel_2",
)


def solved(network: Network, kw: np.ndarray, kvar: np.ndarray) -> GridState:
    """The untraded state with an agent at each node, in a slot so long that metering to 1 Wh is exact to 1e-12."""
    hours = 1e6
    gate = RadialGate(network, np.arange(network.n_nodes), 1, hours)
    gate.open(np.rint(kw * hours * 1000).astype(np.int64), kvar)
    return gate.close()


@pytest.mark.parametrize("seed", range(12))
def test_the_sweep_agrees_with_a_dense_solution(seed: int) -> None:
    """On random trees with taps, phase shifts, transformers either way round, charging and shunts."""
    rng = np.random.default_rng(seed)
    network = random_network(rng, int(rng.integers(2, 40)))
    kw, kvar = rng.uniform(-20, 10, (2, network.n_nodes))
    state = solved(network, kw, kvar)
    reference = dense_power_flow(network, (kw + 1j * kvar) / network.base_kva)
    np.testing.assert_allclose(state.v_pu[0], np.abs(reference.v_pu), rtol=0, atol=5e-11)
    np.testing.assert_allclose(state.loading[0], reference.loading(network), rtol=0, atol=1e-9)
    slack_kw = state.slack_wh[0] / 1e9
    assert slack_kw == pytest.approx(reference.slack_pu.real * network.base_kva, abs=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_what_the_source_delivers_is_what_is_drawn_and_lost(seed: int) -> None:
    """Losses are summed over branches, shunts apart; the slack comes from the source's current."""
    rng = np.random.default_rng(seed)
    network = random_network(rng, 25)
    state = solved(network, rng.uniform(-20, 10, 25), np.zeros(25))
    assert state.slack_wh[0] == pytest.approx(state.losses_wh[0] + state.shunt_wh[0] - state.net_wh[0].sum(), abs=1.0)
    assert state.losses_wh[0] > 0
    assert state.shunt_wh == pytest.approx(network.ground_kw(state.v_pu) * 1e9, rel=1e-9)


@pytest.mark.parametrize("load", [0.3, 0.7, 1.0])
def test_feeder141_agrees_with_runpp(load: float) -> None:
    network = feeder141.network(FeederOptions(source_pu=1.02))
    state = solved(network, -load * network.nominal_kw, -load * network.nominal_kvar)
    net = pandapower_nets.feeder("feeder141")
    net.ext_grid["vm_pu"] = 1.02
    net.load["scaling"] = load
    with quiet_pandapower():
        pandapower.runpp(net, tolerance_mva=1e-8)
    np.testing.assert_allclose(state.v_pu[0], net.res_bus.vm_pu, rtol=0, atol=1e-9)
    np.testing.assert_allclose(state.losses_wh[0] / 1e9, net.res_line.pl_mw.sum() * 1e3, rtol=1e-6)


@pytest.mark.parametrize("name", LV_NETS)
def test_nets_with_transformers_agree_with_runpp(name: str) -> None:
    net = pandapower_nets.feeder(name)
    feeder = extraction.extract(pandapower_nets.feeder(name))
    network = feeder.network
    state = solved(network, -network.nominal_kw, -network.nominal_kvar)
    with quiet_pandapower():
        pandapower.runpp(net, tolerance_mva=1e-10)
    own = np.flatnonzero(feeder.indices >= 0)
    np.testing.assert_allclose(state.v_pu[0, own], net.res_bus.vm_pu.loc[feeder.indices[own]], rtol=0, atol=1e-8)


def test_a_branch_without_impedance_joins_its_ends() -> None:
    network = tree_network([0, 1, 2], np.array([0.02 + 0.01j, 0, 0.02 + 0.01j]))
    state = solved(network, np.array([0, 0, 0, -100.0]), np.zeros(4))
    assert state.v_pu[0, 1] == pytest.approx(state.v_pu[0, 2], abs=1e-11)
    assert state.v_pu[0, 2] > state.v_pu[0, 3]


def test_laterals_do_not_see_each_other() -> None:
    """Behind a stiff source: the voltages of a lateral are the same bytes whatever happens on another."""
    network = tree_network([0, 1, 0, 3], np.full(4, 0.03 + 0.02j))
    calm = solved(network, np.array([0, -50.0, -60.0, 0, 0]), np.zeros(5))
    busy = solved(network, np.array([0, -50.0, -60.0, -200.0, 90.0]), np.zeros(5))
    np.testing.assert_array_equal(calm.v_pu[0, :3], busy.v_pu[0, :3])
    assert calm.v_pu[0, 3] != busy.v_pu[0, 3]


@pytest.mark.parametrize("kw", [-9000.0, -1e6, 1e9])
def test_a_load_beyond_the_nose_has_no_solution(kw: float) -> None:
    """Non-convergence and NaN are one outcome: not converged, NaN everywhere, nothing admitted."""
    network = tree_network([0], np.array([0.05 + 0.05j]))
    gate = RadialGate(network, np.array([0, 1]), 1, 1.0)
    gate.open(np.array([0, int(kw * 1000)]), np.zeros(2))
    state = gate.close()
    assert not state.converged[0]
    assert np.isnan(state.v_pu).all()
    assert np.isnan(state.losses_wh).all()
    assert gate.admit(0, 0, 1, 5) == (0, 9, -1)


def test_markets_are_solved_as_if_alone() -> None:
    """One market in a batch has the same bytes as the market alone, beside one that diverges too."""
    network = tree_network([0, 1], np.full(2, 0.05 + 0.05j))
    firm = np.array([0, -100_000, -50_000, 0, -9_000_000, 0, 0, 30_000, 10_000])
    batch = RadialGate(network, np.arange(3), 3, 1.0)
    batch.open(firm, np.zeros(9))
    together = batch.close()
    assert together.converged.tolist() == [True, False, True]
    for market in (0, 2):
        alone = RadialGate(network, np.arange(3), 1, 1.0)
        alone.open(firm[3 * market : 3 * market + 3], np.zeros(3))
        for own, of_batch in zip(alone.close(), together, strict=True):
            np.testing.assert_array_equal(own[0], of_batch[market])


def test_background_load_is_part_of_every_slot() -> None:
    network = tree_network([0, 1], np.full(2, 0.02 + 0.01j))
    kw, kvar = np.array([0, 30.0, 40.0]), np.array([0, 5.0, 0])
    background = RadialGate(network, np.array([2]), 1, 0.25, GateSettings(background_kw=kw, background_kvar=kvar))
    background.open(np.zeros(1, dtype=np.int64), np.zeros(1))
    agents = RadialGate(network, np.arange(3), 1, 0.25)
    agents.open(np.rint(-kw * 250).astype(np.int64), -kvar)
    for a, b in zip(background.close(), agents.close(), strict=True):
        np.testing.assert_array_equal(a, b)
