"""Reactive power that follows the voltage (volt-var), inside the sweep.

The reactive injection of an inverter is q = clip(full x share(|V|), +-sqrt(S^2 - P^2)), share falling from 1 at V1 over 0
between V2 and V3 to -1 at V4 (IEEE 1547-2018, 5.3.3). After each sweep all curves make a Newton step together: with the misfits f
and slopes m of the curves, and reactances alone between the nodes, the voltages will change by d = X (f - m d), a ladder that is
solved from its ends to the source and back, and q by f - m d. What that leaves out (resistances, corners of the curves) later
sweeps correct; where steps do not shrink they are damped.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from marketsim.core.compiled import kernel
from marketsim.grid.flow.injections_kernel import set_power
from marketsim.grid.flow.rows_kernel import (
    BEHIND,
    CONNECTION_WH,
    CORE,
    CORE_START,
    CORE_VI,
    CORE_VR,
    CORE_X,
    CURVE_FULL,
    CURVE_Q,
    CURVE_START,
    CURVE_V1,
    CURVE_V2,
    CURVE_V3,
    CURVE_V4,
    CURVED,
    FLOAT_FACTS,
    JUMP,
    KVA,
    NEXT_I,
    NEXT_R,
    POSITION,
    STEP,
    UNSCALE,
    WH_TO_PU,
    Q,
)


@kernel(helper=True)
def share_at(floats: Any, v_pu: float) -> tuple[float, float]:
    """(share of the full reactive injection at a voltage, how steeply it falls there [1/p.u.])."""
    v1, v2 = floats[FLOAT_FACTS, CURVE_V1], floats[FLOAT_FACTS, CURVE_V2]
    v3, v4 = floats[FLOAT_FACTS, CURVE_V3], floats[FLOAT_FACTS, CURVE_V4]
    if v_pu <= v1:
        return 1.0, 0.0
    if v_pu < v2:
        return (v2 - v_pu) / (v2 - v1), 1.0 / (v2 - v1)
    if v_pu <= v3:
        return 0.0, 0.0
    if v_pu < v4:
        return (v3 - v_pu) / (v4 - v3), 1.0 / (v4 - v3)
    return -1.0, 0.0


@kernel(helper=True)
def wanted(ints: Any, floats: Any, connection: int) -> tuple[float, float]:
    """(reactive injection that the curve asks for at the present voltage, how steeply it falls), within the inverter."""
    position = ints[POSITION, connection]
    core = ints[CORE, position]
    v = np.sqrt(floats[CORE_VR, core] ** 2 + floats[CORE_VI, core] ** 2) * floats[UNSCALE, position]
    p = ints[CONNECTION_WH, connection] * floats[FLOAT_FACTS, WH_TO_PU] + floats[BEHIND, connection]
    room = np.sqrt(max(floats[KVA, connection] * floats[KVA, connection] - p * p, 0.0))
    share, slope = share_at(floats, v)
    q = floats[CURVE_FULL, connection] * share
    if abs(q) > room:
        return np.sign(q) * room, 0.0
    return q, floats[CURVE_FULL, connection] * slope


@kernel(helper=True)
def start_curves(ints: Any, floats: Any, lateral: int) -> None:
    """Put the reactive injections that the solve starts from, in CURVE_Q, into Q."""
    first, last = ints[CURVE_START, lateral], ints[CURVE_START, lateral + 1]
    for k in range(first, last):
        set_power(ints, floats, ints[POSITION, ints[CURVED, k]])
    for k in range(first, last):
        connection = ints[CURVED, k]
        floats[Q, ints[CORE, ints[POSITION, connection]]] += floats[CURVE_Q, connection]


@kernel(helper=True)
def _gather_misfits(ints: Any, floats: Any, lateral: int) -> None:
    """Misfit and slope of all curves at each core node of the lateral, into NEXT_R and NEXT_I."""
    for n in range(ints[CORE_START, lateral], ints[CORE_START, lateral + 1]):
        floats[NEXT_R, n], floats[NEXT_I, n] = 0.0, 0.0
    for k in range(ints[CURVE_START, lateral], ints[CURVE_START, lateral + 1]):
        connection = ints[CURVED, k]
        core = ints[CORE, ints[POSITION, connection]]
        q, slope = wanted(ints, floats, connection)
        floats[NEXT_R, core] += q - floats[CURVE_Q, connection]
        floats[NEXT_I, core] += slope


@kernel(helper=True)
def _foresee_voltages(ints: Any, floats: Any, start: int, stop: int) -> float:
    """Change of |V| at each core node when all curves follow at once, into STEP; returns the largest."""
    for back in range(stop - start - 1):
        n = stop - 1 - back
        above = start + (ints[JUMP, n] if ints[JUMP, n] >= 0 else n - start - 1)
        share = 1.0 + floats[NEXT_I, n] * max(floats[CORE_X, n], 0.0)
        floats[NEXT_R, above] += floats[NEXT_R, n] / share
        floats[NEXT_I, above] += floats[NEXT_I, n] / share
    largest, change = 0.0, 0.0
    for n in range(start, stop):
        x = max(floats[CORE_X, n], 0.0)
        if ints[JUMP, n] >= 0:
            change = floats[STEP, start + ints[JUMP, n]]
        change += x * (floats[NEXT_R, n] - floats[NEXT_I, n] * change) / (1.0 + floats[NEXT_I, n] * x)
        floats[STEP, n] = change
        largest = max(largest, abs(change))
    return largest


@kernel(helper=True)
def follow_curves(ints: Any, floats: Any, lateral: int, damping: float) -> float:
    """Move the lateral's curves towards their voltages; returns the largest change of a voltage to come [p.u.]."""
    _gather_misfits(ints, floats, lateral)
    largest = _foresee_voltages(ints, floats, ints[CORE_START, lateral], ints[CORE_START, lateral + 1])
    for k in range(ints[CURVE_START, lateral], ints[CURVE_START, lateral + 1]):
        connection = ints[CURVED, k]
        core = ints[CORE, ints[POSITION, connection]]
        q, slope = wanted(ints, floats, connection)
        move = damping * (q - floats[CURVE_Q, connection] - slope * floats[STEP, core])
        floats[CURVE_Q, connection] += move
        floats[Q, core] += move
    return largest


@kernel(helper=True)
def next_damping(damping: float, step: float, before: float) -> float:
    """Damping of the next step of the curves, from the last two steps of the sweep."""
    if before > 0.0 and step > 0.7 * before:
        return max(0.7 * damping, 0.1)
    return min(1.5 * damping, 1.0) if step < 0.5 * before else damping
