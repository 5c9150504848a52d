"""Limits of a slot: frozen when it opens, checked after each solve, and the one that binds."""

from __future__ import annotations

from typing import Any

import numpy as np

from marketsim.core.compiled import kernel
from marketsim.grid.gate_layout_kernel import (
    B_CHILD,
    B_PARENT,
    CHILD_CURRENT,
    DIRECTION,
    FI,
    FLOAT_FACTS,
    FR,
    G_CHILD,
    G_PARENT,
    GUARD,
    HIGH_VOLTAGE,
    I2_CHILD,
    I2_CHILD_PLAIN,
    I2_PARENT,
    I2_PARENT_PLAIN,
    LOW_VOLTAGE,
    NO_SOLUTION,
    PARENT,
    PARENT_CURRENT,
    RATING_CHILD,
    RATING_PARENT,
    TOLERANCE,
    V2_HIGH,
    V2_LOW,
    V_MAX,
    V_MIN,
    VI,
    VR,
    WORSEN_I,
    WORSEN_V,
)


@kernel()
def parent_current2(ints: Any, floats: Any, position: int) -> float:
    """Squared current at the parent end of the branch above a position, charging included."""
    above = ints[PARENT, position]
    e, f = floats[VR, above], floats[VI, above]
    re = floats[FR, position] + floats[G_PARENT, position] * e - floats[B_PARENT, position] * f
    im = floats[FI, position] + floats[G_PARENT, position] * f + floats[B_PARENT, position] * e
    return re * re + im * im


@kernel()
def child_current2(floats: Any, position: int) -> float:
    """Squared current at the child end of the branch above a position, charging included."""
    e, f = floats[VR, position], floats[VI, position]
    re = floats[FR, position] - floats[G_CHILD, position] * e + floats[B_CHILD, position] * f
    im = floats[FI, position] - floats[G_CHILD, position] * f - floats[B_CHILD, position] * e
    return re * re + im * im


@kernel()
def flow(floats: Any, position: int) -> float:
    """Active power that flows through the branch above a position, towards the consumers [p.u.]."""
    return floats[VR, position] * floats[FR, position] + floats[VI, position] * floats[FI, position]


@kernel()
def _frozen(value: float, limit: float, guard: float, worsen: float, slack: float) -> float:
    """Upper limit of a quantity that stands at ``value`` before trade."""
    if value <= limit - guard:
        return limit - guard
    if value <= limit:  # inside the guard: it may stay, and no more
        return value + slack
    return value + worsen - guard


@kernel()
def freeze_limits(ints: Any, floats: Any, start: int, stop: int) -> None:
    """Freeze the limits of a lateral from its solved untraded state."""
    guard, slack = floats[FLOAT_FACTS, GUARD], 10.0 * floats[FLOAT_FACTS, TOLERANCE]
    worsen_v, worsen_i = floats[FLOAT_FACTS, WORSEN_V], floats[FLOAT_FACTS, WORSEN_I]
    for n in range(start, stop):
        v = np.sqrt(floats[VR, n] ** 2 + floats[VI, n] ** 2)
        low = -_frozen(-v, -floats[V_MIN, n], guard, worsen_v, slack)
        high = _frozen(v, floats[V_MAX, n], guard, worsen_v, slack)
        floats[V2_LOW, n] = max(low, 0.0) ** 2
        floats[V2_HIGH, n] = high**2
        parent, child = np.sqrt(parent_current2(ints, floats, n)), np.sqrt(child_current2(floats, n))
        rating_parent, rating_child = floats[RATING_PARENT, n], floats[RATING_CHILD, n]
        floats[I2_PARENT_PLAIN, n] = (rating_parent * (1.0 - guard)) ** 2
        floats[I2_CHILD_PLAIN, n] = (rating_child * (1.0 - guard)) ** 2
        floats[I2_PARENT, n] = floats[I2_PARENT_PLAIN, n]
        floats[I2_CHILD, n] = floats[I2_CHILD_PLAIN, n]
        floats[DIRECTION, n] = 0.0
        if parent > rating_parent * (1.0 - guard):
            limit = _frozen(parent, rating_parent, guard * rating_parent, worsen_i * rating_parent, slack)
            floats[I2_PARENT, n] = limit**2
            floats[DIRECTION, n] = np.sign(flow(floats, n))
        if child > rating_child * (1.0 - guard):
            limit = _frozen(child, rating_child, guard * rating_child, worsen_i * rating_child, slack)
            floats[I2_CHILD, n] = limit**2
            floats[DIRECTION, n] = np.sign(flow(floats, n))


@kernel()
def within_limits(ints: Any, floats: Any, start: int, stop: int) -> bool:
    """Whether a solved lateral keeps every limit."""
    for n in range(start, stop):
        v2 = floats[VR, n] * floats[VR, n] + floats[VI, n] * floats[VI, n]
        if not (floats[V2_LOW, n] <= v2 <= floats[V2_HIGH, n]):
            return False
        reversed_flow = floats[DIRECTION, n] != 0.0 and flow(floats, n) * floats[DIRECTION, n] < 0.0
        parent_limit = floats[I2_PARENT_PLAIN, n] if reversed_flow else floats[I2_PARENT, n]
        child_limit = floats[I2_CHILD_PLAIN, n] if reversed_flow else floats[I2_CHILD, n]
        if not (parent_current2(ints, floats, n) <= parent_limit and child_current2(floats, n) <= child_limit):
            return False
    return True


@kernel()
def _excess(value: float, limit: float) -> float:
    """How far a squared current exceeds its squared limit, as a share; -1 without a limit."""
    return (value - limit) / limit if limit < np.inf else -1.0


@kernel()
def worst_margin(ints: Any, floats: Any, start: int, stop: int) -> tuple[float, int, int]:
    """Largest excess over a limit, squared and normalised (positive: broken), the position and what it is.

    The sign agrees with ``within_limits`` exactly: differences of floats never round to the wrong sign.
    """
    worst, where, what = -np.inf, -1, NO_SOLUTION
    for n in range(start, stop):
        v2 = floats[VR, n] * floats[VR, n] + floats[VI, n] * floats[VI, n]
        reversed_flow = floats[DIRECTION, n] != 0.0 and flow(floats, n) * floats[DIRECTION, n] < 0.0
        parent_limit = floats[I2_PARENT_PLAIN, n] if reversed_flow else floats[I2_PARENT, n]
        child_limit = floats[I2_CHILD_PLAIN, n] if reversed_flow else floats[I2_CHILD, n]
        if floats[V2_LOW, n] - v2 > worst:
            worst, where, what = floats[V2_LOW, n] - v2, n, LOW_VOLTAGE
        if v2 - floats[V2_HIGH, n] > worst:
            worst, where, what = v2 - floats[V2_HIGH, n], n, HIGH_VOLTAGE
        excess = _excess(parent_current2(ints, floats, n), parent_limit)
        if excess > worst:
            worst, where, what = excess, n, PARENT_CURRENT
        excess = _excess(child_current2(floats, n), child_limit)
        if excess > worst:
            worst, where, what = excess, n, CHILD_CURRENT
    return worst, where, what
