"""Gates that never solve while they admit: what every connection may do was settled when the slot opened."""

from __future__ import annotations

from typing import Any

from numba import types

from marketsim.core.compiled import ADMIT, kernel
from marketsim.grid.flow import rows_kernel as row
from marketsim.grid.flow.sweep_kernel import solve, start_untraded
from marketsim.grid.gates.books_kernel import DIVERGED, NONE, commit, ends, headroom
from marketsim.grid.gates.gate_slot_kernel import set_all_powers
from marketsim.grid.gates.limits_kernel import worst_excess


@kernel(ADMIT)
def admit_within(ints: Any, floats: Any, source: int, sink: int, wh: int) -> tuple[int, int, int]:  # noqa: ARG001
    """Commit what the limits of the two connections and of the feeder heads leave of ``wh``."""
    if wh <= 0:
        return 0, NONE, -1
    if ints[row.FACTS, row.CONVERGED] == 0:
        return 0, DIVERGED, -1
    _, _, first, second = ends(ints, source, sink)
    left, code, element = headroom(ints, source, sink, first, second, wh)
    if left > 0:
        commit(ints, source, sink, left)
    return left, code, element


@kernel(helper=True)
def _add(ints: Any, delta_wh: Any, sign: int) -> None:
    for connection in range(len(delta_wh)):
        if delta_wh[connection] > 0:
            commit(ints, connection, -1, sign * delta_wh[connection])
        elif delta_wh[connection] < 0:
            commit(ints, -1, connection, -sign * delta_wh[connection])


@kernel(helper=True)
def _keeps_limits(ints: Any, floats: Any) -> bool:
    for lateral in range(ints[row.FACTS, row.N_LATERALS]):
        head = ints[row.HEAD_WH, lateral]
        if head > ints[row.HEAD_EXPORT_FROZEN, lateral] or -head > ints[row.HEAD_IMPORT_FROZEN, lateral]:
            return False
        start_untraded(ints, floats, lateral)
        if not solve(ints, floats, lateral) or worst_excess(ints, floats, lateral)[0] > 0.0:
            return False
    return True


@kernel(types.boolean(types.int64[:, ::1], types.float64[:, ::1], types.int64[::1]))
def fits(ints: Any, floats: Any, delta_wh: Any) -> bool:
    """Whether the untraded state with ``delta_wh`` more at every connection keeps all limits [n_connections].

    Withdrawals are negative. The books are left as they were.
    """
    _add(ints, delta_wh, 1)
    set_all_powers(ints, floats)
    kept = _keeps_limits(ints, floats)
    _add(ints, delta_wh, -1)
    set_all_powers(ints, floats)
    return kept
