"""Where supply meets demand."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.core.records import Orders


class Crossing(NamedTuple):
    """Orders of both sides in merit order (ties by arrival), and the last pair that trades."""

    buys: IntArray
    """Highest bid first."""
    sells: IntArray
    """Lowest ask first."""
    energy_wh: int
    """What trades up to the crossing."""
    last_buy: int
    """Place of the marginal buyer in ``buys``."""
    last_sell: int


def cross(orders: Orders, buys: IntArray, sells: IntArray) -> Crossing | None:
    """Match the highest bids with the lowest asks while bid >= ask; None if none does."""
    buys = buys[np.argsort(~orders.price_ticks[buys], kind="stable")]
    sells = sells[np.argsort(orders.price_ticks[sells], kind="stable")]
    demand, supply = np.cumsum(orders.energy_wh[buys]), np.cumsum(orders.energy_wh[sells])
    cuts = np.unique(np.concatenate((demand, supply)))
    cuts = cuts[cuts <= min(demand[-1], supply[-1])]
    begins = np.concatenate(([0], cuts[:-1]))
    buyer, seller = (np.searchsorted(curve, begins, side="right") for curve in (demand, supply))
    crossed = int(np.count_nonzero(orders.price_ticks[buys[buyer]] >= orders.price_ticks[sells[seller]]))
    if crossed == 0:
        return None
    last = crossed - 1
    return Crossing(buys, sells, int(cuts[last]), int(buyer[last]), int(seller[last]))
