"""What could have been traded in a slot: reservation values, availability, and the best that prices could do.

True reservation values, never bids: firm demand is worth the retail price and surplus the feed-in tariff, since the
utility is the outside option, or nothing where that tariff is negative, since it can be curtailed; energy that must run is
worth the tariff of either sign; a fleet's energy is worth the marginal value that its strategy declares. Fleets without
a declared value are left out.

**One mode.** A store at rest could deliver as well as draw, but not both: the same kWh must not stand on both sides
of the market. It counts on the side that the competitive price gives it: as seller if its value lies below that price,
as buyer if above, and at the price itself on the side that is short there (as buyer if neither is). That price depends
on positions and declared values alone, not on orders or trades, so nobody changes availability by trading less.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import IntArray, whole_column
from marketsim.core.records import Community, Orders, Positions, Tariffs, Trades


class CompetitiveOptimum(NamedTuple):
    """The competitive optimum of all positions, each [n_markets]."""

    price_ticks: IntArray
    """Smallest price at which supply worth no more covers the demand worth more."""
    below_wh: IntArray
    """Supply worth less than the price."""
    above_wh: IntArray
    """Demand worth more than the price."""
    gains: IntArray
    """Gains from trade of the optimum, without any grid limit [1e-9 currency]."""


class Availability(NamedTuple):
    """Energy available to the market as metered before trading [Wh] [n_agents]."""

    supply_wh: IntArray
    """S: surplus, must-run energy, and what fleets could sell at less than retail; surplus not where retail is negative."""
    demand_wh: IntArray
    """D: firm demand, and what fleets could draw at more than the feed-in tariff."""


def potential(place: Positions, tariffs: Tariffs, community: Community) -> tuple[CompetitiveOptimum, Availability]:
    """The optimum by merit order, exact in integers, and S and D of every agent; see the module for stores.

    The price is the quantile of *all* reservation values, sellers' and buyers' together, at the total demand (the
    M-th-price rule of Wurman, Walsh and Wellman 1998, doi 10.1016/S0167-9236(98)00060-8). By duality the gains are
    sum q |v - p| over what is on the right side of p, so a store at rest never trades with itself. An agent's own
    supply and demand through *different* components may meet: the gains are then an upper bound.
    """
    from marketsim.core.potential_kernel import assess_markets

    cleared = np.zeros((4, community.n_markets), dtype=np.int64)
    available = np.zeros((2, community.n_agents), dtype=np.int64)
    assess_markets(community.market, place[:], tariffs.retail_ticks, tariffs.feed_in_ticks, *cleared, *available)
    return CompetitiveOptimum(*cleared), Availability(*available)


def clearing(place: Positions, tariffs: Tariffs, community: Community) -> CompetitiveOptimum:
    """The optimum by merit order of ``potential``."""
    return potential(place, tariffs, community)[0]


def availability(place: Positions, tariffs: Tariffs, community: Community) -> Availability:
    """S and D of every agent of ``potential``."""
    return potential(place, tariffs, community)[1]


def gains_from_trade(
    orders: Orders, trades: Trades, place: Positions, tariffs: Tariffs, n_markets: int
) -> tuple[IntArray, IntArray]:
    """Gains at true values [1e-9 currency], and the energy of trades without one [Wh], each [n_markets]."""
    from marketsim.core.potential_kernel import add_gains

    out = np.zeros((2, n_markets), dtype=np.int64)
    buy, sell, energy = map(whole_column, (trades.buy_order, trades.sell_order, trades.energy_wh))
    add_gains(
        (buy, sell, energy),
        whole_column(orders.market),
        whole_column(orders.agent),
        whole_column(orders.side),
        whole_column(orders.component),
        place.marginal_ticks,
        tariffs.retail_ticks,
        tariffs.feed_in_ticks,
        out[0],
        out[1],
    )
    return out[0], out[1]
