from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pytest

from marketsim.core.errors import ProfileError
from marketsim.profiles.calendar import SEASON_OF, SEASONS, WEEKDAY_OF
from marketsim.profiles.days import DayMap
from marketsim.profiles.params import DaySelection

Make = Callable[..., object]
SUNNY = np.arange(366) % 2 == 0


def test_by_date_every_market_has_the_day_of_the_clock(agent: Make, context: Make) -> None:
    days = DayMap(context([agent()], seeds=(1, 2), start=date(2016, 7, 12)), [SUNNY, SUNNY], None)
    assert days.source_days(0).tolist() == [193, 193]
    assert days.source_days(20).tolist() == [213, 213]
    assert days.source_days(-1).tolist() == [192, 192]


def test_a_run_may_go_on_into_the_next_year(agent: Make, context: Make) -> None:
    days = DayMap(context([agent()], start=date(2016, 12, 31)), [SUNNY], None)
    tomorrow = days.source_days(1)[0]  # Sunday, 1 January 2017
    assert WEEKDAY_OF[tomorrow] == 6
    assert SEASONS[SEASON_OF[tomorrow]] == "winter"


def test_selected_days_fit_and_differ_between_days_and_markets(agent: Make, context: Make) -> None:
    chosen = DaySelection(season="summer", weather="sunny")
    days = DayMap(context([agent()], seeds=(1, 2), start=date(2016, 1, 4)), [SUNNY, ~SUNNY], chosen)
    drawn = np.array([days.source_days(day) for day in range(28)])
    assert (SEASON_OF[drawn] == 2).all()
    assert SUNNY[drawn[:, 0]].all()
    assert not SUNNY[drawn[:, 1]].any()
    assert (WEEKDAY_OF[drawn] >= 5).tolist() == [[day % 7 >= 5] * 2 for day in range(28)]
    assert len(set(drawn[:, 0].tolist())) > 10


def test_the_draw_of_a_day_does_not_depend_on_what_was_asked_before(agent: Make, context: Make) -> None:
    chosen = DaySelection(season="winter")
    there = DayMap(context([agent()]), [SUNNY], chosen)
    forward = [there.source_days(day)[0] for day in range(100)]
    back = DayMap(context([agent()]), [SUNNY], chosen)
    assert [back.source_days(day)[0] for day in reversed(range(100))] == forward[::-1]


def test_markets_draw_by_their_own_seed(agent: Make, context: Make) -> None:
    chosen = DaySelection(season="spring")
    both = DayMap(context([agent()], seeds=(3, 8)), [SUNNY, SUNNY], chosen)
    alone = DayMap(context([agent()], seeds=(8,)), [SUNNY], chosen)
    assert [both.source_days(day)[1] for day in range(20)] == [alone.source_days(day)[0] for day in range(20)]


def test_a_wish_that_no_day_fulfils_is_refused(agent: Make, context: Make) -> None:
    with pytest.raises(ProfileError, match=r"profiles\.days: no source day fits"):
        DayMap(context([agent()]), [np.zeros(366, dtype=bool)], DaySelection(weather="sunny"))
