"""Many power flows of one radial feeder in one call: cases of added units on the slots of a run.

The sweep of ``sweep_kernel`` without its bookkeeping: V = V_parent - z F, F the sums of I = -conj(S / V) + Y V over
subtrees, started from the slot's own base state.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import types

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.compiled import kernel, record_type
from marketsim.grid.flow.rows_kernel import HIGH_VOLTAGE, LOW_VOLTAGE, OVERLOAD, SOURCE
from marketsim.grid.net.network import ComplexArray

MOST_SWEEPS = 200
MOST_TRIALS = 40
SHARE_STEP = 1e-4
TOLERANCE = 1e-10
HOPELESS = 10.0
_I1, _I2, _F1, _F2 = types.int64[::1], types.int64[:, ::1], types.float64[::1], types.float64[:, ::1]
_C1, _C2 = types.complex128[::1], types.complex128[:, ::1]

HEAD = 3
"""What binds, beside what binds in a gate: the limit of a feeder head."""


class Wires(NamedTuple):
    """A feeder by position [n]; quantities of the branch above."""

    parent: IntArray
    z: ComplexArray
    y: ComplexArray
    y_parent: ComplexArray
    y_child: ComplexArray
    rating_parent: FloatArray
    rating_child: FloatArray
    unscale: FloatArray
    head: IntArray


class Base(NamedTuple):
    """The slots before anything is added."""

    s: ComplexArray
    """Injections [p.u.] [n_slots, n]."""
    v: ComplexArray
    """Voltages [p.u.] [n_slots, n]."""
    unit: ComplexArray
    """What one unit of what is added injects [n_slots]."""


class Limits(NamedTuple):
    """Limits of every slot, widened to its base state."""

    low: FloatArray
    """Least |V'| [p.u.] [n_slots, n]."""
    high: FloatArray
    loading: FloatArray
    """Largest share of a rating [n_slots, n]."""
    head_low: FloatArray
    """Least injection of each head [p.u.] [n_slots, n_heads]."""
    head_high: FloatArray


class Outcome(NamedTuple):
    """What cases do [n_cases]."""

    excess: FloatArray
    """The largest, and where, of what and in which slot it is."""
    where: IntArray
    what: IntArray
    slot: IntArray
    outside: IntArray
    """Slots outside the band by position [n_cases, n]."""
    depth: FloatArray
    """Sum of the distances outside the band over slots by position [n_cases, n]."""
    hard: FloatArray
    """Largest excess of loadings and heads."""


class _Flow(NamedTuple):
    """A case on one slot."""

    s: ComplexArray
    v: ComplexArray
    f: ComplexArray
    """Series currents."""


_WIRES = record_type(Wires, _I1, _C1, _C1, _C1, _C1, _F1, _F1, _F1, _I1)
_BASE = record_type(Base, _C2, _C2, _C1)
_LIMITS = record_type(Limits, _F2, _F2, _F2, _F2, _F2)
_OUTCOME = record_type(Outcome, _F1, _I1, _I1, _I1, _I2, _F2, _F1)


@kernel(helper=True)
def _sweep(wires: Wires, flow: _Flow) -> bool:
    """Solve from the voltages in ``flow``; voltages and series currents are left there."""
    n, (s, v, f) = len(wires.parent), flow
    for _ in range(MOST_SWEEPS):
        for k in range(n):
            re, im, p, q = v[k].real, v[k].imag, s[k].real, s[k].imag
            inverse = np.true_divide(1.0, re * re + im * im)  # true_divide: no check for zero, which a division has
            g, b = wires.y[k].real, wires.y[k].imag
            f[k] = complex(g * re - b * im - (p * re + q * im) * inverse, g * im + b * re - (p * im - q * re) * inverse)
        for back in range(n - 1):
            k = n - 1 - back
            f[wires.parent[k]] += f[k]
        step = 0.0
        for k in range(1, n):
            new = v[wires.parent[k]] - wires.z[k] * f[k]
            step = max(step, abs(new.real - v[k].real) + abs(new.imag - v[k].imag))
            v[k] = new
        if not step < HOPELESS:
            return False
        if step <= TOLERANCE:
            return True
    return False


@kernel(helper=True)
def _loading(k: int, wires: Wires, flow: _Flow) -> float:
    """Larger share of the ratings of both ends of the branch above position ``k``."""
    at_parent = flow.f[k] + wires.y_parent[k] * flow.v[wires.parent[k]]
    at_child = flow.f[k] - wires.y_child[k] * flow.v[k]
    one = np.true_divide(at_parent.real * at_parent.real + at_parent.imag * at_parent.imag, wires.rating_parent[k] ** 2)
    other = np.true_divide(at_child.real * at_child.real + at_child.imag * at_child.imag, wires.rating_child[k] ** 2)
    return np.sqrt(max(one, other))


@kernel(types.boolean[::1](_WIRES, types.float64, _C2, _C2, _F2))
def solve_base(wires: Wires, source: float, base: ComplexArray, v: ComplexArray, loading: FloatArray) -> BoolArray:
    """Voltages and loadings of the slots' own injections ``base`` [n_slots, n]; which have a solution [n_slots]."""
    n_slots, n = base.shape
    f = np.zeros(n, dtype=np.complex128)
    solved = np.zeros(n_slots, dtype=np.bool_)
    for slot in range(n_slots):
        for k in range(n):
            v[slot, k] = source
        flow = _Flow(base[slot], v[slot], f)
        solved[slot] = _sweep(wires, flow)
        loading[slot, SOURCE] = 0.0
        for k in range(1, n):
            loading[slot, k] = _loading(k, wires, flow)
    return solved


