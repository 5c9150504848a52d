"""Times of a table of the user's own: equal steps without a gap, in standard time."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import Final, NamedTuple

from marketsim.core.errors import Problem
from marketsim.profiles.table import Table, shortened

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_YEARS: Final = 1900, 2200
_DAYLIGHT_SAVING: Final = (
    "the times seem to follow daylight saving; write them in standard time, or with their offset from UTC "
    "(2016-07-12T14:00+02:00) together with utc_offset_hours"
)


class Steps(NamedTuple):
    """Times of a table: equal steps without a gap."""

    begins: datetime
    length: timedelta
    n_steps: int

    @property
    def ends(self) -> datetime:
        """End of the last step."""
        return self.begins + self.n_steps * self.length

    @property
    def hours(self) -> float:
        """Length of a step [h]."""
        return self.length / _HOUR


def read_times(table: Table, name: str, utc_offset_hours: float | None) -> tuple[Steps | None, list[Problem]]:
    """The steps of the table, and every time that is malformed, doubled, missing or out of order."""
    times, problems = _parse_times(table, name, utc_offset_hours)
    if problems:
        return None, problems
    if len(times) < 2:
        return None, [Problem("the file needs at least two rows", path=name, file=table.file)]
    differences = [later - earlier for earlier, later in itertools.pairwise(times)]
    length = Counter(difference for difference in differences if difference > timedelta(0)).most_common(1)
    if not length:
        return None, [Problem("the times do not increase", path=name, file=table.file)]
    step = length[0][0]
    problems = _check_step(table, name, times[0], step)
    irregular = [
        _irregular(table, name, row + 1, times[row], times[row + 1], step)
        for row, difference in enumerate(differences)
        if difference != step
    ]
    problems += shortened(irregular)
    return (None if problems else Steps(times[0], step, len(times))), problems


def _parse_times(table: Table, name: str, utc_offset_hours: float | None) -> tuple[list[datetime], list[Problem]]:
    standard = timezone(timedelta(hours=utc_offset_hours)) if utc_offset_hours is not None else None
    times: list[datetime] = []
    wrong: list[Problem] = []
    for cell, line in zip(table.columns[name], table.lines, strict=True):
        time = _time(cell)
        if time is not None and (time.tzinfo is None) == (standard is None):
            times.append(time if standard is None else time.astimezone(standard).replace(tzinfo=None))
            continue
        if time is None:
            message, hint = "not a time", "write ISO 8601, e.g. 2016-07-12T14:15"
        elif time.tzinfo is None:
            message, hint = "a time without an offset from UTC", "add it to all times, or drop utc_offset_hours"
        else:
            message, hint = "a time with an offset from UTC", "state standard time by utc_offset_hours: 1"
        wrong.append(Problem(message, path=name, value=repr(str(cell)), hint=hint, file=table.file, line=line))
    return times, shortened(wrong)


def _time(cell: object) -> datetime | None:
    try:
        time = cell if isinstance(cell, datetime) else datetime.fromisoformat(str(cell).strip())
    except ValueError:
        return None
    return time if _YEARS[0] <= time.year <= _YEARS[1] else None


def _check_step(table: Table, name: str, first: datetime, step: timedelta) -> list[Problem]:
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    if step % timedelta(minutes=1) or _DAY % step:
        message, hint = "the step is not a number of minutes that divides a day", "use e.g. 15 or 60 minutes"
    elif (first - midnight) % step:
        message, hint = "the steps do not begin at midnight", f"shift the times to whole multiples of {step}"
    else:
        return []
    return [Problem(message, path=name, value=str(step), hint=hint, file=table.file, line=table.lines[0])]


def _irregular(table: Table, name: str, row: int, earlier: datetime, later: datetime, step: timedelta) -> Problem:
    difference = later - earlier
    hint = ""
    if difference == step - _HOUR:
        message, hint = "an hour stands twice", _DAYLIGHT_SAVING
    elif difference == step + _HOUR:
        message, hint = f"an hour is missing after {earlier}", _DAYLIGHT_SAVING
    elif difference == timedelta(0):
        message, hint = "the time stands twice", "keep one of the rows"
    elif difference < timedelta(0):
        message, hint = f"the time lies before that of the row above ({earlier})", "sort the rows by time"
    elif difference % step:
        message = f"the step is not {step} as elsewhere, but {difference}"
    else:
        message, hint = f"{difference // step - 1} steps are missing after {earlier}", "fill the gap"
    return Problem(message, path=name, value=str(later), hint=hint, file=table.file, line=table.lines[row])
