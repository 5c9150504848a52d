"""The exact power flow of a lateral by forward/backward sweep.

Shirmohammadi et al. 1988, doi 10.1109/59.192932: with V the voltages of the last sweep, the current drawn at a node is
I = -conj(S / V) + Y V, branch currents F are its sums over subtrees (backward), and V = V_parent - z F (forward).
Laterals at a stiff source do not see each other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from marketsim.core.compiled import kernel
from marketsim.grid.gate_layout_kernel import (
    FACTS,
    FI,
    FLOAT_FACTS,
    FR,
    LINK,
    MAX_SWEEPS,
    TOLERANCE,
    VI,
    VR,
    B,
    G,
    P,
    Q,
    R,
    X,
)

HOPELESS = 10.0
"""A step beyond this [p.u.], or NaN, ends a solve."""


@kernel()
def start_flat(floats: Any, start: int, stop: int) -> None:
    """Set the voltages of a lateral to the source's."""
    for position in range(start, stop):
        floats[VR, position] = floats[VR, 0]
        floats[VI, position] = floats[VI, 0]


@kernel()
def draw_currents(floats: Any, start: int, stop: int) -> None:
    """I = -conj(S / V) + Y V of each node, into FR and FI."""
    vr, vi, fr, fi = floats[VR, start:stop], floats[VI, start:stop], floats[FR, start:stop], floats[FI, start:stop]
    p, q, g, b = floats[P, start:stop], floats[Q, start:stop], floats[G, start:stop], floats[B, start:stop]
    for n in range(stop - start):
        e, f = vr[n], vi[n]
        # true_divide: a plain division would carry a check for zero that keeps the loop from being vectorised
        inverse = np.true_divide(1.0, e * e + f * f)
        fr[n] = g[n] * e - b[n] * f - (p[n] * e + q[n] * f) * inverse
        fi[n] = g[n] * f + b[n] * e - (p[n] * f - q[n] * e) * inverse


@kernel()
def sum_branches(ints: Any, floats: Any, start: int, stop: int) -> None:
    """Sum the currents in FR and FI over subtrees, in place."""
    fr, fi, link = floats[FR, start:stop], floats[FI, start:stop], ints[LINK, start:stop]
    sum_r, sum_i = 0.0, 0.0
    size = stop - start
    for back in range(size):
        n = size - 1 - back
        sum_r += fr[n]
        sum_i += fi[n]
        fr[n] = sum_r
        fi[n] = sum_i
        if link[n] != n - 1:  # the first child of a node follows it; the sums of the others wait at the parent
            fr[link[n]] += sum_r
            fi[link[n]] += sum_i
            sum_r, sum_i = 0.0, 0.0


@kernel()
def drop_voltages(ints: Any, floats: Any, start: int, stop: int) -> float:
    """V = V_parent - z F down the tree; returns the largest step |dVr| + |dVi| [p.u.], NaN if any is NaN."""
    vr, vi, fr, fi = floats[VR, start:stop], floats[VI, start:stop], floats[FR, start:stop], floats[FI, start:stop]
    r, x, link = floats[R, start:stop], floats[X, start:stop], ints[LINK, start:stop]
    largest = 0.0
    e, f = floats[VR, 0], floats[VI, 0]
    for n in range(stop - start):
        if link[n] != n - 1:
            e, f = vr[link[n]], vi[link[n]]
        e = e - (r[n] * fr[n] - x[n] * fi[n])
        f = f - (r[n] * fi[n] + x[n] * fr[n])
        step = abs(e - vr[n]) + abs(f - vi[n])
        if step > largest or step != step:
            largest = step
        vr[n] = e
        vi[n] = f
    return largest


@kernel()
def sweep(ints: Any, floats: Any, start: int, stop: int) -> bool:
    """Solve the lateral [start, stop) for P and Q, from the voltages in VR and VI; False: no solution found.

    Steps shrink by a nearly constant factor; the solve ends when what is left after the last step, step^2 / (last step - step),
    is within the tolerance.
    """
    tolerance = floats[FLOAT_FACTS, TOLERANCE]
    before = 0.0
    for _ in range(ints[FACTS, MAX_SWEEPS]):
        draw_currents(floats, start, stop)
        sum_branches(ints, floats, start, stop)
        step = drop_voltages(ints, floats, start, stop)
        if step <= tolerance or (2.0 * step < before and step * step <= tolerance * (before - step)):
            draw_currents(floats, start, stop)  # currents of the last voltages, not of those before
            sum_branches(ints, floats, start, stop)
            return True
        if not step < HOPELESS:
            return False
        before = step
    return False
