"""The game of a finished period: each group behind one meter, at what its members' meters show.

    c(S) = sum over slots of max(-retail net_S, -feed_in net_S),    net_S = sum of net energy of the members,

imports at retail, exports at the feed-in tariff, which is not above it. Where that tariff is negative, PV of the group is
curtailed rather than exported: c(S) = -retail min(net_S, 0) - feed_in max(net_S - pv_S, 0). Devices did what they did. All
together paid what they paid; it differs from one meter's bill by network charges, by what the grid refused, and by what was
left to the utility although a neighbour had use for it.

As long as retail is not negative each slot's bill is a maximum of sums over members, a linear production game (Owen 1975).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.sharing.alone import meter_bills

_CELLS: Final = 4_000_000
"""Groups times slots that are worked out at once."""


class SlotPrices(NamedTuple):
    """One price a slot within the community, and what it is paid on."""

    ticks: IntArray
    """Retail where all together draw, the feed-in tariff where they feed in, else the middle, 0 where PV is curtailed
    [n_slots]."""
    energy_wh: IntArray
    """Net energy of each member; where more than PV is fed in at a cost, what is not PV [n_slots, n]."""

    @property
    def money(self) -> IntArray:
        """What each member pays in each slot, receipts negative [1e-9 currency] [n_slots, n]."""
        return np.asarray(-self.ticks[:, None] * self.energy_wh)


class MeteredGame:
    """A ``ChainedGame`` in 1e-9 currency."""

    def __init__(
        self,
        net_wh: IntArray,
        pv_wh: IntArray,
        retail_ticks: IntArray,
        feed_in_ticks: IntArray,
        paid_money: int | None = None,
    ) -> None:
        """``net_wh`` [n_slots, n], generation positive, and PV in it; prices [n_slots].

        ``paid_money`` None: all together have one meter, too.
        """
        self.net_wh, self.pv_wh, self.retail_ticks, self.feed_in_ticks = net_wh, pv_wh, retail_ticks, feed_in_ticks
        net, pv = net_wh.sum(axis=1)[:, None], pv_wh.sum(axis=1)[:, None]
        together = int(meter_bills(net, pv, retail_ticks[:, None], feed_in_ticks[:, None])[0])
        self.paid_money = together if paid_money is None else paid_money
        self.beyond_money = self.paid_money - together
        """What all paid beyond one meter's bill."""
        self._costly = feed_in_ticks < 0
        self._net = np.ascontiguousarray(net_wh.T, dtype=np.float64)
        self._pv = np.ascontiguousarray(pv_wh.T[:, self._costly], dtype=np.float64)

    @property
    def n(self) -> int:
        """Number of members."""
        return len(self._net)

    def cost(self, members: BoolArray) -> FloatArray:
        """Bill of each group's meter; of everybody, what was paid [k, n] -> [k]."""
        found = np.empty(len(members))
        piece = max(_CELLS // max(len(self.net_wh), 1), 1)
        for first in range(0, len(members), piece):
            rows = slice(first, first + piece)
            inside = members[rows].astype(np.float64)
            found[rows] = self._bills(inside @ self._net, inside @ self._pv)
        found[members.all(axis=1)] = self.paid_money
        return found

    def chains(self, orders: IntArray) -> FloatArray:
        """Bill of the meter of those who have joined, member after member; each row an order of all [k, n] -> [k, n]."""
        found = np.empty(orders.shape)
        piece = max(_CELLS // max(self.net_wh.size, 1), 1)
        for first in range(0, len(orders), piece):
            rows = orders[first : first + piece]
            net, pv = (np.cumsum(each[rows], axis=1) for each in (self._net, self._pv))
            found[first : first + piece] = self._bills(net, pv)
        found[:, -1] = self.paid_money
        return found

    def _bills(self, net: FloatArray, pv: FloatArray) -> FloatArray:
        """Bills of meters by net energy [..., n_slots], which is changed, and by PV in the slots where feeding in costs."""
        if self._costly.any():
            costly = net[..., self._costly]
            net[..., self._costly] = np.minimum(costly, np.maximum(costly - pv, 0.0))
        drawn = np.minimum(net, 0.0)
        net -= drawn
        return np.asarray(-(drawn @ self.retail_ticks + net @ self.feed_in_ticks))

    def at_one_meter(self) -> MeteredGame:
        """The same where all together have one meter, too."""
        return MeteredGame(self.net_wh, self.pv_wh, self.retail_ticks, self.feed_in_ticks)

    def slot_prices(self) -> SlotPrices:
        """Prices at which the members' bills sum to the bill of one meter."""
        net, pv = self.net_wh.sum(axis=1), self.pv_wh.sum(axis=1)
        retail, feed_in = self.retail_ticks, self.feed_in_ticks
        forced = self._costly & (net > pv)
        long = np.where(self._costly & ~forced, 0, feed_in)
        middle = np.where(self._costly, 0, (retail + feed_in) // 2)
        ticks = np.select([net < 0, net > 0], [retail, long], middle)
        return SlotPrices(ticks, self.net_wh - np.where(forced[:, None], self.pv_wh, 0))
