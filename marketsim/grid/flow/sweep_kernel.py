"""The exact power flow of a lateral by forward/backward sweep on its core (see ``sweep_tree``).

Shirmohammadi et al. 1988, doi 10.1109/59.192932: with V the voltages of the last sweep, the current drawn at a node is
I = -conj(S / V) + Y V, branch currents F are its sums over subtrees (backward), and V = V_parent - z F (forward).
Laterals at a stiff source do not see each other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from marketsim.core.compiled import kernel
from marketsim.grid.flow.rows_kernel import (
    CARRIES,
    CORE_B,
    CORE_FI,
    CORE_FR,
    CORE_G,
    CORE_R,
    CORE_START,
    CORE_VI,
    CORE_VI_FIRM,
    CORE_VR,
    CORE_VR_FIRM,
    CORE_X,
    CURVE_Q,
    CURVE_Q_FIRM,
    CURVE_START,
    CURVED,
    FACTS,
    FI,
    FLOAT_FACTS,
    FR,
    JUMP,
    LATERAL_START,
    MAX_SWEEPS,
    NEXT_I,
    NEXT_R,
    OWNER,
    PART_R,
    PART_X,
    STEP,
    TOLERANCE,
    TOP,
    VI,
    VR,
    P,
    Q,
)
from marketsim.grid.flow.sweep_curve_kernel import follow_curves, next_damping, start_curves

HOPELESS = 10.0
"""A step beyond this [p.u.], or NaN, ends a solve."""


@kernel(helper=True)
def sum_currents(ints: Any, floats: Any, start: int, stop: int) -> None:
    """I = -conj(S / V) + Y V of each core node and its sums over subtrees, into CORE_FR and CORE_FI."""
    vr, vi, fr, fi = (
        floats[CORE_VR, start:stop],
        floats[CORE_VI, start:stop],
        floats[CORE_FR, start:stop],
        floats[CORE_FI, start:stop],
    )
    p, q, g, b = floats[P, start:stop], floats[Q, start:stop], floats[CORE_G, start:stop], floats[CORE_B, start:stop]
    size = stop - start
    for n in range(size):
        e, f = vr[n], vi[n]
        # true_divide: a plain division would carry a check for zero that keeps the loop from being vectorised
        inverse = np.true_divide(1.0, e * e + f * f)
        fr[n] = g[n] * e - b[n] * f - (p[n] * e + q[n] * f) * inverse
        fi[n] = g[n] * f + b[n] * e - (p[n] * f - q[n] * e) * inverse
    jump = ints[JUMP, start:stop]
    sum_r, sum_i = 0.0, 0.0
    for back in range(size):
        k: Any = np.uint64(size - 1 - back)  # unsigned: no test for an index from the end
        sum_r += fr[k]
        sum_i += fi[k]
        fr[k] = sum_r
        fi[k] = sum_i
        if jump[k] >= 0:  # the first child of a node follows it; the sums of the others wait at the parent
            above = np.uint64(jump[k])
            fr[above] += sum_r
            fi[above] += sum_i
            sum_r, sum_i = 0.0, 0.0


@kernel(helper=True)
def drop_voltages(ints: Any, floats: Any, start: int, stop: int) -> float:
    """V = V_parent - z F down the tree; returns the largest step |dVr| + |dVi| [p.u.], NaN if any is NaN."""
    size = stop - start
    fr, fi, r, x = (
        floats[CORE_FR, start:stop],
        floats[CORE_FI, start:stop],
        floats[CORE_R, start:stop],
        floats[CORE_X, start:stop],
    )
    next_r, next_i, jump = floats[NEXT_R, start:stop], floats[NEXT_I, start:stop], ints[JUMP, start:stop]
    for n in range(size):
        next_r[n] = r[n] * fr[n] - x[n] * fi[n]
        next_i[n] = r[n] * fi[n] + x[n] * fr[n]
    e, f = floats[CORE_VR, 0], floats[CORE_VI, 0]
    for n in range(size):
        if jump[n] >= 0:
            e, f = next_r[np.uint64(jump[n])], next_i[np.uint64(jump[n])]
        e -= next_r[n]
        f -= next_i[n]
        next_r[n] = e
        next_i[n] = f
    vr, vi, step = floats[CORE_VR, start:stop], floats[CORE_VI, start:stop], floats[STEP, start:stop]
    for n in range(size):
        step[n] = abs(next_r[n] - vr[n]) + abs(next_i[n] - vi[n])
        vr[n] = next_r[n]
        vi[n] = next_i[n]
    # The bits of non-negative floats order as integers, NaN above all; and their maximum is vectorised.
    bits, most = step.view(np.int64), 0
    for n in range(size):
        most = max(most, bits[n])
    if size > 0:
        bits[0] = most
        return step[0]
    return 0.0


@kernel(helper=True)
def expand(ints: Any, floats: Any, start: int, stop: int) -> None:
    """Voltages and series currents of the positions [start, stop) from those of the core."""
    vr, vi, fr, fi = floats[VR, start:stop], floats[VI, start:stop], floats[FR, start:stop], floats[FI, start:stop]
    part_r, part_x, carries = floats[PART_R, start:stop], floats[PART_X, start:stop], floats[CARRIES, start:stop]
    owner, top = ints[OWNER, start:stop], ints[TOP, start:stop]
    for n in range(stop - start):
        re, im = floats[CORE_FR, owner[n]], floats[CORE_FI, owner[n]]
        vr[n] = floats[CORE_VR, top[n]] - (part_r[n] * re - part_x[n] * im)
        vi[n] = floats[CORE_VI, top[n]] - (part_r[n] * im + part_x[n] * re)
        fr[n] = carries[n] * re
        fi[n] = carries[n] * im


@kernel(helper=True)
def start_flat(ints: Any, floats: Any, lateral: int) -> None:
    """Let a solve start from the source's voltage everywhere."""
    for n in range(ints[CORE_START, lateral], ints[CORE_START, lateral + 1]):
        floats[CORE_VR, n] = floats[CORE_VR, 0]
        floats[CORE_VI, n] = 0.0
    for k in range(ints[CURVE_START, lateral], ints[CURVE_START, lateral + 1]):
        floats[CURVE_Q, ints[CURVED, k]] = 0.0


