"""From a gate's packed state to the tables of ``GridState``: nodes and branches in the network's own order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from marketsim.core.compiled import kernel
from marketsim.grid.flow import rows_kernel as row

_INTS, _FLOATS = types.int64[:, :, ::1], types.float64[:, :, ::1]
_I1 = types.Array(types.int64, 1, "C", readonly=True)
_TO_I2, _TO_F2 = types.int64[:, ::1], types.float64[:, ::1]


@kernel(types.void(_INTS, _FLOATS, _I1, types.float64, _TO_I2, _TO_F2))
def report_injections(ints: Any, floats: Any, position: Any, base_kva: float, net_wh: Any, kvar: Any) -> None:
    """Committed net energy [Wh] and reactive injection [kvar] of each node [n_markets, n_nodes]."""
    for m in range(ints.shape[0]):
        for node in range(len(position)):
            core = ints[m, row.CORE, position[node]]
            net_wh[m, node] = ints[m, row.NET_WH, position[node]]
            kvar[m, node] = floats[m, row.Q, core] * base_kva if core >= 0 else 0.0


@kernel(types.void(_TO_F2, _I1, _TO_F2))
def report_nodes(by_position: Any, position: Any, by_node: Any) -> None:
    """A quantity of nodes [n_markets, n_nodes]."""
    for m in range(by_position.shape[0]):
        for node in range(len(position)):
            by_node[m, node] = by_position[m, position[node]]


@kernel(types.void(_TO_F2, _I1, _I1, _TO_F2))
def report_branches(by_position: Any, rated: Any, branch: Any, by_branch: Any) -> None:
    """A quantity of branches, known at the positions ``rated`` below them; NaN elsewhere [n_markets, n_branches]."""
    for m in range(by_position.shape[0]):
        for b in range(by_branch.shape[1]):
            by_branch[m, b] = np.nan
        for k in range(len(rated)):
            by_branch[m, branch[k]] = by_position[m, rated[k]]
