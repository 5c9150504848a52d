"""Small networks for tests, and a power flow that shares nothing with the sweep: a dense Z-bus iteration."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.grid.net.network import BranchKind, ComplexArray, Network


class Solution(NamedTuple):
    """A solved network."""

    v_pu: ComplexArray
    """[n_nodes]."""
    current_from_pu: FloatArray
    """Magnitude at the from end of each branch [n_branches]."""
    current_to_pu: FloatArray
    slack_pu: complex
    """Power that the source delivers."""

    def loading(self, network: Network) -> FloatArray:
        """Larger share of the two ends' ratings; NaN without a rating [n_branches]."""
        larger = np.maximum(self.current_from_pu / network.rating_from_pu, self.current_to_pu / network.rating_to_pu)
        unrated = np.isinf(network.rating_from_pu) & np.isinf(network.rating_to_pu)
        return np.where(unrated, np.nan, larger)


def branch_matrix(network: Network) -> tuple[ComplexArray, ComplexArray, ComplexArray, ComplexArray]:
    """Two-port admittances (ff, ft, tf, tt) of each branch; its impedance must not be zero."""
    y, t = 1.0 / network.z_pu, network.ratio
    return (y + network.y_from_pu) / np.abs(t) ** 2, -y / np.conj(t), -y / t, y + network.y_to_pu


def dense_power_flow(network: Network, injection_pu: ComplexArray) -> Solution:
    """Solve Y V = conj(S / V) by fixed-point iteration on the dense nodal matrix, ratios and phase shifts as they are."""
    a, b = network.from_node, network.to_node
    ff, ft, tf, tt = branch_matrix(network)
    matrix = np.diag(network.ground_pu).astype(np.complex128)
    for rows, columns, values in ((a, a, ff), (a, b, ft), (b, a, tf), (b, b, tt)):
        np.add.at(matrix, (rows, columns), values)
    source = complex(network.source_pu)
    inverse = np.linalg.inv(matrix[1:, 1:])
    v = inverse @ (-matrix[1:, 0] * source)
    for _ in range(500):
        last, v = v, inverse @ (np.conj(injection_pu[1:] / v) - matrix[1:, 0] * source)
        if np.abs(v - last).max() < 1e-14:
            break
    else:
        raise ArithmeticError("the dense power flow does not converge")
    v = np.concatenate(([source], v))
    slack = source * np.conj(matrix[0] @ v) - injection_pu[0]
    return Solution(v, np.abs(ff * v[a] + ft * v[b]), np.abs(tf * v[a] + tt * v[b]), complex(slack))


def tree_network(
    parents: list[int],
    z_pu: ComplexArray,
    *,
    rating_pu: float = np.inf,
    band_pu: tuple[float, float] = (0.95, 1.05),
    source_pu: float = 1.0,
    base_kva: float = 1000.0,
) -> Network:
    """Lines only: node k + 1 hangs on node ``parents[k]``."""
    n, m = len(parents) + 1, len(parents)
    low, high = np.full(n, band_pu[0]), np.full(n, band_pu[1])
    low[0], high[0] = 0.0, np.inf
    return Network(
        name="tree",
        base_kva=base_kva,
        bus_names=tuple(f"b{k}" for k in range(n)),
        base_kv=np.full(n, 0.4),
        source_pu=source_pu,
        branch_names=tuple(f"line {p}-{k + 1}" for k, p in enumerate(parents)),
        kind=np.full(m, BranchKind.LINE, dtype=np.int64),
        from_node=np.array(parents, dtype=np.int64),
        to_node=np.arange(1, n),
        z_pu=np.asarray(z_pu, dtype=np.complex128),
        y_from_pu=np.zeros(m, dtype=np.complex128),
        y_to_pu=np.zeros(m, dtype=np.complex128),
        ratio=np.ones(m, dtype=np.complex128),
        rating_from_pu=np.full(m, rating_pu),
        rating_to_pu=np.full(m, rating_pu),
        shunt_pu=np.zeros(n, dtype=np.complex128),
        load_pu=np.zeros(n, dtype=np.complex128),
        v_min_pu=low,
        v_max_pu=high,
        nominal_kw=np.zeros(n),
        nominal_kvar=np.zeros(n),
    )


def random_network(rng: np.random.Generator, n_nodes: int, *, plain: bool = False) -> Network:
    """A random tree; unless ``plain`` with transformers (taps, phase shifts, either way round), charging and shunts."""
    parents = [int(rng.integers(0, max(k, 1))) if rng.random() < 0.5 else k for k in range(n_nodes - 1)]
    z = rng.uniform(0.002, 0.02, n_nodes - 1) + 1j * rng.uniform(0.001, 0.02, n_nodes - 1)
    network = tree_network(parents, z, rating_pu=0.6, band_pu=(0.9, 1.1))
    if plain:
        return network
    m = network.n_branches
    is_trafo = rng.random(m) < 0.3
    taps = rng.uniform(0.95, 1.05, m) * np.exp(1j * np.radians(rng.choice([0.0, 30.0, -150.0], m)))
    turned = rng.random(m) < 0.4
    return network._replace(
        kind=np.where(is_trafo, BranchKind.TRAFO, BranchKind.LINE).astype(np.int64),
        from_node=np.where(turned, network.to_node, network.from_node),
        to_node=np.where(turned, network.from_node, network.to_node),
        ratio=np.where(is_trafo, taps, 1.0 + 0j),
        y_from_pu=np.asarray(1j * rng.uniform(0.0, 0.01, m) + rng.uniform(0.0, 0.001, m), dtype=np.complex128),
        y_to_pu=np.asarray(1j * rng.uniform(0.0, 0.01, m), dtype=np.complex128),
        rating_from_pu=rng.uniform(0.3, 0.8, m),
        rating_to_pu=rng.uniform(0.3, 0.8, m),
        shunt_pu=rng.uniform(0.0, 0.01, n_nodes) + 1j * rng.uniform(-0.01, 0.02, n_nodes),
        load_pu=rng.uniform(0.0, 0.01, n_nodes) + 1j * rng.uniform(-0.01, 0.005, n_nodes),
    )
