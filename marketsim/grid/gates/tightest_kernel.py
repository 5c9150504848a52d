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
from marketsim.grid.flow import rows_kernel as row
from marketsim.grid.gates.gate_slot_kernel import solve_committed

RELATIVE_STEP = 1e-9
"""The adjoint state is solved to this share of its largest entry."""


@kernel(helper=True)
def tightest_node(ints: Any, floats: Any) -> int:
    """Position whose voltage is closest to, or furthest beyond, a limit in the solved state."""
    tightest, least = -1, np.inf
    for n in range(1, ints[row.FACTS, row.N_NODES]):
        v = np.sqrt(floats[row.VR, n] ** 2 + floats[row.VI, n] ** 2)
        margin = min(v - floats[row.V_MIN, n], floats[row.V_MAX, n] - v) * floats[row.UNSCALE, n]
        if margin < least:
            tightest, least = n, margin
    return tightest


@kernel(helper=True)
def _set_adjoint_currents(ints: Any, floats: Any, start: int, stop: int) -> None:
    """-K*(a) of each position into STEP and EXCESS, a read from NEXT_R and NEXT_I."""
    for n in range(start, stop):
        e, f, core = floats[row.VR, n], floats[row.VI, n], ints[row.CORE, n]
        square = np.true_divide(1.0, (e * e + f * f) * (e * e + f * f))
        # C = conj(S) / conj(V)^2 = conj(S) V^2 / |V|^4
        c_r, c_i = 0.0, 0.0
        if core >= 0:
            p, q, re, im = floats[row.P, core], floats[row.Q, core], e * e - f * f, 2.0 * e * f
            c_r, c_i = (p * re + q * im) * square, (p * im - q * re) * square
        a_r, a_i = floats[row.NEXT_R, n], floats[row.NEXT_I, n]
        g, b = floats[row.G, n], floats[row.B, n]
        floats[row.STEP, n] = -(c_r * a_r + c_i * a_i + g * a_r + b * a_i)
        floats[row.EXCESS, n] = -(c_i * a_r - c_r * a_i + g * a_i - b * a_r)


@kernel(helper=True)
def solve_adjoint(ints: Any, floats: Any, start: int, stop: int, target: int, slope_r: float, slope_i: float) -> None:
    """Adjoint state a = conj(Z) u of a lateral, into NEXT_R and NEXT_I; (slope_r, slope_i) is w at ``target``."""
    for n in range(start, stop):
        floats[row.NEXT_R, n], floats[row.NEXT_I, n] = 0.0, 0.0
    for _ in range(ints[row.FACTS, row.MAX_SWEEPS]):
        _set_adjoint_currents(ints, floats, start, stop)
        floats[row.STEP, target] += slope_r
        floats[row.EXCESS, target] += slope_i
        for back in range(stop - start - 1):
            n = stop - 1 - back
            floats[row.STEP, ints[row.PARENT, n]] += floats[row.STEP, n]
            floats[row.EXCESS, ints[row.PARENT, n]] += floats[row.EXCESS, n]
        step, largest = 0.0, 0.0
        for n in range(start, stop):
            re = floats[row.R, n] * floats[row.STEP, n] + floats[row.X, n] * floats[row.EXCESS, n]
            im = floats[row.R, n] * floats[row.EXCESS, n] - floats[row.X, n] * floats[row.STEP, n]
            if n > start:
                re += floats[row.NEXT_R, ints[row.PARENT, n]]
                im += floats[row.NEXT_I, ints[row.PARENT, n]]
            step = max(step, abs(re - floats[row.NEXT_R, n]) + abs(im - floats[row.NEXT_I, n]))
            largest = max(largest, abs(re) + abs(im))
            floats[row.NEXT_R, n], floats[row.NEXT_I, n] = re, im
        if step <= RELATIVE_STEP * largest:
            return


@kernel(types.void(types.int64[:, :, ::1], types.float64[:, :, ::1], types.float64[:, ::1]))
def tightest_sensitivity(ints: Any, floats: Any, answer: Any) -> None:
    """Movement of the tightest node towards its limit by an injection at each connection [p.u./Wh]; 0 elsewhere."""
    for m in range(ints.shape[0]):
        if ints[m, row.FACTS, row.CONVERGED] == 0 or not solve_committed(ints[m], floats[m]):
            continue
        target = tightest_node(ints[m], floats[m])
        if target < 0:
            continue
        lateral = ints[m, row.LATERAL, target]
        start, stop = ints[m, row.LATERAL_START, lateral], ints[m, row.LATERAL_START, lateral + 1]
        e, f = floats[m, row.VR, target], floats[m, row.VI, target]
        v = np.sqrt(e * e + f * f)
        solve_adjoint(ints[m], floats[m], start, stop, target, e / v, f / v)
        scale = floats[m, row.FLOAT_FACTS, row.WH_TO_PU] * floats[m, row.UNSCALE, target]
        if v - floats[m, row.V_MIN, target] < floats[m, row.V_MAX, target] - v:
            scale = -scale  # the lower limit is the tighter: an injection moves away from it
        for connection in range(ints[m, row.FACTS, row.N_CONNECTIONS]):
            n = ints[m, row.POSITION, connection]
            if start <= n < stop:
                e, f = floats[m, row.VR, n], floats[m, row.VI, n]
                along = floats[m, row.NEXT_R, n] * e + floats[m, row.NEXT_I, n] * f
                answer[m, connection] = scale * (along / (e * e + f * f))
