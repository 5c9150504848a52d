"""The gate of radial feeders: every trade checked by an exact AC power flow while it is matched (mode ``ac``)."""

from __future__ import annotations

from marketsim.core.compiled import AdmitPointer
from marketsim.grid.gate_base import CompiledGate
from marketsim.grid.gate_kernel import admit


class RadialGate(CompiledGate):
    """Exact admission. A market whose untraded state has no power flow solution refuses everything with DIVERGED."""

    _check = AdmitPointer(admit)
