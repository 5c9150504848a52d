"""The days that are compared: from noon to noon, each from the same initial levels."""

from __future__ import annotations

import datetime
from typing import Final, NamedTuple

import numpy as np

from marketsim.agents.strategies.pool_plan import NOON
from marketsim.analysis.hosting.days import by_date, year_of
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.errors import InputError, Problem

_OF_A_YEAR: Final = 14
"""Every so many days of a year are looked at."""
_MOST_DAYS: Final = 366


class ComparedDay(NamedTuple):
    """A day from noon to noon; its run begins at midnight before."""

    date: datetime.date

    def overrides(self, ready: ReadyScenario) -> dict[str, object]:
        """The scenario's clock over the day."""
        noon, per_day = slots_of(ready)
        return {"clock.start": self.date, "clock.slots": noon + per_day, **by_date(ready)}


def slots_of(ready: ReadyScenario) -> tuple[int, int]:
    """Slots before noon, and slots of a day."""
    minutes = ready.model.clock.slot_minutes
    per_day = 24 * 60 // minutes
    return int(NOON * 60 / minutes), per_day


def days_in_a_row(ready: ReadyScenario, days: int, every: int) -> tuple[ComparedDay, ...]:
    """``days`` days, each ``every`` days after the last, from the scenario's start; InputError for numbers that are none."""
    problems = [
        Problem(f"must be a whole number from 1 to {_MOST_DAYS}", path, str(value))
        for path, value in (("--days", days), ("--every", every))
        if not 1 <= value <= _MOST_DAYS
    ]
    if problems:
        raise InputError(problems)
    start = ready.model.clock.start
    return tuple(ComparedDay(start + datetime.timedelta(days=place * every)) for place in range(days))


def days_of_a_year(ready: ReadyScenario) -> tuple[ComparedDay, ...]:
    """Every fourteenth day of the year of the scenario's start, and its day of the highest load."""
    year = year_of(ready)
    highest = int(np.argmax(year.load.max(axis=1)))
    chosen = sorted({*range(0, len(year.load), _OF_A_YEAR), highest})
    return tuple(ComparedDay(year.first + datetime.timedelta(days=day)) for day in chosen)
