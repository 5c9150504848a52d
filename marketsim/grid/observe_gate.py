"""The gate of the mode ``observe``: trade freely, solve the slot at its end, record what it violates."""

from __future__ import annotations

from marketsim.core.compiled import AdmitPointer
from marketsim.grid.gate_base import CompiledGate
from marketsim.grid.gate_observe_kernel import admit_freely


class ObserveGate(CompiledGate):
    """Nothing is refused and nothing rolled back; the AC state at the end is what it is."""

    _check = AdmitPointer(admit_freely)
