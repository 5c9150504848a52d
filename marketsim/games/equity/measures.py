"""Equity of communities side by side, by where their members stand."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.equity import burdens, gini_of_rows
from marketsim.core.standing import MemberStanding, local_share


class CommunityEquity(NamedTuple):
    """Of each market [M], by all days so far; 0 where a coefficient is undefined."""

    burden_gini: FloatArray
    burden_worst: FloatArray
    """Bill of the member who bears most, over its income."""
    access_gini: FloatArray
    paid: FloatArray
    """By all members [1e-9 currency]."""


def equity_of(standing: MemberStanding, income: FloatArray, rows: IntArray) -> CommunityEquity:
    """Of the members at ``rows`` [M, A] of the flat axis, with their ``income`` [M, A]; some time has passed."""
    paid = standing.paid_money[rows]
    burden = burdens(paid.astype(np.float64), income, standing.hours)
    access = local_share(standing.used_wh, standing.imported_wh)[rows]
    return CommunityEquity(
        np.nan_to_num(gini_of_rows(burden)),
        burden.max(axis=1),
        np.nan_to_num(gini_of_rows(np.nan_to_num(access))),
        paid.sum(axis=1).astype(np.float64),
    )
