"""Loops of the surrogate critic: features of each market, and a small network, without any sum over markets.

Plain loops give each market the same bytes alone and in a batch, which a matrix product of a library does not promise.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numba import types

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.compiled import kernel
from marketsim.core.potential_kernel import first_rows
from marketsim.core.records_kernel import F1, F2, I1
from marketsim.fairness.measures_kernel import FBS, FPP, FTB, INPUTS, SCORE_NAMES, Inputs

_N_SCORES: Final = len(SCORE_NAMES)
N_FEATURES: Final = _N_SCORES + 12
(
    FBS_DEFINED,
    FTB_DEFINED,
    FPP_DEFINED,
    LOG_TRADABLE,
    SUPPLY_SHARE,
    ONE_OVER_SELLERS,
    ONE_OVER_BUYERS,
    LARGEST_SUPPLY_SHARE,
    LARGEST_SALES_SHARE,
    PRICE_POSITION,
    FEED_IN_OVER_RETAIL,
    SOLD_OVER_SUPPLY,
) = range(_N_SCORES, N_FEATURES)


@kernel(types.void(INPUTS, I1, F2, types.float64[:, ::1]))
def feature_rows(given: Any, tradable_wh: IntArray, scores: FloatArray, out: FloatArray) -> None:
    """Write the features of each market [n_markets, N_FEATURES]; ``surrogate_features.NAMES`` says what they are."""
    given = Inputs(*given)
    n_markets, supply, demand, sold = len(given.retail_ticks), given.supply_wh, given.demand_wh, given.sold_wh
    first, first_trade = first_rows(given.market, n_markets), first_rows(given.trade_market, n_markets)
    for m in range(n_markets):
        for row in range(_N_SCORES):
            out[m, row] = 0.0 if math.isnan(scores[row, m]) else scores[row, m]
        for place, row in ((FBS_DEFINED, FBS), (FTB_DEFINED, FTB), (FPP_DEFINED, FPP)):
            out[m, place] = 0.0 if math.isnan(scores[row, m]) else 1.0
        offers, wants, sales, sellers, buyers, largest, most = 0, 0, 0, 0, 0, 0, 0
        for agent in range(first[m], first[m + 1]):
            offers, wants, sales = offers + supply[agent], wants + demand[agent], sales + sold[agent]
            sellers, buyers = sellers + (supply[agent] > 0), buyers + (demand[agent] > 0)
            largest, most = max(largest, supply[agent]), max(most, sold[agent])
        volume, value = 0, 0.0
        for trade in range(first_trade[m], first_trade[m + 1]):
            volume += given.energy_wh[trade]
            value += given.price_ticks[trade] * given.energy_wh[trade]
        retail, feed_in = given.retail_ticks[m], given.feed_in_ticks[m]
        room = retail - feed_in
        out[m, LOG_TRADABLE] = math.log10(1.0 + tradable_wh[m]) / 6.0
        out[m, SUPPLY_SHARE] = offers / (offers + wants) if offers + wants > 0 else 0.5
        out[m, ONE_OVER_SELLERS] = 1.0 / max(sellers, 1)
        out[m, ONE_OVER_BUYERS] = 1.0 / max(buyers, 1)
        out[m, LARGEST_SUPPLY_SHARE] = largest / offers if offers > 0 else 0.0
        out[m, LARGEST_SALES_SHARE] = most / sales if sales > 0 else 0.0
        out[m, PRICE_POSITION] = (value / volume - feed_in) / room if volume > 0 and room > 0 else 0.5
        out[m, FEED_IN_OVER_RETAIL] = max(feed_in / retail, -1.0) if retail > 0 else 0.0
        out[m, SOLD_OVER_SUPPLY] = sales / offers if offers > 0 else 0.0


@kernel(types.void(F2, F2, F1, F2, F1, F2, F1, types.float64[:, ::1]))
def network_scores(
    x: FloatArray, w1: FloatArray, b1: FloatArray, w2: FloatArray, b2: FloatArray, w3: FloatArray, b3: FloatArray,
    out: FloatArray,
) -> None:  # fmt: skip
    """Write sigmoid(W3 relu(W2 relu(W1 x + b1) + b2) + b3) [n_markets, 3]; weights are [inputs, outputs]."""
    h1, h2, h3 = np.empty(len(b1)), np.empty(len(b2)), np.empty(len(b3))
    for m in range(x.shape[0]):
        h1[:] = b1
        for i in range(w1.shape[0]):
            for j in range(len(h1)):
                h1[j] += x[m, i] * w1[i, j]
        h2[:] = b2
        for i in range(w2.shape[0]):
            if h1[i] > 0.0:
                for j in range(len(h2)):
                    h2[j] += h1[i] * w2[i, j]
        h3[:] = b3
        for i in range(w3.shape[0]):
            if h2[i] > 0.0:
                for j in range(len(h3)):
                    h3[j] += h2[i] * w3[i, j]
        for j in range(len(h3)):
            out[m, j] = 1.0 / (1.0 + math.exp(-h3[j]))
