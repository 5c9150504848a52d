"""Changes of what is committed that no check decides: releases, and deliveries that differ from the plan."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from marketsim.core.compiled import kernel
from marketsim.grid.flow import rows_kernel as row
from marketsim.grid.flow.injections_kernel import set_powers
from marketsim.grid.gates.books_kernel import commit, ends
from marketsim.grid.gates.exact.exact_kernel import note_trade
from marketsim.grid.gates.gate_slot_kernel import set_all_powers

_INTS, _FLOATS = types.int64[:, :, ::1], types.float64[:, :, ::1]
_I2, _F2, _F1 = types.int64[:, ::1], types.float64[:, ::1], types.float64[::1]


@kernel(types.void(_I2, _F2, types.int64, types.int64, types.int64))
def take_back(ints: Any, floats: Any, source: int, sink: int, wh: int) -> None:
    """Undo what was admitted; to the bound it is one more movement."""
    note_trade(ints, floats, source, sink, -wh)
    commit(ints, source, sink, -wh)
    injects, draws, _, _ = ends(ints, source, sink)
    set_powers(ints, floats, injects, draws)


@kernel(helper=True)
def _book(ints: Any, connection: int, wh: int) -> None:
    """Change the net injection of a connection; its reactive power stays."""
    ints[row.CONNECTION_WH, connection] += wh
    position = ints[row.POSITION, connection]
    if position >= 0:
        ints[row.NET_WH, position] += wh
    if position > 0:
        ints[row.HEAD_WH, ints[row.LATERAL, position]] += wh


@kernel(types.void(_INTS, _FLOATS, _I2, _F2, _F1))
def amend_markets(ints: Any, floats: Any, delta_wh: Any, kvar_pu: Any, base_kvar_pu: Any) -> None:
    """Add ``delta_wh`` to what is committed, limits or not, and replace the untraded reactive power."""
    for m in range(ints.shape[0]):
        for position in range(ints[m, row.FACTS, row.N_NODES]):
            floats[m, row.Q_FIRM, position] = base_kvar_pu[position]
        for connection in range(ints[m, row.FACTS, row.N_CONNECTIONS]):
            if ints[m, row.POSITION, connection] >= 0:
                floats[m, row.Q_FIRM, ints[m, row.POSITION, connection]] += kvar_pu[m, connection]
            _book(ints[m], connection, delta_wh[m, connection])
        for lateral in range(ints[m, row.FACTS, row.N_LATERALS]):
            floats[m, row.RISE, lateral] = np.inf  # the bound knows nothing of this
        set_all_powers(ints[m], floats[m])
