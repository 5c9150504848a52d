"""What a surrogate sees of a slot: numbers that do not depend on how its participants are ordered or called."""

from __future__ import annotations

from typing import Final

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.fairness.measures_kernel import SCORE_NAMES, Inputs
from marketsim.fairness.slot import SlotFairness
from marketsim.fairness.surrogate_kernel import N_FEATURES, feature_rows

NAMES: Final = (
    *SCORE_NAMES,
    "fbs_defined",
    "ftb_defined",
    "fpp_defined",
    "log_tradable",
    "supply_share",
    "one_over_sellers",
    "one_over_buyers",
    "largest_supply_share",
    "largest_sales_share",
    "price_position",
    "feed_in_over_retail",
    "sold_over_supply",
)
"""The features in order. The measures of ``docs/kpis.md``, 0 where undefined, with three flags for that; the decimal
logarithm of 1 + P [Wh] over 6; sum S / (sum S + sum D); 1 / number of sellers and of buyers; the largest seller's share
of S and of the sales; the place of the mean price between feed-in (0) and retail (1), 0.5 without a trade; feed-in over
retail, at least -1, and 0 where retail is not positive; sales / sum S. Each is a sum, a count, a mean or a maximum over
participants."""


def features(found: SlotFairness) -> FloatArray:
    """Features of each market of a slot [n_markets, n_features]."""
    return features_of(found.inputs, found.scores, found.tradable_wh)


def features_of(inputs: Inputs, scores: FloatArray, tradable_wh: IntArray) -> FloatArray:
    """Features of any markets [n_markets, n_features], from what the measures depend on and what they come to."""
    out = np.empty((len(tradable_wh), N_FEATURES))
    feature_rows(inputs[:], tradable_wh, scores, out)
    return out
