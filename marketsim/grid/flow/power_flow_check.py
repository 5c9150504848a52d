"""Independent power flow of a ``Network``: Newton-Raphson of power-grid-model, a batch of cases or one.

It shares no code with the compiled sweep and none with pandapower: the network goes over as generic branches (the
same pi model behind an ideal transformer), shunts, loads of constant power and one source without inner impedance.
"""

from __future__ import annotations

import os
from typing import Any, Final, NamedTuple

import numpy as np
import power_grid_model as pgm
from numpy.typing import NDArray
from power_grid_model import ComponentType
from power_grid_model.errors import IterationDiverge, SparseMatrixError  # type: ignore[attr-defined]

from marketsim.core.arrays import BoolArray, FloatArray
from marketsim.grid.net.network import ComplexArray, Network
from marketsim.grid.net.topology import far_end_is_from

TOLERANCE_PU: Final = 1e-10
"""Largest change of a voltage in the last iteration. Newton-Raphson converges quadratically, so the error left is at
the rounding of doubles (1e-11 p.u. on feeder141); asking for less than 1e-11 never ends on nets with very short lines.
"""
LOOSER_PU: Final = 2e-9
"""Tried where that is never reached: on nets of thousands of buses rounding moves some voltage by more than 1e-10."""
MAX_ITERATIONS: Final = 40
SEQUENTIAL: Final = -1
ALL_CORES: Final = 0
"""Threads of a batch, as power-grid-model counts them."""
_OPTIONS: Final[dict[str, Any]] = {
    "max_iterations": MAX_ITERATIONS,
    "calculation_method": pgm.CalculationMethod.newton_raphson,
}
_WANTED: Final[dict[Any, Any]] = {ComponentType.node: ["u_pu", "u_angle"], ComponentType.source: ["p", "q"]}
_RATED_V: Final = 1e3
"""All nodes have this rated voltage, so that per unit values mean the same on both sides."""
_STIFF_VA: Final = 1e30
"""Short-circuit power of the source; from 1e22 on its inner impedance is lost in the rounding of a double."""


class PowerFlow(NamedTuple):
    """Solved cases; a row of NaN where there is no solution."""

    v_pu: FloatArray
    """Voltage magnitude [n_cases, n_nodes]."""
    loading: FloatArray
    """Larger share of the ratings of both ends; NaN without a rating [n_cases, n_branches]."""
    slack_kw: FloatArray
    """Drawn from the source, its own node's injection included [n_cases]."""
    slack_kvar: FloatArray
    converged: BoolArray
    v_complex: ComplexArray
    """Voltage with the source's angle as zero [n_cases, n_nodes]."""


def batch_threads() -> int:
    """Threads for a batch: all cores, but in a worker of a study, which has one to itself."""
    return SEQUENTIAL if os.environ.get("OMP_NUM_THREADS") == "1" else ALL_CORES


