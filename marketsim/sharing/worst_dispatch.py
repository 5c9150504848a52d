"""The group that gains most by planning for itself, found by a mixed-integer programme (HiGHS) with the members as binaries.

    max over z, x of shares z - c x - constant z,    rows of x <= right sides of those with z = 1,    bounds of x times z

No group is planned by itself on the way.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.optimise.growing import SHARED
from marketsim.optimise.highs import SparseRows
from marketsim.sharing.dispatch import DispatchGame
from marketsim.sharing.stability import Leaving

_GAP: Final = 1e-7
"""Excess [currency] beyond the best found that is not looked for."""


def worst_planning_group(game: DispatchGame, shares: FloatArray, seconds: float) -> Leaving | None:
    """The group of largest excess, neither empty nor everybody; after ``seconds`` the best found and the gap that is left.

    None: there are no groups, or none was found in time. A kWh that no plan of all can serve is taken to be missed by every
    group of its owner, too.
    """
    if game.n < 2:
        return None
    members, least = _solved(game, shares, seconds)
    if members is None:
        return None
    excess = float(shares[members].sum() - game.cost(members[None, :])[0])
    return Leaving(excess, members, max(-least - excess - _GAP, 0.0))


def _solved(game: DispatchGame, shares: FloatArray, seconds: float) -> tuple[BoolArray | None, float]:
    """Members of the best group, and the least of c(z) - shares z that any can have."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import bmat

    whole, n = game.programme, game.n
    blocks: list[list[Any]] = [
        [whole.at_most.matrix, -_by_member(game.at_most_owner, whole.at_most.right, n, game.meter_right)],
        [_bounded(game), -_bounds_of(game)],
        [whole.equal.matrix, -_by_member(game.equal_owner, whole.equal.right, n)],
        [None, np.ones((1, n))],
    ]
    below = len(whole.at_most.right) + blocks[1][0].shape[0]
    equal = len(whole.equal.right)
    found = milp(
        c=np.append(whole.cost, game.constant - shares - game.missed_cost()),
        integrality=np.append(whole.whole.astype(np.float64), np.ones(n)),
        bounds=Bounds(np.append(np.minimum(whole.lower, 0.0), np.zeros(n)), np.append(whole.upper, np.ones(n))),
        constraints=[
            LinearConstraint(
                bmat(blocks, format="csc"),
                np.concatenate((np.full(below, -np.inf), np.zeros(equal), [1.0])),
                np.concatenate((np.zeros(below + equal), [n - 1.0])),
            )
        ],
        options={"time_limit": seconds, "mip_rel_gap": 0.0},
    )
    return (None, 0.0) if found.x is None else (found.x[-n:] > 0.5, float(found.mip_dual_bound))


def _by_member(owner: IntArray, right: FloatArray, n: int, first: FloatArray | None = None) -> Any:
    """What each member adds to the right side of each row [n_rows, n]; ``first``: of the first rows, which all have."""
    own = np.flatnonzero(owner != SHARED)
    found = SparseRows.of(own, owner[own], right[own], right, n).matrix.tolil()
    if first is not None:
        found[: len(first)] = first
    return found.tocsr()


def _sides(game: DispatchGame) -> tuple[IntArray, FloatArray, FloatArray]:
    """Columns of members with a bound that is not 0, that bound, and 1 for an upper one, -1 for a lower one."""
    own = game.owner != SHARED
    upper = np.flatnonzero(own & np.isfinite(game.programme.upper))
    lower = np.flatnonzero(own & np.isfinite(game.programme.lower) & (game.programme.lower != 0.0))
    bound = np.concatenate((game.programme.upper[upper], game.programme.lower[lower]))
    return np.concatenate((upper, lower)), bound, np.repeat([1.0, -1.0], [len(upper), len(lower)])


def _bounded(game: DispatchGame) -> Any:
    """Rows with a column of each bound of a member [n_bounds, n_columns]; then the curtailed PV of all together."""
    columns, _, sign = _sides(game)
    column, value = np.append(columns, game.curtailed), np.append(sign, np.ones(len(game.curtailed)))
    rows = np.arange(len(column))
    return SparseRows.of(rows, column, value, np.zeros(len(column)), len(game.owner)).matrix


def _bounds_of(game: DispatchGame) -> Any:
    """What each member adds to the right side of these rows."""
    columns, bound, sign = _sides(game)
    all_of = np.zeros((len(columns), game.n))
    all_of[np.arange(len(columns)), game.owner[columns]] = bound * sign
    return np.vstack((all_of, game.spare))
