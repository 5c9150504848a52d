from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from marketsim.profiles.table import CellTable
from marketsim.profiles.times import read_times


def read(times: Sequence[object], utc_offset_hours: float | None = None) -> object:
    return read_times(CellTable("s.csv", {"time": list(times)}, range(2, len(times) + 2)), "time", utc_offset_hours)


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


@pytest.mark.parametrize(
    "cell",
    ["", "noon", "12.07.2016 00:00", None, 7, "12:00", "２０16-07-12T00:00", "0001-01-01T00:00", "9999-12-31T00:00"],
)
def test_what_is_no_time_is_reported_with_its_line(cell: object) -> None:
    steps, (problem,) = read([DAY[0], cell, DAY[2]])
    assert steps is None
    seen = repr(str(cell)) if cell else "an empty cell"
    assert (problem.message, problem.line, problem.value) == ("not a time", 3, seen)
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
    (problem,) = problems
    assert problem.message == "a time with an offset from UTC, in 3 lines (2, 3, 4)"
    assert "0 in the United Kingdom, 1 in Central Europe" in problem.hint


def test_stated_standard_time_needs_offsets() -> None:
    _, problems = read(DAY[:3], utc_offset_hours=1)
    assert [problem.message for problem in problems] == ["a time without an offset from UTC, in 3 lines (2, 3, 4)"]


@pytest.mark.parametrize(
    ("broken", "message", "line"),
    [
        ([*DAY[:5], *DAY[4:]], "the time stands twice", 7),
        ([*DAY[:5], *DAY[6:]], "1 step is missing between 2016-07-12 04:00:00 and 2016-07-12 06:00:00", 7),
        ([*DAY[:5], *DAY[9:]], "4 steps are missing between 2016-07-12 04:00:00 and 2016-07-12 09:00:00", 7),
        ([*DAY[:5], DAY[4] + timedelta(minutes=30), *DAY[5:]], "the step is not 1:00:00 as elsewhere, but 0:30:00", 7),
        ([*DAY[5:], *DAY[:5]], "the time lies before that of the row above (2016-07-12 23:00:00)", 21),
    ],
)
def test_every_irregular_step_is_named(broken: list[datetime], message: str, line: int) -> None:
    steps, problems = read(broken)
    assert steps is None
    assert (problems[0].message, problems[0].line) == (message, line)
    assert "daylight" not in problems[0].hint


def test_rows_out_of_order_are_no_gaps() -> None:
    """Two rows exchanged: one fault, and nothing is missing; of meters one below another the hint speaks."""
    _, (problem,) = read([*DAY[:5], DAY[6], DAY[5], *DAY[7:]])
    assert problem.message == "the time lies before that of the row above (2016-07-12 06:00:00)"
    assert problem.line == 8
    _, (problem,) = read([*DAY, *DAY])
    assert "where several meters stand one below another, give each a column of its own" in problem.hint


def test_a_doubled_quarter_hour_is_named() -> None:
    quarters = hours(datetime(2016, 7, 12), 20, 15)
    _, (problem,) = read([*quarters[:5], *quarters[4:]])
    assert problem.message == "the time stands twice"


def test_many_irregular_steps_are_counted() -> None:
    _, problems = read([time for row, time in enumerate(hours(datetime(2016, 7, 1), 240)) if row % 10 != 5])
    assert [problem.line for problem in problems[:3]] == [7, 16, 25]
    assert problems[3].message == "and 21 more faults of the same column, the last in line 214"
    assert len(problems) == 4


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


@pytest.mark.parametrize(
    "day", [datetime(2016, 3, 26), datetime(2016, 3, 20), datetime(2016, 7, 12), datetime(2016, 2, 28)]
)
def test_a_missing_hour_on_an_ordinary_day_is_a_gap(day: datetime) -> None:
    """Daylight saving is mentioned on the days when clocks change, and at the hour when they do."""
    quarters = hours(day, 48, 15)
    _, (problem,) = read([*quarters[:8], *quarters[12:]])
    assert "4 steps are missing between" in problem.message
    assert "daylight" not in problem.hint
    assert "profiles.gaps: interpolate (or previous) with profiles.longest_gap_minutes: 60" in problem.hint


def test_a_missing_hour_at_noon_of_a_change_day_is_a_gap() -> None:
    quarters = hours(datetime(2016, 3, 27), 96, 15)
    assert "daylight" not in read([*quarters[:48], *quarters[52:]])[1][0].hint


