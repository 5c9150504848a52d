"""The check of mode ``sensitivity``: voltages and complex branch currents, linear in what was admitted.

At a solved state (V, S) an injection dS changes the currents drawn by dI = -conj(dS) / conj(V) + C conj(dV) + Y dV with
C = conj(S) / conj(V)^2, and dV = -Z dI; one linear solve for each end of a trade that appears in the slot gives a column of
voltages and branch currents for each p.u. of it. The predicted state is their sum over what is committed. Complex voltages
and currents are linear, their magnitudes are taken of the prediction: each limit is then a quadratic in the quantity, and the
largest quantity its root. A guard band stands beside a bound of what the prediction leaves out; where that bound
outgrows the band, the prediction starts anew from an AC solve of what is committed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from marketsim.core.compiled import ADMIT, kernel
from marketsim.grid.flow import rows_kernel as row
from marketsim.grid.flow.injections_kernel import set_power
from marketsim.grid.flow.sweep_kernel import solve, start_untraded
from marketsim.grid.gates.books_kernel import DIVERGED, NONE, commit, ends, headroom, refusal
from marketsim.grid.gates.exact.exact_kernel import note_trade
from marketsim.grid.gates.skip_solve_kernel import put_back, rebase, remainder, sums_of

# --- rows beyond those of the exact gate ------------------------------------------------------------------------------
COLUMN = row.INT_ROWS
"""Where a connection's two columns begin in the flat store [n_connections]; -1: it has none."""
BUILT = row.INT_ROWS + 1
"""1 + 2: the column of injections, of withdrawals is up to date."""
SCREEN_INT_ROWS = row.INT_ROWS + 2
NOW_VR = row.FLOAT_ROWS
"""Predicted state by position."""
NOW_VI = row.FLOAT_ROWS + 1
NOW_FR = row.FLOAT_ROWS + 2
NOW_FI = row.FLOAT_ROWS + 3
BASE_VR = row.FLOAT_ROWS + 4
"""State that the columns are taken at, by position: the untraded one, or a later one that was solved."""
BASE_VI = row.FLOAT_ROWS + 5
C_R = row.FLOAT_ROWS + 6
C_I = row.FLOAT_ROWS + 7
TRY_R = row.FLOAT_ROWS + 8
"""Direction of the trade at hand by position: change for each p.u."""
TRY_I = row.FLOAT_ROWS + 9
TRY_FR = row.FLOAT_ROWS + 10
TRY_FI = row.FLOAT_ROWS + 11
STORE = row.FLOAT_ROWS + 12
"""From here on: columns of four parts (Vr, Vi, Fr, Fi), each as long as the lateral."""

LINEAR_REACH = 0.01
"""Sum of reach times injection that one prediction is asked for [p.u.]."""
HALVINGS = 12
"""Between an admissible and a refused quantity."""
RELATIVE_STEP = 1e-10
"""Columns are solved to this share of their largest entry."""


@kernel(helper=True)
def _start_from_solved(ints: Any, floats: Any, lateral: int) -> None:
    """Start the prediction of a lateral at the state just solved."""
    for n in range(ints[row.LATERAL_START, lateral], ints[row.LATERAL_START, lateral + 1]):
        e, f, core = floats[row.VR, n], floats[row.VI, n], ints[row.CORE, n]
        floats[NOW_VR, n], floats[NOW_VI, n] = e, f
        floats[NOW_FR, n], floats[NOW_FI, n] = floats[row.FR, n], floats[row.FI, n]
        floats[BASE_VR, n], floats[BASE_VI, n] = e, f
        floats[C_R, n], floats[C_I, n] = 0.0, 0.0
        if core >= 0:
            square = np.true_divide(1.0, (e * e + f * f) * (e * e + f * f))
            p, q, re, im = floats[row.P, core], floats[row.Q, core], e * e - f * f, 2.0 * e * f
            floats[C_R, n], floats[C_I, n] = (p * re + q * im) * square, (p * im - q * re) * square
    for connection in range(ints[row.FACTS, row.N_CONNECTIONS]):
        position = ints[row.POSITION, connection]
        if position > 0 and ints[row.LATERAL, position] == lateral:
            ints[BUILT, connection] = 0
    rebase(ints, floats, lateral)


