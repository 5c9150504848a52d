"""Limits of a slot: frozen when it opens, checked after each solve, and the one that binds.

An excess is how far a square lies beyond a squared limit: of a voltage in p.u., of a current as a share of the rating.
Positive means broken. Whether a state is admissible and what breaks it are read from the same numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from marketsim.core.compiled import kernel
from marketsim.grid.flow import rows_kernel as row


@kernel(helper=True)
def parent_current2(ints: Any, floats: Any, n: int) -> float:
    """Squared current at the parent's end of the branch above position ``n``, charging included."""
    e, f = floats[row.VR, ints[row.PARENT, n]], floats[row.VI, ints[row.PARENT, n]]
    re = floats[row.FR, n] + floats[row.G_PARENT, n] * e - floats[row.B_PARENT, n] * f
    im = floats[row.FI, n] + floats[row.G_PARENT, n] * f + floats[row.B_PARENT, n] * e
    return re * re + im * im


@kernel(helper=True)
def child_current2(floats: Any, n: int) -> float:
    """Squared current at the child's end of the branch above position ``n``, charging included."""
    e, f = floats[row.VR, n], floats[row.VI, n]
    re = floats[row.FR, n] - floats[row.G_CHILD, n] * e + floats[row.B_CHILD, n] * f
    im = floats[row.FI, n] - floats[row.G_CHILD, n] * f - floats[row.B_CHILD, n] * e
    return re * re + im * im


@kernel(helper=True)
def flow(floats: Any, n: int) -> float:
    """Active power through the branch above position ``n``, towards the consumers [p.u.]."""
    return floats[row.VR, n] * floats[row.FR, n] + floats[row.VI, n] * floats[row.FI, n]


@kernel(helper=True)
def frozen(value: float, limit: float, guard: float, worsen: float, slack: float) -> float:
    """Upper limit of a quantity that stands at ``value`` before trade."""
    if value <= limit - guard:
        return limit - guard
    if value <= limit:  # inside the guard: it may stay, and no more
        return value + slack
    return value + worsen - guard


@kernel(helper=True)
def direction(active_pu: float) -> float:
    """Sign of an active flow, 0 where there is none."""
    return np.sign(active_pu) if abs(active_pu) > row.NO_FLOW_PU else 0.0


@kernel(helper=True)
def in_scale(floats: Any, fact: int, n: int) -> float:
    """A fact in p.u. of the voltage at position ``n``, in the scale that takes the taps above it out."""
    return floats[row.FLOAT_FACTS, fact] / floats[row.UNSCALE, n]


@kernel(helper=True)
def frozen_rating(floats: Any, current2: float, rating: float) -> float:
    """Reciprocal of the squared frozen rating of a current that stands at the square root of ``current2``."""
    guard, worsen = floats[row.FLOAT_FACTS, row.GUARD_I] * rating, floats[row.FLOAT_FACTS, row.WORSEN_I] * rating
    limit = frozen(np.sqrt(current2), rating, guard, worsen, 10.0 * floats[row.FLOAT_FACTS, row.TOLERANCE])
    return np.true_divide(1.0, limit * limit)


@kernel(helper=True)
def _measure_series(floats: Any, start: int, stop: int) -> None:
    """EXCESS of each position where no branch has admittances to ground."""
    vr, vi = floats[row.VR, start:stop], floats[row.VI, start:stop]
    fr, fi = floats[row.FR, start:stop], floats[row.FI, start:stop]
    low, high, excess = floats[row.V2_LOW, start:stop], floats[row.V2_HIGH, start:stop], floats[row.EXCESS, start:stop]
    parent, child = floats[row.PER_PARENT, start:stop], floats[row.PER_CHILD, start:stop]
    for n in range(stop - start):
        v2 = vr[n] * vr[n] + vi[n] * vi[n]
        i2 = fr[n] * fr[n] + fi[n] * fi[n]
        below, above = low[n] - v2, v2 - high[n]
        worst = below if below > above else above
        per = parent[n] if parent[n] > child[n] else child[n]
        over = i2 * per - 1.0
        excess[n] = over if over > worst else worst


@kernel(helper=True)
def _measure_charged(ints: Any, floats: Any, start: int, stop: int) -> None:
    """EXCESS of each position, ends of branches apart."""
    for n in range(start, stop):
        v2 = floats[row.VR, n] * floats[row.VR, n] + floats[row.VI, n] * floats[row.VI, n]
        below, above = floats[row.V2_LOW, n] - v2, v2 - floats[row.V2_HIGH, n]
        worst = below if below > above else above
        parent = parent_current2(ints, floats, n) * floats[row.PER_PARENT, n] - 1.0
        child = child_current2(floats, n) * floats[row.PER_CHILD, n] - 1.0
        over = parent if parent > child else child
        floats[row.EXCESS, n] = over if over > worst else worst


