"""The gate of the mode ``observe``: trade freely, solve the slot at its end, record what it violates."""

from __future__ import annotations

from marketsim.core.compiled import AdmitPointer
from marketsim.core.ports import Gate
from marketsim.grid.gates.base import CompiledGate
from marketsim.grid.gates.context import GateContext
from marketsim.grid.gates.meshed.gate import MeshedObserveGate
from marketsim.grid.gates.observed.observe_kernel import admit_freely
from marketsim.grid.gates.params import GateParams


class ObserveGate(CompiledGate):
    """Nothing is refused and nothing rolled back; the AC state at the end is what it is."""

    _check = AdmitPointer(admit_freely)


def build(params: GateParams, context: GateContext) -> Gate:  # noqa: ARG001 - no parameters
    """Nothing is refused."""
    made = ObserveGate if context.is_radial else MeshedObserveGate
    return made(context.network, context.nodes, context.n_markets, context.hours, context.settings)
