"""Loops of ``potential``: one call for all markets; agents are sorted by ``market``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from marketsim.core.arrays import IntArray
from marketsim.core.compiled import kernel
from marketsim.core.records import FIRM, UNDECLARED, Positions, Side
from marketsim.core.records_kernel import I1, I2, POSITIONS

_O1 = types.int64[::1]
_THREE = types.UniTuple(I1, 3)  # type: ignore[no-untyped-call]
_BUY, _UNDECLARED, _FIRM = int(Side.BUY), int(UNDECLARED), int(FIRM)


@kernel(part=True)
def first_rows(market: IntArray, n_markets: int) -> IntArray:
    """Where each market begins on an axis sorted by market, and where the last one ends [n_markets + 1]."""
    first = np.zeros(n_markets + 1, np.int64)
    for row in range(len(market)):
        first[market[row] + 1] += 1
    for m in range(n_markets):
        first[m + 1] += first[m]
    return first


@kernel(part=True)
def flexible_legs(begin: int, end: int, place: Positions) -> tuple[IntArray, IntArray, IntArray]:
    """Declared values, energy both ways and energy drawn of all fleets of one market that have any [n_legs]."""
    up, down, value = place.up_wh, place.down_wh, place.marginal_ticks
    size = value.shape[0] * (end - begin)
    price, energy, drawn, count = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64), 0
    for fleet in range(value.shape[0]):
        for agent in range(begin, end):
            if value[fleet, agent] != _UNDECLARED and up[fleet, agent] + down[fleet, agent] > 0:
                price[count] = value[fleet, agent]
                energy[count] = up[fleet, agent] + down[fleet, agent]
                drawn[count] = down[fleet, agent]
                count += 1
    return price[:count], energy[:count], drawn[:count]


@kernel(part=True)
def competitive_price(
    surplus: int, must_run: int, demand: int, value: IntArray, energy: IntArray, drawn: IntArray, retail: int, feed_in: int
) -> int:  # fmt: skip
    """Smallest price at which the energy of all values up to it, sellers' and buyers', reaches the total demand.

    By bisection on whole ticks: the total energy up to a price only grows with it.
    """
    kept = max(feed_in, 0)
    low, high, wanted = min(feed_in, retail), max(kept, retail), demand
    for leg in range(len(value)):
        low, high = min(low, value[leg]), max(high, value[leg])
        wanted += drawn[leg]
    while low < high:
        middle = (low + high) // 2
        reached = (must_run if feed_in <= middle else 0) + (surplus if kept <= middle else 0)
        reached += demand if retail <= middle else 0
        for leg in range(len(value)):
            reached += energy[leg] * (value[leg] <= middle)
        if reached >= wanted:
            high = middle
        else:
            low = middle + 1
    return low


@kernel(part=True)
def market_clearing(begin: int, end: int, place: Positions, retail: int, feed_in: int) -> tuple[int, int, int, int]:
    """Competitive price, supply below it, demand above it, gains from trade of one market."""
    surplus, must_run, demand, kept = 0, 0, 0, max(feed_in, 0)
    for agent in range(begin, end):
        surplus += place.surplus_wh[agent]
        must_run += place.must_run_wh[agent]
        demand += place.firm_demand_wh[agent]
    own, energy, drawn = flexible_legs(begin, end, place)
    price = competitive_price(surplus, must_run, demand, own, energy, drawn, retail, feed_in)
    spare, flows = surplus if kept < price else 0, must_run if feed_in < price else 0
    below, above = spare + flows, demand if retail > price else 0
    gains = spare * (price - kept) + flows * (price - feed_in) + above * (retail - price)
    for leg in range(len(own)):
        sells, buys = energy[leg] - drawn[leg], drawn[leg]
        if own[leg] < price:
            below += sells
            gains += sells * (price - own[leg])
        elif own[leg] > price:
            above += buys
            gains += buys * (own[leg] - price)
    return price, below, above, gains


@kernel(types.void(I1, POSITIONS, I1, I1, *(_O1,) * 6))
def assess_markets(
    market: IntArray, place: Any, retail: IntArray, feed_in: IntArray,
    price: IntArray, below: IntArray, above: IntArray, gains: IntArray, supply: IntArray, demand: IntArray,
) -> None:  # fmt: skip
    """Write the clearing of every market [n_markets], and S and D of every agent [n_agents].

    A store at rest is put on one side only.
    """
    place = Positions(*place)
    first = first_rows(market, len(retail))
    for m in range(len(retail)):
        price[m], below[m], above[m], gains[m] = market_clearing(first[m], first[m + 1], place, retail[m], feed_in[m])
        for agent in range(first[m], first[m + 1]):
            supply[agent] = place.must_run_wh[agent] + (place.surplus_wh[agent] if retail[m] >= 0 else 0)
            demand[agent] = place.firm_demand_wh[agent]
            for fleet in range(place.marginal_ticks.shape[0]):
                own = place.marginal_ticks[fleet, agent]
                sells = place.up_wh[fleet, agent] if _UNDECLARED < own < retail[m] else 0
                buys = place.down_wh[fleet, agent] if own > feed_in[m] else 0
                if sells > 0 and buys > 0:
                    if own < price[m] or (own == price[m] and below[m] < above[m]):
                        buys = 0
                    else:
                        sells = 0
                supply[agent] += sells
                demand[agent] += buys


@kernel(types.void(_THREE, I1, I1, I1, I1, I2, I1, I1, _O1, _O1))
def add_gains(
    traded: tuple[IntArray, IntArray, IntArray], market: IntArray, agent: IntArray, side: IntArray, component: IntArray,
    value: IntArray, retail: IntArray, feed_in: IntArray,
    gains: IntArray, blind: IntArray,
) -> None:  # fmt: skip
    """Add the gains of each trade, or its energy where a value is not declared, to its market [n_markets].

    ``traded``: orders that bought and sold, energy [n_trades].
    """
    buy, sell, energy = traded
    for trade in range(len(energy)):
        m = market[buy[trade]]
        worth = 0
        declared = True
        for order, sign in ((buy[trade], 1), (sell[trade], -1)):
            if component[order] >= 0:
                own = value[component[order], agent[order]]
                declared = declared and own != _UNDECLARED
            elif component[order] == _FIRM and side[order] == _BUY:
                own = retail[m]
            else:
                own = feed_in[m] if component[order] == _FIRM else max(feed_in[m], 0)
            worth += sign * own
        if declared:
            gains[m] += energy[trade] * worth
        else:
            blind[m] += energy[trade]
