"""Loops of ``battery``: one pass over the agents."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from marketsim.core import columns_kernel as column
from marketsim.core.compiled import kernel
from marketsim.core.records_kernel import F1, I1


@kernel(borrowing=True)
def after(stored: float, energy: Any, charge_efficiency: float, discharge_efficiency: float) -> Any:
    """Stored energy after the net energy at the meter."""
    return stored + charge_efficiency * max(-energy, 0) - max(energy, 0) / discharge_efficiency


@kernel(types.void(F1, I1, F1, F1, types.float64[::1]))
def stored_after_rows(stored: Any, energy: Any, charge: Any, discharge: Any, result: Any) -> None:
    """See ``battery.stored_after`` [n_agents]."""
    for a in range(len(stored)):
        result[a] = after(stored[a], energy[a], charge[a], discharge[a])


@kernel(types.void(F1, F1, F1, I1, F1, F1, types.int64[:, ::1], types.float64[::1]))
def reach(
    stored: Any, lowest: Any, highest: Any, power: Any, charge: Any, discharge: Any, energies: Any, level: Any
) -> None:
    """What power and the room in the store allow: rows RANGE_* [3, n_agents], and the level [n_agents]."""
    for a in range(len(stored)):
        draw = np.int64(np.floor((highest[a] - stored[a]) / charge[a]))
        if after(stored[a], -draw, charge[a], discharge[a]) > highest[a]:
            draw -= 1  # float noise: one Wh too many
        give = np.int64(np.floor((stored[a] - lowest[a]) * discharge[a]))
        if after(stored[a], give, charge[a], discharge[a]) < lowest[a]:
            give -= 1
        energies[column.RANGE_LO_WH, a] = -min(draw, power[a])
        energies[column.RANGE_FIRM_WH, a] = 0
        energies[column.RANGE_HI_WH, a] = min(give, power[a])
        capacity = highest[a] - lowest[a]
        level[a] = min(max((stored[a] - lowest[a]) / capacity, 0.0), 1.0) if capacity > 0.0 else np.nan
