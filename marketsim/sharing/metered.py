"""The game of a finished period: each group behind one meter, at what its members' meters show.

    c(S) = sum over slots of max(-retail net_S, -feed_in net_S),    net_S = sum of net energy of the members,

imports at retail, exports at the feed-in tariff, which is not above it. Devices did what they did. All together paid what they
paid; it differs from one meter's bill by network charges, by what the grid refused, and by what was left to the utility
although a neighbour had use for it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.units import MONEY_PER_CURRENCY
from marketsim.sharing.stability import Leaving

_CELLS: Final = 4_000_000
"""Groups times slots that are worked out at once."""


class MeteredGame:
    """A ``CostGame`` in 1e-9 currency."""

    def __init__(
        self, net_wh: IntArray, retail_ticks: IntArray, feed_in_ticks: IntArray, paid_money: int | None = None
    ) -> None:
        """``net_wh`` [n_slots, n], generation positive; prices [n_slots].

        ``paid_money`` None: all together have one meter, too.
        """
        self.net_wh, self._retail, self._feed_in = net_wh, retail_ticks, feed_in_ticks
        together = int(self.bills(net_wh.sum(axis=1)[:, None])[0])
        self.paid_money = together if paid_money is None else paid_money
        self.beyond_money = self.paid_money - together
        """What all paid beyond one meter's bill."""

    @property
    def n(self) -> int:
        """Number of members."""
        return self.net_wh.shape[1]

    def bills(self, net_wh: IntArray) -> IntArray:
        """Bill of each meter [n_slots, k] -> [k]."""
        price = np.where(net_wh < 0, self._retail[:, None], self._feed_in[:, None])
        return np.asarray(-(price * net_wh).sum(axis=0))

    def cost(self, members: BoolArray) -> FloatArray:
        """Bill of each group's meter; of everybody, what was paid [k, n] -> [k]."""
        found = np.empty(len(members))
        piece = max(_CELLS // max(len(self.net_wh), 1), 1)
        per_slot = np.ascontiguousarray(self.net_wh.T, dtype=np.float64)
        for first in range(0, len(members), piece):
            rows = slice(first, first + piece)
            net = members[rows].astype(np.float64) @ per_slot
            drawn = np.minimum(net, 0.0)
            found[rows] = -(drawn @ self._retail + (net - drawn) @ self._feed_in)
        found[members.all(axis=1)] = self.paid_money
        return found

    def slot_price_ticks(self) -> IntArray:
        """Retail where all together draw, the feed-in tariff where they feed in, else the mean of both [n_slots]."""
        net = self.net_wh.sum(axis=1)
        middle = (self._retail + self._feed_in) // 2
        return np.select([net < 0, net > 0], [self._retail, self._feed_in], middle)

    def worst(self, shares: FloatArray, seconds: float) -> Leaving | None:
        """The group of largest excess, members being the binaries of a mixed-integer programme (HiGHS) [n].

        Ends after ``seconds`` with the best found and the gap that is left. None: there are no groups.
        """
        from scipy.optimize import LinearConstraint, milp
        from scipy.sparse import eye_array, hstack

        n, slots = self.n, len(self.net_wh)
        if n < 2:
            return None
        # variables: members, then the bill of the group in each slot [currency]
        priced = [price[:, None] * self.net_wh / MONEY_PER_CURRENCY for price in (self._retail, self._feed_in)]
        above = [LinearConstraint(hstack([each, eye_array(slots)]), lb=0.0) for each in priced]
        some = LinearConstraint(np.append(np.ones(n), np.zeros(slots))[None, :], 1, n - 1)
        found = milp(
            c=np.append(-shares / MONEY_PER_CURRENCY, np.ones(slots)),
            integrality=np.append(np.ones(n), np.zeros(slots)),
            bounds=_bounds(n, slots),
            constraints=[*above, some],
            options={"time_limit": seconds},
        )
        if found.x is None:
            return None
        members = found.x[:n] > 0.5
        excess = float(shares[members].sum() - self.cost(members[None, :])[0])
        most = -found.mip_dual_bound * MONEY_PER_CURRENCY
        return Leaving(excess, members, max(most - excess, 0.0))


def _bounds(n: int, slots: int) -> object:
    from scipy.optimize import Bounds

    low = np.append(np.zeros(n), np.full(slots, -np.inf))
    return Bounds(low, np.append(np.ones(n), np.full(slots, np.inf)))