@kernel(types.void(types.int64[:, :, ::1], types.float64[:, :, ::1]))
def start_prediction(ints: Any, floats: Any) -> None:
    """Start the prediction of every market at its untraded state, which was just solved."""
    for m in range(ints.shape[0]):
        if ints[m, row.FACTS, row.CONVERGED] == 1:
            floats[m, NOW_VR, row.SOURCE] = floats[m, row.VR, row.SOURCE]
            floats[m, NOW_VI, row.SOURCE] = floats[m, row.VI, row.SOURCE]
            for lateral in range(ints[m, row.FACTS, row.N_LATERALS]):
                _start_from_solved(ints[m], floats[m], lateral)


@kernel(helper=True)
def _restart(ints: Any, floats: Any, lateral: int, anew: bool) -> bool:
    """Start the prediction of a lateral anew if it has drifted, or ``anew``; False: no solution of what is committed."""
    if lateral < 0 or not (anew or remainder(floats, lateral)[0] > 0.5 * floats[row.FLOAT_FACTS, row.SCREEN_BAND]):
        return True
    for n in range(ints[row.LATERAL_START, lateral], ints[row.LATERAL_START, lateral + 1]):
        if ints[row.CORE, n] >= 0:
            set_power(ints, floats, n)
    start_untraded(ints, floats, lateral)
    if not solve(ints, floats, lateral):
        return False
    _start_from_solved(ints, floats, lateral)
    return True


@kernel(helper=True)
def _solve_column(ints: Any, floats: Any, start: int, stop: int, at: int, s_r: float, s_i: float) -> None:
    """Change of state for an injection of (s_r, s_i) at position ``at``, into TRY_R, TRY_I, TRY_FR, TRY_FI."""
    for n in range(start, stop):
        floats[TRY_R, n], floats[TRY_I, n] = 0.0, 0.0
    e, f = floats[BASE_VR, at], floats[BASE_VI, at]
    inverse = np.true_divide(1.0, e * e + f * f)
    drawn_r, drawn_i = -(s_r * e + s_i * f) * inverse, -(s_r * f - s_i * e) * inverse
    for _ in range(ints[row.FACTS, row.MAX_SWEEPS]):
        for n in range(start, stop):
            d_r, d_i = floats[TRY_R, n], floats[TRY_I, n]
            c_r, c_i, g, b = floats[C_R, n], floats[C_I, n], floats[row.G, n], floats[row.B, n]
            floats[TRY_FR, n] = c_r * d_r + c_i * d_i + g * d_r - b * d_i
            floats[TRY_FI, n] = c_i * d_r - c_r * d_i + g * d_i + b * d_r
        floats[TRY_FR, at] += drawn_r
        floats[TRY_FI, at] += drawn_i
        for back in range(stop - start - 1):
            n = stop - 1 - back
            floats[TRY_FR, ints[row.PARENT, n]] += floats[TRY_FR, n]
            floats[TRY_FI, ints[row.PARENT, n]] += floats[TRY_FI, n]
        step, largest = 0.0, 0.0
        for n in range(start, stop):
            re = -(floats[row.R, n] * floats[TRY_FR, n] - floats[row.X, n] * floats[TRY_FI, n])
            im = -(floats[row.R, n] * floats[TRY_FI, n] + floats[row.X, n] * floats[TRY_FR, n])
            if n > start:
                re += floats[TRY_R, ints[row.PARENT, n]]
                im += floats[TRY_I, ints[row.PARENT, n]]
            step = max(step, abs(re - floats[TRY_R, n]) + abs(im - floats[TRY_I, n]))
            largest = max(largest, abs(re) + abs(im))
            floats[TRY_R, n], floats[TRY_I, n] = re, im
        if not step > RELATIVE_STEP * largest:
            return


@kernel(helper=True)
def _place(floats: Any, store: Any, at: int, start: int, stop: int, keep: bool, scale: float) -> None:
    """Keep the direction in the store at ``at``, or add ``scale`` times what is stored there to the direction."""
    size = stop - start
    for part in range(4):
        quantity = (TRY_R, TRY_I, TRY_FR, TRY_FI)[part]
        for n in range(size):
            if keep:
                store[at + part * size + n] = floats[quantity, start + n]
            else:
                floats[quantity, start + n] += scale * store[at + part * size + n]


