from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from marketsim.profiles.table import Table
from marketsim.profiles.times import read_times


def read(times: Sequence[object], utc_offset_hours: float | None = None) -> object:
    return read_times(Table("s.csv", {"time": list(times)}, range(2, len(times) + 2)), "time", utc_offset_hours)


def hours(start: datetime, count: int, minutes: int = 60) -> list[datetime]:
    return [start + timedelta(minutes=minutes * row) for row in range(count)]


def local(start: datetime, count: int, minutes: int = 60) -> list[datetime]:
    """Consecutive local times in Berlin."""
    first = start.replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(ZoneInfo("UTC"))
    return [time.astimezone(ZoneInfo("Europe/Berlin")) for time in hours(first, count, minutes)]


DAY = hours(datetime(2016, 7, 12), 24)


def test_equal_steps_are_a_beginning_a_length_and_a_number() -> None:
    steps, problems = read(DAY)
    assert problems == []
    assert (steps.begins, steps.ends, steps.hours) == (datetime(2016, 7, 12), datetime(2016, 7, 13), 1.0)


@pytest.mark.parametrize("text", ["2016-07-12 00:00", "2016-07-12T00:00:00", " 2016-07-12T00:00 ", "20160712T0000"])
def test_iso_8601_is_understood(text: str) -> None:
    assert read([text, "2016-07-12 01:00"])[0].begins == datetime(2016, 7, 12)


@pytest.mark.parametrize("cell", ["", "noon", "12.07.2016 00:00", None, 7, "0001-01-01T00:00", "9999-12-31T00:00"])
def test_what_is_no_time_is_reported_with_its_line(cell: object) -> None:
    steps, (problem,) = read([DAY[0], cell, DAY[2]])
    assert steps is None
    assert (problem.message, problem.line, problem.value) == ("not a time", 3, repr(str(cell)))
    assert "ISO 8601" in problem.hint


@pytest.mark.parametrize("minutes", [15, 60])
def test_a_missing_hour_in_spring_is_recognised_as_daylight_saving(minutes: int) -> None:
    naive = [time.replace(tzinfo=None) for time in local(datetime(2016, 3, 27), 12 * 60 // minutes, minutes)]
    steps, (problem,) = read(naive)
    assert steps is None
    assert "an hour is missing after 2016-03-27 01:" in problem.message
    assert "daylight saving" in problem.hint
    assert problem.line == 2 + 2 * 60 // minutes


@pytest.mark.parametrize("minutes", [15, 60])
def test_a_doubled_hour_in_autumn_is_recognised_as_daylight_saving(minutes: int) -> None:
    naive = [time.replace(tzinfo=None) for time in local(datetime(2016, 10, 30), 12 * 60 // minutes, minutes)]
    _, (problem,) = read(naive)
    assert problem.message == "an hour stands twice"
    assert "daylight saving" in problem.hint


@pytest.mark.parametrize("start", [datetime(2016, 3, 27), datetime(2016, 10, 30)])
def test_times_with_their_offset_become_standard_time(start: datetime) -> None:
    steps, problems = read([time.isoformat() for time in local(start, 30)], utc_offset_hours=1)
    assert problems == []
    assert steps.begins == start - timedelta(hours=start.month == 10)
    assert steps.ends - steps.begins == timedelta(hours=30)


def test_offsets_need_standard_time_to_be_stated() -> None:
    _, problems = read([time.isoformat() for time in local(datetime(2016, 7, 12), 3)])
    assert {problem.message for problem in problems} == {"a time with an offset from UTC"}
    assert "utc_offset_hours" in problems[0].hint


def test_stated_standard_time_needs_offsets() -> None:
    _, problems = read(DAY[:3], utc_offset_hours=1)
    assert {problem.message for problem in problems} == {"a time without an offset from UTC"}


@pytest.mark.parametrize(
    ("broken", "message", "line"),
    [
        ([*DAY[:5], *DAY[4:]], "an hour stands twice", 7),
        ([*DAY[:5], *DAY[6:]], "an hour is missing after 2016-07-12 04:00:00", 7),
        ([*DAY[:5], *DAY[9:]], "4 steps are missing after 2016-07-12 04:00:00", 7),
        ([*DAY[:5], DAY[4] + timedelta(minutes=30), *DAY[5:]], "the step is not 1:00:00 as elsewhere, but 0:30:00", 7),
        ([*DAY[5:], *DAY[:5]], "the time lies before that of the row above (2016-07-12 23:00:00)", 21),
    ],
)
def test_every_irregular_step_is_named(broken: list[datetime], message: str, line: int) -> None:
    steps, problems = read(broken)
    assert steps is None
    assert (problems[0].message, problems[0].line) == (message, line)


def test_a_doubled_quarter_hour_is_named() -> None:
    quarters = hours(datetime(2016, 7, 12), 20, 15)
    _, (problem,) = read([*quarters[:5], *quarters[4:]])
    assert problem.message == "the time stands twice"


def test_all_irregular_steps_are_reported_at_once() -> None:
    _, problems = read([time for row, time in enumerate(DAY) if row not in (4, 9, 15)])
    assert [problem.line for problem in problems] == [6, 10, 15]


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (hours(datetime(2016, 7, 12), 5, 7), "does not|divides a day"),
        (hours(datetime(2016, 7, 12, 0, 5), 5, 15), "do not begin at midnight"),
        ([datetime(2016, 7, 12, 0, 0, 30 * row) for row in range(2)], "divides a day"),
        ([datetime(2016, 7, 12)], "at least two rows"),
        ([], "at least two rows"),
        (DAY[1::-1], "do not increase"),
    ],
)
def test_steps_that_cannot_be_used_are_refused(times: list[datetime], message: str) -> None:
    steps, problems = read(times)
    assert steps is None
    assert any(part in problems[0].message for part in message.split("|"))
