"""What an evaluation keeps of a run: sums over each week, from which every measure can be computed.

Sums add up over weeks, so a measure of any selection of weeks is a function of the summed totals. That is what the
bootstrap resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.clock import DAYS_A_WEEK
from marketsim.core.units import MONEY_PER_CURRENCY
from marketsim.fairness.horizons import rationed_sums
from marketsim.fairness.measures import fairness_of_rationing_over
from marketsim.results.reader import Run

SCORES: Final = ("ftg", "fbs", "fpp", "fbs_deviation", "ftb", "jain_fill", "price_neutrality")
"""Scores of slots, weighted by what could have been traded where they are defined."""
HORIZONS: Final = ("fbs_day", "ftb_day", "fbs_week", "ftb_week")
"""Scores of days and weeks, weighted by what the rationed side was entitled to."""


class WeeklyTotals(NamedTuple):
    """Sums over weeks; the first axis is weeks, or whatever draws of weeks were summed [..., W]."""

    weighted: FloatArray
    """Sum of weight x score of ``SCORES`` and ``HORIZONS`` over where it is defined [Wh] [..., n_scores]."""
    weight: FloatArray
    """Sum of the same weights [Wh] [..., n_scores]."""
    gains: FloatArray
    """Gains from trade at true values [currency] [...]."""
    best_gains: FloatArray
    """The most possible gains at the same positions [currency] [...]."""
    margin: FloatArray
    """Margin of the utility, wholesale cost taken off [currency] [...]; NaN without a wholesale price."""
    bill: FloatArray
    """Payments of each agent [currency] [..., n_agents]."""
    turnover: FloatArray
    """Imports paid plus exports received by each agent [currency] [..., n_agents]."""
    wear: FloatArray
    """Wear and running cost of each agent's devices [currency] [..., n_agents]."""


def week_of_slots(n_slots: int, slots_per_day: int) -> IntArray:
    """Week of each slot [n_slots]; days beyond the last whole week belong to it, a shorter run is one week."""
    weeks = max(n_slots // (slots_per_day * DAYS_A_WEEK), 1)
    return np.minimum(np.arange(n_slots) // (slots_per_day * DAYS_A_WEEK), weeks - 1)


def weekly_totals(run: Run, slots_per_day: int) -> WeeklyTotals:
    """Totals of each week of a complete run with one market [W]."""
    n_slots = run.n_slots
    week = week_of_slots(n_slots, slots_per_day)
    slots = run.table("slots")
    agents = run.table("agents")
    n_agents = agents.num_rows // n_slots

    def of_slots(name: str) -> FloatArray:
        return np.asarray(slots[name].to_numpy(zero_copy_only=False), dtype=np.float64)

    def of_agents(name: str) -> FloatArray:
        money = agents[name].to_numpy().reshape(n_slots, n_agents) / MONEY_PER_CURRENCY
        return _summed(money, week)

    tradable = of_slots("tradable_wh")
    scores = np.stack([of_slots(name) for name in SCORES], axis=1)
    known = np.isfinite(scores)
    of_slot = _summed(np.stack((np.where(known, scores, 0.0), known), axis=-1) * tradable[:, None, None], week)
    of_periods = _summed(_horizons(agents, n_slots, slots_per_day), week[::slots_per_day])
    weighted, weight = np.moveaxis(np.concatenate((of_slot, of_periods), axis=1), -1, 0)
    return WeeklyTotals(
        weighted=weighted,
        weight=weight,
        gains=_summed(of_slots("gains_money") / MONEY_PER_CURRENCY, week),
        best_gains=_summed(of_slots("optimal_gains_money") / MONEY_PER_CURRENCY, week),
        margin=_summed(_margin(of_slots), week),
        bill=of_agents("paid_money"),
        turnover=of_agents("imports_money") - of_agents("exports_money"),
        wear=of_agents("wear_money"),
    )


def _horizons(agents: Any, n_slots: int, slots_per_day: int) -> FloatArray:
    """Weighted score and weight of each of ``HORIZONS``, at the first day of its period [n_days, n_horizons, 2]."""
    names = ("could_sell_wh", "could_buy_wh", "sold_wh", "bought_wh")
    supply, demand, sold, bought = (agents[name].to_numpy().reshape(n_slots, -1) for name in names)
    out = np.zeros((-(-n_slots // slots_per_day), len(HORIZONS), 2))
    for row, days in enumerate((1, DAYS_A_WEEK)):
        period = np.arange(n_slots) // (slots_per_day * days)
        sides = (supply, sold, demand.sum(axis=1)), (demand, bought, supply.sum(axis=1))
        for side, given in enumerate(sides):
            for place, (entitled, traded) in enumerate(zip(*rationed_sums(*given, period), strict=True)):
                score = fairness_of_rationing_over(entitled, traded)
                if np.isfinite(score):
                    out[place * days, 2 * row + side] = score * entitled.sum(), entitled.sum()
    return out


def _margin(of_slots: Callable[[str], FloatArray]) -> FloatArray:
    """The utility's margin of each slot [currency] [n_slots]; see the KPI ``utility_margin``."""
    losses_wh = np.nan_to_num(of_slots("losses_wh"))
    bulk_wh = of_slots("import_wh") - of_slots("export_wh") + losses_wh
    return (of_slots("utility_revenue_money") - of_slots("wholesale_ticks") * bulk_wh) / MONEY_PER_CURRENCY


def stacked(runs: Sequence[WeeklyTotals]) -> WeeklyTotals:
    """Totals of several seeds on a new first axis [S, W, ...]; weeks beyond the shortest run are left out."""
    weeks = min(len(run.gains) for run in runs)
    return WeeklyTotals(*(np.stack([field[:weeks] for field in fields]) for fields in zip(*runs, strict=True)))


def _summed(values: FloatArray, week: IntArray) -> FloatArray:
    total = np.zeros((int(week[-1]) + 1, *values.shape[1:]))
    np.add.at(total, week, values)
    return total