@kernel(helper=True)
def _ensure_column(ints: Any, floats: Any, connection: int, position: int, lateral: int, mark: int) -> int:
    """Build the column of a connection (mark 1: injecting, 2: drawing) unless it is there; returns where it is."""
    start, stop = ints[row.LATERAL_START, lateral], ints[row.LATERAL_START, lateral + 1]
    at = ints[COLUMN, connection] + (mark - 1) * 4 * (stop - start)
    if ints[BUILT, connection] & mark == 0:
        ratio = ints[row.SOURCE_VARH, connection] if mark == 1 else ints[row.SINK_VARH, connection]
        _solve_column(ints, floats, start, stop, position, 1.0, ratio * row.VARH_UNIT)
        _place(floats, floats[STORE:].reshape(-1), at, start, stop, True, 1.0)
        ints[BUILT, connection] |= mark
    return at


@kernel(helper=True)
def _set_direction(ints: Any, floats: Any, source: int, sink: int) -> None:
    """Change of the touched laterals for each p.u. that goes from ``source`` to ``sink``."""
    injects, draws, first, second = ends(ints, source, sink)
    from_source = _ensure_column(ints, floats, source, injects, first, 1) if first >= 0 else -1
    from_sink = _ensure_column(ints, floats, sink, draws, second, 2) if second >= 0 else -1
    store = floats[STORE:].reshape(-1)
    for lateral in (first, second):
        if lateral >= 0:
            start, stop = ints[row.LATERAL_START, lateral], ints[row.LATERAL_START, lateral + 1]
            for n in range(start, stop):
                floats[TRY_R, n], floats[TRY_I, n], floats[TRY_FR, n], floats[TRY_FI, n] = 0.0, 0.0, 0.0, 0.0
            if lateral == first:
                _place(floats, store, from_source, start, stop, False, 1.0)
            if lateral == second:
                _place(floats, store, from_sink, start, stop, False, -1.0)


@kernel(helper=True)
def _tightened(limit: float, now: float, sense: float, band: float, missed: float) -> float:
    """What is left of an upper (sense 1) or lower (-1) limit of a magnitude that is predicted to stand at ``now``.

    Band and bound are both kept, but the bound need not be kept apart by what stands within the band and comes no closer.
    """
    strict = limit - sense * (band + missed)
    if missed > band or sense * (now - strict) <= 0.0:
        return strict
    return min(now, limit - band) if sense > 0.0 else max(now, limit + band)


@kernel(helper=True)
def _below(along: float, square: float, now2: float, limit: float) -> tuple[float, float]:
    """Quantities x with |a + x b| <= limit, first and last; along = Re(conj(a) b), square = |b|^2, now2 = |a|^2."""
    left = limit * limit - now2
    inside = along * along + square * left
    if limit < 0.0 or inside < 0.0:
        return np.inf, 0.0
    root = np.sqrt(inside)
    last = left / (along + root) if along > 0.0 else (root - along) / square
    return (0.0 if left >= 0.0 else -left / (root - along) if along < 0.0 else np.inf), last


@kernel(helper=True)
def _above(along: float, square: float, now2: float, limit: float) -> tuple[float, float]:
    """Quantities x with |a + x b| >= limit, first and last of the stretch that holds 0 or lies ahead."""
    left = now2 - limit * limit
    inside = along * along - square * left
    if inside < 0.0 or (left >= 0.0 and along >= 0.0):
        return 0.0, np.inf
    root = np.sqrt(inside)
    if left >= 0.0:
        return 0.0, left / (root - along)
    return (-left / (along + root) if along > 0.0 else (root - along) / square), np.inf


@kernel(helper=True)
def _unmoved(kept: bool) -> tuple[float, float]:
    """Quantities that keep a limit of what no quantity moves to first order: all or none, by what the prediction may miss."""
    return (0.0, np.inf) if kept else (np.inf, 0.0)


@kernel(helper=True)
def _voltage_range(floats: Any, n: int, sense: float, band: float, missed: float) -> tuple[float, float]:
    """First and last quantity [p.u.] that keep a voltage limit of a position: the upper (sense 1) or the lower (-1)."""
    a_r, a_i, b_r, b_i = floats[NOW_VR, n], floats[NOW_VI, n], floats[TRY_R, n], floats[TRY_I, n]
    square, now2, along = b_r * b_r + b_i * b_i, a_r * a_r + a_i * a_i, a_r * b_r + a_i * b_i
    limit = floats[row.V_HIGH, n] if sense > 0.0 else floats[row.V_LOW, n]
    if limit == np.inf:
        return 0.0, np.inf
    limit = _tightened(limit, np.sqrt(now2), sense, band, missed)
    if square == 0.0:
        return _unmoved(sense * (np.sqrt(now2) - limit) <= 0.0)
    return _below(along, square, now2, limit) if sense > 0.0 else _above(along, square, now2, max(limit, 0.0))


