"""What was metered on the training days of the source year: what forecasts are fitted to, and how far they were off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.profiles.calendar import MONTH_OF, WEEKDAY_OF, is_workday


class TrainingDays(NamedTuple):
    """Days as the agents would have had them, in the order of date."""

    days: IntArray
    """Source days [n_days]."""
    series: Mapping[str, FloatArray]
    """Mean power by series [kW], each [n_days, steps, n_agents]."""
    sunny: FloatArray
    """Weather flag as it would have been published [n_days, n_markets]."""

    @property
    def runs(self) -> list[slice]:
        """Days in a row."""
        borders = np.flatnonzero(np.diff(self.days) != 1) + 1
        return [slice(int(a), int(b)) for a, b in zip((0, *borders), (*borders, len(self.days)), strict=True) if a < b]


@runtime_checkable
class HasTrainingDays(Protocol):
    """A source of days that has a year to learn from."""

    def training_days(self) -> TrainingDays:
        """What was metered on the days for training, whatever part of the year the run plays."""
        ...

    def weather_days(self, run_day: int) -> IntArray:
        """Source day that stands for a day of the run [n_markets]."""
        ...


N_CLASSES: int = 24
"""Months, and whether they are workdays."""


def class_of(days: IntArray) -> IntArray:
    """Class of each source day, as the usual day of which it counts: its month, workdays after the others."""
    return np.asarray(MONTH_OF[days] - 1 + 12 * is_workday(WEEKDAY_OF[days]))


def months_apart(days: IntArray, other: int) -> IntArray:
    """How many months each source day is from the day ``other``, around the year."""
    apart = np.abs(MONTH_OF[days] - MONTH_OF[other])
    return np.asarray(np.minimum(apart, 12 - apart))
