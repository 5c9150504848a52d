"""Loops of the fairness measures; ``measures`` says what each one is. NaN where a score is undefined."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numba import types

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.compiled import kernel
from marketsim.core.potential_kernel import first_rows
from marketsim.core.records_kernel import I1

SCORE_NAMES: Final = (
    "ftg",
    "ftg_demand",
    "fbs",
    "fbs_market",
    "fbs_deviation",
    "fbs_range",
    "fbs_share_range",
    "ftb",
    "fpp",
    "fpp_range",
    "price_neutrality",
    "jain_fill",
)
"""Rows of ``score_markets``."""
FTG, FTG_DEMAND, FBS, FBS_MARKET, FBS_DEVIATION, FBS_RANGE, FBS_SHARE_RANGE = range(7)
FTB, FPP, FPP_RANGE, PRICE_NEUTRALITY, JAIN_FILL = range(7, 12)


class Inputs(NamedTuple):
    """Everything that the scores depend on, as ``score_markets`` takes it; agents and trades sorted by market."""

    market: IntArray
    supply_wh: IntArray
    refused_wh: IntArray
    """What the grid refused each agent of sales to peers."""
    demand_wh: IntArray
    sold_wh: IntArray
    bought_wh: IntArray
    trade_market: IntArray
    price_ticks: IntArray
    """At the hub: the market's own prices, without network charges."""
    energy_wh: IntArray
    retail_ticks: IntArray
    feed_in_ticks: IntArray


INPUTS: Final = types.UniTuple(I1, 11)  # type: ignore[no-untyped-call]


@kernel(part=True)
def unit(score: float) -> float:
    """Held to [0, 1] against rounding."""
    return max(min(score, 1.0), 0.0)


@kernel()
def tradable(supply: IntArray, demand: IntArray) -> int:
    """min(sum S, sum D, min_i (sum S - S_i + sum D - D_i))."""
    sells, buys, own = 0, 0, 0
    for i in range(len(supply)):
        sells += supply[i]
        buys += demand[i]
        own = max(own, supply[i] + demand[i])
    return min(min(sells, buys), sells + buys - own)


@kernel()
def rationed(available: IntArray, other_side_wh: int) -> bool:
    """Whether at least two have something available and together more than the other side can take."""
    total, parties = 0, 0
    for i in range(len(available)):
        total += available[i]
        parties += available[i] > 0
    return parties >= 2 and 0 < other_side_wh < total


@kernel()
def rationing(available: IntArray, traded: IntArray, other_side_wh: int) -> float:
    """How evenly the short side was shared out: see ``measures.fairness_of_rationing``."""
    if not rationed(available, other_side_wh):
        return math.nan
    total, largest, short = 0.0, 0.0, 0.0
    for i in range(len(available)):
        total += available[i]
        largest = max(largest, float(available[i]))
    for i in range(len(available)):
        short += max(float(available[i]) * other_side_wh - float(traded[i]) * total, 0.0)
    worst = other_side_wh * (total - largest)
    return unit((worst - short) / worst)


@kernel()
def between(available: IntArray, traded: IntArray) -> tuple[float, float, float, float]:
    """Equality between agents: by mean deviation, by range of fill rates, by range of shares, by Jain's index."""
    total, filled, parties = 0, 0, 0
    least, most, rates, squares = 1.0, 0.0, 0.0, 0.0
    smallest, largest = np.iinfo(np.int64).max, 0
    for i in range(len(available)):
        if available[i] > 0:
            sold = min(traded[i], available[i])
            rate = sold / available[i]
            total += available[i]
            filled += sold
            parties += 1
            least, most = min(least, rate), max(most, rate)
            smallest, largest = min(smallest, sold), max(largest, sold)
            rates += rate
            squares += rate * rate
    if parties < 2 or filled == 0:
        return math.nan, math.nan, math.nan, math.nan
    share, apart = filled / total, 0.0
    for i in range(len(available)):
        apart += abs(min(traded[i], available[i]) - share * available[i])
    deviation = 1.0 if filled == total else unit(1.0 - apart / (2.0 * share * (total - filled)))
    return (
        deviation,
        1.0 - (most - least),
        1.0 - (largest - smallest) / filled,
        unit(rates * rates / (parties * squares)),
    )


