"""Source days for training, for validation and for tests: whole weeks, with a day between them that nobody uses.

Of each month days 1 to 7 are for validation, the last seven before its last day for tests, what lies between for
training. The day after the first week, the one before the last and the month's last belong to none, so that no night
joins two parts. Each part has every weekday of every month.

Where episodes are single days, days may be split by date instead (``days_by_date``): the first of each month for validation, the
last for tests, all others for training.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

import numpy as np

from marketsim.core.arrays import BoolArray, frozen
from marketsim.profiles.calendar import MONTH_OF

DaySplit: TypeAlias = Literal["training", "validation", "test"]
PARTS: Final[tuple[DaySplit, ...]] = get_args(DaySplit)
WEEK: Final = 7
_GAP = 1


def _days_of(part: DaySplit) -> BoolArray:
    chosen = np.zeros(len(MONTH_OF), dtype=bool)
    for month in range(1, 13):
        days = np.flatnonzero(month == MONTH_OF)
        n = len(days) - _GAP
        bounds = {"validation": (0, WEEK), "training": (WEEK + _GAP, n - WEEK - _GAP), "test": (n - WEEK, n)}[part]
        chosen[days[slice(*bounds)]] = True
    frozen(chosen)
    return chosen


IS_OF: Final = {part: _days_of(part) for part in PARTS}
"""Which source days belong to each part [366]."""


def days_by_date(part: DaySplit, first_days: int, last_days: int) -> BoolArray:
    """The source days of a part [366], where the first and the last so many days of each month are for validation and tests."""
    chosen = np.zeros(len(MONTH_OF), dtype=bool)
    for month in range(1, 13):
        days = np.flatnonzero(month == MONTH_OF)
        n = len(days)
        bounds = {"validation": (0, first_days), "training": (first_days, n - last_days), "test": (n - last_days, n)}[
            part
        ]
        chosen[days[slice(*bounds)]] = True
    frozen(chosen)
    return chosen
