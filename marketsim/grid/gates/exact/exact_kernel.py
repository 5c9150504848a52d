"""The exact gate: how much of a trade every limit takes, by an AC solve of each lateral that the trade touches.

Every trial starts from the voltages of the untraded state, so the answer depends on the untraded state, what
is committed and the trade alone, and not on the way to it; nor on which solves ``skip_solve_kernel`` could skip.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from marketsim.core.compiled import ADMIT, kernel
from marketsim.grid.flow import rows_kernel as row
from marketsim.grid.flow.injections_kernel import set_powers
from marketsim.grid.flow.sweep_kernel import solve, start_untraded
from marketsim.grid.gates.books_kernel import DIVERGED, NONE, commit, ends, headroom, refusal
from marketsim.grid.gates.limits_kernel import flow, what_binds, worst_excess
from marketsim.grid.gates.skip_solve_kernel import put_back, rebase, sums_of, surely_within

PATIENCE = 3
"""Secant steps in which the bracket has to halve, or the middle is tried."""


@kernel(helper=True)
def excess_with(ints: Any, floats: Any, source: int, sink: int, wh: int) -> tuple[float, int]:
    """(largest excess with ``wh`` more over the touched laterals, its position); (inf, -1) without a solution.

    The integers are left as they were.
    """
    injects, draws, first, second = ends(ints, source, sink)
    commit(ints, source, sink, wh)
    set_powers(ints, floats, injects, draws)
    worst, where = -np.inf, -1
    for end in range(2):
        lateral = first if end == 0 else second
        if lateral < 0 or (end == 1 and second == first):
            continue
        ints[row.FACTS, row.SOLVES] += 1
        start_untraded(ints, floats, lateral)
        if not solve(ints, floats, lateral):
            worst, where = np.inf, -1
            break
        excess, there = worst_excess(ints, floats, lateral)
        if excess > worst:
            worst, where = excess, there
    commit(ints, source, sink, -wh)
    return worst, where


@kernel(helper=True)
def guess_between(low: int, high: int, at_low: float, at_high: float) -> int:
    """A quantity strictly between ``low`` and ``high``: where the chord crosses zero; the middle without a chord."""
    guess = (low + high) // 2
    if -np.inf < at_low < 0.0 and 0.0 < at_high < np.inf:
        guess = low + int(np.floor((high - low) * (at_low / (at_low - at_high))))
    return min(max(guess, low + 1), high - 1)


@kernel(helper=True)
def largest_admissible(ints: Any, floats: Any, source: int, sink: int, wh: int) -> tuple[int, int, int]:
    """(largest quantity up to ``wh`` that keeps every limit, to 1 Wh, code, element).

    Bracketed search: all of it, 1 Wh, then regula falsi on the largest excess (Illinois variant), the middle where
    that is slow. At the end the quantity was solved and kept every limit (or is 0, the committed state), and 1 Wh more was
    solved and broke the limit that is named.
    """
    low, high, at_low, at_high = 0, wh + 1, -np.inf, np.inf
    code, element = NONE, -1
    guess, width, tries, side = wh, wh, 0, 0
    while high - low > 1:
        excess, where = excess_with(ints, floats, source, sink, guess)
        if excess > 0.0:
            at_low = at_low * 0.5 if side > 0 else at_low
            high, at_high, side = guess, excess, 1
            code, element = refusal(ints, source, sink, where, what_binds(floats, where), flow(floats, where))
        else:
            at_high = at_high * 0.5 if side < 0 else at_high
            low, at_low, side = guess, excess, -1
        tries += 1
        guess = guess_between(low, high, at_low, at_high)
        if low == 0:
            guess = 1
        elif tries >= PATIENCE:
            if 2 * (high - low) > width:
                guess = guess_between(low, high, -np.inf, np.inf)
            width, tries = high - low, 0
    return low, code, element


@kernel(helper=True)
def note_end(ints: Any, floats: Any, position: int, lateral: int, wh: int, varh: int) -> None:
    """Add an injection [Wh, 1e-8 varh] to the sums of the bound."""
    if lateral >= 0:
        scale = floats[row.FLOAT_FACTS, row.WH_TO_PU]
        reach, p, q = floats[row.REACH, ints[row.CORE, position]], wh * scale, abs(varh) * (scale * row.VARH_UNIT)
        floats[row.RISE, lateral] += reach * (max(p, 0.0) + q)
        floats[row.FALL, lateral] += reach * (max(-p, 0.0) + q)
        floats[row.MOVED, lateral] += abs(p) + q


@kernel(helper=True)
def note_trade(ints: Any, floats: Any, source: int, sink: int, wh: int) -> None:
    """Add a trade to the sums of the bound."""
    injects, draws, first, second = ends(ints, source, sink)
    note_end(ints, floats, injects, first, wh, wh * ints[row.SOURCE_VARH, source])
    note_end(ints, floats, draws, second, -wh, wh * ints[row.SINK_VARH, sink])


@kernel(helper=True)
def needs_no_solve(ints: Any, floats: Any, source: int, sink: int, first: int, second: int, wh: int) -> bool:
    """Whether the bound vouches for the trade; notes it if so."""
    before, beside = sums_of(floats, first), sums_of(floats, second)
    note_trade(ints, floats, source, sink, wh)
    if (first < 0 or surely_within(floats, first)) and (second < 0 or second == first or surely_within(floats, second)):
        return True
    put_back(floats, first, before)
    put_back(floats, second, beside)
    return False


@kernel(ADMIT)
def admit(ints: Any, floats: Any, source: int, sink: int, wh: int) -> tuple[int, int, int]:
    """Commit as much of ``wh`` as the grid takes from connection ``source`` to ``sink``; see ``Gate.admit``."""
    if wh <= 0:
        return 0, NONE, -1
    if ints[row.FACTS, row.CONVERGED] == 0:
        return 0, DIVERGED, -1
    injects, draws, first, second = ends(ints, source, sink)
    left, code, element = headroom(ints, source, sink, first, second, wh)
    on_grid = left > 0 and (first >= 0 or second >= 0)
    if on_grid and not needs_no_solve(ints, floats, source, sink, first, second, left):
        admissible, why, where = largest_admissible(ints, floats, source, sink, left)
        if admissible == left:  # the only state that was solved
            rebase(ints, floats, first)
            rebase(ints, floats, second)
        else:
            left, code, element = admissible, why, where
            note_trade(ints, floats, source, sink, left)
    if left > 0:
        commit(ints, source, sink, left)
    set_powers(ints, floats, injects, draws)
    return left, code, element
