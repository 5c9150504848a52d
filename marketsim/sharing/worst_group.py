"""The group that gains most by paying for itself, found by a mixed-integer programme (HiGHS) with the members as binaries.

    max over z of x z - c(z)

where the bill of a finished period is, slot by slot, a sum over members, a maximum of two such sums, or, at a negative retail
price, the minimum of one and 0. What is the same sum for every group is no variable: at night, when all draw, a slot is a part of
the objective.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray
from marketsim.core.units import MONEY_PER_CURRENCY
from marketsim.sharing.metered import MeteredGame
from marketsim.sharing.stability import Leaving

_OPEN: Final = np.inf


class _Bill(NamedTuple):
    """c(z) = fixed z + sum of max(above z, 0) + sum of min(below z, 0) [currency]."""

    fixed: FloatArray
    """[n]."""
    above: FloatArray
    """[k, n]."""
    below: FloatArray
    """[l, n]."""


def worst_group(game: MeteredGame, shares: FloatArray, seconds: float) -> Leaving | None:
    """The group of largest excess, neither empty nor everybody; after ``seconds`` the best found and the gap that is left.

    None: there are no groups, or none was found in time.
    """
    if game.n < 2:
        return None
    members, least = _solved(_bill_of(game), shares / MONEY_PER_CURRENCY, seconds)
    if members is None:
        return None
    excess = float(shares[members].sum() - game.cost(members[None, :])[0])
    return Leaving(excess, members, max(-least * MONEY_PER_CURRENCY - excess, 0.0))


def _bill_of(game: MeteredGame) -> _Bill:
    net, pv = game.net_wh / MONEY_PER_CURRENCY, game.pv_wh / MONEY_PER_CURRENCY
    retail, feed_in = game.retail_ticks[:, None], game.feed_in_ticks[:, None]
    costly, paid = game.feed_in_ticks < 0, game.retail_ticks < 0
    usual = ~costly
    # without a cost of feeding in: -feed_in net + max(-(retail - feed_in) net, 0)
    drawn = -(np.where(usual[:, None], retail - feed_in, retail)) * net
    forced = -feed_in[costly] * (net - pv)[costly]
    fixed = -(feed_in * net)[usual].sum(axis=0)
    above = np.concatenate((drawn[~paid], forced))
    below = drawn[paid]
    fixed = fixed + above[(above >= 0).all(axis=1)].sum(axis=0) + below[(below <= 0).all(axis=1)].sum(axis=0)
    return _Bill(fixed, above[_mixed(above)], below[_mixed(below)])


def _mixed(terms: FloatArray) -> BoolArray:
    return np.asarray((terms > 0).any(axis=1) & (terms < 0).any(axis=1))


def _solved(bill: _Bill, shares: FloatArray, seconds: float) -> tuple[BoolArray | None, float]:
    """Members of the best group, and the least of c(z) - x z that any can have."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import bmat, eye_array

    n, up, down = len(shares), len(bill.above), len(bill.below)
    # variables: members; u >= max(above z, 0); w >= min(below z, 0), with a binary y that says which of the two it is
    reach, depth = (np.maximum(sign * bill.below, 0.0).sum(axis=1) for sign in (1.0, -1.0))
    blocks: Any = [
        [-bill.above, eye_array(up), None, None],
        [-bill.below, None, eye_array(down), np.diag(reach)],
        [None, None, eye_array(down), -np.diag(depth)],
        [np.ones((1, n)), None, None, None],
    ]
    low = np.concatenate((np.zeros(up), np.zeros(down), -depth, [1.0]))
    high = np.append(np.full(up + 2 * down, _OPEN), n - 1.0)
    found = milp(
        c=np.concatenate((bill.fixed - shares, np.ones(up + down), np.zeros(down))),
        integrality=np.concatenate((np.ones(n), np.zeros(up + down), np.ones(down))),
        bounds=Bounds(
            np.concatenate((np.zeros(n + up), -depth, np.zeros(down))),
            np.concatenate((np.ones(n), np.full(up + down, _OPEN), np.ones(down))),
        ),
        constraints=[LinearConstraint(bmat(blocks, format="csr"), low, high)],
        options={"time_limit": seconds},
    )
    return (None, 0.0) if found.x is None else (found.x[:n] > 0.5, float(found.mip_dual_bound))
