"""Fairness measures as pure functions of arrays: those of one market in one slot, and those of a whole run.

Each score is in [0, 1], 1 is fair; NaN where it is undefined. Energies are whole Wh, prices whole ticks. S_i and D_j
are availability as metered before trading (``core.potential``), s_i and b_j what was traded, E = sum s, P = what could
have been traded, l_b retail, l_s feed-in.

FBS and FTB cannot be levelled down: who gets more while nobody gets less never lowers them, and if everybody trades less
they never rise. So they contain volume, yet offering less than one has can still raise them through who meets whom: FTG is
read beside them. FPP measures the spread of prices, which a further trade at another price widens: it is read beside the
neutrality of prices. The Gini coefficient is the exception in direction: 0 is equal, as everywhere in the literature.

``measures_kernel.score_markets`` computes all scores of a slot for many markets by the same loops.
"""

from __future__ import annotations

import math

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.fairness import measures_kernel as loops


def tradable(supply_wh: IntArray, demand_wh: IntArray) -> int:
    """P, the most energy that could change hands [Wh]: min(sum S, sum D), less what one could only sell to itself.

    Nobody trades with itself, so an agent's supply needs another's demand: the largest flow from sellers to other
    agents' demand is min(sum S, sum D, min_i (sum S - S_i + sum D - D_i)).
    """
    return int(loops.tradable(supply_wh, demand_wh))


def fairness_to_grid(traded_wh: int, tradable_wh: int) -> float:
    """FTG = E / P: the share of avoidable reliance on the grid that was avoided.

    With P it is the default, with sum D the variant of the authors' toy code. Energy of undeclared value is
    traded on top of P, hence the cap at 1. NaN where nothing could be traded.
    """
    return min(traded_wh / tradable_wh, 1.0) if tradable_wh > 0 else math.nan


def fairness_of_rationing(available_wh: IntArray, traded_wh: IntArray, other_side_wh: int) -> float:
    """FBS for sellers with the demand as other side, FTB for buyers with the supply: how a shortage was shared.

    max(0, 1 - [sum_i max(e_i - s_i, 0) / D] / [1 - max_i S_i / sum S]) with the entitlement e_i = S_i D / sum S, a
    proportional share of the other side's D. The normaliser is the shortfall where the largest takes all: 0 whenever one
    takes all, 1 where everybody has its share. NaN where nobody is rationed (sum S <= D), D is 0, or fewer than two have
    anything available.
    """
    return float(loops.rationing(available_wh, traded_wh, other_side_wh))


def fairness_of_rationing_over(entitled_wh: FloatArray, traded_wh: FloatArray) -> float:
    """FBS or FTB over several slots, from sums over those in which the side was rationed [n_agents].

    The same formula with e_i and s_i summed and the largest share in what all were entitled to: who came last in one slot
    and first in the next was served alike. NaN for fewer than two with an entitlement.
    """
    total = float(entitled_wh.sum())
    if total <= 0.0 or int((entitled_wh > 0.0).sum()) < 2:
        return math.nan
    worst = 1.0 - float(entitled_wh.max()) / total
    return max(0.0, 1.0 - float(np.maximum(entitled_wh - traded_wh, 0.0).sum()) / total / worst)


def fairness_by_deviation(available_wh: IntArray, traded_wh: IntArray) -> float:
    """Older form of FBS, kept by name: 1 - sum_i S_i |f_i - f| / (2 f (1 - f) sum S), f_i = s_i / S_i and f = E / sum S.

    It can be levelled down: 1 where all sell the same small part of what they have, lower where one of them sells more and
    nobody less. 1 if f = 1; NaN if nothing is traded or fewer than two have anything available. Trade beyond one's
    availability is left out.
    """
    return float(loops.between(available_wh, traded_wh)[0])


def fairness_between_range(available_wh: IntArray, traded_wh: IntArray) -> float:
    """Variant of FBS: 1 - (max f_i - min f_i); NaN as for the older form."""
    return float(loops.between(available_wh, traded_wh)[1])


def fairness_between_share_range(available_wh: IntArray, traded_wh: IntArray) -> float:
    """Variant of FBS, the authors' toy code: 1 - (largest - smallest seller's share of the traded energy)."""
    return float(loops.between(available_wh, traded_wh)[2])


def jain_fill(available_wh: IntArray, traded_wh: IntArray) -> float:
    """Jain's index of the fill rates f_i; NaN as for the older form of FBS."""
    return float(loops.between(available_wh, traded_wh)[3])


def fairness_of_pricing(price_ticks: IntArray, energy_wh: IntArray, retail_ticks: int, feed_in_ticks: int) -> float:
    """FPP = 1 - 2 sd(p) / (l_b - l_s), sd weighted by energy: no spread is fair.

    Prices between the tariffs deviate by at most half their distance, so the score is in [0, 1]. NaN without a trade,
    and where the tariffs leave no room for a spread.
    """
    return float(loops.pricing(price_ticks, energy_wh, retail_ticks, feed_in_ticks)[0])


def fairness_of_pricing_range(
    price_ticks: IntArray, energy_wh: IntArray, retail_ticks: int, feed_in_ticks: int
) -> float:
    """Variant of FPP: 1 - (max p - min p) / (l_b - l_s); NaN as for FPP."""
    return float(loops.pricing(price_ticks, energy_wh, retail_ticks, feed_in_ticks)[1])


def price_neutrality(price_ticks: IntArray, energy_wh: IntArray, retail_ticks: int, feed_in_ticks: int) -> float:
    """1 - |mean p - (l_b + l_s)/2| / ((l_b - l_s)/2), the mean weighted by energy, beside FPP; NaN as for FPP.

    All trades at the feed-in tariff have no spread, yet all gains go to the buyers.
    """
    return float(loops.pricing(price_ticks, energy_wh, retail_ticks, feed_in_ticks)[2])


def jain_index(values: FloatArray) -> float:
    """(sum x)^2 / (n sum x^2), between 1/n and 1; NaN where all are zero. Jain, Chiu and Hawe 1984, DEC TR-301."""
    square = float((values * values).sum())
    return float(values.sum()) ** 2 / (len(values) * square) if square > 0.0 else float("nan")


def worst_off_saving(cost: FloatArray, reference_cost: FloatArray, reference_turnover: FloatArray) -> float:
    """Smallest saving of any agent, as a share of its turnover with the utility in the reference run.

    (c0_i - c_i) / (imports paid + exports received). For who only buys the turnover is the bill c0, so this is 1 -
    c/c0; for who also sells a net bill near zero, or below, says nothing about its size. NaN if nobody had any.
    """
    rows = np.flatnonzero(reference_turnover > 0)
    if len(rows) == 0:
        return float("nan")
    return float(((reference_cost[rows] - cost[rows]) / reference_turnover[rows]).min())
