"""Opening and closing a slot for all markets in one call each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from marketsim.core.compiled import kernel
from marketsim.grid.flow import rows_kernel as row
from marketsim.grid.flow.injections_kernel import set_power
from marketsim.grid.flow.sweep_kernel import solve, start_flat
from marketsim.grid.gates.limits_kernel import child_current2, freeze_limits, parent_current2
from marketsim.grid.gates.skip_solve_kernel import rebase


@kernel(helper=True)
def _book_untraded(ints: Any, floats: Any, firm_wh: Any, kvar_pu: Any, base_wh: Any, base_kvar_pu: Any) -> None:
    """Net energy of connections, nodes and laterals before trade; reactive power of the nodes."""
    n_nodes, n_connections = ints[row.FACTS, row.N_NODES], ints[row.FACTS, row.N_CONNECTIONS]
    n_laterals = ints[row.FACTS, row.N_LATERALS]
    for position in range(n_nodes):
        ints[row.NET_WH, position] = base_wh[position]
        ints[row.NET_VARH, position] = 0
        floats[row.Q_FIRM, position] = base_kvar_pu[position]
    for connection in range(n_connections):
        energy = firm_wh[connection]
        ints[row.CONNECTION_WH, connection] = energy
        ints[row.IMPORT_FROZEN, connection] = max(ints[row.IMPORT_LIMIT, connection], -energy)
        ints[row.EXPORT_FROZEN, connection] = max(ints[row.EXPORT_LIMIT, connection], energy)
        position = ints[row.POSITION, connection]
        if position >= 0:
            ints[row.NET_WH, position] += energy
            floats[row.Q_FIRM, position] += kvar_pu[connection]
    for lateral in range(n_laterals):
        ints[row.HEAD_WH, lateral] = 0
    for position in range(1, n_nodes):
        ints[row.HEAD_WH, ints[row.LATERAL, position]] += ints[row.NET_WH, position]
    for lateral in range(n_laterals):
        ints[row.HEAD_IMPORT_FROZEN, lateral] = max(ints[row.HEAD_IMPORT, lateral], -ints[row.HEAD_WH, lateral])
        ints[row.HEAD_EXPORT_FROZEN, lateral] = max(ints[row.HEAD_EXPORT, lateral], ints[row.HEAD_WH, lateral])


@kernel(helper=True)
def set_all_powers(ints: Any, floats: Any) -> None:
    """P and Q of the whole core from the integers, and the source's voltage."""
    for position in range(ints[row.FACTS, row.N_NODES]):
        if ints[row.CORE, position] >= 0:
            set_power(ints, floats, position)
    floats[row.VR, row.SOURCE], floats[row.VI, row.SOURCE] = floats[row.FLOAT_FACTS, row.SOURCE_PU], 0.0
    floats[row.CORE_VR, row.SOURCE], floats[row.CORE_VI, row.SOURCE] = floats[row.FLOAT_FACTS, row.SOURCE_PU], 0.0
    floats[row.CORE_FR, row.SOURCE], floats[row.CORE_FI, row.SOURCE] = 0.0, 0.0


@kernel(helper=True)
def solve_committed(ints: Any, floats: Any) -> bool:
    """Solve the committed state of a market from a flat start; False: no solution."""
    set_all_powers(ints, floats)
    for lateral in range(ints[row.FACTS, row.N_LATERALS]):
        start_flat(ints, floats, lateral)
        if not solve(ints, floats, lateral):
            return False
    return True


@kernel(helper=True)
def _freeze(ints: Any, floats: Any) -> None:
    """Make the state just solved the untraded one: freeze its limits, start trials from it."""
    for lateral in range(ints[row.FACTS, row.N_LATERALS]):
        freeze_limits(ints, floats, lateral)
        rebase(ints, floats, lateral)
    for n in range(ints[row.FACTS, row.N_CORE]):
        floats[row.CORE_VR_FIRM, n] = floats[row.CORE_VR, n]
        floats[row.CORE_VI_FIRM, n] = floats[row.CORE_VI, n]
    for connection in range(ints[row.FACTS, row.N_CONNECTIONS]):
        floats[row.CURVE_Q_FIRM, connection] = floats[row.CURVE_Q, connection]


