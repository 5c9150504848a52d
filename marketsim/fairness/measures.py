"""Fairness measures: pure functions of arrays. Each score is in [0, 1], 1 is fair; NaN where it is undefined.

Arrays of agents are flat over all markets, ``market`` tells which; scores are [n_markets]. Energies are whole Wh,
prices whole ticks. S_i and D_j are availability as metered before trading (``core.potential``), s_i and b_j what
was traded, E = sum s, P = what could have been traded, l_b retail, l_s feed-in.

FBS, FTB and FPP measure equality alone: nobody selling anything is equal too, so they are never read without FTG.

The Gini coefficients are the exception in direction: 0 is equal, as everywhere in the literature.
"""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.segments import spread_by, sum_by


def _divided(part: FloatArray | IntArray, whole: FloatArray | IntArray) -> FloatArray:
    """``part / whole``, NaN where ``whole`` is not positive."""
    out = np.full(np.broadcast(part, whole).shape, np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out


def _unit(score: FloatArray) -> FloatArray:
    """Held to [0, 1] against rounding; NaN stays."""
    return np.asarray(np.minimum(np.maximum(score, 0.0), 1.0))


def fairness_to_grid(traded_wh: IntArray, tradable_wh: IntArray) -> FloatArray:
    """FTG = E / P: the share of avoidable reliance on the grid that was avoided [n_markets].

    With ``tradable_wh`` = P it is the default; with sum D it is the variant of the authors' toy code. Energy of
    undeclared value is traded on top of P, hence the cap at 1. NaN where nothing could be traded.
    """
    return np.minimum(_divided(traded_wh, tradable_wh), 1.0)


def fairness_between(available_wh: IntArray, traded_wh: IntArray, market: IntArray, n_markets: int) -> FloatArray:
    """FBS for sellers, FTB for buyers: 1 - sum_i S_i |f_i - f| / (2 f (1 - f) sum S) [n_markets].

    f_i = s_i / S_i and f = E / sum S. The normaliser is the largest possible deviation for that f (some sell all,
    the others nothing), so the scale depends neither on the number of agents nor on scarcity. 1 if f = 1; NaN if
    nothing is traded or fewer than two have anything available. Trade beyond one's availability is left out.
    """
    filled = np.minimum(traded_wh, available_wh)
    total = sum_by(available_wh, market, n_markets)
    traded = sum_by(filled, market, n_markets)
    parties = sum_by((available_wh > 0).astype(np.int64), market, n_markets)
    share = _divided(traded, total)
    apart = sum_by(np.abs(filled - share[market] * available_wh), market, n_markets)
    widest = 2.0 * share * (total - traded)
    score = np.where(traded == total, 1.0, 1.0 - _divided(apart, widest))
    return _unit(np.where((parties >= 2) & (traded > 0), score, np.nan))


def fill_rates(available_wh: IntArray, traded_wh: IntArray) -> FloatArray:
    """f_i = s_i / S_i, at most 1; NaN where nothing was available [n_agents]."""
    return _divided(np.minimum(traded_wh, available_wh), available_wh)


def _range(values: FloatArray, market: IntArray, n_markets: int) -> FloatArray:
    """Largest less smallest value of those that are defined; NaN with fewer than two [n_markets]."""
    rows = np.flatnonzero(~np.isnan(values))
    where = market[rows]
    spread = spread_by(values[rows], where, n_markets)
    parties = sum_by(np.ones(len(rows), dtype=np.int64), where, n_markets)
    return np.where(parties >= 2, spread, np.nan)


def fairness_between_range(available_wh: IntArray, traded_wh: IntArray, market: IntArray, n_markets: int) -> FloatArray:
    """Variant of FBS: 1 - (max f_i - min f_i); NaN if nothing is traded or fewer than two could [n_markets]."""
    filled = np.minimum(traded_wh, available_wh)
    score = 1.0 - _range(_divided(filled, available_wh), market, n_markets)
    return np.where(sum_by(filled, market, n_markets) > 0, score, np.nan)


def fairness_between_share_range(
    available_wh: IntArray, traded_wh: IntArray, market: IntArray, n_markets: int
) -> FloatArray:
    """Variant of FBS, the authors' toy code: 1 - (max - min) of sellers' shares of the traded energy [n_markets]."""
    filled = np.minimum(traded_wh, available_wh)
    traded = sum_by(filled, market, n_markets)
    share = np.where(available_wh > 0, _divided(filled, traded[market]), np.nan)
    return 1.0 - _range(share, market, n_markets)


def mean_price(price_ticks: IntArray, energy_wh: IntArray, market: IntArray, n_markets: int) -> FloatArray:
    """Energy-weighted mean price of the trades [ticks]; NaN without a trade [n_markets]."""
    value = sum_by(price_ticks * energy_wh, market, n_markets)
    return _divided(value, sum_by(energy_wh, market, n_markets))


def fairness_of_pricing(
    price_ticks: IntArray,
    energy_wh: IntArray,
    market: IntArray,
    retail_ticks: IntArray,
    feed_in_ticks: IntArray,
) -> FloatArray:
    """FPP = 1 - 2 sd(p) / (l_b - l_s), sd weighted by energy: no spread is fair [n_markets].

    Prices between the tariffs deviate by at most half their distance, so the score is in [0, 1]. NaN without a trade,
    and where the tariffs leave no room for a spread.
    """
    n_markets = len(retail_ticks)
    mean = mean_price(price_ticks, energy_wh, market, n_markets)
    square = sum_by(energy_wh * (price_ticks - mean[market]) ** 2, market, n_markets)
    deviation = np.sqrt(_divided(square, sum_by(energy_wh, market, n_markets)))
    return _unit(1.0 - 2.0 * _divided(deviation, retail_ticks - feed_in_ticks))


def fairness_of_pricing_range(
    price_ticks: IntArray, market: IntArray, retail_ticks: IntArray, feed_in_ticks: IntArray
) -> FloatArray:
    """Variant of FPP: 1 - (max p - min p) / (l_b - l_s); NaN without a trade [n_markets]."""
    n_markets = len(retail_ticks)
    spread = spread_by(price_ticks.astype(np.float64), market, n_markets)
    return _unit(1.0 - _divided(spread, retail_ticks - feed_in_ticks))


def price_neutrality(mean_ticks: FloatArray, retail_ticks: IntArray, feed_in_ticks: IntArray) -> FloatArray:
    """1 - |mean p - (l_b + l_s)/2| / ((l_b - l_s)/2) [n_markets]: stands beside FPP.

    All trades at the feed-in tariff have no spread, yet all gains go to the buyers.
    """
    off_centre = np.abs(2.0 * mean_ticks - (retail_ticks + feed_in_ticks))
    return _unit(1.0 - _divided(off_centre, retail_ticks - feed_in_ticks))


def jain_index(values: FloatArray, market: IntArray, n_markets: int) -> FloatArray:
    """(sum x)^2 / (n sum x^2) over the values that are not NaN; NaN where all are zero [n_markets].

    Jain, Chiu and Hawe 1984, DEC Research Report TR-301.
    """
    rows = np.flatnonzero(~np.isnan(values))
    kept, where = values[rows], market[rows]
    total = sum_by(kept, where, n_markets)
    square = sum_by(kept * kept, where, n_markets)
    count = sum_by(np.ones(len(rows)), where, n_markets)
    return _unit(_divided(total * total, count * square))


def gini_with_negatives(values: FloatArray) -> float:
    """Gini coefficient normalised so that it stays in [0, 1] when some values are negative; 0 is equal.

    sum_ij |x_i - x_j| / (2 (n - 1) (T+ + T-)), T+ and T- the totals of positive and negative amounts: the
    denominator is the largest sum of differences, when one holds T+ and another owes T-. NaN for fewer than two
    values and where all are zero. Raffinetti, Siletti and Vernizzi 2015, doi 10.1007/s10260-014-0293-4; it replaces
    the normalisation of Chen, Tsaur and Rhai 1982 (Oxford Economic Papers 34), which needs a positive total. Without
    negative values it is the plain Gini coefficient times n / (n - 1).
    """
    n = len(values)
    widest = 2.0 * (n - 1) * float(np.abs(values).sum())
    if n < 2 or not widest > 0.0:
        return float("nan")
    rank = 2.0 * np.arange(n) - (n - 1)
    apart = 2.0 * float((rank * np.sort(values)).sum())
    return min(max(apart / widest, 0.0), 1.0)


def worst_off_saving(cost: FloatArray, reference_cost: FloatArray, reference_turnover: FloatArray) -> float:
    """Smallest saving of any agent, as a share of its turnover with the utility in the reference run.

    (c0_i - c_i) / (imports paid + exports received). For who only buys the turnover is the bill c0, so this is 1 -
    c/c0; for who also sells a net bill near zero, or below, says nothing about its size. NaN if nobody had any.
    """
    rows = np.flatnonzero(reference_turnover > 0)
    if len(rows) == 0:
        return float("nan")
    return float(((reference_cost[rows] - cost[rows]) / reference_turnover[rows]).min())
