"""The exact gate: how much of a trade every limit takes, by an AC solve of each lateral that the trade touches.

Every trial starts from the voltages of the untraded state, so the answer depends on the untraded state, what
is committed and the trade alone, and not on the way to it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from marketsim.core.compiled import ADMIT, kernel
from marketsim.core.records import BLAMES_SINK, Reason
from marketsim.grid.gate_layout_kernel import (
    BRANCH,
    CONNECTION_WH,
    CONVERGED,
    EXPORT_FROZEN,
    FACTS,
    FLOAT_FACTS,
    HEAD_EXPORT_FROZEN,
    HEAD_IMPORT_FROZEN,
    HEAD_WH,
    HIGH_VOLTAGE,
    IMPORT_FROZEN,
    KIND,
    LATERAL,
    LATERAL_START,
    LOW_VOLTAGE,
    NET_VARH,
    NET_WH,
    NO_SOLUTION,
    NODE,
    POSITION,
    Q_FIRM,
    SINK_VARH,
    SOLVES,
    SOURCE_VARH,
    SUBTREE_END,
    TOUCHED,
    VARH_UNIT,
    VI,
    VI_FIRM,
    VR,
    VR_FIRM,
    WH_TO_PU,
    P,
    Q,
)
from marketsim.grid.gate_limits_kernel import flow, within_limits, worst_margin
from marketsim.grid.network import BranchKind
from marketsim.grid.sweep_kernel import sweep

NONE = int(Reason.NONE)
UNDERVOLTAGE = int(Reason.UNDERVOLTAGE)
OVERVOLTAGE = int(Reason.OVERVOLTAGE)
LINE_LOADING = int(Reason.LINE_LOADING)
TRAFO_LOADING = int(Reason.TRAFO_LOADING)
CONNECTION_IMPORT = int(Reason.CONNECTION_IMPORT)
CONNECTION_EXPORT = int(Reason.CONNECTION_EXPORT)
HEAD_IMPORT = int(Reason.HEAD_IMPORT)
HEAD_EXPORT = int(Reason.HEAD_EXPORT)
DIVERGED = int(Reason.DIVERGED)
TRAFO = int(BranchKind.TRAFO)
PATIENCE = 3
"""Secant steps without halving the bracket before one bisection."""


@kernel()
def position_of(ints: Any, connection: int) -> int:
    """Position of a connection; -1 for NOWHERE and off the grid."""
    return ints[POSITION, connection] if connection >= 0 else -1


@kernel()
def lateral_of(ints: Any, position: int) -> int:
    """Lateral of a position; -1 at the source and off the grid."""
    return ints[LATERAL, position] if position >= 0 else -1


@kernel()
def headroom(ints: Any, source: int, sink: int, wh: int) -> tuple[int, int, int]:
    """(wh left by the limits of connections and feeder heads, code, element) without a power flow."""
    left, code, element = wh, NONE, -1
    if source >= 0 and ints[EXPORT_FROZEN, source] - ints[CONNECTION_WH, source] < left:
        left = max(ints[EXPORT_FROZEN, source] - ints[CONNECTION_WH, source], 0)
        code, element = CONNECTION_EXPORT, source
    if sink >= 0 and ints[IMPORT_FROZEN, sink] + ints[CONNECTION_WH, sink] < left:
        left = max(ints[IMPORT_FROZEN, sink] + ints[CONNECTION_WH, sink], 0)
        code, element = CONNECTION_IMPORT + BLAMES_SINK, sink
    outgoing = lateral_of(ints, position_of(ints, source))
    incoming = lateral_of(ints, position_of(ints, sink))
    if outgoing == incoming:
        return left, code, element
    if outgoing >= 0 and ints[HEAD_EXPORT_FROZEN, outgoing] - ints[HEAD_WH, outgoing] < left:
        left = max(ints[HEAD_EXPORT_FROZEN, outgoing] - ints[HEAD_WH, outgoing], 0)
        code, element = HEAD_EXPORT, outgoing
    if incoming >= 0 and ints[HEAD_IMPORT_FROZEN, incoming] + ints[HEAD_WH, incoming] < left:
        left = max(ints[HEAD_IMPORT_FROZEN, incoming] + ints[HEAD_WH, incoming], 0)
        code, element = HEAD_IMPORT + BLAMES_SINK, incoming
    return left, code, element


@kernel()
def commit(ints: Any, source: int, sink: int, wh: int) -> None:
    """Book ``wh`` (negative: take back) in every integer that counts it."""
    if source >= 0:
        ints[CONNECTION_WH, source] += wh
    if sink >= 0:
        ints[CONNECTION_WH, sink] -= wh
    injects, draws = position_of(ints, source), position_of(ints, sink)
    if injects >= 0:
        ints[NET_WH, injects] += wh
        ints[NET_VARH, injects] += wh * ints[SOURCE_VARH, source]
    if draws >= 0:
        ints[NET_WH, draws] -= wh
        ints[NET_VARH, draws] -= wh * ints[SINK_VARH, sink]
    if injects > 0:
        ints[HEAD_WH, ints[LATERAL, injects]] += wh
        ints[TOUCHED, ints[LATERAL, injects]] = 1
    if draws > 0:
        ints[HEAD_WH, ints[LATERAL, draws]] -= wh
        ints[TOUCHED, ints[LATERAL, draws]] = 1


@kernel()
def set_power(ints: Any, floats: Any, position: int) -> None:
    """P and Q of a position from its integers."""
    scale = floats[FLOAT_FACTS, WH_TO_PU]
    floats[P, position] = ints[NET_WH, position] * scale
    floats[Q, position] = floats[Q_FIRM, position] + ints[NET_VARH, position] * (scale * VARH_UNIT)


@kernel()
def start_firm(floats: Any, start: int, stop: int) -> None:
    """Set the voltages of a lateral to those of the untraded state."""
    for n in range(start, stop):
        floats[VR, n] = floats[VR_FIRM, n]
        floats[VI, n] = floats[VI_FIRM, n]


@kernel()
def solve_lateral(ints: Any, floats: Any, lateral: int) -> bool:
    """Solve a lateral anew from the untraded state; False: no solution."""
    start, stop = ints[LATERAL_START, lateral], ints[LATERAL_START, lateral + 1]
    start_firm(floats, start, stop)
    ints[FACTS, SOLVES] += 1
    return sweep(ints, floats, start, stop)


@kernel()
def try_quantity(ints: Any, floats: Any, source: int, sink: int, wh: int) -> bool:
    """Solve the touched laterals as if ``wh`` were committed; the integers are left as they were. False: no solution."""
    injects, draws = position_of(ints, source), position_of(ints, sink)
    commit(ints, source, sink, wh)
    if injects >= 0:
        set_power(ints, floats, injects)
    if draws >= 0:
        set_power(ints, floats, draws)
    commit(ints, source, sink, -wh)
    first, second = lateral_of(ints, injects), lateral_of(ints, draws)
    solved = first < 0 or solve_lateral(ints, floats, first)
    if solved and second >= 0 and second != first:
        solved = solve_lateral(ints, floats, second)
    return solved


@kernel()
def restore_power(ints: Any, floats: Any, source: int, sink: int) -> None:
    """P and Q of both ends as committed."""
    for connection in (source, sink):
        position = position_of(ints, connection)
        if position >= 0:
            set_power(ints, floats, position)


@kernel()
def accepts(ints: Any, floats: Any, source: int, sink: int, wh: int) -> bool:
    """Whether every limit of the touched laterals holds with ``wh`` more."""
    if not try_quantity(ints, floats, source, sink, wh):
        return False
    first = lateral_of(ints, position_of(ints, source))
    second = lateral_of(ints, position_of(ints, sink))
    good = first < 0 or within_limits(ints, floats, ints[LATERAL_START, first], ints[LATERAL_START, first + 1])
    if good and second >= 0 and second != first:
        good = within_limits(ints, floats, ints[LATERAL_START, second], ints[LATERAL_START, second + 1])
    return good


@kernel()
def excess_at(ints: Any, floats: Any, source: int, sink: int, wh: int) -> tuple[float, int, int]:
    """(largest excess with ``wh`` more, its position, what it is) over the touched laterals."""
    if not try_quantity(ints, floats, source, sink, wh):
        return np.inf, -1, NO_SOLUTION
    first = lateral_of(ints, position_of(ints, source))
    second = lateral_of(ints, position_of(ints, sink))
    worst, where, what = -np.inf, -1, NO_SOLUTION
    if first >= 0:
        worst, where, what = worst_margin(ints, floats, ints[LATERAL_START, first], ints[LATERAL_START, first + 1])
    if second >= 0 and second != first:
        other = worst_margin(ints, floats, ints[LATERAL_START, second], ints[LATERAL_START, second + 1])
        if other[0] > worst:
            worst, where, what = other
    return worst, where, what


@kernel()
def refusal(ints: Any, floats: Any, source: int, sink: int, where: int, what: int) -> tuple[int, int]:
    """(code, element) of the limit that binds in the state just solved.

    Low voltage, and overload by consumption below the element, are the sink's doing; without a source everything is.
    """
    draws = position_of(ints, sink)
    to_blame = draws >= 0 and position_of(ints, source) < 0
    if what == NO_SOLUTION:
        code, element = DIVERGED, -1
    elif what == LOW_VOLTAGE:
        code, element = UNDERVOLTAGE, ints[NODE, where]
        to_blame = draws >= 0
    elif what == HIGH_VOLTAGE:
        code, element = OVERVOLTAGE, ints[NODE, where]
    else:
        code = TRAFO_LOADING if ints[KIND, where] == TRAFO else LINE_LOADING
        element = ints[BRANCH, where]
        above_sink = where <= draws < ints[SUBTREE_END, where]
        to_blame = to_blame or (above_sink and flow(floats, where) > 0.0)
    return (code + BLAMES_SINK if to_blame else code), element


@kernel()
def _next_guess(low: int, high: int, at_low: float, at_high: float, bisect: bool) -> int:
    """A quantity strictly between ``low`` and ``high``: where the chord crosses zero, or the middle."""
    guess = (low + high) // 2
    if not bisect and -np.inf < at_low < 0.0 and 0.0 < at_high < np.inf:
        guess = low + int(np.floor((high - low) * (at_low / (at_low - at_high))))
    return min(max(guess, low + 1), high - 1)


@kernel()
def largest_admissible(ints: Any, floats: Any, source: int, sink: int, wh: int) -> tuple[int, int, int]:
    """(largest quantity below ``wh`` to 1 Wh, code, element) where ``wh`` itself is refused.

    Bracketed search: 1 Wh, then regula falsi on the largest excess (Illinois variant) with bisection when it is slow. At the
    end the quantity was solved and kept every limit (or is 0, the committed state), and 1 Wh more was solved and broke the one named.
    """
    at_high, where, what = excess_at(ints, floats, source, sink, wh)
    code, element = refusal(ints, floats, source, sink, where, what)
    low, high, at_low = 0, wh, -np.inf
    guess, width, slow, side = 1, wh, 0, 0
    while high - low > 1:
        excess, where, what = excess_at(ints, floats, source, sink, guess)
        if excess > 0.0:
            at_low = at_low * 0.5 if side > 0 else at_low
            high, at_high, side = guess, excess, 1
            code, element = refusal(ints, floats, source, sink, where, what)
        else:
            at_high = at_high * 0.5 if side < 0 else at_high
            low, at_low, side = guess, excess, -1
        slow = slow + 1
        bisect = slow >= PATIENCE and 2 * (high - low) > width
        if bisect or slow >= PATIENCE:
            width, slow = high - low, 0
        guess = _next_guess(low, high, at_low, at_high, bisect)
    return low, code, element


@kernel(ADMIT)
def admit(ints: Any, floats: Any, source: int, sink: int, wh: int) -> tuple[int, int, int]:
    """Commit as much of ``wh`` as the grid takes from connection ``source`` to ``sink``; see ``Gate.admit``."""
    if wh <= 0:
        return 0, NONE, -1
    if ints[FACTS, CONVERGED] == 0:
        return 0, DIVERGED, -1
    left, code, element = headroom(ints, source, sink, wh)
    if left > 0 and (position_of(ints, source) > 0 or position_of(ints, sink) > 0):
        if not accepts(ints, floats, source, sink, left):
            left, code, element = largest_admissible(ints, floats, source, sink, left)
    if left > 0:
        commit(ints, source, sink, left)
    restore_power(ints, floats, source, sink)
    return left, code, element