@kernel(helper=True)
def _end_range(
    floats: Any, n: int, at: int, g: float, b: float, per: float, band: float, missed: float
) -> tuple[float, float]:
    """First and last quantity [p.u.] that keep the rating of the branch above ``n`` at its end at position ``at``."""
    a_r = floats[NOW_FR, n] + g * floats[NOW_VR, at] - b * floats[NOW_VI, at]
    a_i = floats[NOW_FI, n] + g * floats[NOW_VI, at] + b * floats[NOW_VR, at]
    b_r, b_i = floats[TRY_FR, n], floats[TRY_FI, n]
    if at > 0:  # the source does not move
        b_r += g * floats[TRY_R, at] - b * floats[TRY_I, at]
        b_i += g * floats[TRY_I, at] + b * floats[TRY_R, at]
    square, now2 = b_r * b_r + b_i * b_i, a_r * a_r + a_i * a_i
    if per == 0.0:
        return 0.0, np.inf
    rating = np.true_divide(1.0, np.sqrt(per))
    limit = _tightened(rating, np.sqrt(now2), 1.0, band * rating, missed)
    if square == 0.0:
        return _unmoved(np.sqrt(now2) <= limit)
    return _below(a_r * b_r + a_i * b_i, square, now2, limit)


@kernel(helper=True)
def _range_at(
    ints: Any, floats: Any, n: int, which: int, band: float, missed_v: float, missed_i: float
) -> tuple[float, float, int]:
    """(first and last quantity that keep one of the four limits at a position, what it is)."""
    if which == 0:
        first, last = _voltage_range(floats, n, -1.0, band, missed_v)
        return first, last, row.LOW_VOLTAGE
    if which == 1:
        first, last = _voltage_range(floats, n, 1.0, band, missed_v)
        return first, last, row.HIGH_VOLTAGE
    if which == 2:
        g, b, per = floats[row.G_PARENT, n], floats[row.B_PARENT, n], floats[row.PER_PARENT, n]
        first, last = _end_range(floats, n, ints[row.PARENT, n], g, b, per, band, missed_i)
        return first, last, row.OVERLOAD
    g, b, per = -floats[row.G_CHILD, n], -floats[row.B_CHILD, n], floats[row.PER_CHILD, n]
    first, last = _end_range(floats, n, n, g, b, per, band, missed_i)
    return first, last, row.OVERLOAD


@kernel(helper=True)
def _least_room(ints: Any, floats: Any, lateral: int, asked: float) -> tuple[float, int, int]:
    """(largest quantity up to ``asked`` [p.u.] that keeps every limit of a lateral, position and kind of what binds).

    Only the quantity itself has to keep the limits: one that lies beyond its tightened limit now may come back by it.
    """
    missed_v, missed_i = remainder(floats, lateral)
    band = floats[row.FLOAT_FACTS, row.SCREEN_BAND]
    least, where, what = asked, -1, row.OVERLOAD
    most, where_most, what_most = 0.0, -1, row.OVERLOAD
    for n in range(ints[row.LATERAL_START, lateral], ints[row.LATERAL_START, lateral + 1]):
        for which in range(4):
            first, last, kind = _range_at(ints, floats, n, which, band, missed_v, missed_i)
            if last < least:
                least, where, what = last, n, kind
            if first > most:
                most, where_most, what_most = first, n, kind
    if most > least:
        return 0.0, where_most, what_most
    return least, where, what


@kernel(helper=True)
def _power_to(floats: Any, where: int, room: float) -> float:
    """What the branch above a position brings after ``room`` along the direction, as predicted [p.u.]."""
    re = floats[NOW_FR, where] + room * floats[TRY_FR, where]
    im = floats[NOW_FI, where] + room * floats[TRY_FI, where]
    return floats[BASE_VR, where] * re + floats[BASE_VI, where] * im


@kernel(helper=True)
def _move(ints: Any, floats: Any, lateral: int, wh: int) -> None:
    """Move the predicted state of a lateral along the direction."""
    amount = wh * floats[row.FLOAT_FACTS, row.WH_TO_PU]
    for n in range(ints[row.LATERAL_START, lateral], ints[row.LATERAL_START, lateral + 1]):
        floats[NOW_VR, n] += amount * floats[TRY_R, n]
        floats[NOW_VI, n] += amount * floats[TRY_I, n]
        floats[NOW_FR, n] += amount * floats[TRY_FR, n]
        floats[NOW_FI, n] += amount * floats[TRY_FI, n]


