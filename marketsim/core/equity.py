"""Measures of equity: the Gini coefficient where values may be negative, and what bills are of incomes."""

from __future__ import annotations

from typing import Final

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.units import MONEY_PER_CURRENCY

HOURS_A_MONTH: Final = 8760 / 12
"""Of the month that an income is given for."""


def gini_with_negatives(values: FloatArray) -> float:
    """Gini coefficient normalised so that it stays in [0, 1] when some values are negative; 0 is equal.

    sum_ij |x_i - x_j| / (2 (n - 1) (T+ + T-)), T+ and T- the totals of positive and negative amounts: the
    denominator is the largest sum of differences, when one holds T+ and another owes T-. NaN for fewer than two
    values and where all are zero. Raffinetti, Siletti and Vernizzi 2015, doi 10.1007/s10260-014-0293-4; it replaces
    the normalisation of Chen, Tsaur and Rhai 1982 (Oxford Economic Papers 34), which needs a positive total. Without
    negative values it is the plain Gini coefficient times n / (n - 1).
    """
    return float(gini_of_rows(values[None, :])[0])


def gini_of_rows(values: FloatArray) -> FloatArray:
    """``gini_with_negatives`` of each last axis of ``values`` [..., n]; NaN where it is undefined [...]."""
    n = values.shape[-1]
    widest = 2.0 * (n - 1) * np.abs(values).sum(axis=-1)
    rank = 2.0 * np.arange(n) - (n - 1)
    apart = 2.0 * (rank * np.sort(values, axis=-1)).sum(axis=-1)
    known = np.full(widest.shape, np.nan)
    np.divide(apart, widest, out=known, where=(widest > 0.0) & (n >= 2))
    return np.clip(known, 0.0, 1.0)


def burdens(paid_money: FloatArray, income: FloatArray, hours: float) -> FloatArray:
    """Bills of so many hours as parts of the income of that time; negative for who is paid [n] -> [n].

    ``paid_money`` [1e-9 currency], ``income`` [currency a month].
    """
    return np.asarray(paid_money / MONEY_PER_CURRENCY / (income * (hours / HOURS_A_MONTH)))
