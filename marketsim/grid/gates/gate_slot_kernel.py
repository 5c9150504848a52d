"""Opening and closing a slot for all markets in one call each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from marketsim.core.compiled import kernel
from marketsim.grid.flow.injections_kernel import set_power
from marketsim.grid.flow.rows_kernel import (
    CHARGED,
    CONNECTION_WH,
    CONVERGED,
    CORE,
    CORE_FI,
    CORE_FR,
    CORE_VI,
    CORE_VI_FIRM,
    CORE_VR,
    CORE_VR_FIRM,
    CURVE_Q,
    CURVE_Q_FIRM,
    EXPORT_FROZEN,
    EXPORT_LIMIT,
    FACTS,
    FI,
    FLOAT_FACTS,
    FR,
    G_SHUNT,
    HEAD_EXPORT,
    HEAD_EXPORT_FROZEN,
    HEAD_IMPORT,
    HEAD_IMPORT_FROZEN,
    HEAD_WH,
    IMPORT_FROZEN,
    IMPORT_LIMIT,
    LATERAL,
    LATERAL_START,
    N_CONNECTIONS,
    N_CORE,
    N_LATERALS,
    N_NODES,
    NET_VARH,
    NET_WH,
    POSITION,
    Q_FIRM,
    RATING_CHILD,
    RATING_PARENT,
    SOLVES,
    SOURCE_PU,
    UNSCALE,
    VI,
    VR,
    WH_TO_PU,
    G,
    P,
    R,
)
from marketsim.grid.flow.sweep_kernel import solve, start_flat
from marketsim.grid.gates.bound_kernel import rebase
from marketsim.grid.gates.limits_kernel import child_current2, freeze_limits, parent_current2


@kernel(helper=True)
def _book_untraded(ints: Any, floats: Any, firm_wh: Any, kvar_pu: Any, base_wh: Any, base_kvar_pu: Any) -> None:
    """Net energy of connections, nodes and laterals before trade; reactive power of the nodes."""
    n_nodes, n_connections, n_laterals = ints[FACTS, N_NODES], ints[FACTS, N_CONNECTIONS], ints[FACTS, N_LATERALS]
    for position in range(n_nodes):
        ints[NET_WH, position] = base_wh[position]
        ints[NET_VARH, position] = 0
        floats[Q_FIRM, position] = base_kvar_pu[position]
    for connection in range(n_connections):
        energy = firm_wh[connection]
        ints[CONNECTION_WH, connection] = energy
        ints[IMPORT_FROZEN, connection] = max(ints[IMPORT_LIMIT, connection], -energy)
        ints[EXPORT_FROZEN, connection] = max(ints[EXPORT_LIMIT, connection], energy)
        position = ints[POSITION, connection]
        if position >= 0:
            ints[NET_WH, position] += energy
            floats[Q_FIRM, position] += kvar_pu[connection]
    for lateral in range(n_laterals):
        ints[HEAD_WH, lateral] = 0
    for position in range(1, n_nodes):
        ints[HEAD_WH, ints[LATERAL, position]] += ints[NET_WH, position]
    for lateral in range(n_laterals):
        ints[HEAD_IMPORT_FROZEN, lateral] = max(ints[HEAD_IMPORT, lateral], -ints[HEAD_WH, lateral])
        ints[HEAD_EXPORT_FROZEN, lateral] = max(ints[HEAD_EXPORT, lateral], ints[HEAD_WH, lateral])


@kernel(helper=True)
def set_all_powers(ints: Any, floats: Any) -> None:
    """P and Q of the whole core from the integers, and the source's voltage."""
    for position in range(ints[FACTS, N_NODES]):
        if ints[CORE, position] >= 0:
            set_power(ints, floats, position)
    floats[VR, 0], floats[VI, 0] = floats[FLOAT_FACTS, SOURCE_PU], 0.0
    floats[CORE_VR, 0], floats[CORE_VI, 0] = floats[FLOAT_FACTS, SOURCE_PU], 0.0
    floats[CORE_FR, 0], floats[CORE_FI, 0] = 0.0, 0.0


