"""The gate of the mode ``observe``: trade freely, solve the slot at its end, record what it violates."""

from __future__ import annotations

from marketsim.core.compiled import AdmitPointer
from marketsim.grid.gate import RadialGate
from marketsim.grid.observe_gate_kernel import admit_freely


class ObserveGate(RadialGate):
    """As ``RadialGate``, but nothing is refused and nothing rolled back."""

    _admit = AdmitPointer(admit_freely)
