"""Loops of the surrogate critic: features of each market, and a small network, without any sum over markets.

Plain loops give each market the same bytes alone and in a batch, which a matrix product of a library does not promise.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import types

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.compiled import kernel
from marketsim.core.potential_kernel import first_rows

N_FEATURES: Final = 23
_I1 = types.Array(types.int64, 1, "C", readonly=True)
_F2 = types.Array(types.float64, 2, "C", readonly=True)
_F1 = types.Array(types.float64, 1, "C", readonly=True)


@kernel(types.void(_I1, _I1, _I1, _I1, _I1, _I1, _I1, _I1, _I1, _I1, _F2, types.float64[:, ::1]))
def feature_rows(
    market: IntArray, supply: IntArray, demand: IntArray, sold: IntArray, trade_market: IntArray, price: IntArray,
    energy: IntArray, retail: IntArray, feed_in: IntArray, tradable_wh: IntArray, scores: FloatArray, out: FloatArray,
) -> None:  # fmt: skip
    """Write the features of each market [n_markets, N_FEATURES]; ``surrogate_features.NAMES`` says what they are."""
    n_markets = len(retail)
    first, first_trade = first_rows(market, n_markets), first_rows(trade_market, n_markets)
    n_scores = scores.shape[0]
    for m in range(n_markets):
        for row in range(n_scores):
            out[m, row] = 0.0 if math.isnan(scores[row, m]) else scores[row, m]
        place = n_scores
        for row in (2, 6, 7):  # fbs, ftb, fpp
            out[m, place] = 0.0 if math.isnan(scores[row, m]) else 1.0
            place += 1
        offers, wants, sales, sellers, buyers, largest, most = 0, 0, 0, 0, 0, 0, 0
        for agent in range(first[m], first[m + 1]):
            offers, wants, sales = offers + supply[agent], wants + demand[agent], sales + sold[agent]
            sellers, buyers = sellers + (supply[agent] > 0), buyers + (demand[agent] > 0)
            largest, most = max(largest, supply[agent]), max(most, sold[agent])
        volume, value = 0, 0.0
        for trade in range(first_trade[m], first_trade[m + 1]):
            volume += energy[trade]
            value += price[trade] * energy[trade]
        room = retail[m] - feed_in[m]
        out[m, place] = math.log10(1.0 + tradable_wh[m]) / 6.0
        out[m, place + 1] = offers / (offers + wants) if offers + wants > 0 else 0.5
        out[m, place + 2] = 1.0 / max(sellers, 1)
        out[m, place + 3] = 1.0 / max(buyers, 1)
        out[m, place + 4] = largest / offers if offers > 0 else 0.0
        out[m, place + 5] = most / sales if sales > 0 else 0.0
        out[m, place + 6] = (value / volume - feed_in[m]) / room if volume > 0 and room > 0 else 0.5
        out[m, place + 7] = feed_in[m] / retail[m] if retail[m] > 0 else 0.0
        out[m, place + 8] = sales / offers if offers > 0 else 0.0


@kernel(types.void(_F2, _F2, _F1, _F2, _F1, _F2, _F1, types.float64[:, ::1]))
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
