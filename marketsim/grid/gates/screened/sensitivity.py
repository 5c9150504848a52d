"""Mode ``sensitivity``: trades screened by linear sensitivities with a guard band, AC at the end of the slot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.compiled import AdmitPointer
from marketsim.core.errors import NetworkError, Problem
from marketsim.core.ports import Gate
from marketsim.grid.gates.context import GateContext
from marketsim.grid.gates.inexact import InexactGate
from marketsim.grid.gates.limits import GateSettings
from marketsim.grid.gates.meshed.gate import MeshedGate
from marketsim.grid.gates.params import GateParams
from marketsim.grid.gates.screened import screen_kernel as screen
from marketsim.grid.gates.state import Packed, with_rows

MOST_BYTES = 2**31
"""Largest store of sensitivities of a market."""


class SensitivityGate(InexactGate):
    """Admits what a linear prediction takes; ``broken`` tells where AC disagrees, so that trades are rolled back.

    A market whose untraded state has no power flow solution refuses everything with DIVERGED.
    """

    _check = AdmitPointer(screen.admit_screened)

    def _pack(self, node_of_connection: IntArray, hours: float, settings: GateSettings) -> Packed:
        packed = super()._pack(node_of_connection, hours, replace(settings, skip_solves=True))
        columns = packed.ints.shape[1]
        position = np.where(node_of_connection >= 0, self.feeder.position[node_of_connection], 0)
        size = np.append(np.diff(self.feeder.lateral_start), 0)[self.feeder.lateral[position]]
        start = np.cumsum(8 * size) - 8 * size
        needed = -(-int(8 * size.sum()) // columns)
        if needed * columns * 8 > MOST_BYTES:
            seen = f"{len(node_of_connection)} connections on laterals of up to {int(size.max())} nodes"
            hint = "set grid.gate to ac, which needs none"
            raise NetworkError([Problem("too large for a table of sensitivities", "grid.gate", seen, hint)])
        ints = with_rows(packed.ints, screen.SCREEN_INT_ROWS - len(packed.ints))
        ints[screen.COLUMN, : len(start)] = start
        floats = with_rows(packed.floats, screen.STORE + needed - len(packed.floats))
        return packed._replace(ints=ints, floats=floats)

    def open(self, firm_wh: IntArray, kvar: FloatArray) -> None:
        """See ``core.ports.Gate``; the prediction starts at the untraded state."""
        super().open(firm_wh, kvar)
        screen.start_prediction(self._ints, self._floats)

    def release(self, market: int, source: int, sink: int, wh: int) -> None:
        """See ``core.ports.Gate``."""
        screen.take_back_screened(self._ints[market], self._floats[market], source, sink, wh)


def build(params: GateParams, context: GateContext) -> Gate:  # noqa: ARG001 - no parameters
    """Screened admission; on meshed nets it is exact, too."""
    made = SensitivityGate if context.is_radial else MeshedGate
    return made(context.network, context.nodes, context.n_markets, context.hours, context.settings)
