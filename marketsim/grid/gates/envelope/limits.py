"""Operating envelopes: how much every connection may add to the untraded state, whatever the others do.

A distribution operator publishes them before anybody has bid, from the untraded state and from what each connection is
rated for (Azim et al., Dynamic operating envelope-enabled P2P trading, IEEE Trans. Smart Grid 2023): injection and
withdrawal have one each. They are jointly feasible: all injections at their envelopes keep every limit, and so do all
withdrawals. ``equal`` gives all the same, up to the rating; ``maximal`` gives the largest sum.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.core.grid_model import GridModel
from marketsim.optimise.welfare import WelfareLegs, constrained_optimum

EnvelopeRule: TypeAlias = Literal["equal", "maximal"]
FitsLimits: TypeAlias = Callable[[IntArray], bool]
"""Whether the untraded state and so much more at each connection keep every limit; withdrawals are negative."""
STEPS: Final = 12
"""Linear programmes of a maximal envelope at most."""


class EnvelopePlanner(NamedTuple):
    """What maximal envelopes are planned with: a model, open at the untraded state, and that state in one market."""

    model: GridModel
    market: int
    base_wh: IntArray
    """Untraded net energy [n_connections]."""


def largest(fits: Callable[[int], bool], most: int) -> int:
    """The largest whole number up to ``most`` that fits, by bisection; 0 is taken to fit."""
    if fits(most):
        return most
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def equal(fits: FitsLimits, rated_wh: IntArray, sign: int) -> IntArray:
    """The largest common envelope, to 1 Wh, no connection above its rating [Wh] [n_connections].

    ``sign``: 1 for injections, -1 for withdrawals.
    """
    common = largest(lambda wh: fits(sign * np.minimum(wh, rated_wh)), int(rated_wh.max(initial=0)))
    return np.minimum(common, rated_wh)


def maximal(fits: FitsLimits, rated_wh: IntArray, sign: int, planner: EnvelopePlanner) -> IntArray:
    """Envelopes of the largest sum, by successive linear programmes on AC sensitivities [Wh] [n_connections].

    What the planner's solver and that of ``fits`` see differently is taken off all
    envelopes by one factor; where that leaves less than the equal envelope, there is a better local optimum: that one.
    """
    if fits(sign * rated_wh):
        return rated_wh.copy()
    rated = np.flatnonzero(rated_wh)
    legs = _legs(rated_wh, rated, sign, planner.base_wh)
    common = equal(fits, rated_wh, sign)
    found = np.zeros(len(rated_wh))
    start_wh = np.append(common.sum(), common[rated]).astype(np.float64)
    found[rated] = constrained_optimum(legs, planner.model, planner.market, start_wh, STEPS)[1:]

    def cut(part: int) -> IntArray:
        """So many billionths of what was planned, in whole Wh; a programme's 5.9999999 is a 6."""
        return np.floor(found * (part / 1e9) + 1e-6).astype(np.int64)

    planned = cut(largest(lambda part: fits(sign * cut(part)), 10**9))
    return planned if planned.sum() >= common.sum() else common


def _legs(rated_wh: IntArray, rated: IntArray, sign: int, base_wh: IntArray) -> WelfareLegs:
    """The utility on one side, at a gain of one tick a Wh, and every connection that is rated on the other."""
    n = len(rated)
    return WelfareLegs(
        connection=np.append(0, rated),
        sells=np.append(sign < 0, np.full(n, sign > 0)),
        value_ticks=np.append(int(sign > 0), np.full(n, int(sign < 0))),
        cap_wh=np.append(rated_wh.sum(), rated_wh[rated]),
        moves=np.append(False, np.full(n, True)),
        base_wh=base_wh,
    )


def envelope(
    rule: EnvelopeRule, fits: FitsLimits, rated_wh: IntArray, sign: int, planner: EnvelopePlanner | None
) -> IntArray:
    """Envelopes of one market by a rule's name."""
    if rule == "equal" or planner is None:
        return equal(fits, rated_wh, sign)
    return maximal(fits, rated_wh, sign, planner)