class Validator:
    """Solves one network for many injections; built once, reused without limit."""

    def __init__(self, network: Network, *, threads: int = SEQUENTIAL) -> None:
        """``threads`` that solve a batch; the same bytes with any number."""
        self.network = network
        self._threads = threads
        self._load_ids = np.arange(network.n_nodes, 2 * network.n_nodes, dtype=np.int32)
        self._model = pgm.PowerGridModel(_dataset(network, self._load_ids))
        self._one = pgm.initialize_array(pgm.DatasetType.update, ComponentType.sym_load, network.n_nodes)
        self._one["id"] = self._load_ids
        self._currents = BranchCurrents(network)

    def solve(self, net_kw: FloatArray, kvar: FloatArray) -> PowerFlow:
        """Solve the injections ``net_kw`` and ``kvar`` [n_cases, n_nodes]; generation is positive."""
        shape = (len(net_kw), self.network.n_nodes)
        if net_kw.shape != shape or kvar.shape != shape:
            raise ValueError(f"injections of shape {shape} are needed, got {net_kw.shape} and {kvar.shape}")
        if not len(net_kw):
            return self._result(*_unsolved(shape))
        v_complex, slack_kva, converged = self._batch(net_kw, kvar, TOLERANCE_PU)
        again = np.flatnonzero(~converged)
        if len(again):
            v_complex[again], slack_kva[again], converged[again] = self._batch(net_kw[again], kvar[again], LOOSER_PU)
        return self._result(v_complex, slack_kva, converged)

    def solve_one(self, net_kw: FloatArray, kvar: FloatArray) -> PowerFlow:
        """Solve one case [n_nodes], cheaper than a batch of one; the results keep a case axis of length 1."""
        self._one["p_specified"] = net_kw * -1e3
        self._one["q_specified"] = kvar * -1e3
        self._model.update(update_data={ComponentType.sym_load: self._one})
        found = self._try_one(TOLERANCE_PU) or self._try_one(LOOSER_PU)
        if found is None or not np.isfinite(net_kw + kvar).all():
            return self._result(*_unsolved((1, self.network.n_nodes)))
        node, source = found[ComponentType.node], found[ComponentType.source]
        v_complex = (node["u_pu"] * np.exp(1j * node["u_angle"]))[None, :]
        slack_kva = (source["p"] + 1j * source["q"]) / 1e3
        return self._result(v_complex, slack_kva, np.isfinite(v_complex).all(axis=1))

    def active_flow(self, v_complex: ComplexArray) -> FloatArray:
        """Active power along each branch, see ``BranchCurrents`` [p.u.] [n_cases, n_branches]."""
        return self._currents.active_flow(v_complex)

    def _try_one(self, tolerance_pu: float) -> Any:
        try:
            return self._model.calculate_power_flow(
                **_OPTIONS, error_tolerance=tolerance_pu, output_component_types=list(_WANTED)
            )
        except (IterationDiverge, SparseMatrixError):
            return None

    def _result(self, v_complex: ComplexArray, slack_kva: ComplexArray, converged: BoolArray) -> PowerFlow:
        v_complex[~converged] = np.nan
        slack_kva[~converged] = complex(np.nan, np.nan)
        loading = self._currents.loading(v_complex)
        return PowerFlow(np.abs(v_complex), loading, slack_kva.real, slack_kva.imag, converged, v_complex)

    def _batch(
        self, net_kw: FloatArray, kvar: FloatArray, tolerance_pu: float
    ) -> tuple[ComplexArray, ComplexArray, BoolArray]:
        finite: BoolArray = np.asarray(np.isfinite(net_kw + kvar).all(axis=1))
        update = {
            ComponentType.sym_load: {
                "id": np.broadcast_to(self._load_ids, net_kw.shape).copy(),
                "p_specified": np.where(finite[:, None], net_kw, 0.0) * -1e3,
                "q_specified": np.where(finite[:, None], kvar, 0.0) * -1e3,
            }
        }
        found = self._model.calculate_power_flow(
            **_OPTIONS,
            error_tolerance=tolerance_pu,
            update_data=update,
            threading=self._threads,
            output_component_types=_WANTED,
            continue_on_batch_error=True,
        )
        solved = finite.copy()
        errors = self._model.batch_error
        if errors is not None:
            solved[errors.failed_scenarios] = False  # their rows of the output hold whatever memory held before
        node, source = found[ComponentType.node], found[ComponentType.source]
        v_complex, slack_kva, converged = _unsolved(net_kw.shape)
        v_complex[solved] = node["u_pu"][solved] * np.exp(1j * node["u_angle"][solved])
        slack_kva[solved] = (source["p"][solved, 0] + 1j * source["q"][solved, 0]) / 1e3
        converged[solved] = np.isfinite(v_complex[solved]).all(axis=1)
        return v_complex, slack_kva, converged


def _unsolved(shape: tuple[int, ...]) -> tuple[ComplexArray, ComplexArray, BoolArray]:
    none = complex(np.nan, np.nan)
    return np.full(shape, none), np.full(shape[0], none), np.zeros(shape[0], dtype=np.bool_)


