"""A feeder as experts that plan a day see it: linear sensitivities of voltages, and AC power flow of many slots at once."""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

import numpy as np
from scipy.sparse import csc_array
from scipy.sparse.linalg import splu

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.grid.flow import case_kernel
from marketsim.grid.flow.cases import wires_of
from marketsim.grid.flow.fixed_point import admittance
from marketsim.grid.flow.power_flow_check import Validator
from marketsim.grid.net.network import ComplexArray, Network
from marketsim.grid.net.radial import radial_feeder
from marketsim.grid.net.topology import is_radial


class _Solver(Protocol):
    def __call__(self, kw: FloatArray, kvar: FloatArray) -> FloatArray: ...


class PlannedFeeder:
    """Port ``core.expert.PlannedGrid``: the compiled sweep on radial feeders, power-grid-model's batch on others."""

    def __init__(self, network: Network, nodes: IntArray) -> None:
        """``nodes`` of the agents that are planned [n]."""
        self.nodes, self._network = nodes, network
        self.v_min_pu, self.v_max_pu = network.v_min_pu.copy(), network.v_max_pu.copy()
        self.v_min_pu[0], self.v_max_pu[0] = -np.inf, np.inf
        self._solve: _Solver = _sweeps(network) if is_radial(network) else _batch(network)

    def sensitivity(self) -> tuple[FloatArray, FloatArray]:
        """See ``PlannedGrid``."""
        return self._sensitivity

    @cached_property
    def _sensitivity(self) -> tuple[FloatArray, FloatArray]:
        """Change of squared voltages with injections of the agents [p.u.^2/kW], [p.u.^2/kvar] [N, n].

        d|V|^2 = 2 (R dP + X dQ) with the impedance matrix R + jX of all nodes but the source: on a radial feeder the branches
        that two ways from the source share, as in linearised DistFlow (Baran and Wu 1989), here with shunts.
        """
        y, _ = admittance(self._network)
        given = np.zeros((self._network.n_nodes, len(self.nodes)), dtype=np.complex128)
        given[self.nodes, np.arange(len(self.nodes))] = 2.0 / self._network.base_kva
        impedance = np.zeros_like(given)
        impedance[1:] = splu(csc_array(y[1:, 1:])).solve(given[1:])
        return np.ascontiguousarray(impedance.real), np.ascontiguousarray(impedance.imag)

    def voltages(self, kw: FloatArray, kvar: FloatArray) -> FloatArray:
        """AC voltage of each node at these injections of all nodes [n_cases, N], NaN where there is no solution [p.u.]."""
        return self._solve(kw, kvar)


def _sweeps(network: Network) -> _Solver:
    feeder = radial_feeder(network)
    n = feeder.n_nodes
    free = np.full(n, np.inf)
    wires, base_kva = wires_of(feeder, (free, free), np.zeros(n, dtype=np.int64)), network.base_kva

    def solve(kw: FloatArray, kvar: FloatArray) -> FloatArray:
        injected: ComplexArray = np.ascontiguousarray((kw + 1j * kvar)[:, feeder.node] / base_kva, dtype=np.complex128)
        v, loading = np.zeros_like(injected), np.zeros(injected.shape)
        solved = case_kernel.solve_base(wires, feeder.source_pu, injected, v, loading)
        found = np.empty(injected.shape)
        found[:, feeder.node] = np.abs(v) * wires.unscale
        found[~solved] = np.nan
        return found

    return solve


def _batch(network: Network) -> _Solver:
    validator = Validator(network)

    def solve(kw: FloatArray, kvar: FloatArray) -> FloatArray:
        return validator.solve(kw, kvar).v_pu

    return solve