@kernel(helper=True)
def _worst(
    slot: int, wires: Wires, limits: Limits, flow: _Flow, through: FloatArray, outside: IntArray, depth: FloatArray
) -> tuple[float, int, int, float]:
    """(largest excess, its position, what it is, largest excess of a loading or head) of a solved case.

    Voltages outside the band are counted in ``outside`` and summed in ``depth`` by position.
    """
    n, v, worst, where, what, hard = len(wires.parent), flow.v, -np.inf, -1, -1, -np.inf
    for k in range(1, n):
        size = np.sqrt(v[k].real * v[k].real + v[k].imag * v[k].imag) * wires.unscale[k]
        under, over = limits.low[slot, k] - size, size - limits.high[slot, k]
        beyond = max(under, over)
        if beyond > 0.0:
            outside[k] += 1
            depth[k] += beyond
        if beyond > worst:
            worst, where, what = beyond, k, (LOW_VOLTAGE if under > over else HIGH_VOLTAGE)
        load = _loading(k, wires, flow) - limits.loading[slot, k]
        hard = max(hard, load)
        if load > worst:
            worst, where, what = load, k, OVERLOAD
    through[:] = 0.0
    for k in range(1, n):
        through[wires.head[k]] += flow.s[k].real
    for number in range(len(through)):
        beyond = max(through[number] - limits.head_high[slot, number], limits.head_low[slot, number] - through[number])
        hard = max(hard, beyond)
        if beyond > worst:
            worst, where, what = beyond, number, HEAD
    return worst, where, what, hard


@kernel(types.void(_WIRES, _BASE, _LIMITS, _F2, types.boolean, _OUTCOME))
def assess(wires: Wires, base: Base, limits: Limits, installed: FloatArray, stop: bool, outcome: Outcome) -> None:
    """Every case [n_cases] on every slot: ``installed`` [n_cases, n] times the slot's unit on top of ``base``.

    ``stop``: a case ends with the first slot that breaks a limit.
    """
    n_slots, n = base.s.shape
    flow = _Flow(np.zeros(n, dtype=np.complex128), np.zeros(n, dtype=np.complex128), np.zeros(n, dtype=np.complex128))
    through, excess, hard = np.zeros(limits.head_low.shape[1]), outcome.excess, outcome.hard
    for case in range(len(installed)):
        excess[case], hard[case] = -np.inf, -np.inf
        outcome.where[case], outcome.what[case], outcome.slot[case] = -1, -1, -1
        for slot in range(n_slots):
            if base.unit[slot] == 0.0 and slot > 0:  # the base state, which keeps its own limits
                continue
            for k in range(n):
                flow.s[k] = base.s[slot, k] + installed[case, k] * base.unit[slot]
                flow.v[k] = base.v[slot, k]
            if _sweep(wires, flow):
                worst, where, what, stiff = _worst(
                    slot, wires, limits, flow, through, outcome.outside[case], outcome.depth[case]
                )
            else:
                worst, where, what, stiff = np.inf, -1, -1, np.inf
            hard[case] = max(hard[case], stiff)
            if worst > excess[case]:
                excess[case] = worst
                outcome.where[case], outcome.what[case], outcome.slot[case] = where, what, slot
            if stop and excess[case] > 0.0:
                break


@kernel(types.void(_WIRES, _BASE, _LIMITS, _F2, types.float64, _F2))
def largest_share(
    wires: Wires, base: Base, limits: Limits, installed: FloatArray, patience: float, share: FloatArray
) -> None:
    """Largest common share of the added units that keeps every limit, into ``share`` [n_cases, n_slots].

    To ``SHARE_STEP``, by chords and halvings. A case ends when it has lost more than ``patience`` of the sum of |unit|; the
    shares of the slots left are then 0.
    """
    n_slots, n = base.s.shape
    flow = _Flow(np.zeros(n, dtype=np.complex128), np.zeros(n, dtype=np.complex128), np.zeros(n, dtype=np.complex128))
    through = np.zeros(limits.head_low.shape[1])
    nobody, nothing = np.zeros(n, dtype=np.int64), np.zeros(n)
    for case in range(len(installed)):
        lost = 0.0
        share[case] = 0.0
        for slot in range(n_slots):
            below, above, at_below, at_above = 0.0, 1.0, 0.0, np.inf
            trial = 1.0
            for turn in range(MOST_TRIALS):
                if base.unit[slot] == 0.0:
                    below = 1.0
                    break
                for k in range(n):
                    flow.s[k] = base.s[slot, k] + installed[case, k] * base.unit[slot] * trial
                    flow.v[k] = base.v[slot, k]
                excess = np.inf
                if _sweep(wires, flow):
                    excess = _worst(slot, wires, limits, flow, through, nobody, nothing)[0]
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
            lost += (1.0 - below) * abs(base.unit[slot])
            if lost > patience:
                break
