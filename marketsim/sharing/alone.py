"""What agents would have paid without each other."""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.core.period import Period


def alone_money(period: Period) -> IntArray:
    """Bill of each agent alone with the utility at its own net energy of each slot [1e-9 currency] [n_agents].

    Imports at retail, exports at the feed-in tariff; receipts are negative. Where that tariff is negative, PV is curtailed rather
    than exported. Nothing else changes: devices did what they did.
    """
    market = period.community.market
    return meter_bills(period.net_wh, period.pv_wh, period.retail_ticks[:, market], period.feed_in_ticks[:, market])


def meter_bills(net_wh: IntArray, pv_wh: IntArray, retail_ticks: IntArray, feed_in_ticks: IntArray) -> IntArray:
    """Bill of each meter: net energy and PV behind it, generation positive, and prices, [n_slots, k] or [n_slots, 1] -> [k]."""
    curtailed = np.minimum(net_wh, np.maximum(net_wh - pv_wh, 0))
    through_wh = np.where(feed_in_ticks < 0, curtailed, net_wh)
    return np.asarray(-(through_wh * np.where(through_wh < 0, retail_ticks, feed_in_ticks)).sum(axis=0))