@pytest.mark.parametrize("day", [datetime(2016, 3, 13), datetime(2016, 3, 27), datetime(2016, 10, 2)])
def test_clocks_go_forward_on_several_days_of_the_world(day: datetime) -> None:
    quarters = hours(day, 48, 15)
    assert "daylight" in read([*quarters[:8], *quarters[12:]])[1][0].hint


def test_gaps_of_a_stated_length_are_left_to_be_filled_but_for_changed_clocks() -> None:
    def filled(times: list[datetime]) -> object:
        table = CellTable("s.csv", {"time": list(times)}, range(2, len(times) + 2))
        return read_times(table, "time", None, longest_gap=timedelta(hours=2))

    steps, problems = filled([*DAY[:5], *DAY[7:]])
    assert problems == []
    assert (steps.n_steps, steps.rows.tolist()) == (24, [*range(5), *range(7, 24)])
    assert filled([*DAY[:5], *DAY[8:]])[0] is None
    spring = hours(datetime(2016, 3, 27), 24)
    assert "daylight" in filled([*spring[:2], *spring[3:]])[1][0].hint


@pytest.mark.parametrize(
    ("first", "second", "date_format"),
    [
        ("31.12.2016 23:45", "01.01.2017 00:00", "%d.%m.%Y %H:%M"),
        ("31.12.16 23:45:00", "01.01.17 00:00:00", "%d.%m.%y %H:%M:%S"),
        ("12/31/2016 11:45 PM", "01/01/2017 12:00 AM", "%m/%d/%Y %I:%M %p"),
        ("31/12/2016 23:45", "01/01/2017 00:00", "%d/%m/%Y %H:%M"),
        ("31-Dec-2016 23:45", "01-Jan-2017 00:00", "%d-%b-%Y %H:%M"),
        ("2016/12/31 23:45", "2017/01/01 00:00", "%Y/%m/%d %H:%M"),
        ("201612312345", "201701010000", "%Y%m%d%H%M"),
        ("42735.9895833333", "42736", "excel"),
        (42735.9895833333, 42736, "excel"),
    ],
)
def test_other_ways_to_write_times_are_read_where_they_are_stated_and_named_where_not(
    first: object, second: object, date_format: str
) -> None:
    table = CellTable("s.csv", {"time": [first, second]}, [2, 3])
    steps, problems = read_times(table, "time", None, date_format=date_format)
    assert problems == []
    assert (steps.begins, steps.length) == (datetime(2016, 12, 31, 23, 45), timedelta(minutes=15))
    _, (problem,) = read_times(table, "time", None)
    assert problem.message == "not a time, in 2 lines (2, 3)"
    assert f'set profiles.date_format: "{date_format}"' in problem.hint


@pytest.mark.parametrize(("name", "factor"), [("unix", 1), ("unix_ms", 10**3), ("unix_us", 10**6), ("unix_ns", 10**9)])
def test_time_since_1970_is_that_of_utc(name: str, factor: int) -> None:
    cells = [str((1_483_228_800 + 900 * row) * factor) for row in range(4)]
    table = CellTable("s.csv", {"time": cells}, range(2, 6))
    assert read_times(table, "time", 1.0, date_format=name)[0].begins == datetime(2017, 1, 1, 1)
    assert "utc_offset_hours" in read_times(table, "time", None, date_format=name)[1][0].hint
    assert f'"{name}"' in read_times(table, "time", None)[1][0].hint


def test_day_and_month_that_may_be_exchanged_are_not_guessed() -> None:
    _, (problem,) = read(["01/02/2016 00:00", "01/02/2016 01:00"])
    assert '"%d/%m/%Y %H:%M" (or "%m/%d/%Y %H:%M": both fit)' in problem.hint


def test_24_00_is_the_end_of_the_day() -> None:
    assert read(["2016-12-31T23:00", "2016-12-31T24:00", "2017-01-01T01:00"])[0].n_steps == 3


def test_times_of_both_kinds_are_told_apart() -> None:
    for offset in (None, 1.0):
        problems = read(["2016-07-12T00:00Z", "2016-07-12T01:00"], offset)[1]
        assert "some times carry an offset from UTC and some do not" in problems[0].hint


@pytest.mark.parametrize("date_format", ["excel", "unix", "%d.%m.%Y"])
@pytest.mark.parametrize("cell", [None, True, [1], b"1", "", "1e400", "nan", float("inf"), 1e300, "1_0"])
def test_cells_of_any_type_are_no_times(date_format: str, cell: object) -> None:
    table = CellTable("s.csv", {"time": [cell]}, [2])
    (problem,) = read_times(table, "time", 0.0, date_format=date_format)[1]
    assert problem.message == f"not a time as profiles.date_format says ({date_format})"