@kernel(helper=True)
def observe_state(ints: Any, floats: Any, v_pu: Any, loading: Any) -> None:
    """Voltage magnitude and loading of the solved state by position; NaN where nothing is rated."""
    vr, vi, fr, fi, unscale = floats[row.VR], floats[row.VI], floats[row.FR], floats[row.FI], floats[row.UNSCALE]
    parent, child = floats[row.RATING_PARENT], floats[row.RATING_CHILD]
    for n in range(ints[row.FACTS, row.N_NODES]):
        v_pu[n] = np.sqrt(vr[n] * vr[n] + vi[n] * vi[n]) * unscale[n]
        rating = parent[n] if parent[n] < child[n] else child[n]
        loading[n] = np.true_divide(np.sqrt(fr[n] * fr[n] + fi[n] * fi[n]), rating)
    for lateral in range(ints[row.FACTS, row.N_LATERALS]):
        if ints[row.CHARGED, lateral] == 1:
            for n in range(ints[row.LATERAL_START, lateral], ints[row.LATERAL_START, lateral + 1]):
                at_parent = np.true_divide(np.sqrt(parent_current2(ints, floats, n)), parent[n])
                at_child = np.true_divide(np.sqrt(child_current2(floats, n)), child[n])
                loading[n] = max(at_parent, at_child)


@kernel(helper=True)
def slack_losses_shunts(ints: Any, floats: Any) -> tuple[float, float, float]:
    """Energy drawn from the source, lost in branches, and drawn by admittances to ground outside them, each [Wh]."""
    e, f = floats[row.VR, row.SOURCE], floats[row.VI, row.SOURCE]
    losses = floats[row.G, row.SOURCE] * (e * e + f * f)
    shunts = floats[row.G_SHUNT, row.SOURCE] * (e * e + f * f)
    drawn = losses - floats[row.P, row.SOURCE]
    for lateral in range(ints[row.FACTS, row.N_LATERALS]):
        head = ints[row.LATERAL_START, lateral]
        drawn += e * floats[row.FR, head] + f * floats[row.FI, head]
    for n in range(1, ints[row.FACTS, row.N_NODES]):
        losses += floats[row.R, n] * (floats[row.FR, n] ** 2 + floats[row.FI, n] ** 2)
        losses += floats[row.G, n] * (floats[row.VR, n] ** 2 + floats[row.VI, n] ** 2)
        shunts += floats[row.G_SHUNT, n] * (floats[row.VR, n] ** 2 + floats[row.VI, n] ** 2)
    to_pu = floats[row.FLOAT_FACTS, row.WH_TO_PU]
    return drawn / to_pu, (losses - shunts) / to_pu, shunts / to_pu


_INTS, _FLOATS = types.int64[:, :, ::1], types.float64[:, :, ::1]
_I2, _F2, _I1, _F1 = types.int64[:, ::1], types.float64[:, ::1], types.int64[::1], types.float64[::1]


@kernel(types.void(_INTS, _FLOATS, _I2, _F2, _I1, _F1, _F2, _F2))
def open_markets(
    ints: Any, floats: Any, firm_wh: Any, kvar_pu: Any, base_wh: Any, base_kvar_pu: Any, v_pu: Any, loading: Any
) -> None:
    """Open a slot in every market; voltages and loadings of the untraded state by position [n_markets, n_nodes]."""
    for m in range(ints.shape[0]):
        _book_untraded(ints[m], floats[m], firm_wh[m], kvar_pu[m], base_wh, base_kvar_pu)
        ints[m, row.FACTS, row.SOLVES] = 0
        ints[m, row.FACTS, row.CONVERGED] = int(solve_committed(ints[m], floats[m]))
        if ints[m, row.FACTS, row.CONVERGED] == 1:
            _freeze(ints[m], floats[m])
            observe_state(ints[m], floats[m], v_pu[m], loading[m])
        else:
            v_pu[m] = np.nan
            loading[m] = np.nan


@kernel(types.void(_INTS, _FLOATS, _F2, _F2, _F1, _F1, _F1, types.boolean[::1]))
def close_markets(
    ints: Any, floats: Any, v_pu: Any, loading: Any, slack_wh: Any, losses_wh: Any, shunt_wh: Any, converged: Any
) -> None:
    """Solve what was committed in every market, from a flat start; NaN where there is no solution."""
    for m in range(ints.shape[0]):
        converged[m] = ints[m, row.FACTS, row.CONVERGED] == 1 and solve_committed(ints[m], floats[m])
        if converged[m]:
            observe_state(ints[m], floats[m], v_pu[m], loading[m])
            slack_wh[m], losses_wh[m], shunt_wh[m] = slack_losses_shunts(ints[m], floats[m])
        else:
            v_pu[m] = np.nan
            loading[m] = np.nan
            slack_wh[m] = np.nan
            losses_wh[m] = np.nan
            shunt_wh[m] = np.nan
