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

from typing import Any, NamedTuple

import numpy as np

from marketsim.core.compiled import kernel
from marketsim.grid.flow import rows_kernel as row

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
    vr, vi = floats[row.VR, start:stop], floats[row.VI, start:stop]
    fr, fi = floats[row.FR, start:stop], floats[row.FI, start:stop]
    low, high, rating = floats[row.V_LOW, start:stop], floats[row.V_HIGH, start:stop], floats[row.RATING, start:stop]
    up, down = floats[row.NEXT_R, start:stop], floats[row.NEXT_I, start:stop]
    v, current = floats[row.STEP, start:stop], floats[row.EXCESS, start:stop]
    for n in range(stop - start):
        v[n] = np.sqrt(vr[n] * vr[n] + vi[n] * vi[n])
        up[n] = high[n] - v[n]
        down[n] = v[n] - low[n]
        current[n] = rating[n] - np.sqrt(fr[n] * fr[n] + fi[n] * fi[n])
    u = min(_least(v), floats[row.VR, row.SOURCE])
    floats[row.V_LEAST, lateral] = u
    floats[row.ROOM_UP, lateral], floats[row.ROOM_DOWN, lateral] = _least(up), _least(down)
    floats[row.ROOM_CURRENT, lateral] = _least(current)
    for n in range(stop - start):
        current[n] = 1.0 - abs(vi[n])
    # |angle| <= asin(|Vi| / u) <= 1.2 |Vi| / u up to 0.7, to either side of the source's
    sine = np.true_divide(1.0 - _least(current), u)
    floats[row.ANGLE_SPREAD, lateral] = 2.4 * sine if sine < 0.7 else np.inf


@kernel(helper=True)
def _measure_loads(ints: Any, floats: Any, lateral: int) -> None:
    """LOAD_REACH and LOAD_TOTAL of the state just solved."""
    start, stop = ints[row.CORE_START, lateral], ints[row.CORE_START, lateral + 1]
    p, q, jump = floats[row.P, start:stop], floats[row.Q, start:stop], ints[row.JUMP, start:stop]
    r, x, sums = floats[row.CORE_R, start:stop], floats[row.CORE_X, start:stop], floats[row.STEP, start:stop]
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
    floats[row.LOAD_REACH, lateral], floats[row.LOAD_TOTAL, lateral] = reach, total


@kernel(helper=True)
def rebase(ints: Any, floats: Any, lateral: int) -> None:
    """Measure changes of a lateral (-1: none) from the state just solved on."""
    if lateral < 0 or floats[row.FLOAT_FACTS, row.SKIPS] == 0.0:
        return
    floats[row.RISE, lateral], floats[row.FALL, lateral], floats[row.MOVED, lateral] = 0.0, 0.0, 0.0
    _measure_rooms(floats, lateral, ints[row.LATERAL_START, lateral], ints[row.LATERAL_START, lateral + 1])
    _measure_loads(ints, floats, lateral)


class Sums(NamedTuple):
    """What moved on a lateral since its last solved state."""

    rise: float
    fall: float
    moved: float


@kernel(helper=True)
def sums_of(floats: Any, lateral: int) -> Sums:
    """The sums of the bound, to be put back if what is added to them is not admitted; without a lateral (-1) any."""
    own = max(lateral, 0)
    return Sums(floats[row.RISE, own], floats[row.FALL, own], floats[row.MOVED, own])


@kernel(helper=True)
def put_back(floats: Any, lateral: int, sums: Sums) -> None:
    """Undo what was added since ``sums_of``."""
    own = max(lateral, 0)
    floats[row.RISE, own], floats[row.FALL, own], floats[row.MOVED, own] = sums


@kernel(helper=True)
def drift(floats: Any, lateral: int) -> float:
    """Bound d of all |dV| since the last solved state [p.u.]; inf where the bound has none."""
    u, c = floats[row.V_LEAST, lateral], 1.0 - floats[row.GROUND_REACH, lateral]
    if not u > 0.0:
        return np.inf
    slope = c * u - floats[row.LOAD_REACH, lateral] / u
    inside = slope * slope - 4.0 * c * (floats[row.RISE, lateral] + floats[row.FALL, lateral])
    if not (slope > 0.0 and c > 0.0 and inside > 0.0):
        return np.inf
    return (slope - np.sqrt(inside)) / (2.0 * c)


@kernel(helper=True)
def surely_within(floats: Any, lateral: int) -> bool:
    """Whether every limit of a lateral holds after what moved since its last solved state."""
    if floats[row.FLOAT_FACTS, row.SKIPS] == 0.0:
        return False
    d, u, ground = drift(floats, lateral), floats[row.V_LEAST, lateral], floats[row.GROUND_REACH, lateral]
    if not d < u:
        return False
    left = u - d
    answer = d * (floats[row.LOAD_REACH, lateral] / (u * left) + ground)
    up, down = floats[row.RISE, lateral], floats[row.FALL, lateral]
    if floats[row.ANGLE_SPREAD, lateral] + d / left > floats[row.ANGLE_MAX, lateral]:
        up, down = up + down, up + down
    if up / left + answer + d * d / (2.0 * left) + SAFETY > floats[row.ROOM_UP, lateral]:
        return False
    if down / left + answer + SAFETY > floats[row.ROOM_DOWN, lateral]:
        return False
    response = floats[row.LOAD_TOTAL, lateral] / (u * left) + floats[row.GROUND_TOTAL, lateral]
    return floats[row.MOVED, lateral] / left + d * response + SAFETY <= floats[row.ROOM_CURRENT, lateral]


@kernel(helper=True)
def remainder(floats: Any, lateral: int) -> tuple[float, float]:
    """What a linear prediction from the last solved state may miss: of a voltage, of a current [p.u.]; inf: anything.

    The currents of the nodes miss |dS| d / (u (u - d)) + |S0| d^2 / (u^2 (u - d)); voltages answer that through the
    network, which answers back by no more than LOAD_REACH / u^2 + GROUND_REACH of it.
    """
    d, u = drift(floats, lateral), floats[row.V_LEAST, lateral]
    if not d < 0.5 * u:
        return np.inf, np.inf
    left = u - d
    load, ground = floats[row.LOAD_REACH, lateral], floats[row.GROUND_REACH, lateral]
    voltage = ((floats[row.RISE, lateral] + floats[row.FALL, lateral]) * d + load * d * d / u) / (u * left)
    answered = voltage / (1.0 - load / (u * u) - ground)
    current = (floats[row.MOVED, lateral] * d + floats[row.LOAD_TOTAL, lateral] * d * d / u) / (u * left)
    response = floats[row.LOAD_TOTAL, lateral] / (u * u) + floats[row.GROUND_TOTAL, lateral]
    return answered, current + response * answered
