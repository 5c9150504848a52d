"""Measures of an evaluation: functions of weekly totals, for one week as for any selection of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from marketsim.analysis.evaluation.totals import HORIZONS, SCORES, WeeklyTotals
from marketsim.core.arrays import FloatArray
from marketsim.core.equity import gini_of_rows

Compute = Callable[[WeeklyTotals, WeeklyTotals], FloatArray]
"""(totals of the arm [..., *], totals with the utility alone on the same days [..., *]) -> [...]; NaN: undefined."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A number by which arms are compared."""

    name: str
    text: str
    compute: Compute
    higher_is_better: bool = True
    rewarded: bool = False
    """Whether a critic's reward contains it; the others are the evidence that it did not only learn its own marks."""


def _quotient(part: FloatArray, whole: FloatArray) -> FloatArray:
    out = np.full(np.broadcast_shapes(part.shape, whole.shape), np.nan)
    np.divide(part, whole, out=out, where=whole != 0.0)
    return out


def _score(name: str) -> Compute:
    place = (*SCORES, *HORIZONS).index(name)
    return lambda arm, _: _quotient(arm.weighted[..., place], arm.weight[..., place])


def _savings(arm: WeeklyTotals, alone: WeeklyTotals) -> FloatArray:
    """What each agent saves against the utility alone, wear counted [currency] [..., n_agents]."""
    return (alone.bill + alone.wear) - (arm.bill + arm.wear)


def _worst_off(arm: WeeklyTotals, alone: WeeklyTotals) -> FloatArray:
    shares = _quotient(_savings(arm, alone), alone.turnover)
    return np.where(np.isnan(shares).all(axis=-1), np.nan, np.fmin.reduce(shares, axis=-1))


MEASURES: Final = (
    Measure("ftg", "Fairness to grid: traded over tradable energy.", _score("ftg"), rewarded=True),
    Measure(
        "fbs", "Fairness between sellers: how evenly a shortage of buyers is shared.", _score("fbs"), rewarded=True
    ),
    Measure("fpp", "Fairness of pricing: no spread is fair.", _score("fpp"), rewarded=True),
    Measure("jain", "Jain's index of the sellers' fill rates.", _score("jain_fill")),
    Measure("fbs_week", "Fairness between sellers over a week.", _score("fbs_week")),
    Measure(
        "fbs_deviation",
        "Older form of FBS: equality of fill rates, which can be levelled down.",
        _score("fbs_deviation"),
    ),
    Measure("ftb", "Fairness between buyers: how evenly a shortage of energy is shared.", _score("ftb")),
    Measure("neutrality", "Price neutrality: buyers and sellers share the gain.", _score("price_neutrality")),
    Measure(
        "gini_saving",
        "Gini coefficient of the agents' savings against the utility alone; 0 is equal.",
        lambda arm, alone: gini_of_rows(_savings(arm, alone)),
        higher_is_better=False,
    ),
    Measure("worst_off", "Smallest saving of an agent over its turnover with the utility alone.", _worst_off),
    Measure(
        "trade_efficiency",
        "Gains from trade between peers over the most possible at the same positions.",
        lambda arm, _: _quotient(arm.gains, arm.best_gains),
    ),
    Measure(
        "margin_kept",
        "Margin of the utility, wholesale cost taken off, over its margin alone.",
        lambda arm, alone: _quotient(arm.margin, alone.margin),
    ),
)
"""All measures in the order of the tables; the first without ``rewarded`` and after are outside every reward."""

PRIMARY: Final = "fbs"


def by_name(name: str) -> Measure:
    """A measure by its name; KeyError for another one."""
    return {measure.name: measure for measure in MEASURES}[name]
