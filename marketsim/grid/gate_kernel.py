"""The exact gate: how much of a trade every limit takes, by an AC solve of each lateral that the trade touches.

Every trial starts from the voltages of the untraded state, so the answer depends on the untraded state, what
is committed and the trade alone, and not on the way to it; nor on which solves ``gate_bound_kernel`` could skip.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from marketsim.core.compiled import ADMIT, kernel
from marketsim.core.records import BLAMES_SINK, Reason
from marketsim.grid.gate_bound_kernel import rebase, surely_within
from marketsim.grid.gate_layout_kernel import (
    BRANCH,
    CONNECTION_WH,
    CONVERGED,
    CORE,
    CORE_START,
    CORE_VI,
    CORE_VI_FIRM,
    CORE_VR,
    CORE_VR_FIRM,
    EXPORT_FROZEN,
    FACTS,
    FALL,
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
    MOVED,
    NET_VARH,
    NET_WH,
    NO_SOLUTION,
    NODE,
    POSITION,
    Q_FIRM,
    REACH,
    RISE,
    SINK_VARH,
    SOLVES,
    SOURCE_VARH,
    SUBTREE_END,
    VARH_UNIT,
    WH_TO_PU,
    P,
    Q,
)
from marketsim.grid.gate_limits_kernel import flow, what_binds, worst_excess
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
"""Secant steps in which the bracket has to halve, or the middle is tried."""


@kernel(helper=True)
def ends(ints: Any, source: int, sink: int) -> tuple[int, int, int, int]:
    """(position of the source, of the sink, lateral of the source, of the sink); -1 for NOWHERE and off the grid.

    A position at the feeder's source has lateral -1.
    """
    injects = ints[POSITION, source] if source >= 0 else -1
    draws = ints[POSITION, sink] if sink >= 0 else -1
    first = ints[LATERAL, injects] if injects >= 0 else -1
    second = ints[LATERAL, draws] if draws >= 0 else -1
    return injects, draws, first, second


@kernel(helper=True)
def headroom(ints: Any, source: int, sink: int, first: int, second: int, wh: int) -> tuple[int, int, int]:
    """(Wh left by the limits of connections and feeder heads, code, element), without a power flow."""
    left, code, element = wh, NONE, -1
    if source >= 0 and ints[EXPORT_FROZEN, source] - ints[CONNECTION_WH, source] < left:
        left = max(ints[EXPORT_FROZEN, source] - ints[CONNECTION_WH, source], 0)
        code, element = CONNECTION_EXPORT, source
    if sink >= 0 and ints[IMPORT_FROZEN, sink] + ints[CONNECTION_WH, sink] < left:
        left = max(ints[IMPORT_FROZEN, sink] + ints[CONNECTION_WH, sink], 0)
        code, element = CONNECTION_IMPORT + BLAMES_SINK, sink
    if first == second:  # what stays inside a lateral does not pass its head
        return left, code, element
    if first >= 0 and ints[HEAD_EXPORT_FROZEN, first] - ints[HEAD_WH, first] < left:
        left = max(ints[HEAD_EXPORT_FROZEN, first] - ints[HEAD_WH, first], 0)
        code, element = HEAD_EXPORT, first
    if second >= 0 and ints[HEAD_IMPORT_FROZEN, second] + ints[HEAD_WH, second] < left:
        left = max(ints[HEAD_IMPORT_FROZEN, second] + ints[HEAD_WH, second], 0)
        code, element = HEAD_IMPORT + BLAMES_SINK, second
    return left, code, element


@kernel(helper=True)
def commit(ints: Any, source: int, sink: int, wh: int) -> None:
    """Book ``wh`` (negative: take back) in every integer that counts it."""
    injects, draws, first, second = ends(ints, source, sink)
    if source >= 0:
        ints[CONNECTION_WH, source] += wh
    if sink >= 0:
        ints[CONNECTION_WH, sink] -= wh
    if injects >= 0:
        ints[NET_WH, injects] += wh
        ints[NET_VARH, injects] += wh * ints[SOURCE_VARH, source]
    if draws >= 0:
        ints[NET_WH, draws] -= wh
        ints[NET_VARH, draws] -= wh * ints[SINK_VARH, sink]
    if first >= 0:
        ints[HEAD_WH, first] += wh
    if second >= 0:
        ints[HEAD_WH, second] -= wh


@kernel(helper=True)
def set_power(ints: Any, floats: Any, position: int) -> None:
    """P and Q of a position in the core from its integers."""
    scale, core = floats[FLOAT_FACTS, WH_TO_PU], ints[CORE, position]
    floats[P, core] = ints[NET_WH, position] * scale
    floats[Q, core] = floats[Q_FIRM, position] + ints[NET_VARH, position] * (scale * VARH_UNIT)


@kernel(helper=True)
def set_powers(ints: Any, floats: Any, injects: int, draws: int) -> None:
    """P and Q of both ends of a trade from the integers."""
    if injects >= 0:
        set_power(ints, floats, injects)
    if draws >= 0:
        set_power(ints, floats, draws)


@kernel(helper=True)
def solve_from_firm(ints: Any, floats: Any, lateral: int) -> bool:
    """Solve a lateral, starting from the untraded state; False: no solution."""
    for n in range(ints[CORE_START, lateral], ints[CORE_START, lateral + 1]):
        floats[CORE_VR, n] = floats[CORE_VR_FIRM, n]
        floats[CORE_VI, n] = floats[CORE_VI_FIRM, n]
    ints[FACTS, SOLVES] += 1
    return sweep(ints, floats, lateral)


@kernel(helper=True)
def solve_with(ints: Any, floats: Any, source: int, sink: int, wh: int) -> bool:
    """Solve the touched laterals as if ``wh`` were committed; the integers are left alone. False: no solution."""
    injects, draws, first, second = ends(ints, source, sink)
    commit(ints, source, sink, wh)
    set_powers(ints, floats, injects, draws)
    commit(ints, source, sink, -wh)
    if first >= 0 and not solve_from_firm(ints, floats, first):
        return False
    return second < 0 or second == first or solve_from_firm(ints, floats, second)


@kernel(helper=True)
def excess_with(ints: Any, floats: Any, source: int, sink: int, wh: int) -> tuple[float, int]:
    """(largest excess with ``wh`` more over the touched laterals, its position); (inf, -1) without a solution."""
    if not solve_with(ints, floats, source, sink, wh):
        return np.inf, -1
    _, _, first, second = ends(ints, source, sink)
    worst, where = -np.inf, -1
    if first >= 0:
        worst, where = worst_excess(ints, floats, first)
    if second >= 0 and second != first:
        other, there = worst_excess(ints, floats, second)
        if other > worst:
            worst, where = other, there
    return worst, where


@kernel(helper=True)
def refusal(ints: Any, floats: Any, source: int, sink: int, where: int) -> tuple[int, int]:
    """(code, element) of the limit that binds at a position in the state just solved.

    Low voltage, and overload by consumption below the element, are the sink's doing; without a source everything is.
    """
    injects, draws, _, _ = ends(ints, source, sink)
    to_blame = draws >= 0 and injects < 0
    what = what_binds(floats, where)
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
        to_blame = to_blame or (where <= draws < ints[SUBTREE_END, where] and flow(floats, where) > 0.0)
    return (code + BLAMES_SINK if to_blame else code), element


@kernel(helper=True)
def guess_between(low: int, high: int, at_low: float, at_high: float) -> int:
    """A quantity strictly between ``low`` and ``high``: where the chord crosses zero; the middle without a chord."""
    guess = (low + high) // 2
    if -np.inf < at_low < 0.0 and 0.0 < at_high < np.inf:
        guess = low + int(np.floor((high - low) * (at_low / (at_low - at_high))))
    return min(max(guess, low + 1), high - 1)


@kernel(helper=True)
def largest_admissible(
    ints: Any, floats: Any, source: int, sink: int, wh: int, at_high: float, code: int, element: int
) -> tuple[int, int, int]:
    """(largest quantity to 1 Wh, code, element) below ``wh``, which breaks a limit by ``at_high``: code and element.

    Bracketed search: 1 Wh, then regula falsi on the largest excess (Illinois variant), the middle where that is slow. At
    the end the quantity was solved and kept every limit (or is 0, the committed state), and 1 Wh more was solved and
    broke the limit that is named.
    """
    low, high, at_low = 0, wh, -np.inf
    guess, width, tries, side = 1, wh, 0, 0
    while high - low > 1:
        excess, where = excess_with(ints, floats, source, sink, guess)
        if excess > 0.0:
            at_low = at_low * 0.5 if side > 0 else at_low
            high, at_high, side = guess, excess, 1
            code, element = refusal(ints, floats, source, sink, where)
        else:
            at_high = at_high * 0.5 if side < 0 else at_high
            low, at_low, side = guess, excess, -1
        tries += 1
        guess = guess_between(low, high, at_low, at_high)
        if tries == PATIENCE:
            if 2 * (high - low) > width:
                guess = guess_between(low, high, -np.inf, np.inf)
            width, tries = high - low, 0
    return low, code, element


@kernel(helper=True)
def note_end(ints: Any, floats: Any, position: int, lateral: int, wh: int, varh: int) -> None:
    """Add an injection [Wh, 1e-8 varh] to the sums of the bound."""
    if lateral >= 0:
        scale = floats[FLOAT_FACTS, WH_TO_PU]
        reach, p, q = floats[REACH, ints[CORE, position]], wh * scale, abs(varh) * (scale * VARH_UNIT)
        floats[RISE, lateral] += reach * (max(p, 0.0) + q)
        floats[FALL, lateral] += reach * (max(-p, 0.0) + q)
        floats[MOVED, lateral] += abs(p) + q


@kernel(helper=True)
def note_trade(ints: Any, floats: Any, source: int, sink: int, wh: int) -> None:
    """Add a trade to the sums of the bound."""
    injects, draws, first, second = ends(ints, source, sink)
    note_end(ints, floats, injects, first, wh, wh * ints[SOURCE_VARH, source])
    note_end(ints, floats, draws, second, -wh, wh * ints[SINK_VARH, sink])


@kernel(helper=True)
def needs_no_solve(ints: Any, floats: Any, source: int, sink: int, first: int, second: int, wh: int) -> bool:
    """Whether the bound vouches for the trade; notes it if so."""
    one, other = max(first, 0), max(second, 0)
    kept = (
        floats[RISE, one], floats[FALL, one], floats[MOVED, one],
        floats[RISE, other], floats[FALL, other], floats[MOVED, other],
    )  # fmt: skip
    note_trade(ints, floats, source, sink, wh)
    if (first < 0 or surely_within(floats, first)) and (second < 0 or second == first or surely_within(floats, second)):
        return True
    floats[RISE, one], floats[FALL, one], floats[MOVED, one] = kept[:3]
    floats[RISE, other], floats[FALL, other], floats[MOVED, other] = kept[3:]
    return False


@kernel(ADMIT)
def admit(ints: Any, floats: Any, source: int, sink: int, wh: int) -> tuple[int, int, int]:
    """Commit as much of ``wh`` as the grid takes from connection ``source`` to ``sink``; see ``Gate.admit``."""
    if wh <= 0:
        return 0, NONE, -1
    if ints[FACTS, CONVERGED] == 0:
        return 0, DIVERGED, -1
    injects, draws, first, second = ends(ints, source, sink)
    left, code, element = headroom(ints, source, sink, first, second, wh)
    on_grid = left > 0 and (first >= 0 or second >= 0)
    if on_grid and not needs_no_solve(ints, floats, source, sink, first, second, left):
        excess, where = excess_with(ints, floats, source, sink, left)
        if excess <= 0.0:
            rebase(ints, floats, first)
            rebase(ints, floats, second)
        else:
            code, element = refusal(ints, floats, source, sink, where)
            left, code, element = largest_admissible(ints, floats, source, sink, left, excess, code, element)
            note_trade(ints, floats, source, sink, left)
    if left > 0:
        commit(ints, source, sink, left)
    set_powers(ints, floats, injects, draws)
    return left, code, element
