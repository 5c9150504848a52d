"""A bound that admits a trade without a power flow where no limit can be near.

From a solved state (V0, S0) of a lateral, injections change by dS_k. The new state obeys, with tree impedances Z and
admittances to ground Y,

    dV = Z [conj(dS / V) + conj(S0) (1 / conj(V) - 1 / conj(V0)) - Y dV].

Let u be the least |V0|, d a bound of all |dV|, A = sum of REACH_k |dS_k|, L = LOAD_REACH and C = GROUND_REACH. Then d is bounded
by the small root of (1 - C) d^2 - ((1 - C) u - L / u) d + A = 0: the state moves from V0 continuously as dS grows from 0,
and cannot jump over the gap between the roots. As long as no path impedance, turned by the angles between voltages, leaves
the right half plane, injections do not lower a magnitude to first order, nor withdrawals raise one, so both directions
are bounded apart; e = d (L / (u (u - d)) + C) is what loads and admittances answer, d^2 / (2 (u - d)) what the
magnitude adds. A current moves by at most sum |dS| / (u - d) + d (sum |S0| / (u (u - d)) + sum |Y|). Contraction
bounds of this kind: Bolognani, Zampieri 2016, doi 10.1109/TPWRS.2015.2395452.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from marketsim.core.compiled import kernel
from marketsim.grid.flow.rows_kernel import (
    ANGLE_MAX,
    ANGLE_SPREAD,
    CORE_R,
    CORE_START,
    CORE_X,
    EXCESS,
    FALL,
    FI,
    FLOAT_FACTS,
    FR,
    GROUND_REACH,
    GROUND_TOTAL,
    JUMP,
    LATERAL_START,
    LOAD_REACH,
    LOAD_TOTAL,
    MOVED,
    NEXT_I,
    NEXT_R,
    RATING,
    RISE,
    ROOM_CURRENT,
    ROOM_DOWN,
    ROOM_UP,
    SKIPS,
    STEP,
    V_HIGH,
    V_LEAST,
    V_LOW,
    VI,
    VR,
    P,
    Q,
)

SAFETY = 1e-9
"""Distance to a limit that is left to rounding and to the tolerance of the power flow [p.u.]."""


@kernel(helper=True)
def _least(values: Any) -> float:
    """Smallest of non-negative floats; negative if any is, by their bits as integers (which is vectorised)."""
    bits, least = values.view(np.int64), np.int64(np.iinfo(np.int64).max)
    for n in range(values.shape[0]):
        least = min(least, bits[n])
    bits[0] = least
    return values[0]


@kernel(helper=True)
def _measure_rooms(floats: Any, lateral: int, start: int, stop: int) -> None:
    """Least distances to the limits in the state just solved, and the extremes of its voltages."""
    vr, vi, fr, fi = floats[VR, start:stop], floats[VI, start:stop], floats[FR, start:stop], floats[FI, start:stop]
    low, high, rating = floats[V_LOW, start:stop], floats[V_HIGH, start:stop], floats[RATING, start:stop]
    up, down = floats[NEXT_R, start:stop], floats[NEXT_I, start:stop]
    v, current = floats[STEP, start:stop], floats[EXCESS, start:stop]
    for n in range(stop - start):
        v[n] = np.sqrt(vr[n] * vr[n] + vi[n] * vi[n])
        up[n] = high[n] - v[n]
        down[n] = v[n] - low[n]
        current[n] = rating[n] - np.sqrt(fr[n] * fr[n] + fi[n] * fi[n])
    u = min(_least(v), floats[VR, 0])
    floats[V_LEAST, lateral] = u
    floats[ROOM_UP, lateral], floats[ROOM_DOWN, lateral] = _least(up), _least(down)
    floats[ROOM_CURRENT, lateral] = _least(current)
    for n in range(stop - start):
        current[n] = 1.0 - abs(vi[n])
    # |angle| <= asin(|Vi| / u) <= 1.2 |Vi| / u up to 0.7, to either side of the source's
    sine = np.true_divide(1.0 - _least(current), u)
    floats[ANGLE_SPREAD, lateral] = 2.4 * sine if sine < 0.7 else np.inf


@kernel(helper=True)
def _measure_loads(ints: Any, floats: Any, lateral: int) -> None:
    """LOAD_REACH and LOAD_TOTAL of the state just solved."""
    start, stop = ints[CORE_START, lateral], ints[CORE_START, lateral + 1]
    p, q, jump = floats[P, start:stop], floats[Q, start:stop], ints[JUMP, start:stop]
    r, x, sums = floats[CORE_R, start:stop], floats[CORE_X, start:stop], floats[STEP, start:stop]
    size, total = stop - start, 0.0
    for n in range(size):
        sums[n] = np.sqrt(p[n] * p[n] + q[n] * q[n])
        total += sums[n]
    for back in range(size - 1):
        n = size - 1 - back
        sums[jump[n] if jump[n] >= 0 else n - 1] += sums[n]
    reach, path = 0.0, 0.0
    for n in range(size):
        if jump[n] >= 0:
            path = sums[jump[n]]
        path += np.sqrt(r[n] * r[n] + x[n] * x[n]) * sums[n]
        sums[n] = path
        reach = max(reach, path)
    floats[LOAD_REACH, lateral], floats[LOAD_TOTAL, lateral] = reach, total


@kernel(helper=True)
def rebase(ints: Any, floats: Any, lateral: int) -> None:
    """Measure changes of a lateral (-1: none) from the state just solved on."""
    if lateral < 0 or floats[FLOAT_FACTS, SKIPS] == 0.0:
        return
    floats[RISE, lateral], floats[FALL, lateral], floats[MOVED, lateral] = 0.0, 0.0, 0.0
    _measure_rooms(floats, lateral, ints[LATERAL_START, lateral], ints[LATERAL_START, lateral + 1])
    _measure_loads(ints, floats, lateral)


@kernel(helper=True)
def drift(floats: Any, lateral: int) -> float:
    """Bound d of all |dV| since the last solved state [p.u.]; inf where the bound has none."""
    u, c = floats[V_LEAST, lateral], 1.0 - floats[GROUND_REACH, lateral]
    if not u > 0.0:
        return np.inf
    slope = c * u - floats[LOAD_REACH, lateral] / u
    inside = slope * slope - 4.0 * c * (floats[RISE, lateral] + floats[FALL, lateral])
    if not (slope > 0.0 and c > 0.0 and inside > 0.0):
        return np.inf
    return (slope - np.sqrt(inside)) / (2.0 * c)


@kernel(helper=True)
def surely_within(floats: Any, lateral: int) -> bool:
    """Whether every limit of a lateral holds after what moved since its last solved state."""
    if floats[FLOAT_FACTS, SKIPS] == 0.0:
        return False
    d, u, ground = drift(floats, lateral), floats[V_LEAST, lateral], floats[GROUND_REACH, lateral]
    if not d < u:
        return False
    left = u - d
    answer = d * (floats[LOAD_REACH, lateral] / (u * left) + ground)
    up, down = floats[RISE, lateral], floats[FALL, lateral]
    if floats[ANGLE_SPREAD, lateral] + d / left > floats[ANGLE_MAX, lateral]:
        up, down = up + down, up + down
    if up / left + answer + d * d / (2.0 * left) + SAFETY > floats[ROOM_UP, lateral]:
        return False
    if down / left + answer + SAFETY > floats[ROOM_DOWN, lateral]:
        return False
    response = floats[LOAD_TOTAL, lateral] / (u * left) + floats[GROUND_TOTAL, lateral]
    return floats[MOVED, lateral] / left + d * response + SAFETY <= floats[ROOM_CURRENT, lateral]


@kernel(helper=True)
def remainder(floats: Any, lateral: int) -> tuple[float, float]:
    """What a linear prediction from the last solved state may miss: of a voltage, of a current [p.u.]; inf: anything.

    The currents of the nodes miss |dS| d / (u (u - d)) + |S0| d^2 / (u^2 (u - d)); voltages answer that through the
    network, which answers back by no more than LOAD_REACH / u^2 + GROUND_REACH of it.
    """
    d, u = drift(floats, lateral), floats[V_LEAST, lateral]
    if not d < 0.5 * u:
        return np.inf, np.inf
    left = u - d
    load, ground = floats[LOAD_REACH, lateral], floats[GROUND_REACH, lateral]
    voltage = ((floats[RISE, lateral] + floats[FALL, lateral]) * d + load * d * d / u) / (u * left)
    answered = voltage / (1.0 - load / (u * u) - ground)
    current = (floats[MOVED, lateral] * d + floats[LOAD_TOTAL, lateral] * d * d / u) / (u * left)
    response = floats[LOAD_TOTAL, lateral] / (u * u) + floats[GROUND_TOTAL, lateral]
    return answered, current + response * answered
