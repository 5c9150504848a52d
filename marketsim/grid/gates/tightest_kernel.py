"""Sensitivity of the tightest voltage to an injection at each connection, by one adjoint sweep per market.

With K(dV) = C conj(dV) + Y dV, C = conj(S) / conj(V)^2, the linearised power flow is dV + Z K(dV) = Z dP / conj(V). For g =
Re(conj(w) dV), w = V_t / |V_t| at the tightest node t, the adjoint state solves u = w - K*(a), a = conj(Z) u, K*(a) = C conj(a) +
conj(Y) a, and dg/dP_k = Re(a_k / V_k): two sweeps' worth of work for all nodes at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from marketsim.core.compiled import kernel
from marketsim.grid.flow.rows_kernel import (
    CONVERGED,
    CORE,
    EXCESS,
    FACTS,
    FLOAT_FACTS,
    LATERAL,
    LATERAL_START,
    MAX_SWEEPS,
    N_CONNECTIONS,
    N_NODES,
    NEXT_I,
    NEXT_R,
    PARENT,
    POSITION,
    STEP,
    UNSCALE,
    V_MAX,
    V_MIN,
    VI,
    VR,
    WH_TO_PU,
    B,
    G,
    P,
    Q,
    R,
    X,
)
from marketsim.grid.gates.gate_slot_kernel import solve_committed

RELATIVE_STEP = 1e-9
"""The adjoint state is solved to this share of its largest entry."""


@kernel(helper=True)
def tightest_node(ints: Any, floats: Any) -> int:
    """Position whose voltage is closest to, or furthest beyond, a limit in the solved state."""
    tightest, least = -1, np.inf
    for n in range(1, ints[FACTS, N_NODES]):
        v = np.sqrt(floats[VR, n] ** 2 + floats[VI, n] ** 2)
        margin = min(v - floats[V_MIN, n], floats[V_MAX, n] - v) * floats[UNSCALE, n]
        if margin < least:
            tightest, least = n, margin
    return tightest


@kernel(helper=True)
def _set_adjoint_currents(ints: Any, floats: Any, start: int, stop: int) -> None:
    """-K*(a) of each position into STEP and EXCESS, a read from NEXT_R and NEXT_I."""
    for n in range(start, stop):
        e, f, core = floats[VR, n], floats[VI, n], ints[CORE, n]
        square = np.true_divide(1.0, (e * e + f * f) * (e * e + f * f))
        # C = conj(S) / conj(V)^2 = conj(S) V^2 / |V|^4
        c_r, c_i = 0.0, 0.0
        if core >= 0:
            p, q, re, im = floats[P, core], floats[Q, core], e * e - f * f, 2.0 * e * f
            c_r, c_i = (p * re + q * im) * square, (p * im - q * re) * square
        a_r, a_i = floats[NEXT_R, n], floats[NEXT_I, n]
        g, b = floats[G, n], floats[B, n]
        floats[STEP, n] = -(c_r * a_r + c_i * a_i + g * a_r + b * a_i)
        floats[EXCESS, n] = -(c_i * a_r - c_r * a_i + g * a_i - b * a_r)


@kernel(helper=True)
def solve_adjoint(ints: Any, floats: Any, start: int, stop: int, target: int, slope_r: float, slope_i: float) -> None:
    """Adjoint state a = conj(Z) u of a lateral, into NEXT_R and NEXT_I; (slope_r, slope_i) is w at ``target``."""
    for n in range(start, stop):
        floats[NEXT_R, n], floats[NEXT_I, n] = 0.0, 0.0
    for _ in range(ints[FACTS, MAX_SWEEPS]):
        _set_adjoint_currents(ints, floats, start, stop)
        floats[STEP, target] += slope_r
        floats[EXCESS, target] += slope_i
        for back in range(stop - start - 1):
            n = stop - 1 - back
            floats[STEP, ints[PARENT, n]] += floats[STEP, n]
            floats[EXCESS, ints[PARENT, n]] += floats[EXCESS, n]
        step, largest = 0.0, 0.0
        for n in range(start, stop):
            re = floats[R, n] * floats[STEP, n] + floats[X, n] * floats[EXCESS, n]
            im = floats[R, n] * floats[EXCESS, n] - floats[X, n] * floats[STEP, n]
            if n > start:
                re += floats[NEXT_R, ints[PARENT, n]]
                im += floats[NEXT_I, ints[PARENT, n]]
            step = max(step, abs(re - floats[NEXT_R, n]) + abs(im - floats[NEXT_I, n]))
            largest = max(largest, abs(re) + abs(im))
            floats[NEXT_R, n], floats[NEXT_I, n] = re, im
        if step <= RELATIVE_STEP * largest:
            return


@kernel(types.void(types.int64[:, :, ::1], types.float64[:, :, ::1], types.float64[:, ::1]))
def tightest_sensitivity(ints: Any, floats: Any, answer: Any) -> None:
    """Movement of the tightest node towards its limit by an injection at each connection [p.u./Wh]; 0 elsewhere."""
    for m in range(ints.shape[0]):
        if ints[m, FACTS, CONVERGED] == 0 or not solve_committed(ints[m], floats[m]):
            continue
        target = tightest_node(ints[m], floats[m])
        if target < 0:
            continue
        lateral = ints[m, LATERAL, target]
        start, stop = ints[m, LATERAL_START, lateral], ints[m, LATERAL_START, lateral + 1]
        e, f = floats[m, VR, target], floats[m, VI, target]
        v = np.sqrt(e * e + f * f)
        solve_adjoint(ints[m], floats[m], start, stop, target, e / v, f / v)
        scale = floats[m, FLOAT_FACTS, WH_TO_PU] * floats[m, UNSCALE, target]
        if v - floats[m, V_MIN, target] < floats[m, V_MAX, target] - v:
            scale = -scale  # the lower limit is the tighter: an injection moves away from it
        for connection in range(ints[m, FACTS, N_CONNECTIONS]):
            n = ints[m, POSITION, connection]
            if start <= n < stop:
                e, f = floats[m, VR, n], floats[m, VI, n]
                along = floats[m, NEXT_R, n] * e + floats[m, NEXT_I, n] * f
                answer[m, connection] = scale * (along / (e * e + f * f))
