"""The exact gate: how much of a trade every limit takes, by an AC solve of each lateral that the trade touches.

Every trial starts from the voltages of the untraded state, so the answer depends on the untraded state, what
is committed and the trade alone, and not on the way to it; nor on which solves ``gate_bound_kernel`` could skip.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from marketsim.core.compiled import ADMIT, kernel
from marketsim.core.records import BLAMES_SINK
from marketsim.grid.gate_books_kernel import (
    DIVERGED,
    LINE_LOADING,
    NONE,
    OVERVOLTAGE,
    TRAFO,
    TRAFO_LOADING,
    UNDERVOLTAGE,
    commit,
    ends,
    headroom,
    set_powers,
)
from marketsim.grid.gate_bound_kernel import rebase, surely_within
from marketsim.grid.gate_layout_kernel import (
    BRANCH,
    CONVERGED,
    CORE,
    CORE_START,
    CORE_VI,
    CORE_VI_FIRM,
    CORE_VR,
    CORE_VR_FIRM,
    CURVE_Q,
    CURVE_Q_FIRM,
    CURVE_START,
    CURVED,
    FACTS,
    FALL,
    FLOAT_FACTS,
    HIGH_VOLTAGE,
    KIND,
    LOW_VOLTAGE,
    MOVED,
    NO_SOLUTION,
    NODE,
    REACH,
    RISE,
    SINK_VARH,
    SOLVES,
    SOURCE_VARH,
    SUBTREE_END,
    VARH_UNIT,
    WH_TO_PU,
)
from marketsim.grid.gate_limits_kernel import flow, what_binds, worst_excess
from marketsim.grid.sweep_kernel import sweep

PATIENCE = 3
"""Secant steps in which the bracket has to halve, or the middle is tried."""


@kernel(helper=True)
def solve_from_firm(ints: Any, floats: Any, lateral: int) -> bool:
    """Solve a lateral, starting from the untraded state; False: no solution."""
    for n in range(ints[CORE_START, lateral], ints[CORE_START, lateral + 1]):
        floats[CORE_VR, n] = floats[CORE_VR_FIRM, n]
        floats[CORE_VI, n] = floats[CORE_VI_FIRM, n]
    for k in range(ints[CURVE_START, lateral], ints[CURVE_START, lateral + 1]):
        floats[CURVE_Q, ints[CURVED, k]] = floats[CURVE_Q_FIRM, ints[CURVED, k]]
    ints[FACTS, SOLVES] += 1
    return sweep(ints, floats, lateral)


@kernel(helper=True)
def solve_with(ints: Any, floats: Any, source: int, sink: int, wh: int) -> bool:
    """Solve the touched laterals as if ``wh`` were committed; the integers are as before. False: no solution."""
    injects, draws, first, second = ends(ints, source, sink)
    commit(ints, source, sink, wh)
    set_powers(ints, floats, injects, draws)
    solved = first < 0 or solve_from_firm(ints, floats, first)
    if solved and second >= 0 and second != first:
        solved = solve_from_firm(ints, floats, second)
    commit(ints, source, sink, -wh)
    return solved


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