@kernel(helper=True)
def _measure_reversed(ints: Any, floats: Any, start: int, stop: int) -> None:
    """EXCESS where a flow turned against its base flow: the plain rating holds."""
    for n in range(start, stop):
        if floats[row.DIRECTION, n] != 0.0 and flow(floats, n) * floats[row.DIRECTION, n] < 0.0:
            parent = parent_current2(ints, floats, n) * floats[row.PER_PARENT_PLAIN, n] - 1.0
            child = child_current2(floats, n) * floats[row.PER_CHILD_PLAIN, n] - 1.0
            floats[row.EXCESS, n] = max(floats[row.EXCESS, n], max(parent, child))


@kernel(helper=True)
def worst_excess(ints: Any, floats: Any, lateral: int) -> tuple[float, int]:
    """Largest excess in a solved lateral and its position."""
    start, stop = ints[row.LATERAL_START, lateral], ints[row.LATERAL_START, lateral + 1]
    if ints[row.CHARGED, lateral] == 0:
        _measure_series(floats, start, stop)
    else:
        _measure_charged(ints, floats, start, stop)
    if ints[row.REVERSIBLE, lateral] > 0:
        _measure_reversed(ints, floats, start, stop)
    excess = floats[row.EXCESS, start:stop]
    worst, where = -np.inf, -1
    for n in range(stop - start):
        if excess[n] > worst:
            worst, where = excess[n], n
    return worst, start + where


@kernel(helper=True)
def _let_stand(ints: Any, floats: Any, n: int) -> int:
    """Widen the limits that the untraded state breaks at position ``n``; 1 if the branch above is overloaded."""
    guard, worsen = in_scale(floats, row.GUARD_V, n), in_scale(floats, row.WORSEN_V, n)
    slack = 10.0 * floats[row.FLOAT_FACTS, row.TOLERANCE]
    v2 = floats[row.VR, n] * floats[row.VR, n] + floats[row.VI, n] * floats[row.VI, n]
    if v2 < floats[row.V2_LOW, n]:
        low = max(-frozen(-np.sqrt(v2), -floats[row.V_MIN, n], guard, worsen, slack), 0.0)
        floats[row.V2_LOW, n], floats[row.V_LOW, n] = low * low, low
    if v2 > floats[row.V2_HIGH, n]:
        high = frozen(np.sqrt(v2), floats[row.V_MAX, n], guard, worsen, slack)
        floats[row.V2_HIGH, n], floats[row.V_HIGH, n] = high * high, high
    parent2, child2 = parent_current2(ints, floats, n), child_current2(floats, n)
    if parent2 * floats[row.PER_PARENT, n] > 1.0:
        floats[row.PER_PARENT, n] = frozen_rating(floats, parent2, floats[row.RATING_PARENT, n])
        floats[row.DIRECTION, n] = direction(flow(floats, n))
    if child2 * floats[row.PER_CHILD, n] > 1.0:
        floats[row.PER_CHILD, n] = frozen_rating(floats, child2, floats[row.RATING_CHILD, n])
        floats[row.DIRECTION, n] = direction(flow(floats, n))
    return int(floats[row.DIRECTION, n] != 0.0)


@kernel(helper=True)
def freeze_limits(ints: Any, floats: Any, lateral: int) -> None:
    """Freeze the limits of a lateral from its solved untraded state."""
    start, stop = ints[row.LATERAL_START, lateral], ints[row.LATERAL_START, lateral + 1]
    for n in range(start, stop):
        guard = in_scale(floats, row.GUARD_V, n)
        floats[row.V2_LOW, n] = floats[row.V2_LOW_PLAIN, n]
        floats[row.V2_HIGH, n] = floats[row.V2_HIGH_PLAIN, n]
        floats[row.V_LOW, n] = floats[row.V_MIN, n] + guard
        floats[row.V_HIGH, n] = floats[row.V_MAX, n] - guard
        floats[row.PER_PARENT, n] = floats[row.PER_PARENT_PLAIN, n]
        floats[row.PER_CHILD, n] = floats[row.PER_CHILD_PLAIN, n]
        floats[row.DIRECTION, n] = 0.0
    ints[row.REVERSIBLE, lateral] = 0
    if worst_excess(ints, floats, lateral)[0] > 0.0:
        reversible = 0
        for n in range(start, stop):
            reversible += _let_stand(ints, floats, n)
        ints[row.REVERSIBLE, lateral] = reversible


@kernel(helper=True)
def what_binds(floats: Any, where: int) -> int:
    """Which limit the excess at a position belongs to."""
    if where < 0:
        return row.NO_SOLUTION
    v2 = floats[row.VR, where] * floats[row.VR, where] + floats[row.VI, where] * floats[row.VI, where]
    if floats[row.EXCESS, where] == floats[row.V2_LOW, where] - v2:
        return row.LOW_VOLTAGE
    return row.HIGH_VOLTAGE if floats[row.EXCESS, where] == v2 - floats[row.V2_HIGH, where] else row.OVERLOAD
