"""Kirchhoff's laws on random networks, radial and meshed, with transformers: power balances at every node."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.grid.flow.power_flow_check import Validator
from marketsim.grid.net.distance import distance_ohm
from marketsim.grid.net.network import Network


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """A tree of up to 12 nodes with up to 3 extra branches."""
    n_nodes = draw(st.integers(2, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    ends = [(int(rng.integers(0, node)), node) for node in range(1, n_nodes)]
    for _ in range(draw(st.integers(0, 3))):
        one, other = (int(n) for n in rng.choice(n_nodes, 2, replace=False))
        ends.append((one, other))
    order = rng.random(len(ends)) < 0.5
    from_node = np.array([b if flip else a for (a, b), flip in zip(ends, order, strict=True)])
    to_node = np.array([a if flip else b for (a, b), flip in zip(ends, order, strict=True)])
    n_branches = len(ends)

    def small(size: int, scale: float) -> np.ndarray:
        return rng.uniform(0.0, scale, size) + 1j * rng.uniform(-scale, scale, size)

    return Network(
        name="random",
        base_kva=1000.0,
        bus_names=tuple(str(node) for node in range(n_nodes)),
        base_kv=np.full(n_nodes, 0.4),
        source_pu=float(rng.uniform(0.95, 1.05)),
        branch_names=tuple(f"branch {row}" for row in range(n_branches)),
        kind=np.zeros(n_branches, dtype=np.int64),
        from_node=from_node,
        to_node=to_node,
        z_pu=rng.uniform(1e-3, 0.05, n_branches) + 1j * rng.uniform(1e-3, 0.05, n_branches),
        y_from_pu=small(n_branches, 0.01),
        y_to_pu=small(n_branches, 0.01),
        ratio=rng.uniform(0.97, 1.03, n_branches) * np.exp(1j * rng.uniform(-0.02, 0.02, n_branches)),
        rating_from_pu=np.ones(n_branches),
        rating_to_pu=np.ones(n_branches),
        shunt_pu=small(n_nodes, 0.01),
        load_pu=small(n_nodes, 0.01),
        v_min_pu=np.full(n_nodes, 0.9),
        v_max_pu=np.full(n_nodes, 1.1),
        nominal_kw=rng.uniform(-100.0, 100.0, n_nodes),
        nominal_kvar=rng.uniform(-50.0, 50.0, n_nodes),
    )


def branch_currents(network: Network, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Currents into both ends by the picture in ``network.py``: inner voltage, then pi, then ratio."""
    inner, end = v[network.from_node] / network.ratio, v[network.to_node]
    series = (inner - end) / network.z_pu
    into_from = (series + network.y_from_pu * inner) / np.conj(network.ratio)
    into_to = network.y_to_pu * end - series
    return into_from, into_to


@settings(max_examples=60)
@given(networks())
def test_currents_of_branches_shunts_and_injections_balance_at_every_node(network: Network) -> None:
    flow = Validator(network).solve_one(network.nominal_kw, network.nominal_kvar)
    assert flow.converged[0]
    v = flow.v_complex[0]
    into_from, into_to = branch_currents(network, v)
    leaving = network.ground_pu * v
    np.add.at(leaving, network.from_node, into_from)
    np.add.at(leaving, network.to_node, into_to)
    given_kva = network.nominal_kw + 1j * network.nominal_kvar
    given_kva[0] += flow.slack_kw[0] + 1j * flow.slack_kvar[0]
    np.testing.assert_allclose(v * np.conj(leaving), given_kva / network.base_kva, rtol=0.0, atol=1e-9)
    loading = np.maximum(np.abs(into_from), np.abs(into_to))
    np.testing.assert_allclose(flow.loading[0], loading, rtol=0.0, atol=1e-10)


@settings(max_examples=60)
@given(networks())
def test_electrical_distance_is_a_symmetric_table_with_a_zero_diagonal(network: Network) -> None:
    nodes = np.arange(network.n_nodes)
    apart = distance_ohm(network, nodes)
    assert (np.diagonal(apart) == 0.0).all()
    np.testing.assert_array_equal(apart, apart.T)
    assert (apart[~np.eye(len(apart), dtype=bool)] > 0.0).all()


@settings(max_examples=40)
@given(networks())
def test_another_branch_between_two_nodes_brings_them_closer(network: Network) -> None:
    """Thevenin: a parallel branch of the same angle never lengthens the distance of its ends."""
    last = network.n_nodes - 1
    ends = np.array([0, last])
    before = distance_ohm(network._replace(z_pu=np.abs(network.z_pu) + 0j), ends)[0, 1]
    more = {
        name: np.concatenate((getattr(network, name), getattr(network, name)[:1]))
        for name in ("kind", "y_from_pu", "y_to_pu", "ratio", "rating_from_pu", "rating_to_pu")
    }
    shorted = network._replace(
        branch_names=(*network.branch_names, "tie"),
        from_node=np.append(network.from_node, 0),
        to_node=np.append(network.to_node, last),
        z_pu=np.append(np.abs(network.z_pu) + 0j, 0.02 + 0j),
        **more,
    )
    assert distance_ohm(shorted, ends)[0, 1] < before
