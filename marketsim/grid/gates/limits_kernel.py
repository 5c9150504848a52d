"""Limits of a slot: frozen when it opens, checked after each solve, and the one that binds.

An excess is how far a square lies beyond a squared limit: of a voltage in p.u., of a current as a share of the rating.
Positive means broken. Whether a state is admissible and what breaks it are read from the same numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from marketsim.core.compiled import kernel
from marketsim.grid.flow.rows_kernel import (
    B_CHILD,
    B_PARENT,
    CHARGED,
    DIRECTION,
    EXCESS,
    FI,
    FLOAT_FACTS,
    FR,
    G_CHILD,
    G_PARENT,
    GUARD_I,
    GUARD_V,
    HIGH_VOLTAGE,
    LATERAL_START,
    LOW_VOLTAGE,
    NO_SOLUTION,
    OVERLOAD,
    PARENT,
    PER_CHILD,
    PER_CHILD_PLAIN,
    PER_PARENT,
    PER_PARENT_PLAIN,
    RATING_CHILD,
    RATING_PARENT,
    REVERSIBLE,
    TOLERANCE,
    V2_HIGH,
    V2_HIGH_PLAIN,
    V2_LOW,
    V2_LOW_PLAIN,
    V_HIGH,
    V_LOW,
    V_MAX,
    V_MIN,
    VI,
    VR,
    WORSEN_I,
    WORSEN_V,
)


@kernel(helper=True)
def parent_current2(ints: Any, floats: Any, n: int) -> float:
    """Squared current at the parent's end of the branch above position ``n``, charging included."""
    e, f = floats[VR, ints[PARENT, n]], floats[VI, ints[PARENT, n]]
    re = floats[FR, n] + floats[G_PARENT, n] * e - floats[B_PARENT, n] * f
    im = floats[FI, n] + floats[G_PARENT, n] * f + floats[B_PARENT, n] * e
    return re * re + im * im


@kernel(helper=True)
def child_current2(floats: Any, n: int) -> float:
    """Squared current at the child's end of the branch above position ``n``, charging included."""
    e, f = floats[VR, n], floats[VI, n]
    re = floats[FR, n] - floats[G_CHILD, n] * e + floats[B_CHILD, n] * f
    im = floats[FI, n] - floats[G_CHILD, n] * f - floats[B_CHILD, n] * e
    return re * re + im * im


@kernel(helper=True)
def flow(floats: Any, n: int) -> float:
    """Active power through the branch above position ``n``, towards the consumers [p.u.]."""
    return floats[VR, n] * floats[FR, n] + floats[VI, n] * floats[FI, n]


@kernel(helper=True)
def frozen(value: float, limit: float, guard: float, worsen: float, slack: float) -> float:
    """Upper limit of a quantity that stands at ``value`` before trade."""
    if value <= limit - guard:
        return limit - guard
    if value <= limit:  # inside the guard: it may stay, and no more
        return value + slack
    return value + worsen - guard


@kernel(helper=True)
def frozen_rating(floats: Any, current2: float, rating: float) -> float:
    """Reciprocal of the squared frozen rating of a current that stands at the square root of ``current2``."""
    guard, worsen = floats[FLOAT_FACTS, GUARD_I] * rating, floats[FLOAT_FACTS, WORSEN_I] * rating
    limit = frozen(np.sqrt(current2), rating, guard, worsen, 10.0 * floats[FLOAT_FACTS, TOLERANCE])
    return np.true_divide(1.0, limit * limit)


@kernel(helper=True)
def _measure_series(floats: Any, start: int, stop: int) -> None:
    """EXCESS of each position where no branch has admittances to ground."""
    vr, vi, fr, fi = floats[VR, start:stop], floats[VI, start:stop], floats[FR, start:stop], floats[FI, start:stop]
    low, high, excess = floats[V2_LOW, start:stop], floats[V2_HIGH, start:stop], floats[EXCESS, start:stop]
    parent, child = floats[PER_PARENT, start:stop], floats[PER_CHILD, start:stop]
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
        v2 = floats[VR, n] * floats[VR, n] + floats[VI, n] * floats[VI, n]
        below, above = floats[V2_LOW, n] - v2, v2 - floats[V2_HIGH, n]
        worst = below if below > above else above
        parent = parent_current2(ints, floats, n) * floats[PER_PARENT, n] - 1.0
        child = child_current2(floats, n) * floats[PER_CHILD, n] - 1.0
        over = parent if parent > child else child
        floats[EXCESS, n] = over if over > worst else worst


