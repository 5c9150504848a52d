from __future__ import annotations

import networkx
import numpy as np
import pytest

from marketsim.grid.net import feeder141
from marketsim.grid.net.distance import distance_ohm
from marketsim.grid.net.network import Network


def ring(network: Network, tie_pu: complex) -> Network:
    """The network with a tie between its source and its last node."""
    columns = ("kind", "y_from_pu", "y_to_pu", "ratio", "rating_from_pu", "rating_to_pu")
    more = {name: np.append(getattr(network, name), getattr(network, name)[0]) for name in columns}
    return network._replace(
        branch_names=(*network.branch_names, "tie"),
        from_node=np.append(network.from_node, 0),
        to_node=np.append(network.to_node, network.n_nodes - 1),
        z_pu=np.append(network.z_pu, tie_pu),
        **more,
    )


def test_on_a_radial_feeder_the_distance_is_the_impedance_of_the_path() -> None:
    of, network = feeder141.tables(), feeder141.network()
    graph = networkx.Graph()
    for a, b, r, x in zip(of.from_bus, of.to_bus, of.r_ohm, of.x_ohm, strict=True):
        graph.add_edge(int(a) - 1, int(b) - 1, z=complex(r, x))
    nodes = np.array([0, 1, 47, 86, 85, 140, 47])
    apart = distance_ohm(network, nodes)
    for row, start in enumerate(nodes):
        for column, stop in enumerate(nodes):
            path = networkx.shortest_path(graph, int(start), int(stop))
            z_ohm = sum((graph.edges[pair]["z"] for pair in networkx.utils.pairwise(path)), 0j)
            assert apart[row, column] == pytest.approx(abs(z_ohm), rel=1e-9, abs=1e-12)


def test_in_a_ring_the_two_ways_are_parallel() -> None:
    network = feeder141.network()
    last = network.n_nodes - 1
    z_base = 12.47**2 / 10.0
    alone = distance_ohm(network._replace(z_pu=np.abs(network.z_pu) + 0j), np.array([0, last]))[0, 1]
    tied = ring(network._replace(z_pu=np.abs(network.z_pu) + 0j), 0.5 / z_base)
    assert distance_ohm(tied, np.array([0, last]))[0, 1] == pytest.approx(1.0 / (1.0 / alone + 1.0 / 0.5), rel=1e-9)


def test_distances_are_referred_to_one_voltage() -> None:
    network = feeder141.network()
    nodes = np.array([4, 9])
    at_own, at_half = distance_ohm(network, nodes), distance_ohm(network, nodes, reference_kv=12.47 / 2.0)
    np.testing.assert_allclose(at_half * 4.0, at_own, rtol=1e-12)


def test_no_connections_have_no_distances() -> None:
    assert distance_ohm(feeder141.network(), np.zeros(0, dtype=np.int64)).shape == (0, 0)
