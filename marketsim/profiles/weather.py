"""The public weather of a day, sunny or cloudy, and draws of source days by season and weather."""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.profiles.calendar import MONTH_OF, SEASON_OF, SEASONS, WEEKDAY_OF, is_workday


def weather_of_days(pv_year: FloatArray, known: BoolArray | None = None) -> BoolArray:
    """Whether each source day is sunny: its PV yield reaches the median of its month [366].

    ``pv_year`` [..., 366, 96] in p.u.; further axes are plants of one region, whose yields are summed. The medians are
    those of the days ``known`` [366]; None: of all.
    """
    yields = pv_year.sum(axis=-1).reshape(-1, pv_year.shape[-2]).sum(axis=0)
    known = np.ones(len(yields), dtype=bool) if known is None else known
    medians = [np.median(yields[(month == MONTH_OF) & known]) for month in range(1, 13)]
    return np.asarray(yields >= np.array(medians)[MONTH_OF - 1])


def days_like(
    sunny: BoolArray, season: str | None, weather: str | None, weekday: int, within: BoolArray | None = None
) -> IntArray:
    """Source days of a season and weather (None: any), workdays if ``weekday`` is one, else weekends.

    Of the days ``within`` [366] only; None: of all.
    """
    fits = is_workday(WEEKDAY_OF) == is_workday(weekday)
    if within is not None:
        fits = fits & within
    if season is not None:
        fits = fits & (SEASONS.index(season) == SEASON_OF)
    if weather is not None:
        fits = fits & (sunny == (weather == "sunny"))
    return np.flatnonzero(fits)