@kernel(helper=True)
def _measure_reversed(ints: Any, floats: Any, start: int, stop: int) -> None:
    """EXCESS where a flow turned against its base flow: the plain rating holds."""
    for n in range(start, stop):
        if floats[DIRECTION, n] != 0.0 and flow(floats, n) * floats[DIRECTION, n] < 0.0:
            parent = parent_current2(ints, floats, n) * floats[PER_PARENT_PLAIN, n] - 1.0
            child = child_current2(floats, n) * floats[PER_CHILD_PLAIN, n] - 1.0
            floats[EXCESS, n] = max(floats[EXCESS, n], max(parent, child))


@kernel(helper=True)
def worst_excess(ints: Any, floats: Any, lateral: int) -> tuple[float, int]:
    """Largest excess in a solved lateral and its position."""
    start, stop = ints[LATERAL_START, lateral], ints[LATERAL_START, lateral + 1]
    if ints[CHARGED, lateral] == 0:
        _measure_series(floats, start, stop)
    else:
        _measure_charged(ints, floats, start, stop)
    if ints[REVERSIBLE, lateral] > 0:
        _measure_reversed(ints, floats, start, stop)
    excess = floats[EXCESS, start:stop]
    worst, where = -np.inf, -1
    for n in range(stop - start):
        if excess[n] > worst:
            worst, where = excess[n], n
    return worst, start + where


@kernel(helper=True)
def _let_stand(ints: Any, floats: Any, n: int) -> int:
    """Widen the limits that the untraded state breaks at position ``n``; 1 if the branch above is overloaded."""
    guard, slack = floats[FLOAT_FACTS, GUARD_V], 10.0 * floats[FLOAT_FACTS, TOLERANCE]
    worsen = floats[FLOAT_FACTS, WORSEN_V]
    v2 = floats[VR, n] * floats[VR, n] + floats[VI, n] * floats[VI, n]
    if v2 < floats[V2_LOW, n]:
        low = max(-frozen(-np.sqrt(v2), -floats[V_MIN, n], guard, worsen, slack), 0.0)
        floats[V2_LOW, n], floats[V_LOW, n] = low * low, low
    if v2 > floats[V2_HIGH, n]:
        high = frozen(np.sqrt(v2), floats[V_MAX, n], guard, worsen, slack)
        floats[V2_HIGH, n], floats[V_HIGH, n] = high * high, high
    parent2, child2 = parent_current2(ints, floats, n), child_current2(floats, n)
    if parent2 * floats[PER_PARENT, n] > 1.0:
        floats[PER_PARENT, n] = frozen_rating(floats, parent2, floats[RATING_PARENT, n])
        floats[DIRECTION, n] = np.sign(flow(floats, n))
    if child2 * floats[PER_CHILD, n] > 1.0:
        floats[PER_CHILD, n] = frozen_rating(floats, child2, floats[RATING_CHILD, n])
        floats[DIRECTION, n] = np.sign(flow(floats, n))
    return int(floats[DIRECTION, n] != 0.0)


@kernel(helper=True)
def freeze_limits(ints: Any, floats: Any, lateral: int) -> None:
    """Freeze the limits of a lateral from its solved untraded state."""
    start, stop = ints[LATERAL_START, lateral], ints[LATERAL_START, lateral + 1]
    guard = floats[FLOAT_FACTS, GUARD_V]
    for n in range(start, stop):
        floats[V2_LOW, n] = floats[V2_LOW_PLAIN, n]
        floats[V2_HIGH, n] = floats[V2_HIGH_PLAIN, n]
        floats[V_LOW, n] = floats[V_MIN, n] + guard
        floats[V_HIGH, n] = floats[V_MAX, n] - guard
        floats[PER_PARENT, n] = floats[PER_PARENT_PLAIN, n]
        floats[PER_CHILD, n] = floats[PER_CHILD_PLAIN, n]
        floats[DIRECTION, n] = 0.0
    ints[REVERSIBLE, lateral] = 0
    if worst_excess(ints, floats, lateral)[0] > 0.0:
        reversible = 0
        for n in range(start, stop):
            reversible += _let_stand(ints, floats, n)
        ints[REVERSIBLE, lateral] = reversible


@kernel(helper=True)
def what_binds(floats: Any, where: int) -> int:
    """Which limit the excess at a position belongs to."""
    if where < 0:
        return NO_SOLUTION
    v2 = floats[VR, where] * floats[VR, where] + floats[VI, where] * floats[VI, where]
    if floats[EXCESS, where] == floats[V2_LOW, where] - v2:
        return LOW_VOLTAGE
    return HIGH_VOLTAGE if floats[EXCESS, where] == v2 - floats[V2_HIGH, where] else OVERLOAD
