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
    retail, feed_in = period.retail_ticks[:, market], period.feed_in_ticks[:, market]
    alone_wh = np.where(
        feed_in < 0, np.minimum(period.net_wh, np.maximum(period.net_wh - period.pv_wh, 0)), period.net_wh
    )
    return np.asarray(-(alone_wh * np.where(alone_wh < 0, retail, feed_in)).sum(axis=0))
