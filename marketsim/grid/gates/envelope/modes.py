"""Modes ``doe_equal`` and ``doe_maximal``: operating envelopes when the slot opens, free trade within them."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.compiled import AdmitPointer
from marketsim.core.grid_model import GridModel
from marketsim.core.ports import Gate
from marketsim.grid.flow import rows_kernel as row
from marketsim.grid.gates.base import CompiledGate
from marketsim.grid.gates.context import GateContext
from marketsim.grid.gates.envelope.envelope_kernel import admit_within, fits
from marketsim.grid.gates.envelope.limits import EnvelopePlanner, EnvelopeRule, FitsLimits, envelope
from marketsim.grid.gates.limits import GateSettings
from marketsim.grid.gates.meshed.gate import MeshedGate
from marketsim.grid.gates.params import GateParams


def opened(model: GridModel | None, firm_wh: IntArray, kvar: FloatArray) -> GridModel | None:
    """The model that plans, if there is one, open at the untraded state."""
    if model is not None:
        model.open_at(firm_wh, kvar)
    return model


class EqualEnvelopeGate(CompiledGate):
    """Everybody may inject, and may draw, the same beyond the untraded state; see ``envelopes``.

    A trade is checked against the envelopes of its two connections alone. The AC state at the end is recorded.
    """

    _check = AdmitPointer(admit_within)
    _rule: ClassVar[EnvelopeRule] = "equal"

    def open(self, firm_wh: IntArray, kvar: FloatArray) -> None:
        """See ``core.ports.Gate``; envelopes go where the books keep the limits of connections."""
        super().open(firm_wh, kvar)
        model = opened(self._settings.planner, firm_wh, kvar)
        n = self._connection_axis[1]
        for market in range(len(self._ints)):
            if self._ints[market, row.FACTS, row.CONVERGED] == 0:
                continue
            base_wh = self._ints[market, row.CONNECTION_WH, :n]
            planner = None if model is None else EnvelopePlanner(model, market, base_wh)
            for sign, rated, frozen in _directions(self._settings, n, row.EXPORT_FROZEN, row.IMPORT_FROZEN):
                allowed = sign * base_wh + envelope(self._rule, self._fits(market), rated, sign, planner)
                limits = self._ints[market, frozen]
                limits[:n] = np.minimum(limits[:n], allowed)

    def _fits(self, market: int) -> FitsLimits:
        ints, floats = self._ints[market], self._floats[market]
        return lambda delta_wh: bool(fits(ints, floats, np.require(delta_wh, np.int64, ("C_CONTIGUOUS", "WRITEABLE"))))


class MaximalEnvelopeGate(EqualEnvelopeGate):
    """Envelopes of the largest sum."""

    _rule = "maximal"


def _directions(
    settings: GateSettings, n_connections: int, of_exports: int, of_imports: int
) -> tuple[tuple[int, IntArray, int], ...]:
    """(sign, ratings, row of the limits) of injections and of withdrawals."""
    none = np.zeros(n_connections, dtype=np.int64)
    exports = none if settings.rated_export_wh is None else settings.rated_export_wh
    imports = none if settings.rated_import_wh is None else settings.rated_import_wh
    return (1, exports, of_exports), (-1, imports, of_imports)


class MeshedEqualEnvelopeGate(MeshedGate):
    """The same on any net."""

    _rule: ClassVar[EnvelopeRule] = "equal"

    def open(self, firm_wh: IntArray, kvar: FloatArray) -> None:
        """See ``core.ports.Gate``."""
        super().open(firm_wh, kvar)
        model = opened(self._settings.planner, firm_wh, kvar)
        for index, market in enumerate(self._markets):
            if not market.solvable:
                continue
            planner = None if model is None else EnvelopePlanner(model, index, market.firm_wh)
            for sign, rated, bound in _directions(self._settings, len(firm_wh) // len(self._markets), 1, 0):
                allowed = market.firm_wh + sign * envelope(self._rule, self._fits(market), rated, sign, planner)
                tighter = np.minimum if sign > 0 else np.maximum
                market.bounds_wh[bound] = tighter(market.bounds_wh[bound], allowed)

    def admit(self, market: int, source: int, sink: int, wh: int) -> tuple[int, int, int]:
        """Commit what the envelopes of both connections and the heads leave of ``wh``."""
        return self.admit_unsolved(market, source, sink, wh)


class MeshedMaximalEnvelopeGate(MeshedEqualEnvelopeGate):
    """Envelopes of the largest sum on any net."""

    _rule = "maximal"


def build_equal(params: GateParams, context: GateContext) -> Gate:  # noqa: ARG001 - no parameters
    """Equal envelopes."""
    made = EqualEnvelopeGate if context.is_radial else MeshedEqualEnvelopeGate
    return made(context.network, context.nodes, context.n_markets, context.hours, context.settings)


def build_maximal(params: GateParams, context: GateContext) -> Gate:  # noqa: ARG001 - no parameters
    """Envelopes of the largest sum, planned with the AC model."""
    settings = replace(context.settings, planner=context.model())
    made = MaximalEnvelopeGate if context.is_radial else MeshedMaximalEnvelopeGate
    return made(context.network, context.nodes, context.n_markets, context.hours, settings)
