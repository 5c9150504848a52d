"""Power flow by fixed-point iteration on the impedance matrix: the check of meshed nets, whose gate is power-grid-model.

V = V_0 + Z conj(S / V) with the admittance matrix of all nodes but the source, factorised once (the Z-bus or Gauss
method; Bolognani and Zampieri, IEEE Trans. Power Systems 31(1) 2016, doi 10.1109/TPWRS.2015.2395452, for when it
contracts). It shares no code with power-grid-model; what does not contract, near collapse, is left to Newton-Raphson.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.sparse import coo_array, csc_array
from scipy.sparse.linalg import splu

from marketsim.core.arrays import BoolArray, FloatArray
from marketsim.grid.flow.power_flow_check import BranchCurrents, PowerFlow, Validator
from marketsim.grid.net.network import ComplexArray, Network

TOLERANCE_PU: Final = 1e-10
"""Largest change of a voltage in the last iteration."""
MOST_ITERATIONS: Final = 200


def admittance(network: Network) -> tuple[csc_array, tuple[ComplexArray, ComplexArray, ComplexArray, ComplexArray]]:
    """Node admittance matrix, and (ff, ft, tf, tt) of each branch [p.u.]."""
    series = 1.0 / network.z_pu
    ff = (series + network.y_from_pu) / np.abs(network.ratio) ** 2
    ft, tf = -series / np.conj(network.ratio), -series / network.ratio
    tt = series + network.y_to_pu
    f, t, every = network.from_node, network.to_node, np.arange(network.n_nodes)
    values = np.concatenate((ff, ft, tf, tt, network.ground_pu))
    rows, columns = np.concatenate((f, f, t, t, every)), np.concatenate((f, t, f, t, every))
    shape = (network.n_nodes, network.n_nodes)
    return coo_array((values, (rows, columns)), shape=shape).tocsc(), (ff, ft, tf, tt)


class FixedPointValidator:
    """Solves one network for many injections, as ``power_flow_check.Validator`` does, by another method."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._y, _ = admittance(network)
        self._inner = splu(csc_array(self._y[1:, 1:]))
        at_source = np.zeros(network.n_nodes, dtype=np.complex128)
        at_source[0] = network.source_pu
        self._from_source: ComplexArray = -np.asarray(self._y @ at_source)[1:]
        self._currents = BranchCurrents(network)

    def solve(self, net_kw: FloatArray, kvar: FloatArray) -> PowerFlow:
        """Injections ``net_kw`` and ``kvar`` [n_cases, n_nodes]; generation is positive. What does not contract: by Newton."""
        injection_pu = np.asarray((net_kw + 1j * kvar) / self.network.base_kva, dtype=np.complex128).T
        v: ComplexArray = np.full(injection_pu.shape, complex(self.network.source_pu))
        change: FloatArray = np.full(len(net_kw), np.inf)
        unloaded = np.asarray(self._inner.solve(self._from_source))
        v[1:] = unloaded[:, None]
        for _ in range(MOST_ITERATIONS):
            if (change <= TOLERANCE_PU).all():
                break
            with np.errstate(all="ignore"):  # what runs away is left to Newton
                current = self._from_source[:, None] + np.conj(injection_pu[1:] / v[1:])
                moved: ComplexArray = np.asarray(self._inner.solve(np.nan_to_num(current, posinf=0.0, neginf=0.0)))
                change = np.abs(moved - v[1:]).max(axis=0, initial=0.0)
            v[1:] = moved
        return self._filled(v.T.copy(), np.asarray(change <= TOLERANCE_PU), net_kw, kvar)

    def _filled(self, v: ComplexArray, contracted: BoolArray, net_kw: FloatArray, kvar: FloatArray) -> PowerFlow:
        slack_pu = v[:, 0] * np.conj(np.asarray(self._y @ v.T)[0])
        slack_kva = slack_pu * self.network.base_kva - (net_kw[:, 0] + 1j * kvar[:, 0])
        flow = PowerFlow(np.abs(v), self._currents.loading(v), slack_kva.real, slack_kva.imag, contracted, v)
        again = np.flatnonzero(~contracted)
        if len(again):
            for ours, newton in zip(flow, Validator(self.network).solve(net_kw[again], kvar[again]), strict=True):
                ours[again] = newton
        return flow