@kernel(helper=True)
def start_untraded(ints: Any, floats: Any, lateral: int) -> None:
    """Let a solve start from the untraded state."""
    for n in range(ints[CORE_START, lateral], ints[CORE_START, lateral + 1]):
        floats[CORE_VR, n] = floats[CORE_VR_FIRM, n]
        floats[CORE_VI, n] = floats[CORE_VI_FIRM, n]
    for k in range(ints[CURVE_START, lateral], ints[CURVE_START, lateral + 1]):
        floats[CURVE_Q, ints[CURVED, k]] = floats[CURVE_Q_FIRM, ints[CURVED, k]]


@kernel(helper=True)
def solve(ints: Any, floats: Any, lateral: int) -> bool:
    """Solve a lateral for P and Q from the state that ``start_flat`` or ``start_untraded`` set; False: no solution found.

    Steps shrink by a nearly constant factor; the solve ends when what is left after the last step,
    step^2 / (step before - step), is within the tolerance.
    """
    start, stop = ints[CORE_START, lateral], ints[CORE_START, lateral + 1]
    tolerance = floats[FLOAT_FACTS, TOLERANCE]
    before, damping = 0.0, 1.0
    curves = ints[CURVE_START, lateral + 1] > ints[CURVE_START, lateral]
    if curves:
        start_curves(ints, floats, lateral)
    for _ in range(ints[FACTS, MAX_SWEEPS]):
        sum_currents(ints, floats, start, stop)
        if before < 0.0:  # solved; these are the currents of the last voltages, not of those before
            expand(ints, floats, ints[LATERAL_START, lateral], ints[LATERAL_START, lateral + 1])
            return True
        step = drop_voltages(ints, floats, start, stop)
        if curves:
            step = max(step, follow_curves(ints, floats, lateral, damping))
            damping = next_damping(damping, step, before)
        if not step < HOPELESS:
            return False
        done = step <= tolerance or (2.0 * step < before and step * step <= tolerance * (before - step))
        before = -1.0 if done else step
    return False
