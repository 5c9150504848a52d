"""The gate of radial feeders: every trade checked by an exact AC power flow while it is matched (mode ``ac``)."""

from __future__ import annotations

from marketsim.core.compiled import AdmitPointer
from marketsim.core.ports import Gate
from marketsim.grid.gates.base import CompiledGate
from marketsim.grid.gates.context import GateContext
from marketsim.grid.gates.exact.exact_kernel import admit
from marketsim.grid.gates.meshed.gate import MeshedGate
from marketsim.grid.gates.params import GateParams


class RadialGate(CompiledGate):
    """Exact admission. A market whose untraded state has no power flow solution refuses everything with DIVERGED."""

    _check = AdmitPointer(admit)


def build(params: GateParams, context: GateContext) -> Gate:  # noqa: ARG001 - no parameters
    """Exact admission, on trees by compiled sweeps and on any other net by power-grid-model."""
    made = RadialGate if context.is_radial else MeshedGate
    return made(context.network, context.nodes, context.n_markets, context.hours, context.settings)
