"""Cost sharing of one's own: everybody pays what it would pay alone, less an equal part of what all save together."""

import numpy as np

import marketsim as ms
from marketsim.sharing.alone import alone_money
from marketsim.sharing.portions import portions


class EqualParts:
    def share(self, period):
        shares = alone_money(period)
        gains = period.of_markets(shares - period.paid_money)
        for market, gain in enumerate(gains):
            rows = np.flatnonzero(period.community.market == market)
            names = [period.community.names[row] for row in rows]
            shares[rows] -= portions(gain, np.ones(len(rows), dtype=np.int64), names)
        return shares


@ms.hookimpl
def marketsim_parts():
    yield ms.Entry(kind="sharing", name="equal_parts", build=lambda params, context: EqualParts())