@kernel(helper=True)
def solve_committed(ints: Any, floats: Any) -> bool:
    """Solve the committed state of a market from a flat start; False: no solution."""
    set_all_powers(ints, floats)
    for lateral in range(ints[FACTS, N_LATERALS]):
        start_flat(ints, floats, lateral)
        if not solve(ints, floats, lateral):
            return False
    return True


@kernel(helper=True)
def _freeze(ints: Any, floats: Any) -> None:
    """Make the state just solved the untraded one: freeze its limits, start trials from it."""
    for lateral in range(ints[FACTS, N_LATERALS]):
        freeze_limits(ints, floats, lateral)
        rebase(ints, floats, lateral)
    for n in range(ints[FACTS, N_CORE]):
        floats[CORE_VR_FIRM, n] = floats[CORE_VR, n]
        floats[CORE_VI_FIRM, n] = floats[CORE_VI, n]
    for connection in range(ints[FACTS, N_CONNECTIONS]):
        floats[CURVE_Q_FIRM, connection] = floats[CURVE_Q, connection]


@kernel(helper=True)
def observe_state(ints: Any, floats: Any, v_pu: Any, loading: Any) -> None:
    """Voltage magnitude and loading of the solved state by position; NaN where nothing is rated."""
    vr, vi, fr, fi, unscale = floats[VR], floats[VI], floats[FR], floats[FI], floats[UNSCALE]
    parent, child = floats[RATING_PARENT], floats[RATING_CHILD]
    for n in range(ints[FACTS, N_NODES]):
        v_pu[n] = np.sqrt(vr[n] * vr[n] + vi[n] * vi[n]) * unscale[n]
        rating = parent[n] if parent[n] < child[n] else child[n]
        loading[n] = np.true_divide(np.sqrt(fr[n] * fr[n] + fi[n] * fi[n]), rating)
    for lateral in range(ints[FACTS, N_LATERALS]):
        if ints[CHARGED, lateral] == 1:
            for n in range(ints[LATERAL_START, lateral], ints[LATERAL_START, lateral + 1]):
                at_parent = np.true_divide(np.sqrt(parent_current2(ints, floats, n)), parent[n])
                at_child = np.true_divide(np.sqrt(child_current2(floats, n)), child[n])
                loading[n] = max(at_parent, at_child)


@kernel(helper=True)
def slack_losses_shunts(ints: Any, floats: Any) -> tuple[float, float, float]:
    """Energy drawn from the source, lost in branches, and drawn by admittances to ground outside them, each [Wh]."""
    e, f = floats[VR, 0], floats[VI, 0]
    losses = floats[G, 0] * (e * e + f * f)
    shunts = floats[G_SHUNT, 0] * (e * e + f * f)
    drawn = losses - floats[P, 0]
    for lateral in range(ints[FACTS, N_LATERALS]):
        head = ints[LATERAL_START, lateral]
        drawn += e * floats[FR, head] + f * floats[FI, head]
    for n in range(1, ints[FACTS, N_NODES]):
        losses += floats[R, n] * (floats[FR, n] ** 2 + floats[FI, n] ** 2)
        losses += floats[G, n] * (floats[VR, n] ** 2 + floats[VI, n] ** 2)
        shunts += floats[G_SHUNT, n] * (floats[VR, n] ** 2 + floats[VI, n] ** 2)
    to_pu = floats[FLOAT_FACTS, WH_TO_PU]
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
        ints[m, FACTS, SOLVES] = 0
        ints[m, FACTS, CONVERGED] = int(solve_committed(ints[m], floats[m]))
        if ints[m, FACTS, CONVERGED] == 1:
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
        converged[m] = ints[m, FACTS, CONVERGED] == 1 and solve_committed(ints[m], floats[m])
        if converged[m]:
            observe_state(ints[m], floats[m], v_pu[m], loading[m])
            slack_wh[m], losses_wh[m], shunt_wh[m] = slack_losses_shunts(ints[m], floats[m])
        else:
            v_pu[m] = np.nan
            loading[m] = np.nan
            slack_wh[m] = np.nan
            losses_wh[m] = np.nan
            shunt_wh[m] = np.nan
