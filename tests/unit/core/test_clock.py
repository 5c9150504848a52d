"""Slots fall where the calendar says."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from marketsim.core.clock import Clock


def test_slots_count_from_midnight() -> None:
    """Slot 97 of a quarter-hour clock is a quarter past midnight of the second day."""
    time = Clock(date(2016, 7, 12), 192, 15).at(97)
    assert (time.day, time.of_day, time.hour, time.hours) == (1, 1, 0.25, 0.25)
    assert time.begins == datetime(2016, 7, 13, 0, 15)


@pytest.mark.parametrize(("slots", "minutes"), [(0, 15), (96, 0), (96, 7), (-1, 60)])
def test_impossible_clocks_are_refused(slots: int, minutes: int) -> None:
    """A day must hold a whole number of slots."""
    with pytest.raises(ValueError, match="slots that divide a day"):
        Clock(date(2016, 1, 1), slots, minutes)


@pytest.mark.parametrize(("slots", "days"), [(1, 1), (96, 1), (97, 2), (35_040, 365)])
def test_days_begun(slots: int, days: int) -> None:
    """A day counts from its first slot."""
    assert Clock(date(2016, 1, 1), slots, 15).days == days
