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
from marketsim.grid.gate_layout_kernel import (
    CONVERGED,
    FACTS,
    FLOAT_FACTS,
    LATERAL,
    LATERAL_START,
    MAX_SWEEPS,
    N_CONNECTIONS,
    N_NODES,
    PARENT,
    POSITION,
    SCALE,
    V_MAX,
    V_MIN,
    VI_FIRM,
    VR_FIRM,
    WH_TO_PU,
    B,
    G,
    P,
    Q,
    R,
    X,
)

RELATIVE_STEP = 1e-9
"""The adjoint state is solved to this share of its largest entry."""


@kernel()
def tightest_node(ints: Any, floats: Any) -> int:
    """Position whose voltage is closest to, or furthest beyond, a limit in the untraded state."""
    tightest, least = -1, np.inf
    for n in range(1, ints[FACTS, N_NODES]):
        v = np.sqrt(floats[VR_FIRM, n] ** 2 + floats[VI_FIRM, n] ** 2)
        margin = min(v - floats[V_MIN, n], floats[V_MAX, n] - v) / floats[SCALE, n]
        if margin < least:
            tightest, least = n, margin
    return tightest


@kernel()
def adjoint_state(ints: Any, floats: Any, start: int, stop: int, target: int, slope: complex) -> Any:
    """a = conj(Z) u over a lateral, with ``slope`` at position ``target`` as the right-hand side."""
    size = stop - start
    a, total = np.zeros(size, dtype=np.complex128), np.empty(size, dtype=np.complex128)
    for _ in range(ints[FACTS, MAX_SWEEPS]):
        for n in range(start, stop):
            v = complex(floats[VR_FIRM, n], floats[VI_FIRM, n])
            s, y = complex(floats[P, n], floats[Q, n]), complex(floats[G, n], floats[B, n])
            c = np.conj(s) / np.conj(v) ** 2
            total[n - start] = -(c * np.conj(a[n - start]) + np.conj(y) * a[n - start])
        total[target - start] += slope
        for n in range(stop - 1, start, -1):
            total[ints[PARENT, n] - start] += total[n - start]
        step, largest = 0.0, 0.0
        for n in range(start, stop):
            above = a[ints[PARENT, n] - start] if n > start else 0j
            value = above + complex(floats[R, n], -floats[X, n]) * total[n - start]
            step, largest = max(step, abs(value - a[n - start])), max(largest, abs(value))
            a[n - start] = value
        if step <= RELATIVE_STEP * largest:
            break
    return a


@kernel(types.void(types.int64[:, :, ::1], types.float64[:, :, ::1], types.float64[:, ::1]))
def tightest_sensitivity(ints: Any, floats: Any, answer: Any) -> None:
    """d|V| of the tightest node to an injection at each connection [p.u./Wh] [n_markets, n_connections]; 0 elsewhere."""
    for m in range(ints.shape[0]):
        if ints[m, FACTS, CONVERGED] == 0:
            continue
        target = tightest_node(ints[m], floats[m])
        if target < 0:
            continue
        lateral = ints[m, LATERAL, target]
        start, stop = ints[m, LATERAL_START, lateral], ints[m, LATERAL_START, lateral + 1]
        v = complex(floats[m, VR_FIRM, target], floats[m, VI_FIRM, target])
        a = adjoint_state(ints[m], floats[m], start, stop, target, v / abs(v))
        scale = floats[m, FLOAT_FACTS, WH_TO_PU] / floats[m, SCALE, target]
        for connection in range(ints[m, FACTS, N_CONNECTIONS]):
            n = ints[m, POSITION, connection]
            if start <= n < stop:
                v_n = complex(floats[m, VR_FIRM, n], floats[m, VI_FIRM, n])
                answer[m, connection] = scale * (a[n - start] / v_n).real
