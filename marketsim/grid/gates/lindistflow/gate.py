"""Mode ``lindistflow``: trades checked by the linearised feeder, AC at the end of the slot."""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.compiled import AdmitPointer
from marketsim.core.errors import NetworkError, Problem
from marketsim.core.ports import Gate
from marketsim.grid.gates.context import GateContext
from marketsim.grid.gates.inexact import InexactGate
from marketsim.grid.gates.limits import GateSettings
from marketsim.grid.gates.lindistflow import linear_kernel as linear
from marketsim.grid.gates.params import GateParams
from marketsim.grid.gates.state import Packed, with_rows
from marketsim.grid.net.network import Network


class LinDistFlowGate(InexactGate):
    """Admits what lossless flows take; ``broken`` tells where AC disagrees, so that trades are rolled back.

    What the linear untraded state breaks may stand, by the rule of the exact gate. Reactive power of volt-var curves is that of
    the untraded AC state. A market whose untraded state has no power flow solution refuses everything with DIVERGED.
    """

    _check = AdmitPointer(linear.admit_linear)

    def _pack(self, node_of_connection: IntArray, hours: float, settings: GateSettings) -> Packed:
        packed = super()._pack(node_of_connection, hours, settings)
        ints = with_rows(packed.ints, linear.LINEAR_INT_ROWS - len(packed.ints))
        floats = with_rows(packed.floats, linear.LINEAR_FLOAT_ROWS - len(packed.floats))
        floats[linear.NOMINAL2, : self.feeder.n_nodes] = np.abs(self.feeder.scale) ** 2
        return packed._replace(ints=ints, floats=floats)

    def open(self, firm_wh: IntArray, kvar: FloatArray) -> None:
        """See ``core.ports.Gate``; the linear state starts at the untraded one."""
        super().open(firm_wh, kvar)
        linear.start_linear(self._ints, self._floats)

    def release(self, market: int, source: int, sink: int, wh: int) -> None:
        """See ``core.ports.Gate``."""
        linear.take_back_linear(self._ints[market], self._floats[market], source, sink, wh)

    def amend(self, delta_wh: IntArray, kvar: FloatArray) -> None:
        """See ``core.ports.Gate``."""
        super().amend(delta_wh, kvar)
        linear.renew_linear(self._ints, self._floats)

    def predicted(self) -> tuple[FloatArray, FloatArray]:
        """What the linear model makes of what is committed.

        Voltages [p.u.] [n_markets, n_nodes] and loadings as shares of ratings, NaN without a rating
        [n_markets, n_branches]; NaN where the untraded state has no power flow solution.
        """
        v_pu, loading = np.empty((2, *self._firm_v.shape))
        linear.predict_markets(self._ints, self._floats, v_pu, loading)
        return self._by_node(v_pu), self._by_branch(loading)


def build(params: GateParams, context: GateContext) -> Gate:  # noqa: ARG001 - no parameters
    """Linear admission; NetworkError on meshed nets."""
    demand_tree(context.network)
    return LinDistFlowGate(context.network, context.nodes, context.n_markets, context.hours, context.settings)


def demand_tree(network: Network) -> None:
    """NetworkError where a net has loops: its flows do not follow from what is drawn."""
    loops = network.n_branches - network.n_nodes + 1
    if loops > 0:
        seen = f"lindistflow on {network.name}, which has {loops} loop{'s' if loops > 1 else ''}"
        hint = (
            "open a switch in each loop, or set grid.gate to ac, sensitivity, observe, market_first, doe_equal or "
            "doe_maximal, which take meshed nets"
        )
        raise NetworkError([Problem("the linearised feeder needs a radial net", "grid.gate", seen, hint)])
