"""What agents would have paid without each other."""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.core.period import Period


def alone_money(period: Period) -> IntArray:
    """Bill of each agent alone with the utility at its own net energy of each slot [1e-9 currency] [n_agents].

    Imports at retail, exports at the feed-in tariff; receipts are negative. Nothing else changes: devices did what they did.
    """
    market = period.community.market
    prices = np.where(period.net_wh < 0, period.retail_ticks[:, market], period.feed_in_ticks[:, market])
    return np.asarray(-(period.net_wh * prices).sum(axis=0))
