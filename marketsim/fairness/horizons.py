"""Fairness of rationing over days and weeks: who comes last in one slot may come first in the next.

Entitlements and trades are summed over the slots of a day, or of seven days, in which a side is rationed, then scored by the
formula of a slot.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.clock import DAYS_A_WEEK
from marketsim.core.metric import Kpi, Value, ratio
from marketsim.core.records import Community
from marketsim.fairness.measures import fairness_of_rationing_over
from marketsim.fairness.measures_kernel import Inputs

_OVER = (
    "from entitlements and trades summed over the rationed slots; mean over {}s and markets weighted by entitlements."
)
_RATIONED = (
    "Share of the slots and markets that could trade in which {} were rationed: two or more of them had together more than the "
    "other side could take."
)

HORIZON_KPIS: Final = (
    Kpi("fbs_day", "-", "As fbs over a day, " + _OVER.format("day")),
    Kpi("ftb_day", "-", "As ftb over a day, " + _OVER.format("day")),
    Kpi(
        "fbs_week",
        "-",
        "As fbs over seven days from the start, the last days of the run alone, " + _OVER.format("week"),
    ),
    Kpi(
        "ftb_week",
        "-",
        "As ftb over seven days from the start, the last days of the run alone, " + _OVER.format("week"),
    ),
    Kpi("sellers_rationed_share", "-", _RATIONED.format("sellers")),
    Kpi("buyers_rationed_share", "-", _RATIONED.format("buyers")),
)


def rationed_sums(
    available_wh: IntArray, traded_wh: IntArray, other_side_wh: IntArray, period: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Entitlements and trades of one side of one market, summed over the rationed slots of each period [n_periods, n_agents].

    ``available_wh`` and ``traded_wh`` [n_slots, n_agents] of the side, ``other_side_wh`` [n_slots] what the other side could
    take, ``period`` [n_slots] of each slot, ascending from 0.
    """
    total = available_wh.sum(axis=1)
    rationed = ((available_wh > 0).sum(axis=1) >= 2) & (other_side_wh > 0) & (other_side_wh < total)
    share = np.divide(other_side_wh, total, out=np.zeros(len(total)), where=rationed)
    traded = np.minimum(traded_wh, available_wh) * rationed[:, None]
    sums = np.zeros((2, int(period[-1]) + 1, available_wh.shape[1]))
    np.add.at(sums[0], period, available_wh * share[:, None])
    np.add.at(sums[1], period, traded)
    return sums[0], sums[1]


class _Means:
    """Weighted means of the scores of sellers and buyers over periods and markets."""

    def __init__(self) -> None:
        self._weighted, self._weight = np.zeros((2, 2))

    def joined(self, sums: FloatArray, markets: Sequence[BoolArray]) -> _Means:
        """With one more period, of entitlements and trades ``sums`` [2, 2, n_agents] by side."""
        more = _Means()
        more._weighted, more._weight = self._weighted.copy(), self._weight.copy()
        for side in range(2):
            for own in markets:
                entitled_wh, traded_wh = sums[:, side, own]
                score = fairness_of_rationing_over(entitled_wh, traded_wh)
                if math.isfinite(score):
                    more._weighted[side] += score * entitled_wh.sum()
                    more._weight[side] += entitled_wh.sum()
        return more

    def values(self) -> list[float | None]:
        """Of sellers and of buyers."""
        return [ratio(*pair) for pair in zip(self._weighted.tolist(), self._weight.tolist(), strict=True)]


class Horizons:
    """Scores of days and weeks in constant memory."""

    def __init__(self, community: Community) -> None:
        self._markets = [community.market == market for market in range(community.n_markets)]
        self._today, self._before_today = np.zeros((2, 2, 2, community.n_agents))
        self._days, self._weeks = _Means(), _Means()
        self._day = 0
        self._rationed = np.zeros(2, dtype=np.int64)
        self._could_trade = 0

    def add(self, inputs: Inputs, tradable_wh: IntArray, day: int) -> None:
        """Take in a slot of a day, counted from the start of the run; days never go back."""
        from marketsim.fairness.measures_kernel import add_rationed

        if day != self._day:
            self._begin(day)
        entitled_wh, traded_wh = self._today
        add_rationed(inputs[:], entitled_wh, traded_wh, self._rationed)
        self._could_trade += int(np.count_nonzero(tradable_wh))

    def _begin(self, day: int) -> None:
        self._days = self._days.joined(self._today, self._markets)
        self._before_today += self._today
        self._today[:] = 0.0
        if day // DAYS_A_WEEK != self._day // DAYS_A_WEEK:
            self._weeks = self._weeks.joined(self._before_today, self._markets)
            self._before_today[:] = 0.0
        self._day = day

    def summary(self) -> dict[str, Value]:
        """The KPIs of all slots so far, the day and week under way included."""
        fbs_day, ftb_day = self._days.joined(self._today, self._markets).values()
        fbs_week, ftb_week = self._weeks.joined(self._before_today + self._today, self._markets).values()
        sellers, buyers = (ratio(slots, self._could_trade) for slots in self._rationed.tolist())
        values = (fbs_day, ftb_day, fbs_week, ftb_week, sellers, buyers)
        return dict(zip((kpi.name for kpi in HORIZON_KPIS), values, strict=True))
