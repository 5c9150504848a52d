"""Times of a table of the user's own: equal steps in standard time, with gaps that may be filled."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.alike import first_few, grouped
from marketsim.core.arrays import IntArray
from marketsim.core.errors import Problem
from marketsim.profiles.table import CellTable
from marketsim.profiles.time_formats import OTHER_YEARS, both_orders, likely_format, outside_years, parser
from marketsim.profiles.time_zones import from_wall, standard_time, zone_of

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_NO_TIME: Final = timedelta(0)
_DAYLIGHT_SAVING: Final = (
    "the times seem to follow daylight saving; set profiles.time_zone (such as Europe/Berlin), or write them in standard "
    "time"
)
_WITH: Final = "a time with an offset from UTC"
_WITHOUT: Final = "a time without an offset from UTC"
_SEVERAL: Final = (
    "where several meters stand one below another, give each a column of its own, or set profiles.layout: long"
)
_UNSHOWN: Final = "leave such rows out; or, if the file keeps standard time all the year, leave profiles.time_zone out"
_FILL: Final = (
    "fill the gap, or set profiles.gaps: interpolate (or previous) with profiles.longest_gap_minutes: {minutes}"
)
_CHANGE_HOURS: Final = 4
"""Clocks change before this hour."""
_CHANGES: Final = {(3, -1), (3, 2), (4, 1), (9, -1), (9, 1), (10, -1), (10, 1), (11, 1)}
"""Month and which of its Sundays: Europe and North America, Australia, New Zealand, Chile."""


class Steps(NamedTuple):
    """Times of a table: equal steps."""

    begins: datetime
    length: timedelta
    n_steps: int
    """Steps from the first time to the last, those without a row included."""
    rows: IntArray | None = None
    """Step of each row of the table [n_rows]; None: each step has one."""

    @property
    def ends(self) -> datetime:
        """End of the last step."""
        return self.begins + self.n_steps * self.length

    @property
    def hours(self) -> float:
        """Length of a step [h]."""
        return self.length / _HOUR


class Clocks(NamedTuple):
    """How a file tells times."""

    utc_offset_hours: float | None = None
    date_format: str | None = None
    decimal: str = "."
    time_zone: str | None = None
    ends: bool = False
    """Whether a row stands at the end of its step."""

    @property
    def keep_standard(self) -> bool:
        """Whether times are in standard time once they are read, so that no clock is changed in them."""
        return self.utc_offset_hours is not None or self.time_zone is not None


def read_times(
    table: CellTable,
    name: str,
    utc_offset_hours: float | None,
    *,
    date_format: str | None = None,
    decimal: str = ".",
    longest_gap: timedelta = _NO_TIME,
    time_zone: str | None = None,
    ends: bool = False,
) -> tuple[Steps | None, list[Problem]]:
    """The steps of the table, and every time that is malformed, doubled, missing or out of order.

    Gaps of up to ``longest_gap`` are left to be filled.
    """
    clocks = Clocks(utc_offset_hours, date_format, decimal, time_zone, ends)
    times, problems = told_times(table, name, clocks)
    return (None, problems) if problems else steps_of(table, name, times, clocks, longest_gap)


def steps_of(
    table: CellTable, name: str, times: Sequence[datetime], clocks: Clocks, longest_gap: timedelta = _NO_TIME
) -> tuple[Steps | None, list[Problem]]:
    """The steps of rows at ``times``, and every time that is doubled, missing or out of order."""
    if len(times) < 2:
        return None, [Problem(f"the file needs at least two rows below its header ({name})", file=table.file)]
    differences = [later - earlier for earlier, later in itertools.pairwise(times)]
    length = Counter(difference for difference in differences if difference > _NO_TIME).most_common(1)
    if not length:
        return None, [_never_later(table, name, times)]
    step = length[0][0]
    changed = not clocks.keep_standard
    problems = _check_step(table, name, times[0], step)
    back = any(
        each < _NO_TIME and not (changed and _autumn(time, each, step))
        for time, each in zip(times, differences, strict=False)
    )
    irregular = [
        _irregular(table, name, row + 1, times[row], times[row + 1], step, changed=changed)
        for row, difference in enumerate(differences)
        if difference != step and not _may_be_filled(times[row], difference, step, longest_gap, changed=changed)
        if not (back and difference > _NO_TIME)  # what is missing is known when the rows are in their order
    ]
    problems += first_few(irregular, "faults of the same column")
    if problems:
        return None, problems
    rows = np.cumsum([0, *(difference // step for difference in differences)])
    n_steps = int(rows[-1]) + 1
    begins = times[0] - step if clocks.ends else times[0]
    return Steps(begins, step, n_steps, None if n_steps == len(times) else rows), []


def _never_later(table: CellTable, name: str, times: Sequence[datetime]) -> Problem:
    """Times of which none lies behind that of the row above."""
    if times[-1] == times[0]:
        message, hint = "the times do not increase: all are the same", f"write the time of each step; {_SEVERAL}"
    else:
        message, hint = (
            "the times do not increase: the newest row stands first",
            "sort the rows by time, the oldest first",
        )
    return Problem(message, name, str(times[0]), hint, *table.place(0))


def _may_be_filled(
    earlier: datetime, difference: timedelta, step: timedelta, longest_gap: timedelta, *, changed: bool
) -> bool:
    """Whether a step is a gap of a length that the user lets us fill, and no clock that was ``changed``."""
    if difference <= step or difference % step or difference - step > longest_gap:
        return False
    return not (changed and _spring(earlier, difference, step))


def told_times(table: CellTable, name: str, clocks: Clocks) -> tuple[list[datetime], list[Problem]]:
    """The times of a column, in standard time without an offset; and every cell that is none."""
    read = parser(clocks.date_format, clocks.decimal)
    cells = table.columns[name]
    told = [read(cell) for cell in cells]
    with_offset = clocks.utc_offset_hours is not None
    if clocks.time_zone is not None:
        with_offset = next((time.tzinfo is not None for time in told if time is not None), False)
    times: list[datetime] = []
    wrong: list[Problem] = []
    hint = ""
    for row, time in enumerate(told):
        if time is not None and (time.tzinfo is not None) == with_offset:
            times.append(time)
            continue
        if time is None and outside_years(cells[row]):
            wrong.append(_cell_problem(table, name, row, "not a time", OTHER_YEARS))
            continue
        message = _what_is_wrong(time, clocks.date_format)
        hint = hint or (_no_time_hint(cells, clocks.date_format) if time is None else _offset_hint(time))
        wrong.append(_cell_problem(table, name, row, message, hint))
    if times and {problem.message for problem in wrong} & {_WITH, _WITHOUT}:
        mixed = "some times carry an offset from UTC and some do not: write all in the same way"
        wrong = [each._replace(hint=mixed) if each.message in (_WITH, _WITHOUT) else each for each in wrong]
    if wrong:
        return times, grouped(wrong)
    return _in_standard_time(table, name, times, clocks)


def _cell_problem(table: CellTable, name: str, row: int, message: str, hint: str) -> Problem:
    cell = table.columns[name][row]
    text = "" if cell is None else str(cell)
    seen = repr(text[:60]) if text.strip() else "an empty cell"
    return Problem(message, name, seen, hint, *table.place(row))


def _in_standard_time(
    table: CellTable, name: str, times: list[datetime], clocks: Clocks
) -> tuple[list[datetime], list[Problem]]:
    """Times with their offset, or of clocks on the wall, in standard time; problems for those that no clock showed."""
    if clocks.time_zone is None:
        standard = timezone(timedelta(hours=clocks.utc_offset_hours or 0.0))
        return [time if time.tzinfo is None else time.astimezone(standard).replace(tzinfo=None) for time in times], []
    zone = zone_of(clocks.time_zone)
    if not times:
        return [], []
    standard = standard_time(zone, times[0].year)
    unshown: list[int] = []
    if times[0].tzinfo is None:
        times, unshown = from_wall(times, zone)
    message = f"clocks in {clocks.time_zone} never showed this time: they go forward"
    problems = [_cell_problem(table, name, row, message, _UNSHOWN) for row in unshown]
    return [time.astimezone(standard).replace(tzinfo=None) for time in times], grouped(problems)


def _what_is_wrong(time: datetime | None, date_format: str | None) -> str:
    if time is None:
        return "not a time" if date_format is None else f"not a time as profiles.date_format says ({date_format})"
    return _WITHOUT if time.tzinfo is None else _WITH


def _no_time_hint(cells: list[object], date_format: str | None) -> str:
    guess = likely_format(cells) if date_format is None else ""
    if not guess:
        return "write ISO 8601, e.g. 2016-07-12T14:15, or state how they are written by profiles.date_format"
    other = both_orders(cells, guess)
    more = f' (or "{other}": both fit)' if other else ""
    return f'set profiles.date_format: "{guess}"{more}, or write ISO 8601, e.g. 2016-07-12T14:15'


def _offset_hint(time: datetime) -> str:
    if time.tzinfo is None:
        return "add it to all times, or drop utc_offset_hours (if they follow a place's clocks: profiles.time_zone)"
    return (
        "set profiles.utc_offset_hours to the hours by which your local standard time (without daylight saving) is ahead "
        "of UTC, e.g. 0 in the United Kingdom, 1 in Central Europe, -5 in New York: the times are turned into it; or name the "
        "place by profiles.time_zone"
    )


def _check_step(table: CellTable, name: str, first: datetime, step: timedelta) -> list[Problem]:
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    if step % timedelta(minutes=1) or _DAY % step:
        message, hint = "the step is not a number of minutes that divides a day", "use e.g. 15 or 60 minutes"
    elif (first - midnight) % step:
        message, hint = "the steps do not begin at midnight", f"shift the times to whole multiples of {step}"
    else:
        return []
    return [Problem(message, name, str(step), hint, *table.place(0))]


def _irregular(
    table: CellTable, name: str, row: int, earlier: datetime, later: datetime, step: timedelta, *, changed: bool
) -> Problem:
    """What is wrong between two rows; ``changed``: it may be clocks."""
    difference = later - earlier
    hint = ""
    if changed and _autumn(earlier, difference, step):
        message, hint = "an hour stands twice", _DAYLIGHT_SAVING
    elif changed and _spring(earlier, difference, step):
        message, hint = f"an hour is missing after {earlier}", _DAYLIGHT_SAVING
    elif difference == _NO_TIME:
        message, hint = "the time stands twice", f"keep one of the rows; {_SEVERAL}"
    elif difference < _NO_TIME:
        message, hint = f"the time lies before that of the row above ({earlier})", f"sort the rows by time; {_SEVERAL}"
        if later.date() == earlier.date() and later.time() == datetime.min.time():
            hint = f"where it ends the day, write 24:00, or the date of the next day; else {hint}"
    elif difference % step:
        message = f"the step is not {step} as elsewhere, but {difference}"
        hint = "write equal steps, or leave out the rows in between"
    else:
        n_missing = difference // step - 1
        steps = "1 step is" if n_missing == 1 else f"{n_missing} steps are"
        message = f"{steps} missing between {earlier} and {later}"
        hint = _FILL.format(minutes=int((difference - step) / timedelta(minutes=1)))
    return Problem(message, name, str(later), hint, *table.place(row))


def _spring(earlier: datetime, difference: timedelta, step: timedelta) -> bool:
    """Whether the hour after ``earlier`` is missing as where clocks go forward."""
    return difference == step + _HOUR and _clocks_change(earlier + step)


def _autumn(earlier: datetime, difference: timedelta, step: timedelta) -> bool:
    """Whether the hour that ends with ``earlier`` comes again as where clocks go back."""
    return difference == step - _HOUR and _clocks_change(earlier)


def _clocks_change(time: datetime) -> bool:
    """Whether clocks are changed somewhere at this time of the year and of the day."""
    if time.weekday() != 6 or time.hour >= _CHANGE_HOURS:
        return False
    is_last = (time + timedelta(days=7)).month != time.month
    return bool({(time.month, (time.day - 1) // 7 + 1), (time.month, -1 if is_last else 0)} & _CHANGES)
