"""The check of mode ``lindistflow``: branch flows without losses, squared voltages linear in them.

Baran, Wu 1989, doi 10.1109/61.25627, equations (8) to (10), without the terms in losses: the flow (P, Q) through a branch is
the sum of what is drawn behind it, and W = W_parent - 2 (r P + x Q) for squared voltages W. Admittances to ground draw what
they draw at 1 p.u., and a branch carries |(P, Q)| at 1 p.u. of its ends.

A trade changes the flows on the ways from its ends to the source alone, and what hangs beside these ways moves as one. So
each position keeps the lowest and the highest W of its own at which everything behind it keeps its limits; a trade renews
these on its ways, and compares at the source: the work is that of the two ways. All of it is computed from sums of
committed integers, so that the way to a state leaves no trace.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from marketsim.core.compiled import ADMIT, kernel
from marketsim.grid.flow import rows_kernel as row
from marketsim.grid.gates.books_kernel import DIVERGED, NONE, commit, ends, headroom, refusal
from marketsim.grid.gates.limits_kernel import direction, frozen, frozen_rating, in_scale

# --- rows beyond those of the exact gate; columns are positions -------------------------------------------------------
BEHIND_WH = row.INT_ROWS
"""Committed net injection at and behind a position."""
BEHIND_VARH = row.INT_ROWS + 1
"""Reactive injection there that moved with admitted energy [1e-8 varh]."""
AT_LOW = row.INT_ROWS + 2
"""Position at or behind whose lower limit decides LOWEST."""
AT_HIGH = row.INT_ROWS + 3
LINEAR_INT_ROWS = row.INT_ROWS + 4
NOMINAL2 = row.FLOAT_ROWS
"""Square of 1 p.u. of the bus, with ideal transformers eliminated; constant."""
FIXED_P = row.FLOAT_ROWS + 1
"""Drawn at and behind a position whatever is committed: by admittances to ground [p.u.]."""
FIXED_Q = row.FLOAT_ROWS + 2
"""The same, and reactive power of the untraded state."""
LOWEST = row.FLOAT_ROWS + 3
"""Least W at which all lower limits at and behind the position are kept."""
HIGHEST = row.FLOAT_ROWS + 4
W_LOW = row.FLOAT_ROWS + 5
"""Squares of the limits of the slot, guard included, frozen by the linear model."""
W_HIGH = row.FLOAT_ROWS + 6
LINEAR_PER_PARENT = row.FLOAT_ROWS + 7
"""Reciprocals of the squared ratings of the slot, guard included."""
LINEAR_PER_CHILD = row.FLOAT_ROWS + 8
LINEAR_DIRECTION = row.FLOAT_ROWS + 9
"""Sign of the base flow of a branch that the untraded state overloads, else 0."""
LINEAR_FLOAT_ROWS = row.FLOAT_ROWS + 10

_INTS, _FLOATS = types.int64[:, :, ::1], types.float64[:, :, ::1]
_I2, _F2 = types.int64[:, ::1], types.float64[:, ::1]


@kernel(helper=True)
def _flow(ints: Any, floats: Any, n: int) -> tuple[float, float]:
    """(P, Q) through the branch above a position, towards the consumers [p.u.]."""
    scale = floats[row.FLOAT_FACTS, row.WH_TO_PU]
    p = floats[FIXED_P, n] - ints[BEHIND_WH, n] * scale
    return p, floats[FIXED_Q, n] - ints[BEHIND_VARH, n] * (scale * row.VARH_UNIT)


@kernel(helper=True)
def _drop(ints: Any, floats: Any, n: int) -> float:
    """By how much W is lower than at the parent."""
    p, q = _flow(ints, floats, n)
    drop: float = 2.0 * (floats[row.R, n] * p + floats[row.X, n] * q)
    return drop


@kernel(helper=True)
def _currents2(ints: Any, floats: Any, n: int) -> tuple[float, float]:
    """Squared currents at the parent's and the child's end of the branch above a position, charging included."""
    p, q = _flow(ints, floats, n)
    above, below = floats[NOMINAL2, ints[row.PARENT, n]], floats[NOMINAL2, n]
    p_above, q_above = p + floats[row.G_PARENT, n] * above, q - floats[row.B_PARENT, n] * above
    p_below, q_below = p - floats[row.G_CHILD, n] * below, q + floats[row.B_CHILD, n] * below
    at_parent = np.true_divide(p_above * p_above + q_above * q_above, above)
    return at_parent, np.true_divide(p_below * p_below + q_below * q_below, below)


@kernel(helper=True)
def _overload(ints: Any, floats: Any, n: int) -> float:
    """By how much the squared current of the branch above a position lies beyond its squared rating, as a share of it."""
    parent2, child2 = _currents2(ints, floats, n)
    per_parent, per_child = floats[LINEAR_PER_PARENT, n], floats[LINEAR_PER_CHILD, n]
    if floats[LINEAR_DIRECTION, n] != 0.0 and _flow(ints, floats, n)[0] * floats[LINEAR_DIRECTION, n] < 0.0:
        per_parent, per_child = floats[row.PER_PARENT_PLAIN, n], floats[row.PER_CHILD_PLAIN, n]
    share2: float = max(parent2 * per_parent, child2 * per_child)
    return share2 - 1.0


@kernel(helper=True)
def _renew(ints: Any, floats: Any, n: int) -> None:
    """LOWEST and HIGHEST of a position from its own limits and those of its children."""
    lowest, highest, at_low, at_high = floats[W_LOW, n], floats[W_HIGH, n], n, n
    child = n + 1
    while child < ints[row.SUBTREE_END, n]:
        fall = _drop(ints, floats, child)
        if floats[LOWEST, child] + fall > lowest:
            lowest, at_low = floats[LOWEST, child] + fall, ints[AT_LOW, child]
        if floats[HIGHEST, child] + fall < highest:
            highest, at_high = floats[HIGHEST, child] + fall, ints[AT_HIGH, child]
        child = ints[row.SUBTREE_END, child]
    floats[LOWEST, n], floats[HIGHEST, n] = lowest, highest
    ints[AT_LOW, n], ints[AT_HIGH, n] = at_low, at_high


@kernel(helper=True)
def _shift(ints: Any, position: int, wh: int, varh: int) -> None:
    """Add an injection at a position to the sums on its way."""
    while position > 0:
        ints[BEHIND_WH, position] += wh
        ints[BEHIND_VARH, position] += varh
        position = ints[row.PARENT, position]


@kernel(helper=True)
def _move(ints: Any, floats: Any, source: int, sink: int, wh: int) -> tuple[float, int, int]:
    """Move the linear state by ``wh`` (negative: back); the books stay.

    Returns (largest excess on the touched ways and over voltages, its position, what it is); (-inf, -1, ...) where nothing
    is touched. The excess is of squares, as ``limits_kernel`` has it.
    """
    injects, draws, _, _ = ends(ints, source, sink)
    if injects > 0:
        _shift(ints, injects, wh, wh * ints[row.SOURCE_VARH, source])
    if draws > 0:
        _shift(ints, draws, -wh, -wh * ints[row.SINK_VARH, sink])
    worst, where, what = -np.inf, -1, row.OVERLOAD
    square = floats[row.FLOAT_FACTS, row.SOURCE_PU] * floats[row.FLOAT_FACTS, row.SOURCE_PU]
    one, other = injects, draws
    while one > 0 or other > 0:  # from the ends up, children before parents: they have the larger positions
        n = max(one, other)
        one = ints[row.PARENT, n] if one == n else one
        other = ints[row.PARENT, n] if other == n else other
        _renew(ints, floats, n)
        over = _overload(ints, floats, n)
        if over > worst:
            worst, where, what = over, n, row.OVERLOAD
        if ints[row.PARENT, n] == 0:
            w = square - _drop(ints, floats, n)
            if w - floats[HIGHEST, n] > worst:
                worst, where, what = w - floats[HIGHEST, n], ints[AT_HIGH, n], row.HIGH_VOLTAGE
            if floats[LOWEST, n] - w > worst:
                worst, where, what = floats[LOWEST, n] - w, ints[AT_LOW, n], row.LOW_VOLTAGE
    return worst, where, what


@kernel(ADMIT)
def admit_linear(ints: Any, floats: Any, source: int, sink: int, wh: int) -> tuple[int, int, int]:
    """Commit as much of ``wh`` as the linear model takes, to 1 Wh; all of it first, then by bisection."""
    if wh <= 0:
        return 0, NONE, -1
    if ints[row.FACTS, row.CONVERGED] == 0:
        return 0, DIVERGED, -1
    _, _, first, second = ends(ints, source, sink)
    left, code, element = headroom(ints, source, sink, first, second, wh)
    if left > 0 and (first >= 0 or second >= 0):
        low, high, at, guess = 0, left + 1, 0, left
        while high - low > 1:
            excess, where, what = _move(ints, floats, source, sink, guess - at)
            at = guess
            if excess > 0.0:
                high = guess
                drawn = _flow(ints, floats, where)[0]
                code, element = refusal(ints, source, sink, where, what, drawn)
            else:
                low = guess
            guess = (low + high) // 2
        if at != low:
            _move(ints, floats, source, sink, low - at)
        left = low
    if left > 0:
        commit(ints, source, sink, left)
    return left, code, element


@kernel(types.void(_I2, _F2, types.int64, types.int64, types.int64))
def take_back_linear(ints: Any, floats: Any, source: int, sink: int, wh: int) -> None:
    """Undo what was admitted, in the books and in the linear state."""
    commit(ints, source, sink, -wh)
    if ints[row.FACTS, row.CONVERGED] == 1:
        _move(ints, floats, source, sink, -wh)


@kernel(helper=True)
def _sum_up(ints: Any, floats: Any) -> None:
    """What is injected and drawn at and behind each position, from the books."""
    n_nodes = ints[row.FACTS, row.N_NODES]
    for n in range(n_nodes):
        ints[BEHIND_WH, n], ints[BEHIND_VARH, n] = ints[row.NET_WH, n], ints[row.NET_VARH, n]
        floats[FIXED_P, n] = floats[row.G, n] * floats[NOMINAL2, n]
        floats[FIXED_Q, n] = -floats[row.B, n] * floats[NOMINAL2, n] - floats[row.Q_FIRM, n]
    for connection in range(ints[row.FACTS, row.N_CONNECTIONS]):
        if ints[row.POSITION, connection] >= 0:
            floats[FIXED_Q, ints[row.POSITION, connection]] -= floats[row.CURVE_Q_FIRM, connection]
    for back in range(n_nodes - 1):
        n = n_nodes - 1 - back
        above = ints[row.PARENT, n]
        ints[BEHIND_WH, above] += ints[BEHIND_WH, n]
        ints[BEHIND_VARH, above] += ints[BEHIND_VARH, n]
        floats[FIXED_P, above] += floats[FIXED_P, n]
        floats[FIXED_Q, above] += floats[FIXED_Q, n]


@kernel(helper=True)
def _predict(ints: Any, floats: Any, w: Any) -> None:
    """W of each position, in the scale of ``RadialFeeder``."""
    w[row.SOURCE] = floats[row.FLOAT_FACTS, row.SOURCE_PU] * floats[row.FLOAT_FACTS, row.SOURCE_PU]
    for n in range(1, ints[row.FACTS, row.N_NODES]):
        w[n] = w[ints[row.PARENT, n]] - _drop(ints, floats, n)


@kernel(helper=True)
def _freeze_at(ints: Any, floats: Any, n: int, w: float) -> None:
    """Limits of the slot at a position and the branch above it, by the rule of ``limits_kernel.frozen``."""
    guard, worsen = in_scale(floats, row.GUARD_V, n), in_scale(floats, row.WORSEN_V, n)
    slack, v = 10.0 * floats[row.FLOAT_FACTS, row.TOLERANCE], np.sqrt(max(w, 0.0))
    floats[W_LOW, n], floats[W_HIGH, n] = floats[row.V2_LOW_PLAIN, n], floats[row.V2_HIGH_PLAIN, n]
    if w < floats[W_LOW, n]:
        low = max(-frozen(-v, -floats[row.V_MIN, n], guard, worsen, slack), 0.0)
        floats[W_LOW, n] = min(low * low, w)
    if w > floats[W_HIGH, n]:
        high = frozen(v, floats[row.V_MAX, n], guard, worsen, slack)
        floats[W_HIGH, n] = high * high
    floats[LINEAR_PER_PARENT, n] = floats[row.PER_PARENT_PLAIN, n]
    floats[LINEAR_PER_CHILD, n] = floats[row.PER_CHILD_PLAIN, n]
    floats[LINEAR_DIRECTION, n] = 0.0
    parent2, child2 = _currents2(ints, floats, n)
    if parent2 * floats[LINEAR_PER_PARENT, n] > 1.0:
        floats[LINEAR_PER_PARENT, n] = frozen_rating(floats, parent2, floats[row.RATING_PARENT, n])
        floats[LINEAR_DIRECTION, n] = direction(_flow(ints, floats, n)[0])
    if child2 * floats[LINEAR_PER_CHILD, n] > 1.0:
        floats[LINEAR_PER_CHILD, n] = frozen_rating(floats, child2, floats[row.RATING_CHILD, n])
        floats[LINEAR_DIRECTION, n] = direction(_flow(ints, floats, n)[0])


@kernel(helper=True)
def _renew_all(ints: Any, floats: Any) -> None:
    for back in range(ints[row.FACTS, row.N_NODES] - 1):
        _renew(ints, floats, ints[row.FACTS, row.N_NODES] - 1 - back)


@kernel(types.void(_INTS, _FLOATS))
def start_linear(ints: Any, floats: Any) -> None:
    """Start every market that has an untraded state from what its books hold, and freeze the limits there."""
    for m in range(ints.shape[0]):
        if ints[m, row.FACTS, row.CONVERGED] == 1:
            _sum_up(ints[m], floats[m])
            w = np.empty(ints[m, row.FACTS, row.N_NODES])
            _predict(ints[m], floats[m], w)
            for n in range(1, ints[m, row.FACTS, row.N_NODES]):
                _freeze_at(ints[m], floats[m], n, w[n])
            _renew_all(ints[m], floats[m])


@kernel(types.void(_INTS, _FLOATS))
def renew_linear(ints: Any, floats: Any) -> None:
    """Follow books that were changed otherwise than by trades; limits stay."""
    for m in range(ints.shape[0]):
        if ints[m, row.FACTS, row.CONVERGED] == 1:
            _sum_up(ints[m], floats[m])
            _renew_all(ints[m], floats[m])


@kernel(types.void(_INTS, _FLOATS, _F2, _F2))
def predict_markets(ints: Any, floats: Any, v_pu: Any, loading: Any) -> None:
    """Voltages and loadings of the linear state by position [n_markets, n_nodes]; NaN without an untraded state.

    A squared voltage below 0 gives 0.
    """
    for m in range(ints.shape[0]):
        v_pu[m], loading[m] = np.nan, np.nan
        if ints[m, row.FACTS, row.CONVERGED] == 1:
            _predict(ints[m], floats[m], v_pu[m])
            for n in range(ints[m, row.FACTS, row.N_NODES]):
                v_pu[m, n] = np.sqrt(max(v_pu[m, n], 0.0)) * floats[m, row.UNSCALE, n]
            for n in range(1, ints[m, row.FACTS, row.N_NODES]):
                parent2, child2 = _currents2(ints[m], floats[m], n)
                at_parent = np.true_divide(np.sqrt(parent2), floats[m, row.RATING_PARENT, n])
                loading[m, n] = max(at_parent, np.true_divide(np.sqrt(child2), floats[m, row.RATING_CHILD, n]))
