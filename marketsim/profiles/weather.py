"""The weather of a day, sunny or cloudy, what is published of it the day before, and draws of source days by it."""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.profiles.calendar import MONTH_OF, SEASON_OF, SEASONS, WEEKDAY_OF, is_workday
from marketsim.profiles.draws import STREAM, DrawPurpose, normals
from marketsim.profiles.params import PerfectParams, SourceParams


def yields_of_days(pv_year: FloatArray, known: BoolArray | None = None) -> tuple[FloatArray, FloatArray]:
    """PV yield of each source day, and the median of its month, each [366]: a day is sunny where it reaches it.

    ``pv_year`` [..., 366, 96] in p.u.; further axes are plants of one region, whose yields are summed. The medians are
    those of the days ``known`` [366]; None: of all.
    """
    yields = pv_year.sum(axis=-1).reshape(-1, pv_year.shape[-2]).sum(axis=0)
    known = np.ones(len(yields), dtype=bool) if known is None else known
    medians = [np.median(yields[(month == MONTH_OF) & known]) for month in range(1, 13)]
    return yields, np.array(medians)[MONTH_OF - 1]


class WeatherForecast:
    """What the weather service says of a day before it begins: its PV yield times a log-normal error.

    One error a market and day of the run, by the market's own seed: the same for all agents and slots of the day, and
    for a market alone and in a batch. Its median is 1, so that as many days are taken for sunny as are.
    """

    def __init__(self, context: BuildContext, params: SourceParams) -> None:
        """``params.weather_error`` is the standard deviation of its logarithm; who foresees all foresees the weather."""
        self._sigma = 0.0 if isinstance(params.forecast.chosen, PerfectParams) else params.weather_error
        self._keys = context.streams.keys(STREAM, DrawPurpose.WEATHER)

    def sunny(self, run_day: int, yields: FloatArray, medians: FloatArray) -> BoolArray:
        """Whether each market is told of a sunny ``run_day``, whose yields and medians are given [n_markets]."""
        if self._sigma == 0.0:
            return np.asarray(yields >= medians)
        return np.asarray(yields * np.exp(self._sigma * normals(self._keys, run_day)) >= medians)


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
