from __future__ import annotations

import numpy as np
import pytest

from marketsim.profiles.calendar import MONTH_OF, SEASON_OF, SEASONS, WEEKDAY_OF
from marketsim.profiles.library import shape_names, simbench_library
from marketsim.profiles.weather import days_like, yields_of_days


def sunny_days(pv_year):
    yields, medians = yields_of_days(pv_year)
    return yields >= medians


PLANTS = np.stack([simbench_library().shape(name) for name in shape_names("pv")])


def test_half_of_each_month_is_sunny() -> None:
    sunny = sunny_days(PLANTS)
    for month in range(1, 13):
        days = np.flatnonzero(month == MONTH_OF)
        assert len(days) / 2 <= sunny[days].sum() <= len(days) / 2 + 1


def test_every_sunny_day_yields_at_least_as_much_as_any_cloudy_day_of_its_month() -> None:
    sunny, yields = sunny_days(PLANTS), PLANTS.sum(axis=(0, 2))
    for month in range(1, 13):
        days = month == MONTH_OF
        assert yields[days & sunny].min() >= yields[days & ~sunny].max()


def test_a_plant_counts_by_its_yield() -> None:
    year = np.zeros((366, 96))
    year[200] = 0.01
    assert sunny_days(year)[200]


@pytest.mark.parametrize("weekday", range(7))
@pytest.mark.parametrize("weather", ["sunny", "cloudy"])
@pytest.mark.parametrize("season", SEASONS)
def test_chosen_days_have_the_season_weather_and_kind_asked_for(season: str, weather: str, weekday: int) -> None:
    sunny = sunny_days(PLANTS)
    days = days_like(sunny, season, weather, weekday)
    assert len(days) >= 5
    assert (SEASON_OF[days] == SEASONS.index(season)).all()
    assert (sunny[days] == (weather == "sunny")).all()
    assert ((WEEKDAY_OF[days] < 5) == (weekday < 5)).all()


def test_without_a_wish_all_workdays_or_all_other_days_fit() -> None:
    sunny = sunny_days(PLANTS)
    assert len(days_like(sunny, None, None, 2)) + len(days_like(sunny, None, None, 6)) == 366
