"""When the rows of a CityLearn data set are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.importers.params import CityLearnParams
from marketsim.importers.source import SourceTable, number_at, refused

_FIRST_YEAR: Final = 2016
_YEARS: Final = 28
"""After so many years the weekdays are the same again."""
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


class DataSteps(NamedTuple):
    """Steps of a data set."""

    begins: datetime
    step: timedelta
    n_steps: int
    rows: slice
    """Rows of the files that are simulated."""
    assumed: tuple[str, ...]

    @property
    def minutes(self) -> int:
        """Length of a step [min]."""
        return int(self.step / timedelta(minutes=1))

    @property
    def hours(self) -> float:
        """Length of a step [h]."""
        return self.step / _HOUR

    @property
    def first_midnight(self) -> datetime:
        """When the first whole day begins."""
        midnight = datetime.combine(self.begins.date(), datetime.min.time())
        return midnight if midnight == self.begins else midnight + _DAY

    def slots(self, days: int) -> int:
        """Slots of a run of so many days, or of as many as there are."""
        whole = (self.begins + self.n_steps * self.step - self.first_midnight) // _DAY
        if whole < 1:
            raise refused("the data hold no whole day", value=f"{self.n_steps} steps from {self.begins}")
        return min(days, whole) * int(_DAY / self.step)


def time_axis(schema: Mapping[str, Any], table: SourceTable, params: CityLearnParams) -> DataSteps:
    """The steps by the schema and by the first building's columns of the calendar."""
    step = timedelta(seconds=number_at(schema, "seconds_per_time_step", "schema", "schema.json", 3600.0))
    if step < timedelta(minutes=1) or step % timedelta(minutes=1) or _DAY % step:
        seen = f"{step.total_seconds():g} s"
        raise refused(
            "a step has to be a number of minutes that divides a day", "schema.json", "seconds_per_time_step", seen
        )
    first = int(number_at(schema, "simulation_start_time_step", "schema", "schema.json", 0.0))
    last = int(number_at(schema, "simulation_end_time_step", "schema", "schema.json", float(len(table.lines) - 1)))
    rows = slice(first, min(last + 1, len(table.lines)))
    if rows.stop <= rows.start:
        raise refused("the simulated steps lie behind the end of the file", table.file, value=f"{first} to {last}")
    hours = table.numbers("hour", rows)
    begins_at, told = _first_hour(hours, table, step, rows)
    day, more = _first_date(schema, table, rows, params)
    begins = datetime.combine(day, datetime.min.time()) + timedelta(hours=begins_at)
    return DataSteps(begins, step, rows.stop - rows.start, rows, (*told, *more))


def _first_hour(hours: FloatArray, table: SourceTable, step: timedelta, rows: slice) -> tuple[float, tuple[str, ...]]:
    """Hour of the day at which the first row begins."""
    if step == _HOUR:
        breaks = np.flatnonzero((np.diff(hours) % 24) != 1)
        if len(breaks):
            row = rows.start + int(breaks[0]) + 1
            raise refused("the hours do not follow each other", table.file, "hour", line=table.lines[row])
    else:
        _demand_step(hours, table, step, rows)
    if (hours == 0).any():
        return float(hours[0] % 24), ("Hours are those at which steps begin, for there is an hour 0",)
    return float((hours[0] - 1) % 24), ("Hours are those at which steps end, for they go from 1 to 24",)


def _demand_step(hours: FloatArray, table: SourceTable, step: timedelta, rows: slice) -> None:
    """ImportedDataError where hours go on in other steps than the schema says."""
    per_hour = max(_HOUR // step, 1)
    begins = np.concatenate(([0], np.flatnonzero(np.diff(hours)) + 1))
    lengths, jumps = np.diff(begins), np.diff(hours[begins]) % 24
    expected = max(step / _HOUR, 1.0)
    whole = len(lengths) > 0 and lengths[0] <= per_hour and len(hours) - begins[-1] <= per_hour
    wrong = np.flatnonzero((jumps != expected) | ((lengths != per_hour) & (np.arange(len(lengths)) > 0)))
    if whole and not len(wrong):
        return
    place = int(begins[int(wrong[0]) + 1]) if len(wrong) else min(per_hour, len(hours) - 1)
    message = f"the hours do not go on in steps of {step}, as seconds_per_time_step says"
    hint = "set seconds_per_time_step in schema.json to the length of a row, 3600 where each row is another hour"
    seen = f"{hours[max(place - 1, 0)]:g}, then {hours[place]:g}"
    raise refused(message, table.file, "hour", seen, hint, line=table.lines[rows.start + place])


def _first_date(
    schema: Mapping[str, Any], table: SourceTable, rows: slice, params: CityLearnParams
) -> tuple[date, tuple[str, ...]]:
    month = int(table.numbers("month", rows)[0])
    weekday = int(table.numbers("day_type", rows)[0]) - 1 if "day_type" in table.columns else -1
    given = params.start or _schema_date(schema)
    if given is not None:
        told = f"The first row is of {given} ({_WEEKDAYS[given.weekday()]})"
        if 0 <= weekday < 7 and weekday != given.weekday():
            told += f", although its day_type says {_WEEKDAYS[weekday]}: workdays and weekends are shifted"
        if given.month != month:
            told += f", although its month is {month}"
        return given, (told,)
    if not 1 <= month <= 12:
        raise refused("no month", table.file, "month", str(month), line=table.lines[rows.start])
    years = range(_FIRST_YEAR, _FIRST_YEAR + _YEARS)
    year = next((each for each in years if date(each, month, 1).weekday() == weekday), _FIRST_YEAR)
    day = date(year, month, 1)
    return day, (f"The data have no date: the first row is taken to be of {day} ({_WEEKDAYS[day.weekday()]}) (start)",)


def _schema_date(schema: Mapping[str, Any]) -> date | None:
    text = schema.get("start_date")
    if text is None:
        return None
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        raise refused("no date", "schema.json", "start_date", repr(text)[:60], "set start to a date") from None