@kernel()
def pricing(price: IntArray, energy: IntArray, retail: int, feed_in: int) -> tuple[float, float, float]:
    """Fairness of prices: by standard deviation, by range, and their neutrality."""
    value, volume = 0, 0
    least, most = np.iinfo(np.int64).max, np.iinfo(np.int64).min
    for i in range(len(price)):
        value += price[i] * energy[i]
        volume += energy[i]
        least, most = min(least, price[i]), max(most, price[i])
    room = retail - feed_in
    if volume == 0 or room <= 0:
        return math.nan, math.nan, math.nan
    mean, square = value / volume, 0.0
    for i in range(len(price)):
        square += energy[i] * (price[i] - mean) ** 2
    spread = 1.0 - 2.0 * math.sqrt(square / volume) / room
    return unit(spread), unit(1.0 - (most - least) / room), unit(1.0 - abs(2.0 * mean - (retail + feed_in)) / room)


@kernel(types.void(INPUTS, types.float64[:, ::1], types.int64[::1]))
def score_markets(given: Any, scores: FloatArray, tradable_wh: IntArray) -> None:
    """Write all scores [n_scores, n_markets] and P [n_markets]; NaN where P = 0: nothing is fair or unfair there."""
    given = Inputs(*given)
    n_markets = len(given.retail_ticks)
    first, first_trade = first_rows(given.market, n_markets), first_rows(given.trade_market, n_markets)
    supply, demand, sold, bought = given.supply_wh, given.demand_wh, given.sold_wh, given.bought_wh
    reachable = np.empty(len(supply), np.int64)
    for agent in range(len(supply)):
        reachable[agent] = max(supply[agent] - given.refused_wh[agent], min(sold[agent], supply[agent]))
    for m in range(n_markets):
        begin, end = first[m], first[m + 1]
        tradable_wh[m] = tradable(supply[begin:end], demand[begin:end])
        for row in range(scores.shape[0]):
            scores[row, m] = math.nan
        if tradable_wh[m] == 0:
            continue
        traded, wanted = 0, 0
        for trade in range(first_trade[m], first_trade[m + 1]):
            traded += given.energy_wh[trade]
        for agent in range(begin, end):
            wanted += demand[agent]
        scores[FTG, m], scores[FTG_DEMAND, m] = min(traded / tradable_wh[m], 1.0), min(traded / wanted, 1.0)
        sells, own = supply[begin:end].sum(), slice(begin, end)
        scores[FBS, m] = rationing(supply[own], sold[own], wanted)
        scores[FBS_MARKET, m] = rationing(reachable[own], sold[own], wanted)
        scores[FTB, m] = rationing(demand[own], bought[own], sells)
        scores[FBS_DEVIATION, m], scores[FBS_RANGE, m], scores[FBS_SHARE_RANGE, m], scores[JAIN_FILL, m] = between(
            supply[own], sold[own]
        )
        trades = slice(first_trade[m], first_trade[m + 1])
        scores[FPP, m], scores[FPP_RANGE, m], scores[PRICE_NEUTRALITY, m] = pricing(
            given.price_ticks[trades], given.energy_wh[trades], given.retail_ticks[m], given.feed_in_ticks[m]
        )


@kernel(types.void(INPUTS, types.float64[:, ::1], types.float64[:, ::1], types.int64[::1]))
def add_rationed(given: Any, entitled_wh: FloatArray, traded_wh: FloatArray, rationed_slots: IntArray) -> None:
    """Add what sellers (row 0) and buyers (row 1) were entitled to and traded where their side was rationed.

    ``entitled_wh`` and ``traded_wh`` [2, n_agents], ``rationed_slots`` [2]: markets of the slot in which a side was.
    """
    given = Inputs(*given)
    n_markets = len(given.retail_ticks)
    first = first_rows(given.market, n_markets)
    for m in range(n_markets):
        begin, end = first[m], first[m + 1]
        for side in range(2):
            available, other = given.supply_wh[begin:end], given.demand_wh[begin:end]
            traded = given.sold_wh[begin:end]
            if side == 1:
                available, other, traded = other, available, given.bought_wh[begin:end]
            open_wh = other.sum()
            if rationed(available, open_wh):
                rationed_slots[side] += 1
                share = open_wh / available.sum()
                for i in range(len(available)):
                    entitled_wh[side, begin + i] += available[i] * share
                    traded_wh[side, begin + i] += min(traded[i], available[i])
