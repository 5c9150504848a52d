"""The exact power flow of a lateral by forward/backward sweep on its core (see ``sweep_tree``).

Shirmohammadi et al. 1988, doi 10.1109/59.192932: with V the voltages of the last sweep, the current drawn at a node is
I = -conj(S / V) + Y V, branch currents F are its sums over subtrees (backward), and V = V_parent - z F (forward).
Laterals at a stiff source do not see each other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from marketsim.core.compiled import kernel
from marketsim.grid.flow import rows_kernel as row
from marketsim.grid.flow.sweep_curve_kernel import follow_curves, next_damping, start_curves

HOPELESS = 10.0
"""A step beyond this [p.u.], or NaN, ends a solve."""


@kernel(helper=True)
def sum_currents(ints: Any, floats: Any, start: int, stop: int) -> None:
    """I = -conj(S / V) + Y V of each core node and its sums over subtrees, into CORE_FR and CORE_FI."""
    vr, vi = floats[row.CORE_VR, start:stop], floats[row.CORE_VI, start:stop]
    fr, fi = floats[row.CORE_FR, start:stop], floats[row.CORE_FI, start:stop]
    p, q = floats[row.P, start:stop], floats[row.Q, start:stop]
    g, b = floats[row.CORE_G, start:stop], floats[row.CORE_B, start:stop]
    size = stop - start
    for n in range(size):
        e, f = vr[n], vi[n]
        # true_divide: a plain division would carry a check for zero that keeps the loop from being vectorised
        inverse = np.true_divide(1.0, e * e + f * f)
        fr[n] = g[n] * e - b[n] * f - (p[n] * e + q[n] * f) * inverse
        fi[n] = g[n] * f + b[n] * e - (p[n] * f - q[n] * e) * inverse
    jump = ints[row.JUMP, start:stop]
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
    fr, fi = floats[row.CORE_FR, start:stop], floats[row.CORE_FI, start:stop]
    r, x = floats[row.CORE_R, start:stop], floats[row.CORE_X, start:stop]
    next_r, next_i, jump = floats[row.NEXT_R, start:stop], floats[row.NEXT_I, start:stop], ints[row.JUMP, start:stop]
    for n in range(size):
        next_r[n] = r[n] * fr[n] - x[n] * fi[n]
        next_i[n] = r[n] * fi[n] + x[n] * fr[n]
    e, f = floats[row.CORE_VR, row.SOURCE], floats[row.CORE_VI, row.SOURCE]
    for n in range(size):
        if jump[n] >= 0:
            e, f = next_r[np.uint64(jump[n])], next_i[np.uint64(jump[n])]
        e -= next_r[n]
        f -= next_i[n]
        next_r[n] = e
        next_i[n] = f
    vr, vi, step = floats[row.CORE_VR, start:stop], floats[row.CORE_VI, start:stop], floats[row.STEP, start:stop]
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
    vr, vi = floats[row.VR, start:stop], floats[row.VI, start:stop]
    fr, fi = floats[row.FR, start:stop], floats[row.FI, start:stop]
    part_r, part_x = floats[row.PART_R, start:stop], floats[row.PART_X, start:stop]
    carries = floats[row.CARRIES, start:stop]
    owner, top = ints[row.OWNER, start:stop], ints[row.TOP, start:stop]
    for n in range(stop - start):
        re, im = floats[row.CORE_FR, owner[n]], floats[row.CORE_FI, owner[n]]
        vr[n] = floats[row.CORE_VR, top[n]] - (part_r[n] * re - part_x[n] * im)
        vi[n] = floats[row.CORE_VI, top[n]] - (part_r[n] * im + part_x[n] * re)
        fr[n] = carries[n] * re
        fi[n] = carries[n] * im


@kernel(helper=True)
def start_flat(ints: Any, floats: Any, lateral: int) -> None:
    """Let a solve start from the source's voltage everywhere."""
    for n in range(ints[row.CORE_START, lateral], ints[row.CORE_START, lateral + 1]):
        floats[row.CORE_VR, n] = floats[row.CORE_VR, row.SOURCE]
        floats[row.CORE_VI, n] = 0.0
    for k in range(ints[row.CURVE_START, lateral], ints[row.CURVE_START, lateral + 1]):
        floats[row.CURVE_Q, ints[row.CURVED, k]] = 0.0


@kernel(helper=True)
def start_untraded(ints: Any, floats: Any, lateral: int) -> None:
    """Let a solve start from the untraded state."""
    for n in range(ints[row.CORE_START, lateral], ints[row.CORE_START, lateral + 1]):
        floats[row.CORE_VR, n] = floats[row.CORE_VR_FIRM, n]
        floats[row.CORE_VI, n] = floats[row.CORE_VI_FIRM, n]
    for k in range(ints[row.CURVE_START, lateral], ints[row.CURVE_START, lateral + 1]):
        floats[row.CURVE_Q, ints[row.CURVED, k]] = floats[row.CURVE_Q_FIRM, ints[row.CURVED, k]]


@kernel(helper=True)
def solve(ints: Any, floats: Any, lateral: int) -> bool:
    """Solve a lateral for P and Q from the state that ``start_flat`` or ``start_untraded`` set; False: no solution found.

    Steps shrink by a nearly constant factor; the solve ends when what is left after the last step,
    step^2 / (step before - step), is within the tolerance.
    """
    start, stop = ints[row.CORE_START, lateral], ints[row.CORE_START, lateral + 1]
    tolerance = floats[row.FLOAT_FACTS, row.TOLERANCE]
    before, damping = 0.0, 1.0
    curves = ints[row.CURVE_START, lateral + 1] > ints[row.CURVE_START, lateral]
    if curves:
        start_curves(ints, floats, lateral)
    for _ in range(ints[row.FACTS, row.MAX_SWEEPS]):
        sum_currents(ints, floats, start, stop)
        if before < 0.0:  # solved; these are the currents of the last voltages, not of those before
            expand(ints, floats, ints[row.LATERAL_START, lateral], ints[row.LATERAL_START, lateral + 1])
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
