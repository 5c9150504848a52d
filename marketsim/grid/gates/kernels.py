"""Kernels of each gate on radial feeders, by its name: what the first run on a machine compiles in any case.

Named and not imported: importing one compiles it.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

EVERY_GATE: Final = ("marketsim.grid.gate_market_kernel", "marketsim.grid.gate_report_kernel")
KERNELS: Final = MappingProxyType(
    {
        "ac": ("marketsim.grid.gate_kernel",),
        "sensitivity": ("marketsim.grid.gate_screen_kernel",),
        "observe": ("marketsim.grid.gate_observe_kernel",),
    }
)
