"""Which markets an inexact gate has brought beyond a limit, by an AC solution of what is committed."""

from __future__ import annotations

from typing import Any

from numba import types

from marketsim.core.compiled import kernel
from marketsim.grid.flow import rows_kernel as row
from marketsim.grid.gates.gate_slot_kernel import solve_committed
from marketsim.grid.gates.limits_kernel import worst_excess


@kernel(types.void(types.int64[:, :, ::1], types.float64[:, :, ::1], types.boolean[::1]))
def find_broken(ints: Any, floats: Any, broken: Any) -> None:
    """Whether the AC state of what is committed breaks a frozen limit, or has no solution [n_markets]."""
    for m in range(ints.shape[0]):
        broken[m] = False
        if ints[m, row.FACTS, row.CONVERGED] == 1:
            broken[m] = not solve_committed(ints[m], floats[m])
            for lateral in range(ints[m, row.FACTS, row.N_LATERALS]):
                broken[m] = broken[m] or worst_excess(ints[m], floats[m], lateral)[0] > 0.0
