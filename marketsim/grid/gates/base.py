"""What the compiled gates of radial feeders share: opening, booking and closing a slot of all markets."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.compiled import AdmitPointer
from marketsim.core.ports import GateKernel
from marketsim.core.records import GridState
from marketsim.grid.flow import rows_kernel as row
from marketsim.grid.gates.gate_slot_kernel import close_markets, open_markets
from marketsim.grid.gates.limits import GateSettings
from marketsim.grid.gates.report_kernel import report_branches, report_injections, report_nodes
from marketsim.grid.gates.state import Packed, pack
from marketsim.grid.net.network import Network
from marketsim.grid.net.radial import radial_feeder


class CompiledGate:
    """A gate on ``n_markets`` replicas of a radial feeder, but for its check. Implements ``core.ports.Gate``.

    The ``GridState`` of a market whose untraded or final state has no power flow solution has ``converged`` False
    and NaN voltages.
    """

    _check: ClassVar[AdmitPointer]
    """The check of the mode."""

    def __init__(
        self,
        network: Network,
        node_of_connection: IntArray,
        n_markets: int,
        hours: float,
        settings: GateSettings | None = None,
    ) -> None:
        """``node_of_connection``: node of the network of each agent of one market, -1: off the grid [n_connections].

        ``hours``: length of a slot [h]. NetworkError where the network is not radial.
        """
        self.network = network
        self._base_kva = network.base_kva
        self.feeder = radial_feeder(network)
        self._connection_axis = (n_markets, len(node_of_connection))
        self._settings = settings or GateSettings()
        packed = self._pack(np.asarray(node_of_connection), hours, self._settings)
        self._base_wh, self._base_kvar_pu = packed.base_wh, packed.base_kvar_pu
        self._ints: IntArray = np.tile(packed.ints, (n_markets, 1, 1))
        self._floats: FloatArray = np.tile(packed.floats, (n_markets, 1, 1))
        rated = np.minimum(self.feeder.rating_parent_pu, self.feeder.rating_child_pu) < np.inf
        self._rated = np.flatnonzero(rated[1:]) + 1
        self._rated_branch = self.feeder.branch[self._rated]
        self._firm_kvar = np.zeros((n_markets, self.feeder.n_nodes))
        self._firm_v, self._firm_loading = np.full((2, n_markets, self.feeder.n_nodes), np.nan)
        self.kernel: GateKernel | None = GateKernel(self._check, self._ints, self._floats)

    def _pack(self, node_of_connection: IntArray, hours: float, settings: GateSettings) -> Packed:
        """State of one market."""
        return pack(self.network, self.feeder, node_of_connection, hours, settings)

    def open(self, firm_wh: IntArray, kvar: FloatArray) -> None:
        """Start a slot; see ``core.ports.Gate``. Both [n_markets * n_connections]."""
        for index, told in ((row.BEHIND, self._settings.behind_kw), (row.ASKED, self._settings.asked_kvar)):
            if told is not None:
                n_connections = self._connection_axis[1]
                self._floats[:, index, :n_connections] = self._rows(told(), np.float64) / self._base_kva
        open_markets(
            self._ints,
            self._floats,
            self._rows(firm_wh, np.int64),
            self._rows(kvar, np.float64) / self._base_kva,
            self._base_wh,
            self._base_kvar_pu,
            self._firm_v,
            self._firm_loading,
        )
        _, self._firm_kvar = self._injections()

    @property
    def solves(self) -> int:
        """Power flows of laterals that checks needed since the slot opened, over all markets."""
        return int(self._ints[:, row.FACTS, row.SOLVES].sum())

    def admit(self, market: int, source: int, sink: int, wh: int) -> tuple[int, int, int]:
        """See ``core.ports.Gate``."""
        return self._check(self._ints[market], self._floats[market], source, sink, wh)

    def release(self, market: int, source: int, sink: int, wh: int) -> None:
        """See ``core.ports.Gate``."""
        from marketsim.grid.gates.change_kernel import take_back

        take_back(self._ints[market], self._floats[market], source, sink, wh)

    def amend(self, delta_wh: IntArray, kvar: FloatArray) -> None:
        """See ``core.ports.Gate``. Reactive power that moved with admitted energy stays."""
        from marketsim.grid.gates.change_kernel import amend_markets

        amend_markets(
            self._ints,
            self._floats,
            self._rows(delta_wh, np.int64),
            self._rows(kvar, np.float64) / self._base_kva,
            self._base_kvar_pu,
        )

    def broken(self) -> BoolArray:
        """None: whoever admits without a power flow says otherwise."""
        return np.zeros(len(self._ints), dtype=np.bool_)

    def sensitivity(self) -> FloatArray:
        """See ``core.ports.Gate``; zeros where nothing was solved, and for agents on other laterals."""
        from marketsim.grid.gates.tightest_kernel import tightest_sensitivity

        answer = np.zeros(self._connection_axis)
        tightest_sensitivity(self._ints, self._floats, answer)
        return answer.reshape(-1)

    def close(self) -> GridState:
        """Solve what was committed, from a flat start: the result depends on the committed integers alone."""
        n_markets, n = self._firm_v.shape
        v_pu, loading = np.empty((2, n_markets, n))
        slack_wh, losses_wh, shunt_wh = np.empty((3, n_markets))
        converged = np.empty(n_markets, dtype=np.bool_)
        close_markets(self._ints, self._floats, v_pu, loading, slack_wh, losses_wh, shunt_wh, converged)
        net_wh, kvar = self._injections()
        return GridState(
            net_wh=net_wh,
            kvar=kvar,
            v_pu=self._by_node(v_pu),
            loading=self._by_branch(loading),
            slack_wh=slack_wh,
            losses_wh=losses_wh,
            shunt_wh=shunt_wh,
            firm_kvar=self._firm_kvar,
            firm_v_pu=self._by_node(self._firm_v),
            firm_loading=self._by_branch(self._firm_loading),
            converged=converged,
        )

    def _injections(self) -> tuple[IntArray, FloatArray]:
        """Committed net energy [Wh] and reactive injection [kvar] of the nodes, each [n_markets, n_nodes]."""
        net_wh, kvar = np.empty(self._firm_v.shape, dtype=np.int64), np.empty(self._firm_v.shape)
        report_injections(self._ints, self._floats, self.feeder.position, self._base_kva, net_wh, kvar)
        return net_wh, kvar

    def _rows(self, flat: Any, dtype: type[np.generic]) -> Any:
        """A flat quantity of agents as [n_markets, n_connections]; a copy of what is read-only, which no kernel takes."""
        return np.require(flat, dtype, ("C_CONTIGUOUS", "WRITEABLE")).reshape(self._connection_axis)

    def _by_node(self, by_position: FloatArray) -> FloatArray:
        by_node = np.empty_like(by_position)
        report_nodes(by_position, self.feeder.position, by_node)
        return by_node

    def _by_branch(self, by_position: FloatArray) -> FloatArray:
        by_branch = np.empty((len(by_position), self.network.n_branches))
        report_branches(by_position, self._rated, self._rated_branch, by_branch)
        return by_branch
