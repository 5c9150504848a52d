"""Electrical distance between connections, for network charges by distance.

The distance of two nodes is the magnitude of the impedance seen between them with all injections taken away (Thevenin
impedance, |Z_ii + Z_jj - Z_ij - Z_ji|). On a radial feeder it is the impedance of the path between them. Ratios and
shunts are left out; impedances behind transformers are referred to one voltage.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csc_array
from scipy.sparse.linalg import splu

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.grid.net.network import ComplexArray, Network


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
    y = 1.0 / network.z_pu
    ends = [(network.from_node, network.from_node, y), (network.to_node, network.to_node, y)]
    ends += [(network.from_node, network.to_node, -y), (network.to_node, network.from_node, -y)]
    rows, columns, values = (np.concatenate(part) for part in zip(*ends, strict=True))
    kept = (rows > 0) & (columns > 0)
    n_inner = network.n_nodes - 1
    return coo_array((values[kept], (rows[kept] - 1, columns[kept] - 1)), shape=(n_inner, n_inner)).tocsc()
