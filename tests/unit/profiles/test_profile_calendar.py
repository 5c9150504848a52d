from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from marketsim.profiles.calendar import (
    MONTH_OF,
    MOST_WEEKS,
    SEASON_OF,
    SEASONS,
    WEEKDAY_OF,
    is_workday,
    same_date,
    season_of,
    shifted,
)
from marketsim.profiles.params import DiversificationParams

DAYS = [date(2016, 1, 1) + timedelta(days=day) for day in range(366)]


def test_every_date_of_the_source_year_is_its_own_source_day() -> None:
    assert [same_date(day) for day in DAYS] == list(range(366))


@pytest.mark.parametrize("year", [1999, 2015, 2017, 2024, 2100])
def test_a_date_of_another_year_keeps_weekday_and_season_and_moves_by_at_most_a_week(year: int) -> None:
    day = date(year, 1, 1)
    while day.year == year:
        source = same_date(day)
        anchor = (date(2016, day.month, 28 if (day.month, day.day) == (2, 29) else day.day) - DAYS[0]).days
        away = abs(source - anchor)
        assert WEEKDAY_OF[source] == day.weekday()
        assert SEASONS[SEASON_OF[source]] == season_of(day)
        assert min(away, 366 - away) <= 7
        day += timedelta(days=1)


def test_seasons_are_meteorological() -> None:
    names = [season_of(date(2016, month, 15)) for month in range(1, 13)]
    assert names == ["winter"] * 2 + ["spring"] * 3 + ["summer"] * 3 + ["autumn"] * 3 + ["winter"]


def test_tables_of_the_year_agree_with_the_calendar() -> None:
    assert MONTH_OF.tolist() == [day.month for day in DAYS]
    assert WEEKDAY_OF.tolist() == [day.weekday() for day in DAYS]
    assert [SEASONS[season] for season in SEASON_OF] == [season_of(day) for day in DAYS]


def test_a_shift_keeps_weekday_and_season_for_every_day_and_every_number_of_weeks() -> None:
    days, weeks = np.arange(366)[:, None], np.arange(-MOST_WEEKS, MOST_WEEKS + 1)[None, :]
    moved = shifted(days, weeks)
    assert moved.shape == (366, 2 * MOST_WEEKS + 1)
    assert (WEEKDAY_OF[moved] == WEEKDAY_OF[days]).all()
    assert (SEASON_OF[moved] == SEASON_OF[days]).all()


def test_a_shift_is_in_whole_weeks_inside_the_season_and_reflected_at_its_ends() -> None:
    july_12, august_30 = same_date(date(2016, 7, 12)), same_date(date(2016, 8, 30))
    assert shifted(july_12, np.array([-2, 0, 3])).tolist() == [july_12 - 14, july_12, july_12 + 21]
    assert shifted(august_30, 2) == august_30 - 14


def test_winter_runs_from_december_into_january() -> None:
    assert shifted(same_date(date(2016, 1, 1)), -1) == same_date(date(2016, 12, 30))


def test_every_shift_that_a_scenario_may_ask_for_is_possible() -> None:
    limit = next(rule for rule in DiversificationParams.model_fields["shift_weeks"].metadata if hasattr(rule, "le"))
    assert limit.le <= MOST_WEEKS


def test_saturday_and_sunday_are_no_workdays() -> None:
    assert is_workday(np.arange(7)).tolist() == [True] * 5 + [False] * 2
