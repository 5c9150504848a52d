"""Layouts of tables: a column for each series, meters one below another, or a day a row. All become series with times."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from marketsim.core.alike import grouped, listed
from marketsim.core.errors import Problem, ProfileError
from marketsim.profiles.file_params import FileParams
from marketsim.profiles.table import CellTable, unknown_column
from marketsim.profiles.time_formats import parser

_CLOCK: Final = re.compile(r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(:00)?", re.ASCII)
_RANGE: Final = re.compile(
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::00)? ?(?:-|–|to|bis) ?(?P<end>\d{1,2}:\d{2})(?::00)?", re.ASCII
)
_NUMBERED: Final = re.compile(
    r"(?P<word>h|hr|he|hour|hora|ora|heure|stunde|std|uur)?[ _.]?(?P<number>\d{1,3}) ?h?", re.ASCII | re.IGNORECASE
)
_PARTS_OF_A_DAY: Final = (24, 48, 96)
"""Steps that a day has, where columns are called by their numbers or by their begin and end."""
_DAY: Final = timedelta(days=1)
ONE_METER: Final = "load"
"""What the series of a table with a day a row is called, where no column tells meters apart."""


class SeriesCells(NamedTuple):
    """Where the cells of a series are."""

    table: CellTable
    column: str
    """Its name in the table."""


def series_of(table: CellTable, params: FileParams) -> dict[str, SeriesCells]:
    """The series of a table by name, each with the column of times that ``time_name`` tells.

    ProfileError where a column that the layout needs is not there.
    """
    if params.layout == "wide":
        return {name: SeriesCells(table, name) for name in table.columns if name not in params.time_columns}
    _demand_columns(table, params)
    meters = _rows_of_meters(table, params)
    time = time_name(params)
    if params.layout == "long":
        value = str(params.value_column).strip()
        parts = {name: table.taken(rows) for name, rows in meters.items()}
        return {
            name: SeriesCells(part._replace(columns={time: part.columns[time], name: part.columns[value]}), name)
            for name, part in parts.items()
        }
    return _unrolled(table, params, meters)


def time_name(params: FileParams) -> str:
    """The column of times, once columns that make them together are joined."""
    return " ".join(params.time_columns)


def with_times(table: CellTable, params: FileParams) -> CellTable:
    """The table with one column of times in place of several; ProfileError where one of them is not there."""
    names = params.time_columns
    if len(names) == 1:
        return table
    missing = [unknown_column(table, name, "profiles.time") for name in names if name not in table.columns]
    if missing:
        raise ProfileError(missing)
    cells: list[object] = [
        " ".join("" if cell is None else str(cell).strip() for cell in row)
        for row in zip(*(table.columns[name] for name in names), strict=True)
    ]
    rest = {name: own for name, own in table.columns.items() if name not in names}
    return table._replace(columns={time_name(params): cells, **rest})


def with_counted_times(table: CellTable, params: FileParams) -> CellTable:
    """The table with a column of times that are counted from its first row, where the scenario says when that begins.

    ProfileError where the file has such a column itself, or its rows go on beyond what a time can be.
    """
    if params.begins is None or params.step_minutes is None:
        return table
    name, step = time_name(params), timedelta(minutes=params.step_minutes)
    if name in table.columns:
        hint = "leave begins and step_minutes out, or rename the column if it holds something else"
        raise ProfileError(
            [Problem(f"the file has a column {name!r} of its own", "profiles.begins", hint=hint, file=table.file)]
        )
    try:
        times: list[object] = [params.begins + row * step for row in range(len(table.lines))]
    except OverflowError:
        message = f"{len(table.lines)} rows of {params.step_minutes} minutes last longer than there are dates"
        raise ProfileError([Problem(message, "profiles.step_minutes", file=table.file)]) from None
    return table._replace(columns={name: times, **table.columns})


def _demand_columns(table: CellTable, params: FileParams) -> None:
    asked = {"id_column": params.id_column, "kind_column": params.kind_column, "value_column": params.value_column}
    problems = [
        unknown_column(table, name.strip(), f"profiles.{key}")
        for key, name in asked.items()
        if name is not None and name.strip() not in table.columns
    ]
    if problems:
        raise ProfileError(problems)


def _rows_of_meters(table: CellTable, params: FileParams) -> dict[str, list[int]]:
    """Rows of each meter and kind, in the order of the file; ProfileError for rows of none."""
    names = [name.strip() for name in (params.id_column, params.kind_column) if name is not None]
    if not names:
        return {ONE_METER: list(range(len(table.lines)))}
    meters: dict[str, list[int]] = {}
    wrong: list[Problem] = []
    for row, cells in enumerate(zip(*(table.columns[name] for name in names), strict=True)):
        texts = ["" if cell is None else str(cell).strip() for cell in cells]
        if all(texts):
            meters.setdefault(" ".join(texts), []).append(row)
        else:
            name = names[texts.index("")]
            hint = "each row says which meter it is of: delete rows of sums and notes"
            wrong.append(Problem("a row of no meter", name, "an empty cell", hint, *table.place(row)))
    if wrong:
        raise ProfileError(grouped(wrong))
    return meters


def clock_columns(names: Sequence[str]) -> dict[str, timedelta]:
    """Columns that are called by a time of the day, with that time; 0:00 behind another is the end of the day.

    Where fewer than two are: those called by begin and end of each step (``00:00-01:00``), or by the numbers of all steps of
    a day (``H01`` to ``H24``, ``0`` to ``23``, ``1`` to ``96``), with the time at which the step begins.
    """
    found = _called_by_time(names)
    return found if len(found) > 1 else _ranges(names) or _numbered(names)


def numbered_columns(names: Sequence[str]) -> list[str]:
    """Columns that are called by numbers, whether or not these are those of all steps of a day."""
    return [name for name in names if _NUMBERED.fullmatch(name.strip())]


def _ranges(names: Sequence[str]) -> dict[str, timedelta]:
    matched = {name: found for name in names if (found := _RANGE.fullmatch(name.strip())) is not None}
    begins = {
        name: timedelta(hours=int(clock["hour"]), minutes=int(clock["minute"])) for name, clock in matched.items()
    }
    steps = [place * _DAY / (len(begins) or 1) for place in range(len(begins))]
    return begins if len(begins) in _PARTS_OF_A_DAY and list(begins.values()) == steps else {}


def _numbered(names: Sequence[str]) -> dict[str, timedelta]:
    matched = {name: found for name in names if (found := _NUMBERED.fullmatch(name.strip())) is not None}
    numbers = [int(each["number"]) for each in matched.values()]
    words = {(each["word"] or "").lower() for each in matched.values()}
    if len(numbers) not in _PARTS_OF_A_DAY or len(words) > 1:
        return {}
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))) or numbers[0] not in (0, 1):
        return {}
    return {name: (number - numbers[0]) * _DAY / len(numbers) for name, number in zip(matched, numbers, strict=True)}


def _called_by_time(names: Sequence[str]) -> dict[str, timedelta]:
    found: dict[str, timedelta] = {}
    for name in names:
        clock = _CLOCK.fullmatch(name.strip())
        if clock is not None:
            time = timedelta(hours=int(clock["hour"]), minutes=int(clock["minute"]))
            found[name] = time + _DAY if found and not time else time
    return found


def _unrolled(table: CellTable, params: FileParams, meters: Mapping[str, Sequence[int]]) -> dict[str, SeriesCells]:
    """Series of a table with a row for each day: the steps of a day stand beside each other."""
    clocks = clock_columns(list(table.columns))
    if len(clocks) < 2:
        message = "no columns are called by times of the day, such as 0:30"
        hint = f"the file has: {listed(list(table.columns), quote=False)}; if rows are single times, leave layout out"
        raise ProfileError([Problem(message, path="profiles.layout", value=params.layout, hint=hint)])
    read = parser(params.date_format, params.decimal)
    time = time_name(params)
    found = {}
    for name, rows in meters.items():
        days = [(row, read(table.columns[time][row])) for row in rows]
        times: list[object] = [
            _moment(table.columns[time][row], day, clock) for row, day in days for clock in clocks.values()
        ]
        cells = [table.columns[clock][row] for row in rows for clock in clocks]
        lines = [table.lines[row] for row in rows for _ in clocks]
        files = [table.row_files[row] for row in rows for _ in clocks] if table.row_files else ()
        found[name] = SeriesCells(CellTable(table.file, {time: times, name: cells}, lines, files), name)
    return found


def _moment(cell: object, day: datetime | None, clock: timedelta) -> object:
    """The time of a cell; what is no day stays as it is, to be told as such."""
    return cell if day is None else day + clock
