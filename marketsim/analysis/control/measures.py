"""Measures of controls: functions of totals, for one month as for any selection of months."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from marketsim.analysis.control.days import DayTotals
from marketsim.core.arrays import FloatArray

Computed = Callable[..., FloatArray]
"""Of the ``DayTotals`` of the arm, of doing nothing and of the bound on the same days [..., *] -> [...]; NaN: undefined."""


@dataclass(frozen=True, slots=True)
class ControlMeasure:
    """A number by which controls are compared."""

    name: str
    text: str
    compute: Computed
    unit: str = ""
    digits: int = 0
    factor: float = 1.0
    """From the number to its unit."""
    higher_is_better: bool = False


def _a_day(name: str) -> Computed:
    return lambda arm, *_: np.asarray(getattr(arm, name) / arm.days)


def _share(arm: DayTotals, idle: DayTotals, bound: DayTotals) -> FloatArray:
    most = idle.cost - bound.cost
    undefined = np.full(np.shape(most), np.nan)
    return np.asarray(np.divide(idle.cost - arm.cost, most, out=undefined, where=most > 0.0))


def _violations(arm: DayTotals, idle: DayTotals, bound: DayTotals) -> FloatArray:  # noqa: ARG001 - as all measures
    return np.asarray((arm.over + arm.under) / arm.days)


MEASURES: Final = (
    ControlMeasure(
        "cost", "Energy, fuel, wear and discomfort of all, less what is in store at the end.", _a_day("cost"), "/day"
    ),
    ControlMeasure(
        "saving_share",
        "Share of what the bound saves against doing nothing.",
        _share,
        "%",
        digits=1,
        factor=100.0,
        higher_is_better=True,
    ),
    ControlMeasure(
        "violations", "Share of bus-slots outside the voltage band.", _violations, "%", digits=3, factor=100.0
    ),
    ControlMeasure("over", "Share of bus-slots above it.", _a_day("over"), "%", digits=3, factor=100.0),
    ControlMeasure("under", "Share of bus-slots below it.", _a_day("under"), "%", digits=3, factor=100.0),
    ControlMeasure("outside", "Share of slots with any bus outside.", _a_day("outside"), "%", digits=1, factor=100.0),
    ControlMeasure("curtailed_kwh", "PV that was not used.", _a_day("curtailed_kwh"), "kWh/day"),
    ControlMeasure("refused_kwh", "What the gate refused of the set-points.", _a_day("refused_kwh"), "kWh/day"),
    ControlMeasure(
        "missing_kwh", "In store at the end of a day less than at its start.", _a_day("missing_kwh"), "kWh/day"
    ),
)
"""All measures in the order of the tables."""
JUDGED: Final = ("saving_share", "violations")
"""Measures in which arms are held against each other."""


def measure_of(name: str) -> ControlMeasure:
    """A measure by its name; KeyError for another one."""
    return {measure.name: measure for measure in MEASURES}[name]