class BranchCurrents:
    """Loadings of all branches from voltages: the two rows of a branch's admittance matrix, by matrices once made."""

    def __init__(self, network: Network) -> None:
        self._from, self._to = network.from_node, network.to_node
        self._far_is_from = far_end_is_from(network)
        series = 1.0 / network.z_pu
        self._yff = (series + network.y_from_pu) / np.abs(network.ratio) ** 2
        self._yft = -series / np.conj(network.ratio)
        self._ytf = -series / network.ratio
        self._ytt = series + network.y_to_pu
        self._rating_from = network.rating_from_pu
        self._rating_to = network.rating_to_pu
        self._unrated = np.isinf(network.rating_from_pu) & np.isinf(network.rating_to_pu)

    def active_flow(self, v_complex: ComplexArray) -> FloatArray:
        """Active power along each branch from its from to its to end, at the end that is farther from the source.

        [p.u.] [n_cases, n_branches]
        """
        v_from, v_to = v_complex[:, self._from], v_complex[:, self._to]
        enters = v_from * np.conj(self._yff * v_from + self._yft * v_to)
        leaves = -v_to * np.conj(self._ytf * v_from + self._ytt * v_to)
        return np.where(self._far_is_from, enters.real, leaves.real)

    def at_ends(self, v_complex: ComplexArray) -> tuple[FloatArray, FloatArray]:
        """Current as a share of the rating at the from ends and at the to ends, 0 without a rating [n_cases, n_branches]."""
        v_from, v_to = v_complex[:, self._from], v_complex[:, self._to]
        at_from: FloatArray = np.abs(self._yff * v_from + self._yft * v_to) / self._rating_from
        at_to: FloatArray = np.abs(self._ytf * v_from + self._ytt * v_to) / self._rating_to
        return at_from, at_to

    def loading(self, v_complex: ComplexArray) -> FloatArray:
        """Larger share of the ratings of both ends [n_cases, n_branches]; NaN without a rating."""
        loading: FloatArray = np.maximum(*self.at_ends(v_complex))
        loading[:, self._unrated] = np.nan
        return loading


def _array(component: ComponentType, **columns: Any) -> Any:
    rows = len(columns["id"])
    made = pgm.initialize_array(pgm.DatasetType.input, component, rows)
    for name, values in columns.items():
        made[name] = values
    return made


def _dataset(network: Network, load_ids: NDArray[np.int32]) -> dict[ComponentType, Any]:
    """power-grid-model's input; ids: nodes, loads, branches, source, shunts."""
    n_nodes, n_branches = network.n_nodes, network.n_branches
    siemens = network.base_kva * 1e3 / _RATED_V**2
    first_branch = 2 * n_nodes
    source_id = first_branch + n_branches
    total = 2.0 * network.y_from_pu  # a generic branch is symmetric; what the to end has beyond is a shunt there
    shunts = network.ground_pu
    np.add.at(shunts, network.to_node, network.y_to_pu - network.y_from_pu)
    at = np.flatnonzero(shunts)
    return {
        ComponentType.node: _array(ComponentType.node, id=np.arange(n_nodes), u_rated=_RATED_V),
        ComponentType.generic_branch: _array(
            ComponentType.generic_branch,
            id=first_branch + np.arange(n_branches),
            from_node=network.from_node,
            to_node=network.to_node,
            from_status=1,
            to_status=1,
            r1=network.z_pu.real / siemens,
            x1=network.z_pu.imag / siemens,
            g1=total.real * siemens,
            b1=total.imag * siemens,
            k=np.abs(network.ratio),
            theta=np.angle(network.ratio),
            sn=network.base_kva * 1e3,
        ),
        ComponentType.source: _array(
            ComponentType.source, id=[source_id], node=0, status=1, u_ref=network.source_pu, sk=_STIFF_VA, rx_ratio=0.1
        ),
        ComponentType.sym_load: _array(
            ComponentType.sym_load,
            id=load_ids,
            node=np.arange(n_nodes),
            status=1,
            type=pgm.LoadGenType.const_power,
            p_specified=0.0,
            q_specified=0.0,
        ),
        ComponentType.shunt: _array(
            ComponentType.shunt,
            id=source_id + 1 + np.arange(len(at)),
            node=at,
            status=1,
            g1=shunts[at].real * siemens,
            b1=shunts[at].imag * siemens,
        ),
    }
