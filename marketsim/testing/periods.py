"""Finished periods from plain lists and at random, for tests of rules of cost sharing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from marketsim.core.period import Period
from marketsim.core.read_only import read_only
from marketsim.core.records import Community, LedgerLine
from marketsim.testing.worlds import clock, community

SLOTS = 4


def period_of(
    who: Community,
    net_wh: Sequence[Sequence[int]],
    paid_money: Sequence[int],
    retail_ticks: Sequence[int] | int = 300_000,
    feed_in_ticks: Sequence[int] | int = 80_000,
) -> Period:
    """A period with these net energies [n_slots, n_agents] and payments [n_agents], read-only.

    What is drawn is load and what is fed in PV; prices are those of each slot, or of all. All was paid to the utility.
    """
    net = np.array(net_wh, dtype=np.int64).reshape(-1, who.n_agents)
    shape = (len(net), who.n_markets)
    bill = np.zeros((LedgerLine.SHARING, who.n_agents), dtype=np.int64)
    bill[LedgerLine.IMPORTS] = paid_money
    retail, feed_in = (
        np.broadcast_to(np.reshape(ticks, (-1, 1)), shape).astype(np.int64) for ticks in (retail_ticks, feed_in_ticks)
    )
    time = clock(len(net)).at(len(net) - 1)
    load_wh, pv_wh = np.maximum(-net, 0), np.maximum(net, 0)
    made: Period = read_only(Period(time, who, load_wh, pv_wh, net, retail, feed_in, bill))
    return made


def random_period(rng: np.random.Generator, agents_per_market: int, n_markets: int = 1) -> Period:
    """Any net energies and payments, zeros and ties often; payments can be above and below those to the utility.

    Feed-in tariffs have either sign, retail is not negative; what is fed in is PV or comes from a device.
    """
    who = community(agents_per_market, n_markets)
    scale = int(rng.choice((1, 3, 10_000)))
    net = rng.integers(-scale, scale + 1, (SLOTS, who.n_agents)) * (rng.random(who.n_agents) < 0.8)
    paid = rng.integers(-(scale**2), scale**2 + 1, who.n_agents) * int(rng.choice((0, 1, 100_000)))
    feed_in = rng.integers(-100_000, 200_000, SLOTS)
    retail = np.maximum(feed_in, 0) + rng.integers(0, 200_000, SLOTS)
    period = period_of(who, net.tolist(), paid.tolist(), retail.tolist(), feed_in.tolist())
    drawn: Period = read_only(period._replace(pv_wh=period.pv_wh * (rng.random(net.shape) < 0.8)))
    return drawn


def market_of(period: Period, market: int) -> Period:
    """The same for one of the markets alone."""
    rows = np.flatnonzero(period.community.market == market)
    who = period.community._replace(
        names=tuple(period.community.names[row] for row in rows),
        market=np.zeros(len(rows), dtype=np.int64),
        n_markets=1,
        **{
            name: getattr(period.community, name)[rows]
            for name in ("connection", "is_prosumer", "import_limit_wh", "export_limit_wh")
        },
    )
    columns = (period.load_wh, period.pv_wh, period.net_wh)
    load_wh, pv_wh, net_wh = (np.ascontiguousarray(column[:, rows]) for column in columns)
    retail, feed_in = (column[:, [market]] for column in (period.retail_ticks, period.feed_in_ticks))
    alone: Period = read_only(
        Period(period.time, who, load_wh, pv_wh, net_wh, retail, feed_in, period.bill_money[:, rows])
    )
    return alone
