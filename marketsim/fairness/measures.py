"""Fairness measures as pure functions of arrays: those of a slot, and those of a whole run.

The Gini coefficient is the exception in direction: 0 is equal, as everywhere in the literature.
"""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.fairness.measures_kernel import (
    fairness_between,
    fairness_between_range,
    fairness_between_share_range,
    fairness_of_pricing,
    fairness_of_pricing_range,
    fairness_to_grid,
    jain_fill,
    price_neutrality,
    tradable,
)

__all__ = [
    "fairness_between",
    "fairness_between_range",
    "fairness_between_share_range",
    "fairness_of_pricing",
    "fairness_of_pricing_range",
    "fairness_to_grid",
    "gini_with_negatives",
    "jain_fill",
    "jain_index",
    "price_neutrality",
    "tradable",
    "worst_off_saving",
]


def jain_index(values: FloatArray) -> float:
    """(sum x)^2 / (n sum x^2), between 1/n and 1; NaN where all are zero. Jain, Chiu and Hawe 1984, DEC TR-301."""
    square = float((values * values).sum())
    return float(values.sum()) ** 2 / (len(values) * square) if square > 0.0 else float("nan")


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
