"""Fairness measures of a slot: pure functions of the arrays of one market, and all of them for many markets.

Each score is in [0, 1], 1 is fair; NaN where it is undefined. Energies are whole Wh, prices whole ticks. S_i and D_j
are availability as metered before trading (``core.potential``), s_i and b_j what was traded, E = sum s, P = what could
have been traded, l_b retail, l_s feed-in.

FBS, FTB and FPP measure equality alone: nobody selling anything is equal too, so they are never read without FTG.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import types

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.compiled import kernel
from marketsim.core.potential_kernel import first_rows

SCORE_NAMES: Final = (
    "ftg",
    "ftg_demand",
    "fbs",
    "fbs_range",
    "fbs_share_range",
    "fbs_market",
    "ftb",
    "fpp",
    "fpp_range",
    "price_neutrality",
    "jain_fill",
)
"""Rows of ``score_markets``."""


@kernel()
def _unit(score: float) -> float:
    """Held to [0, 1] against rounding; NaN stays."""
    return max(min(score, 1.0), 0.0) if score == score else score


@kernel()
def tradable(supply_wh: IntArray, demand_wh: IntArray) -> int:
    """P, the most energy that could change hands [Wh]: min(sum S, sum D), less what one could only sell to itself.

    Nobody trades with itself, so an agent's supply needs another's demand: the largest flow from sellers to other
    agents' demand is min(sum S, sum D, min_i (sum S - S_i + sum D - D_i)).
    """
    supply, demand, own = 0, 0, 0
    for i in range(len(supply_wh)):
        supply += supply_wh[i]
        demand += demand_wh[i]
        own = max(own, supply_wh[i] + demand_wh[i])
    return min(min(supply, demand), supply + demand - own)


@kernel()
def fairness_to_grid(traded_wh: int, tradable_wh: int) -> float:
    """FTG = E / P: the share of avoidable reliance on the grid that was avoided.

    With P it is the default, with sum D the variant of the authors' toy code. Energy of undeclared value is
    traded on top of P, hence the cap at 1. NaN where nothing could be traded.
    """
    return min(traded_wh / tradable_wh, 1.0) if tradable_wh > 0 else math.nan


@kernel()
def fairness_between(available_wh: IntArray, traded_wh: IntArray) -> float:
    """FBS for sellers, FTB for buyers: 1 - sum_i S_i |f_i - f| / (2 f (1 - f) sum S).

    f_i = s_i / S_i and f = E / sum S. The normaliser is the largest possible deviation for that f (some sell all, the
    others nothing), so the scale depends neither on the number of agents nor on scarcity. 1 if f = 1; NaN if nothing is
    traded or fewer than two have anything available. Trade beyond one's availability is left out.
    """
    total, filled, parties = 0, 0, 0
    for i in range(len(available_wh)):
        total += available_wh[i]
        filled += min(traded_wh[i], available_wh[i])
        parties += available_wh[i] > 0
    if parties < 2 or filled == 0:
        return math.nan
    if filled == total:
        return 1.0
    share = filled / total
    apart = 0.0
    for i in range(len(available_wh)):
        apart += abs(min(traded_wh[i], available_wh[i]) - share * available_wh[i])
    return _unit(1.0 - apart / (2.0 * share * (total - filled)))


@kernel()
def fairness_between_range(available_wh: IntArray, traded_wh: IntArray) -> float:
    """Variant of FBS: 1 - (max f_i - min f_i); NaN as for FBS."""
    least, most, filled, parties = 1.0, 0.0, 0, 0
    for i in range(len(available_wh)):
        if available_wh[i] > 0:
            sold = min(traded_wh[i], available_wh[i])
            least = min(least, sold / available_wh[i])
            most = max(most, sold / available_wh[i])
            filled += sold
            parties += 1
    return 1.0 - (most - least) if parties >= 2 and filled > 0 else math.nan


@kernel()
def fairness_between_share_range(available_wh: IntArray, traded_wh: IntArray) -> float:
    """Variant of FBS, the authors' toy code: 1 - (largest - smallest seller's share of the traded energy)."""
    least, most, filled, parties = 0, 0, 0, 0
    for i in range(len(available_wh)):
        if available_wh[i] > 0:
            sold = min(traded_wh[i], available_wh[i])
            least = min(least, sold) if parties else sold
            most = max(most, sold)
            filled += sold
            parties += 1
    return 1.0 - (most - least) / filled if parties >= 2 and filled > 0 else math.nan


@kernel()
def jain_fill(available_wh: IntArray, traded_wh: IntArray) -> float:
    """Jain's index of the fill rates, (sum f)^2 / (n sum f^2); NaN as for FBS.

    Jain, Chiu and Hawe 1984, DEC Research Report TR-301.
    """
    total, square, parties = 0.0, 0.0, 0
    for i in range(len(available_wh)):
        if available_wh[i] > 0:
            rate = min(traded_wh[i], available_wh[i]) / available_wh[i]
            total += rate
            square += rate * rate
            parties += 1
    return _unit(total * total / (parties * square)) if parties >= 2 and square > 0.0 else math.nan


@kernel()
def mean_price(price_ticks: IntArray, energy_wh: IntArray) -> float:
    """Energy-weighted mean price [ticks]; NaN without a trade."""
    value, energy = 0, 0
    for i in range(len(price_ticks)):
        value += price_ticks[i] * energy_wh[i]
        energy += energy_wh[i]
    return value / energy if energy > 0 else math.nan


@kernel()
def fairness_of_pricing(price_ticks: IntArray, energy_wh: IntArray, retail_ticks: int, feed_in_ticks: int) -> float:
    """FPP = 1 - 2 sd(p) / (l_b - l_s), sd weighted by energy: no spread is fair.

    Prices between the tariffs deviate by at most half their distance, so the score is in [0, 1]. NaN without a trade,
    and where the tariffs leave no room for a spread.
    """
    mean = mean_price(price_ticks, energy_wh)
    square, energy = 0.0, 0
    for i in range(len(price_ticks)):
        square += energy_wh[i] * (price_ticks[i] - mean) ** 2
        energy += energy_wh[i]
    if energy == 0 or retail_ticks <= feed_in_ticks:
        return math.nan
    return _unit(1.0 - 2.0 * math.sqrt(square / energy) / (retail_ticks - feed_in_ticks))


@kernel()
def fairness_of_pricing_range(price_ticks: IntArray, retail_ticks: int, feed_in_ticks: int) -> float:
    """Variant of FPP: 1 - (max p - min p) / (l_b - l_s); NaN as for FPP."""
    if len(price_ticks) == 0 or retail_ticks <= feed_in_ticks:
        return math.nan
    least, most = price_ticks[0], price_ticks[0]
    for i in range(len(price_ticks)):
        least = min(least, price_ticks[i])
        most = max(most, price_ticks[i])
    return _unit(1.0 - (most - least) / (retail_ticks - feed_in_ticks))


@kernel()
def price_neutrality(price_ticks: IntArray, energy_wh: IntArray, retail_ticks: int, feed_in_ticks: int) -> float:
    """1 - |mean p - (l_b + l_s)/2| / ((l_b - l_s)/2), beside FPP; NaN as for FPP.

    All trades at the feed-in tariff have no spread, yet all gains go to the buyers.
    """
    mean = mean_price(price_ticks, energy_wh)
    if retail_ticks <= feed_in_ticks:
        return math.nan
    return _unit(1.0 - abs(2.0 * mean - (retail_ticks + feed_in_ticks)) / (retail_ticks - feed_in_ticks))


_I1 = types.Array(types.int64, 1, "C", readonly=True)


@kernel(types.void(*(_I1,) * 11, types.float64[:, ::1], types.int64[::1]))
def score_markets(
    market: IntArray, supply: IntArray, refused: IntArray, demand: IntArray, sold: IntArray, bought: IntArray,
    trade_market: IntArray, price: IntArray, energy: IntArray, retail: IntArray, feed_in: IntArray,
    scores: FloatArray, tradable_wh: IntArray,
) -> None:  # fmt: skip
    """Write all scores [n_scores, n_markets] and P [n_markets]; NaN where P = 0: nothing is fair or unfair there.

    Agents and trades are sorted by market. ``refused`` is what the grid refused each agent of sales to peers.
    """
    n_markets = len(retail)
    first, first_trade = first_rows(market, n_markets), first_rows(trade_market, n_markets)
    reachable = np.maximum(supply - refused, np.minimum(sold, supply))
    for m in range(n_markets):
        i, j, k, l = first[m], first[m + 1], first_trade[m], first_trade[m + 1]  # noqa: E741
        can_sell, has_sold = supply[i:j], sold[i:j]
        tradable_wh[m] = tradable(can_sell, demand[i:j])
        if tradable_wh[m] == 0:
            scores[:, m] = math.nan
            continue
        traded = energy[k:l].sum()
        scores[0, m] = fairness_to_grid(traded, tradable_wh[m])
        scores[1, m] = fairness_to_grid(traded, demand[i:j].sum())
        scores[2, m] = fairness_between(can_sell, has_sold)
        scores[3, m] = fairness_between_range(can_sell, has_sold)
        scores[4, m] = fairness_between_share_range(can_sell, has_sold)
        scores[5, m] = fairness_between(reachable[i:j], has_sold)
        scores[6, m] = fairness_between(demand[i:j], bought[i:j])
        scores[7, m] = fairness_of_pricing(price[k:l], energy[k:l], retail[m], feed_in[m])
        scores[8, m] = fairness_of_pricing_range(price[k:l], retail[m], feed_in[m])
        scores[9, m] = price_neutrality(price[k:l], energy[k:l], retail[m], feed_in[m])
        scores[10, m] = jain_fill(can_sell, has_sold)
