"""Layouts of tables: a column for each series, meters one below another, or a day a row. All become series with times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from marketsim.core.alike import grouped, listed
from marketsim.core.errors import Problem, ProfileError
from marketsim.profiles.day_columns import clock_columns, odd_clocks
from marketsim.profiles.file_params import FileParams
from marketsim.profiles.table import CellTable, unknown_column
from marketsim.profiles.time_formats import parser
from marketsim.profiles.values import MISSING, cell_text

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


def _unrolled(table: CellTable, params: FileParams, meters: Mapping[str, Sequence[int]]) -> dict[str, SeriesCells]:
    """Series of a table with a row for each day: the steps of a day stand beside each other."""
    clocks = clock_columns(list(table.columns))
    if len(clocks) < 2:
        message = "no columns are called by times of the day, such as 0:30"
        hint = f"the file has: {listed(list(table.columns), quote=False)}; if rows are single times, leave layout out"
        raise ProfileError([Problem(message, path="profiles.layout", value=params.layout, hint=hint)])
    _demand_no_more(table)
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


def _demand_no_more(table: CellTable) -> None:
    """ProfileError where a column holds the hour that stands twice when clocks go back, or another time of its own."""
    for name in odd_clocks(list(table.columns)):
        held = [row for row, cell in enumerate(table.columns[name]) if cell_text(cell).lower() not in MISSING]
        if held:
            message = "a column that is no time of the day beside others that are: its values would be left out"
            hint = "add it to the hour before, or write the table with a row for each step, and profiles.time_zone"
            seen = repr(cell_text(table.columns[name][held[0]])[:60])
            raise ProfileError([Problem(message, name, seen, hint, *table.place(held[0]))])


def _moment(cell: object, day: datetime | None, clock: timedelta) -> object:
    """The time of a cell; what is no day stays as it is, to be told as such."""
    return cell if day is None else day + clock
