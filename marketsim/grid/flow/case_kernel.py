"""Many power flows of one radial feeder in one call: cases of added units on the slots of a run.

The sweep of ``sweep_kernel`` without its bookkeeping: V = V_parent - z F, F the sums of I = -conj(S / V) + Y V over
subtrees, started from the slot's own base state.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from marketsim.core.compiled import kernel

MOST_SWEEPS = 200
MOST_TRIALS = 40
SHARE_STEP = 1e-4
TOLERANCE = 1e-10
HOPELESS = 10.0
_I1, _I2, _F1, _F2 = types.int64[::1], types.int64[:, ::1], types.float64[::1], types.float64[:, ::1]
_C1, _C2 = types.complex128[::1], types.complex128[:, ::1]

LOW_VOLTAGE, HIGH_VOLTAGE, OVERLOAD, HEAD = 0, 1, 2, 3


@kernel(helper=True)
def _sweep(parent: Any, z: Any, y: Any, s: Any, v: Any, f: Any) -> bool:
    """Solve from the voltages in ``v``; voltages and series currents are left in ``v`` and ``f``."""
    n = len(parent)
    for _ in range(MOST_SWEEPS):
        for k in range(n):
            re, im, p, q = v[k].real, v[k].imag, s[k].real, s[k].imag
            inverse = np.true_divide(1.0, re * re + im * im)  # true_divide: no check for zero, which a division has
            g, b = y[k].real, y[k].imag
            f[k] = complex(g * re - b * im - (p * re + q * im) * inverse, g * im + b * re - (p * im - q * re) * inverse)
        for back in range(n - 1):
            k = n - 1 - back
            f[parent[k]] += f[k]
        step = 0.0
        for k in range(1, n):
            new = v[parent[k]] - z[k] * f[k]
            step = max(step, abs(new.real - v[k].real) + abs(new.imag - v[k].imag))
            v[k] = new
        if not step < HOPELESS:
            return False
        if step <= TOLERANCE:
            return True
    return False


@kernel(helper=True)
def _loading(
    k: int, parent: Any, v: Any, f: Any, y_parent: Any, y_child: Any, rating_parent: Any, rating_child: Any
) -> float:
    """Larger share of the ratings of both ends of the branch above position ``k``."""
    at_parent, at_child = f[k] + y_parent[k] * v[parent[k]], f[k] - y_child[k] * v[k]
    one = np.true_divide(at_parent.real * at_parent.real + at_parent.imag * at_parent.imag, rating_parent[k] ** 2)
    other = np.true_divide(at_child.real * at_child.real + at_child.imag * at_child.imag, rating_child[k] ** 2)
    return np.sqrt(max(one, other))


@kernel(types.boolean[::1](_I1, _C1, _C1, _C1, _C1, _F1, _F1, types.float64, _C2, _C2, _F2))
def solve_base(
    parent: Any, z: Any, y: Any, y_parent: Any, y_child: Any, rating_parent: Any, rating_child: Any, source: float,
    base: Any, v: Any, loading: Any,
) -> Any:  # fmt: skip
    """Voltages and loadings of the slots' own injections ``base`` [n_slots, n]; which have a solution [n_slots]."""
    n_slots, n = base.shape
    f = np.zeros(n, dtype=np.complex128)
    solved = np.zeros(n_slots, dtype=np.bool_)
    for slot in range(n_slots):
        for k in range(n):
            v[slot, k] = source
        solved[slot] = _sweep(parent, z, y, base[slot], v[slot], f)
        loading[slot, 0] = 0.0
        for k in range(1, n):
            loading[slot, k] = _loading(k, parent, v[slot], f, y_parent, y_child, rating_parent, rating_child)
    return solved


@kernel(helper=True)
def _worst(
    slot: int, parent: Any, y_parent: Any, y_child: Any, rating_parent: Any, rating_child: Any, unscale: Any, head: Any, v: Any,
    f: Any,
    s: Any, low: Any, high: Any, most: Any, head_low: Any, head_high: Any, through: Any, outside: Any, depth: Any,
) -> tuple[float, int, int, float]:  # fmt: skip
    """(largest excess, its position, what it is, largest excess of a loading or head) of a solved case.

    Voltages outside the band are counted in ``outside`` and summed in ``depth`` by position.
    """
    worst, where, what, hard = -np.inf, -1, -1, -np.inf
    for k in range(1, len(parent)):
        size = np.sqrt(v[k].real * v[k].real + v[k].imag * v[k].imag) * unscale[k]
        under, over = low[slot, k] - size, size - high[slot, k]
        beyond = max(under, over)
        if beyond > 0.0:
            outside[k] += 1
            depth[k] += beyond
        if beyond > worst:
            worst, where, what = beyond, k, (LOW_VOLTAGE if under > over else HIGH_VOLTAGE)
        load = _loading(k, parent, v, f, y_parent, y_child, rating_parent, rating_child) - most[slot, k]
        hard = max(hard, load)
        if load > worst:
            worst, where, what = load, k, OVERLOAD
    through[:] = 0.0
    for k in range(1, len(parent)):
        through[head[k]] += s[k].real
    for number in range(len(through)):
        beyond = max(through[number] - head_high[slot, number], head_low[slot, number] - through[number])
        hard = max(hard, beyond)
        if beyond > worst:
            worst, where, what = beyond, number, HEAD
    return worst, where, what, hard


