"""What could have been traded in a slot: reservation values, availability, and the best that prices could do.

True reservation values, never bids: firm demand is worth the retail price and surplus the feed-in tariff, since the
utility is the outside option; a fleet's energy is worth the marginal value that its strategy declares. Fleets without
a declared value are left out.

**One mode.** A store at rest could deliver as well as draw, but not both: the same kWh must not stand on both sides
of the market. It counts on the side that the competitive price gives it: as seller if its value lies below that price,
as buyer if above, and at the price itself on the side that is short there (as buyer if neither is). That price depends
on positions and declared values alone, not on orders or trades, so nobody changes availability by trading less.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import BoolArray, IntArray
from marketsim.core.records import FIRM, Orders, Positions, Side, Tariffs, Trades
from marketsim.core.segments import sum_by


class Clearing(NamedTuple):
    """The competitive optimum of all positions, each [n_markets]."""

    price_ticks: IntArray
    """Smallest price at which supply worth no more covers the demand worth more."""
    below_wh: IntArray
    """Supply worth less than the price."""
    above_wh: IntArray
    """Demand worth more than the price."""
    gains: IntArray
    """Gains from trade of the optimum, without any grid limit [1e-9 currency]."""


class _Legs(NamedTuple):
    """Flexible energy of declared value, a row an agent, fleet and direction."""

    market: IntArray
    value_ticks: IntArray
    energy_wh: IntArray
    sells: BoolArray


def _declared(place: Positions, market: IntArray) -> _Legs:
    declared = place.marginal_ticks >= 0
    parts = []
    for energy, sells in ((place.up_wh, True), (place.down_wh, False)):
        fleet, agent = np.nonzero(declared & (energy > 0))
        quantity = energy[fleet, agent]
        parts.append((market[agent], place.marginal_ticks[fleet, agent], quantity, np.full(len(agent), sells)))
    return _Legs(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def clearing(place: Positions, tariffs: Tariffs, market: IntArray, n_markets: int) -> Clearing:
    """The optimum by merit order, exact in integers.

    The price is the quantile of *all* reservation values, sellers' and buyers' together, at the total demand (the
    M-th-price rule of Wurman, Walsh and Wellman 1998, doi 10.1016/S0167-9236(98)00060-8). By duality the gains are
    sum q |v - p| over what is on the right side of p, so a store at rest never trades with itself. An agent's own
    supply and demand through *different* components may meet: the gains are then an upper bound.
    """
    supply = sum_by(place.surplus_wh + place.must_run_wh, market, n_markets)
    demand = sum_by(place.firm_demand_wh, market, n_markets)
    feed_in, retail = tariffs.feed_in_ticks, tariffs.retail_ticks
    if not np.logical_or.reduce(place.marginal_ticks >= 0, axis=None):
        short = supply < demand
        return Clearing(
            price_ticks=np.where(short, retail, feed_in),
            below_wh=np.where(short & (feed_in < retail), supply, 0),
            above_wh=np.where(~short & (feed_in < retail), demand, 0),
            gains=np.minimum(supply, demand) * (retail - feed_in),
        )
    every = np.arange(n_markets)
    flexible = _declared(place, market)
    legs = _Legs(
        np.concatenate((every, every, flexible.market)),
        np.concatenate((feed_in, retail, flexible.value_ticks)),
        np.concatenate((supply, demand, flexible.energy_wh)),
        np.concatenate((np.ones(n_markets, dtype=bool), np.zeros(n_markets, dtype=bool), flexible.sells)),
    )
    price = _quantile(legs, n_markets)
    own_price = price[legs.market]
    below = legs.sells & (legs.value_ticks < own_price)
    above = ~legs.sells & (legs.value_ticks > own_price)
    gain = np.abs(legs.value_ticks - own_price) * np.where(below | above, legs.energy_wh, 0)
    return Clearing(
        price_ticks=price,
        below_wh=sum_by(np.where(below, legs.energy_wh, 0), legs.market, n_markets),
        above_wh=sum_by(np.where(above, legs.energy_wh, 0), legs.market, n_markets),
        gains=sum_by(gain, legs.market, n_markets),
    )


def _quantile(legs: _Legs, n_markets: int) -> IntArray:
    """Smallest value up to which the energy of all legs reaches the total demand, a market [n_markets]."""
    order = np.lexsort((legs.value_ticks, legs.market))
    upto = np.cumsum(legs.energy_wh[order])
    first = np.searchsorted(legs.market[order], np.arange(n_markets))
    before = np.where(first > 0, upto[first - 1], 0)
    demand = sum_by(np.where(legs.sells, 0, legs.energy_wh), legs.market, n_markets)
    at = np.maximum(np.searchsorted(upto, before + demand), first)
    return np.asarray(legs.value_ticks[order[at]])


class Availability(NamedTuple):
    """Energy available to the market as metered before trading [Wh] [n_agents]."""

    supply_wh: IntArray
    """Surplus, must-run energy, and what fleets could sell at less than retail."""
    demand_wh: IntArray
    """Firm demand, and what fleets could draw at more than the feed-in tariff."""


def availability(place: Positions, tariffs: Tariffs, market: IntArray, n_markets: int) -> Availability:
    """S_i and D_j of every agent; see the module for stores."""
    supply = place.surplus_wh + place.must_run_wh
    demand = place.firm_demand_wh
    value = place.marginal_ticks
    declared = value >= 0
    if not np.logical_or.reduce(declared, axis=None):
        return Availability(supply, demand)
    up = np.where(declared & (value < tariffs.retail_ticks[market]), place.up_wh, 0)
    down = np.where(declared & (value > tariffs.feed_in_ticks[market]), place.down_wh, 0)
    both = (up > 0) & (down > 0)
    if both.any():
        best = clearing(place, tariffs, market, n_markets)
        price, short = best.price_ticks[market], (best.below_wh < best.above_wh)[market]
        sells = (value < price) | ((value == price) & short)
        up[both & ~sells] = 0
        down[both & sells] = 0
    return Availability(supply + up.sum(axis=0), demand + down.sum(axis=0))


def tradable_wh(available: Availability, market: IntArray, n_markets: int) -> IntArray:
    """P, the most energy that could change hands [n_markets]: min(sum S, sum D), less what one would sell to itself.

    Nobody trades with itself, so an agent's supply needs another's demand: the largest flow from sellers to
    other agents' demand is min(sum S, sum D, min_i (sum S - S_i + sum D - D_i)).
    """
    supply = sum_by(available.supply_wh, market, n_markets)
    demand = sum_by(available.demand_wh, market, n_markets)
    own = np.zeros(n_markets, dtype=np.int64)
    np.maximum.at(own, market, available.supply_wh + available.demand_wh)
    return np.asarray(np.minimum(np.minimum(supply, demand), supply + demand - own))


def reservation_ticks(orders: Orders, place: Positions, tariffs: Tariffs) -> tuple[IntArray, BoolArray]:
    """True value of each order's energy [ticks], and whether there is one or nothing is declared [n_orders]."""
    outside = np.where(
        (orders.component == FIRM) & (orders.side == Side.BUY),
        tariffs.retail_ticks[orders.market],
        tariffs.feed_in_ticks[orders.market],
    )
    fleet = np.flatnonzero(orders.component >= 0)
    known = np.ones(orders.size, dtype=bool)
    if len(fleet):
        declared = place.marginal_ticks[orders.component[fleet], orders.agent[fleet]]
        outside[fleet] = declared
        known[fleet] = declared >= 0
    return outside, known


def gains_from_trade(
    orders: Orders, trades: Trades, place: Positions, tariffs: Tariffs, n_markets: int
) -> tuple[IntArray, IntArray]:
    """Gains at true values [1e-9 currency], and the energy of trades without one [Wh], each [n_markets]."""
    value, known = reservation_ticks(orders, place, tariffs)
    buy, sell = trades.buy_order, trades.sell_order
    valued = known[buy] & known[sell]
    gain = np.where(valued, trades.energy_wh * (value[buy] - value[sell]), 0)
    market = orders.market[buy]
    blind = np.where(valued, 0, trades.energy_wh)
    return sum_by(gain, market, n_markets), sum_by(blind, market, n_markets)