@kernel(helper=True)
def _book(ints: Any, floats: Any, source: int, sink: int, wh: int) -> None:
    """Commit ``wh`` and move the prediction along the direction that was set, and the sums of its bound."""
    note_trade(ints, floats, source, sink, wh)
    _, _, first, second = ends(ints, source, sink)
    if first >= 0:
        _move(ints, floats, first, wh)
    if second >= 0 and second != first:
        _move(ints, floats, second, wh)
    commit(ints, source, sink, wh)


@kernel(helper=True)
def _most_at_once(ints: Any, floats: Any, source: int, sink: int) -> int:
    """Largest quantity for which one linear prediction is good enough [Wh]."""
    injects, draws, first, second = ends(ints, source, sink)
    reach = 0.0
    if first >= 0:
        reach += floats[row.REACH, ints[row.CORE, injects]]
    if second >= 0:
        reach += floats[row.REACH, ints[row.CORE, draws]]
    once = LINEAR_REACH / (reach * floats[row.FLOAT_FACTS, row.WH_TO_PU]) if reach > 0.0 else 2.0**62
    return max(int(min(once, 2.0**62)), 1)


@kernel(helper=True)
def _room_for(ints: Any, floats: Any, source: int, sink: int, wh: int) -> tuple[int, int, int]:
    """(Wh up to ``wh`` that are admissible if the prediction misses what it may miss for ``wh``, code, element)."""
    _, _, first, second = ends(ints, source, sink)
    before, beside = sums_of(floats, first), sums_of(floats, second)
    note_trade(ints, floats, source, sink, wh)
    left, code, element = wh, NONE, -1
    for lateral in (first, second):
        if lateral >= 0:
            asked = left * floats[row.FLOAT_FACTS, row.WH_TO_PU]
            room, where, what = _least_room(ints, floats, lateral, asked)
            if room < asked:
                left = min(int(np.floor(room / floats[row.FLOAT_FACTS, row.WH_TO_PU])), left - 1)
                code, element = refusal(ints, source, sink, where, what, _power_to(floats, where, room))
    put_back(floats, first, before)
    put_back(floats, second, beside)
    return left, code, element


@kernel(helper=True)
def _screen(ints: Any, floats: Any, source: int, sink: int, wh: int) -> tuple[int, int, int]:
    """What the predicted state takes of ``wh``; books nothing. The direction is set.

    Less of the trade means less to miss: between a quantity that is admissible and one that is not, some halvings.
    """
    left, code, element = _room_for(ints, floats, source, sink, wh)
    if left == wh:
        return left, code, element
    high = wh
    for _ in range(HALVINGS):
        if high - left <= 1:
            break
        middle = (left + high) // 2
        if _room_for(ints, floats, source, sink, middle)[0] == middle:
            left = middle
        else:
            high = middle
    return left, code, element


@kernel(ADMIT)
def admit_screened(ints: Any, floats: Any, source: int, sink: int, wh: int) -> tuple[int, int, int]:
    """Commit as much of ``wh`` as the predicted state takes."""
    if wh <= 0:
        return 0, NONE, -1
    if ints[row.FACTS, row.CONVERGED] == 0:
        return 0, DIVERGED, -1
    _, _, first, second = ends(ints, source, sink)
    left, code, element = headroom(ints, source, sink, first, second, wh)
    if first < 0 and second < 0:
        commit(ints, source, sink, left)
        return left, code, element
    done, once, anew = 0, _most_at_once(ints, floats, source, sink), False
    while done < left:
        part = min(left - done, once)
        if not (_restart(ints, floats, first, anew) and _restart(ints, floats, second, anew)):
            return done, DIVERGED, -1
        _set_direction(ints, floats, source, sink)
        admitted, why, where = _screen(ints, floats, source, sink, part)
        _book(ints, floats, source, sink, admitted)
        done += admitted
        if admitted < part:
            if anew:
                return done, why, where
            anew = True  # once more, from an AC solve next to the limit
    return done, code, element


@kernel(types.void(types.int64[:, ::1], types.float64[:, ::1], types.int64, types.int64, types.int64))
def take_back_screened(ints: Any, floats: Any, source: int, sink: int, wh: int) -> None:
    """Undo what was admitted, and what it did to the prediction."""
    _set_direction(ints, floats, source, sink)
    _book(ints, floats, source, sink, -wh)