@kernel(
    types.void(
        _I1, _C1, _C1, _C1, _C1, _F1, _F1, _F1, _I1, _C2, _C2, _C1, _F2, _F2, _F2, _F2, _F2, _F2, types.boolean, _F1, _I2, _I2,
        _F2, _F1
    )
)  # fmt: skip
def assess(
    parent: Any, z: Any, y: Any, y_parent: Any, y_child: Any, rating_parent: Any, rating_child: Any, unscale: Any, head: Any,
    base: Any, base_v: Any, unit: Any, low: Any, high: Any, most: Any, head_low: Any, head_high: Any, installed: Any,
    stop: bool, excess: Any, binding: Any, outside: Any, depth: Any, hard: Any,
) -> None:  # fmt: skip
    """Every case [n_cases] on every slot: ``installed`` [n_cases, n] times ``unit`` [n_slots] on top of ``base``.

    Into ``excess`` the largest, ``binding`` (position, what, slot) of it, ``outside`` and ``depth`` the slots and the sum of
    distances outside the band by position, ``hard`` the largest excess of loadings and heads. ``stop``: a case ends
    with the first slot that breaks a limit.
    """
    n_slots, n = base.shape
    s, v, f = np.zeros(n, dtype=np.complex128), np.zeros(n, dtype=np.complex128), np.zeros(n, dtype=np.complex128)
    through = np.zeros(head_low.shape[1])
    for case in range(len(installed)):
        excess[case], hard[case] = -np.inf, -np.inf
        binding[case, 0], binding[case, 1], binding[case, 2] = -1, -1, -1
        for slot in range(n_slots):
            if unit[slot] == 0.0 and slot > 0:  # the base state, which keeps its own limits
                continue
            for k in range(n):
                s[k] = base[slot, k] + installed[case, k] * unit[slot]
                v[k] = base_v[slot, k]
            if _sweep(parent, z, y, s, v, f):
                worst, where, what, stiff = _worst(
                    slot, parent, y_parent, y_child, rating_parent, rating_child, unscale, head, v, f, s, low, high, most,
                    head_low, head_high, through, outside[case], depth[case],
                )  # fmt: skip
            else:
                worst, where, what, stiff = np.inf, -1, -1, np.inf
            hard[case] = max(hard[case], stiff)
            if worst > excess[case]:
                excess[case] = worst
                binding[case, 0], binding[case, 1], binding[case, 2] = where, what, slot
            if stop and excess[case] > 0.0:
                break


@kernel(
    types.void(
        _I1, _C1, _C1, _C1, _C1, _F1, _F1, _F1, _I1, _C2, _C2, _C1, _F2, _F2, _F2, _F2, _F2, _F2, types.float64, _F2
    )
)
def largest_share(
    parent: Any, z: Any, y: Any, y_parent: Any, y_child: Any, rating_parent: Any, rating_child: Any, unscale: Any, head: Any,
    base: Any, base_v: Any, unit: Any, low: Any, high: Any, most: Any, head_low: Any, head_high: Any, installed: Any,
    patience: float, share: Any,
) -> None:  # fmt: skip
    """Largest common share of the added units that keeps every limit, into ``share`` [n_cases, n_slots].

    To ``SHARE_STEP``, by chords and halvings. A case ends when it has lost more than ``patience`` of the sum of |unit|; the
    shares of the slots left are then 0.
    """
    n_slots, n = base.shape
    s, v, f = np.zeros(n, dtype=np.complex128), np.zeros(n, dtype=np.complex128), np.zeros(n, dtype=np.complex128)
    through = np.zeros(head_low.shape[1])
    nobody, nothing = np.zeros(n, dtype=np.int64), np.zeros(n)
    for case in range(len(installed)):
        lost = 0.0
        share[case] = 0.0
        for slot in range(n_slots):
            below, above, at_below, at_above = 0.0, 1.0, 0.0, np.inf
            trial = 1.0
            for turn in range(MOST_TRIALS):
                if unit[slot] == 0.0:
                    below = 1.0
                    break
                for k in range(n):
                    s[k] = base[slot, k] + installed[case, k] * unit[slot] * trial
                    v[k] = base_v[slot, k]
                excess = np.inf
                if _sweep(parent, z, y, s, v, f):
                    excess = _worst(
                        slot, parent, y_parent, y_child, rating_parent, rating_child, unscale, head, v, f, s, low, high,
                        most, head_low, head_high, through, nobody, nothing,
                    )[0]  # fmt: skip
                if excess <= 0.0:
                    below, at_below = trial, excess
                else:
                    above, at_above = trial, excess
                if below == 1.0 or above - below <= SHARE_STEP:
                    break
                trial = 0.5 * (below + above)
                if turn % 3 < 2 and at_below < 0.0 and at_above < np.inf:  # the chord, kept off the ends
                    chord = below + (above - below) * at_below / (at_below - at_above)
                    trial = min(max(chord, below + 0.4 * SHARE_STEP), above - 0.4 * SHARE_STEP)
            share[case, slot] = below
            lost += (1.0 - below) * abs(unit[slot])
            if lost > patience:
                break
