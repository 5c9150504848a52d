"""Reactive power that follows the voltage (volt-var), inside the sweep.

The reactive injection of an inverter is q = clip(full x share(|V|), +-sqrt(S^2 - P^2)), share falling from 1 at V1 over 0
between V2 and V3 to -1 at V4 (IEEE 1547-2018, 5.3.3); where it is steered, what is asked is added within the clip, which then
holds the least power factor, too. After each sweep all curves make a Newton step together: with the misfits f
and slopes m of the curves, and reactances alone between the nodes, the voltages will change by d = X (f - m d), a ladder that is
solved from its ends to the source and back, and q by f - m d. What that leaves out (resistances, corners of the curves) later
sweeps correct; where steps do not shrink they are damped.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from marketsim.core.compiled import kernel
from marketsim.grid.flow import rows_kernel as row
from marketsim.grid.flow.injections_kernel import set_power


@kernel(helper=True)
def share_at(floats: Any, v_pu: float) -> tuple[float, float]:
    """(share of the full reactive injection at a voltage, how steeply it falls there [1/p.u.])."""
    v1, v2 = floats[row.FLOAT_FACTS, row.CURVE_V1], floats[row.FLOAT_FACTS, row.CURVE_V2]
    v3, v4 = floats[row.FLOAT_FACTS, row.CURVE_V3], floats[row.FLOAT_FACTS, row.CURVE_V4]
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
    position = ints[row.POSITION, connection]
    core = ints[row.CORE, position]
    v = np.sqrt(floats[row.CORE_VR, core] ** 2 + floats[row.CORE_VI, core] ** 2) * floats[row.UNSCALE, position]
    p = ints[row.CONNECTION_WH, connection] * floats[row.FLOAT_FACTS, row.WH_TO_PU] + floats[row.BEHIND, connection]
    room = np.sqrt(max(floats[row.KVA, connection] * floats[row.KVA, connection] - p * p, 0.0))
    if floats[row.KVAR_PER_KW, connection] > 0.0:
        room = min(room, floats[row.KVAR_PER_KW, connection] * max(p, 0.0))
    share, slope = share_at(floats, v)
    q = floats[row.CURVE_FULL, connection] * share + floats[row.ASKED, connection]
    if abs(q) > room:
        return np.sign(q) * room, 0.0
    return q, floats[row.CURVE_FULL, connection] * slope


@kernel(helper=True)
def start_curves(ints: Any, floats: Any, lateral: int) -> None:
    """Put the reactive injections that the solve starts from, in CURVE_Q, into Q."""
    first, last = ints[row.CURVE_START, lateral], ints[row.CURVE_START, lateral + 1]
    for k in range(first, last):
        set_power(ints, floats, ints[row.POSITION, ints[row.CURVED, k]])
    for k in range(first, last):
        connection = ints[row.CURVED, k]
        floats[row.Q, ints[row.CORE, ints[row.POSITION, connection]]] += floats[row.CURVE_Q, connection]


@kernel(helper=True)
def _gather_misfits(ints: Any, floats: Any, lateral: int) -> None:
    """Misfit and slope of all curves at each core node of the lateral, into NEXT_R and NEXT_I."""
    for n in range(ints[row.CORE_START, lateral], ints[row.CORE_START, lateral + 1]):
        floats[row.NEXT_R, n], floats[row.NEXT_I, n] = 0.0, 0.0
    for k in range(ints[row.CURVE_START, lateral], ints[row.CURVE_START, lateral + 1]):
        connection = ints[row.CURVED, k]
        core = ints[row.CORE, ints[row.POSITION, connection]]
        q, slope = wanted(ints, floats, connection)
        floats[row.NEXT_R, core] += q - floats[row.CURVE_Q, connection]
        floats[row.NEXT_I, core] += slope


@kernel(helper=True)
def _foresee_voltages(ints: Any, floats: Any, start: int, stop: int) -> float:
    """Change of |V| at each core node when all curves follow at once, into STEP; returns the largest."""
    for back in range(stop - start - 1):
        n = stop - 1 - back
        above = start + (ints[row.JUMP, n] if ints[row.JUMP, n] >= 0 else n - start - 1)
        share = 1.0 + floats[row.NEXT_I, n] * max(floats[row.CORE_X, n], 0.0)
        floats[row.NEXT_R, above] += floats[row.NEXT_R, n] / share
        floats[row.NEXT_I, above] += floats[row.NEXT_I, n] / share
    largest, change = 0.0, 0.0
    for n in range(start, stop):
        x = max(floats[row.CORE_X, n], 0.0)
        if ints[row.JUMP, n] >= 0:
            change = floats[row.STEP, start + ints[row.JUMP, n]]
        change += x * (floats[row.NEXT_R, n] - floats[row.NEXT_I, n] * change) / (1.0 + floats[row.NEXT_I, n] * x)
        floats[row.STEP, n] = change
        largest = max(largest, abs(change))
    return largest


@kernel(helper=True)
def follow_curves(ints: Any, floats: Any, lateral: int, damping: float) -> float:
    """Move the lateral's curves towards their voltages; returns the largest change of a voltage to come [p.u.]."""
    _gather_misfits(ints, floats, lateral)
    largest = _foresee_voltages(ints, floats, ints[row.CORE_START, lateral], ints[row.CORE_START, lateral + 1])
    for k in range(ints[row.CURVE_START, lateral], ints[row.CURVE_START, lateral + 1]):
        connection = ints[row.CURVED, k]
        core = ints[row.CORE, ints[row.POSITION, connection]]
        q, slope = wanted(ints, floats, connection)
        move = damping * (q - floats[row.CURVE_Q, connection] - slope * floats[row.STEP, core])
        floats[row.CURVE_Q, connection] += move
        floats[row.Q, core] += move
    return largest


@kernel(helper=True)
def next_damping(damping: float, step: float, before: float) -> float:
    """Damping of the next step of the curves, from the last two steps of the sweep."""
    if before > 0.0 and step > 0.7 * before:
        return max(0.7 * damping, 0.1)
    return min(1.5 * damping, 1.0) if step < 0.5 * before else damping
