"""Electrical distance between connections, for network charges by distance.

The distance of two nodes is the magnitude of the impedance seen between them with all injections taken away (Thevenin
impedance, |Z_ii + Z_jj - Z_ij - Z_ji|). On a radial feeder it is the impedance of the path between them. Ratios and
shunts are left out; impedances behind transformers are referred to one voltage.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csc_array
from scipy.sparse.linalg import splu

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.grid.net.network import ComplexArray, Network
from marketsim.grid.net.topology import graph_of


def distance_ohm(network: Network, nodes: IntArray, reference_kv: float | None = None) -> FloatArray:
    """Distance of every two connections [ohm] [n_connections, n_connections]; zero on the diagonal, symmetric.

    ``nodes``: node of each connection. ``reference_kv``: voltage to which impedances are referred; None: the most
    frequent base voltage among ``nodes``.
    """
    if reference_kv is None:
        levels, times = np.unique(network.base_kv[nodes], return_counts=True)
        reference_kv = float(levels[times.argmax()]) if len(levels) else 1.0
    used, back = np.unique(nodes, return_inverse=True)
    between = _impedances(network, used)
    own = np.diagonal(between)
    apart = np.abs(own[:, None] + own[None, :] - between - between.T) * (reference_kv**2 * 1e3 / network.base_kva)
    np.fill_diagonal(apart, 0.0)
    return np.asarray((apart[np.ix_(back, back)] + apart[np.ix_(back, back)].T) / 2.0)


def _impedances(network: Network, used: IntArray) -> ComplexArray:
    """Rows and columns ``used`` of the inverse of the series admittance matrix without the source [p.u.]."""
    n_inner = network.n_nodes - 1
    columns = np.zeros((n_inner, len(used)), dtype=np.complex128)
    inner = used > 0
    columns[used[inner] - 1, np.flatnonzero(inner)] = 1.0
    solved = splu(_admittances(network)).solve(columns)
    found = np.zeros((len(used), len(used)), dtype=np.complex128)  # the source's own row and column are zero
    found[inner] = solved[used[inner] - 1]
    return found


def _admittances(network: Network) -> csc_array:
    """Series admittance matrix without the source's row and column: the weighted Laplacian of the graph."""
    import networkx as nx  # type: ignore[import-untyped]

    graph = graph_of(network)
    for a, b, branch in graph.edges(keys=True):
        graph.edges[a, b, branch]["y_pu"] = 1.0 / network.z_pu[branch]
    return csc_array(nx.laplacian_matrix(graph, range(network.n_nodes), "y_pu")[1:, 1:])
