"""Days of the source year: their seasons and weekdays, and which of them stands for a day of a run.

A day of the source year is its index from 0 (1 January 2016) to 365 (31 December 2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import IntArray, frozen
from marketsim.profiles.library import DAYS

SOURCE_YEAR: Final = 2016
SEASONS: Final = ("winter", "spring", "summer", "autumn")
"""Meteorological seasons; winter is December to February."""
_FIRST: Final = date(SOURCE_YEAR, 1, 1)


def _constant(values: Sequence[int]) -> IntArray:
    array = np.array(values, dtype=np.int64)
    frozen(array)
    return array


_DATES: Final = tuple(_FIRST + timedelta(days=day) for day in range(DAYS))
MONTH_OF: Final = _constant([day.month for day in _DATES])
"""Month of each source day, 1..12 [366]."""
WEEKDAY_OF: Final = _constant([day.weekday() for day in _DATES])
"""Weekday of each source day, 0 = Monday [366]."""
SEASON_OF: Final = _constant([day.month % 12 // 3 for day in _DATES])
"""Season of each source day, an index into ``SEASONS`` [366]."""


def season_of(day: date) -> str:
    """Meteorological season of a date."""
    return SEASONS[day.month % 12 // 3]


def is_workday(weekday: IntArray | int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Monday to Friday; public holidays are not known."""
    return np.asarray(weekday) < 5


def same_date(day: date) -> int:
    """The source day for a date.

    In 2016 the date itself; in another year the nearest source day of the same weekday and season.
    """
    if day.year == SOURCE_YEAR:
        return (day - _FIRST).days
    leap_day = day.month == 2 and day.day == 29
    anchor = (date(SOURCE_YEAR, day.month, 28 if leap_day else day.day) - _FIRST).days + leap_day
    same = np.flatnonzero((day.weekday() == WEEKDAY_OF) & (SEASON_OF[anchor] == SEASON_OF))
    away = np.abs(same - anchor)
    return int(same[np.argmin(np.minimum(away, DAYS - away))])


class Chain(NamedTuple):
    """Days of one weekday and season after another in order of date, winter from December on."""

    days: IntArray
    """Source days in the order of the chain [n_days]."""
    place: IntArray
    """Position in the chain of each source day; of no meaning for days that are not in it [366]."""
    first: IntArray
    """First position of each day's weekday and season [366]."""
    last: IntArray
    """Last position of each day's weekday and season [366]."""


def chain_of(days: IntArray) -> Chain:
    """The chain of some source days; every weekday and season has to be among them."""
    later = np.where(MONTH_OF == 12, -1, 0)
    chain = days[np.lexsort((days, later[days], SEASON_OF[days], WEEKDAY_OF[days]))]
    place = np.zeros(DAYS, dtype=np.int64)
    place[chain] = np.arange(len(chain))
    kind = WEEKDAY_OF * len(SEASONS) + SEASON_OF
    first, last = np.full(kind.max() + 1, DAYS), np.full(kind.max() + 1, -1)
    np.minimum.at(first, kind[chain], place[chain])
    np.maximum.at(last, kind[chain], place[chain])
    return Chain(chain, place, first[kind], last[kind])


WHOLE_YEAR: Final = chain_of(np.arange(DAYS))
MOST_WEEKS: Final = int((WHOLE_YEAR.last - WHOLE_YEAR.first).min())
"""Largest shift in weeks that every day can make within its season of the whole year."""


def shifted(day: IntArray | int, weeks: IntArray | int, chain: Chain = WHOLE_YEAR) -> IntArray:
    """Source days ``weeks`` later (or earlier) of the same weekday and season, reflected at the season's ends.

    ``day`` and ``weeks`` broadcast. In a chain of fewer days a week is the next of them of that weekday.
    """
    first, last = chain.first[day], chain.last[day]
    room = np.maximum(last - first, 1)
    away = (chain.place[day] - first + np.asarray(weeks)) % (2 * room)
    place = first + np.minimum(np.minimum(away, 2 * room - away), last - first)
    return np.asarray(chain.days[place])
