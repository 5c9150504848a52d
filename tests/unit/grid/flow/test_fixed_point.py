"""The fixed point on the impedance matrix is the power flow that Newton-Raphson finds, on meshed nets as on radial ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.grid.flow.fixed_point import FixedPointValidator
from marketsim.grid.flow.power_flow_check import Validator
from marketsim.grid.net import feeder141
from marketsim.grid.net.network import Network
from marketsim.testing.grids import dense_power_flow, random_network, tree_network


def ringed() -> Network:
    """feeder141 with lines across, shunts and a tap."""
    network = feeder141.network()
    extra = np.array([[87, 52], [30, 140], [60, 110]])

    def with_rings(values: np.ndarray, more: object) -> np.ndarray:
        return np.concatenate((values, np.broadcast_to(more, 3).astype(values.dtype)))

    ratio = with_rings(network.ratio, 1.0)
    ratio[2] = 1.02
    return network._replace(
        branch_names=(*network.branch_names, "ring a", "ring b", "ring c"),
        kind=with_rings(network.kind, 0),
        from_node=np.concatenate((network.from_node, extra[:, 0])),
        to_node=np.concatenate((network.to_node, extra[:, 1])),
        z_pu=with_rings(network.z_pu, 0.02 + 0.03j),
        y_from_pu=with_rings(network.y_from_pu, 1e-3j),
        y_to_pu=with_rings(network.y_to_pu, 2e-3j),
        ratio=ratio,
        rating_from_pu=with_rings(network.rating_from_pu, 0.3),
        rating_to_pu=with_rings(network.rating_to_pu, 0.3),
        shunt_pu=np.where(np.arange(network.n_nodes) == 100, 0.02j, 0.0),
    )


@pytest.fixture(scope="module")
def meshed() -> Network:
    return ringed()


def test_a_meshed_net_is_solved_as_newton_solves_it(meshed: Network) -> None:
    """Voltages with angles, loadings and what the source delivers, over loads from none to all and a case that injects."""
    share = np.array([0.0, 0.5, 1.0, -0.4])[:, None]
    net_kw, kvar = -share * meshed.nominal_kw, -share * meshed.nominal_kvar
    ours, theirs = (made(meshed).solve(net_kw, kvar) for made in (FixedPointValidator, Validator))
    assert ours.converged.all()
    np.testing.assert_allclose(ours.v_complex, theirs.v_complex, atol=1e-9)
    np.testing.assert_allclose(ours.loading, theirs.loading, atol=1e-8)
    np.testing.assert_allclose(ours.slack_kw, theirs.slack_kw, atol=1e-4)
    np.testing.assert_allclose(ours.slack_kvar, theirs.slack_kvar, atol=1e-4)


@given(st.integers(0, 2**31), st.integers(2, 12))
@settings(max_examples=30)
def test_any_feeder_is_solved_as_a_dense_newton_solves_it(seed: int, n_nodes: int) -> None:
    """Transformers, charging and shunts included; what is injected at the source itself goes nowhere."""
    rng = np.random.default_rng(seed)
    network = random_network(rng, n_nodes)
    injection = rng.normal(0.0, 0.02, n_nodes) + 1j * rng.normal(0.0, 0.01, n_nodes)
    dense = dense_power_flow(network, injection)
    ours = FixedPointValidator(network).solve(
        injection.real[None, :] * network.base_kva, injection.imag[None, :] * network.base_kva
    )
    np.testing.assert_allclose(ours.v_pu[0], np.abs(dense.v_pu), atol=1e-9)


def test_power_at_the_source_is_delivered_by_it(meshed: Network) -> None:
    net_kw = np.zeros((1, meshed.n_nodes))
    net_kw[0, 0] = -250.0
    nothing = np.zeros_like(net_kw)
    check = FixedPointValidator(meshed)
    more = check.solve(net_kw, nothing).slack_kw - check.solve(nothing, nothing).slack_kw
    assert more == pytest.approx([250.0])


def test_what_has_no_solution_is_said_so_and_spoils_no_other_case() -> None:
    """Far beyond collapse both methods give up; the case beside it is solved."""
    network = tree_network([0, 1], np.full(2, 0.1 + 0.1j))
    net_kw = np.array([[0.0, -10.0, -10.0], [0.0, -9e3, -9e3]])
    flow = FixedPointValidator(network).solve(net_kw, np.zeros_like(net_kw))
    assert flow.converged.tolist() == [True, False]
    assert np.isfinite(flow.v_pu[0]).all()
    assert np.isnan(flow.v_pu[1]).all()


def test_where_it_does_not_contract_newton_answers() -> None:
    """Close to the nose of the curve the iteration may run on; the answer is that of Newton-Raphson all the same."""
    network = tree_network([0], np.array([0.0 + 0.2j]))
    net_kw = np.array([[0.0, -2_495.0]])
    kvar = np.zeros_like(net_kw)
    ours, theirs = (made(network).solve(net_kw, kvar) for made in (FixedPointValidator, Validator))
    assert ours.converged.tolist() == theirs.converged.tolist() == [True]
    np.testing.assert_allclose(ours.v_pu, theirs.v_pu, atol=1e-6)
