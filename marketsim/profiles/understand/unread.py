"""Why nothing can be made of a sheet: which cells of which rows stand in the way."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Final, NamedTuple

from marketsim.core.alike import first_few, grouped, listed
from marketsim.core.errors import Problem
from marketsim.core.numerals import number
from marketsim.profiles.table import CellTable
from marketsim.profiles.time_formats import OTHER_YEARS, Parse, likely_format, outside_years, parser
from marketsim.profiles.understand.moments import SheetTimes
from marketsim.profiles.understand.sheet import Sheet, is_numeric, sample
from marketsim.profiles.understand.units import foreign_unit, unit_of
from marketsim.profiles.values import cell_text

_SHARE: Final = 0.5
"""Cells of a column that are times, from which on the others are faults."""
_GUESSES: Final = 5
"""Cells by which is guessed how times are written."""
_FEW: Final = 3
"""Rows above or below those of the steps, at most, that are no steps."""
_TIME_WORDS: Final = re.compile(r"time|date|zeit|datum|stamp|fecha|hora", re.IGNORECASE)
CLOCK: Final = re.compile(r"\d{1,2}:\d{2}(:\d{2})?(\s?[AaPp][Mm])?", re.ASCII)
"""A time of the day."""
_COUNTED: Final = (range(24), range(1, 25), range(1, 49), range(1, 97))
"""Numbers that steps of a day may have, of an hour, half an hour and a quarter."""
_EXTRA: Final = 4
"""Quarters more than a day has, on which clocks go back."""


class _NearlyTimes(NamedTuple):
    """A column of which most cells are times."""

    name: str
    read: Parse
    share: float


def no_rows(table: CellTable) -> Problem:
    """A header and nothing below it."""
    hint = f"write a row for each step below it; it names: {listed(list(table.columns), quote=False)}"
    return Problem("the file has a header and no rows", hint=hint, file=table.file)


def no_times(sheet: Sheet) -> list[Problem]:
    """A sheet without a column of times; where one nearly is, its cells that are none."""
    nearly = [
        found for place, name in enumerate(sheet.table.columns) for found in _readings(sheet, name, likely=place == 0)
    ]
    best = max(nearly, key=lambda each: each.share, default=None)
    units = line_of_units(sheet, SheetTimes(() if best is None else (best.name,)))
    if units is not None:
        return [units]
    return [no_column_of_times(sheet.table)] if best is None else _no_time_cells(sheet.table, best)


def no_column_of_times(table: CellTable) -> Problem:
    """A table of which no column tells times."""
    hint = (
        "add one with the beginning of each step, such as 2016-07-12T14:15; or, if rows follow each other without a gap, say "
        "when the first begins and how long each lasts: --begins 2016-07-12T00:00 --step-minutes 15; the file has: "
        f"{listed(list(table.columns), quote=False)}"
    )
    return Problem("no column of times was found", hint=hint, file=table.file)


def has_times(table: CellTable, moments: SheetTimes) -> Problem:
    """Times that are counted although the file tells them."""
    hint = "leave begins and step_minutes out"
    return Problem(f"the file tells times itself, in {listed(list(moments.columns))}", hint=hint, file=table.file)


def no_header(table: CellTable) -> Problem:
    """A first line that is a row."""
    hint = (
        f"its first line has to name the columns, such as time,house_load_kw; it reads: {listed(list(table.columns))}"
    )
    return Problem("the file has no header", hint=hint, file=table.file)


def no_numbers(table: CellTable) -> Problem:
    """A table without a column of numbers."""
    first = [
        f"{name}: {cell_text(cells[0])!r}" for name, cells in table.columns.items() if cells and cell_text(cells[0])
    ]
    hint = f"the first row has: {', '.join(first[:6])}"
    return Problem("no column of numbers was found beside the times", hint=hint, file=table.file)


def several_times(table: CellTable, moments: SheetTimes) -> Problem:
    """Rows of one time, and nothing that tells whose they are."""
    if moments.by_days:
        hint = "keep one row a day; or name the column of meters by id_column, with layout: days"
    else:
        hint = (
            "keep one of the rows; or, where meters stand one below another, add a column that names the meter of each "
            "row, and say so by id_column, with layout: long"
        )
    row = _doubled(table, moments)
    seen = " ".join(cell_text(table.columns[name][row]) for name in moments.columns)
    message = "the time stands several times, and no column tells whose rows they are"
    return Problem(message, " ".join(moments.columns), repr(seen), hint, *table.place(row))


def odd_hours(table: CellTable, name: str) -> Problem:
    """A column that tells the hours of days, and a cell of it that is no time of the day."""
    cells = [cell_text(cell) for cell in table.columns[name]]
    row = next(place for place, cell in enumerate(cells) if CLOCK.fullmatch(cell) is None)
    hint = (
        "write the time at which each step begins, such as 00:30; where clocks go back, the hour that stands twice is told "
        "apart by profiles.time_zone"
    )
    return Problem("not a time of the day", name, repr(cells[row][:60]), hint, *table.place(row))


def counts_steps(table: CellTable, name: str, times: Sequence[tuple[object, ...]]) -> bool:
    """Whether a column holds numbers of the steps of each day; ``times``: what tells the days [n_rows]."""
    values = [number(cell_text(cell)) for cell in table.columns[name]]
    days = Counter(tuple(map(cell_text, each)) for each in times)
    known = any(set(steps) <= set(values) <= set(range(len(steps) + _EXTRA + 1)) for steps in _COUNTED)
    return known and max(days.values()) <= len(set(values)) + _EXTRA


def _readings(sheet: Sheet, name: str, *, likely: bool) -> Iterator[_NearlyTimes]:
    """Ways to read a column by which most of its cells are times."""
    cells = sheet.table.columns[name]
    some = sample(cells)
    if not some or (is_numeric(cells, sheet.decimal) and not (likely or _TIME_WORDS.search(name))):
        return
    guesses = {likely_format([cell]): None for cell in some[:_GUESSES]}
    for date_format in (None, *filter(None, guesses)):
        read = parser(date_format, sheet.decimal)
        share = sum(read(cell) is not None or outside_years(cell) for cell in some) / len(some)
        if share >= _SHARE:
            yield _NearlyTimes(name, read, share)


def _no_time_cells(table: CellTable, nearly: _NearlyTimes) -> list[Problem]:
    """The cells of a column of times that are none."""
    cells = table.columns[nearly.name]
    wrong = [row for row, cell in enumerate(cells) if nearly.read(cell) is None]
    if not wrong:
        return [no_column_of_times(table)]
    written = next((cell_text(cell) for cell in cells if nearly.read(cell) is not None), "2016-07-12T14:15")
    hint = _what_to_do(wrong, len(cells), written)
    problems = []
    for row in wrong:
        seen = repr(cell_text(cells[row])[:60]) if cell_text(cells[row]) else "an empty cell"
        own = OTHER_YEARS if outside_years(cells[row]) else hint
        problems.append(Problem("not a time", nearly.name, seen, own, *table.place(row)))
    return first_few(grouped(problems), "faults of the same column")


def line_of_units(sheet: Sheet, moments: SheetTimes) -> Problem | None:
    """The problem that the first row has units, and no time; None where it is a step as all others."""
    table, columns = sheet.table, moments.columns
    read = parser(moments.date_format, sheet.decimal)
    told = read(" ".join(cell_text(table.columns[name][0]) for name in columns)) if columns else None
    first = {name: cell_text(cells[0]) for name, cells in table.columns.items() if name not in columns and cells}
    units = {name: cell for name, cell in first.items() if unit_of(cell) or foreign_unit(f"({cell.strip('[]()')})")}
    if told is not None or not units or any(isfinite(number(cell, sheet.decimal)) for cell in first.values()):
        return None
    name, unit = next(iter(units.items()))
    plain = unit.strip("[]()")
    written = name if unit_of(name) else f"{name} ({plain})"
    hint = f"write units into the names of columns, such as {written!r}, and delete the line"
    return Problem("a line of units stands below the header", name, repr(unit), hint, *table.place(0))


def _what_to_do(wrong: Sequence[int], n_rows: int, written: str) -> str:
    if len(wrong) <= _FEW and wrong == list(range(n_rows - len(wrong), n_rows)):
        return (
            f"delete rows of sums and notes below the last step; or write it as the other rows do, such as {written!r}"
        )
    if len(wrong) <= _FEW and wrong == list(range(len(wrong))):
        return "delete rows between the header and the first step; units stand in the names of columns, such as 'load (kWh)'"
    return f"write it as the other rows do, such as {written!r}"


def _doubled(table: CellTable, moments: SheetTimes) -> int:
    """The first row whose time stands above it."""
    first: dict[str, int] = {}
    times = zip(*(table.columns[name] for name in moments.columns), strict=True)
    return next((row for row, time in enumerate(times) if first.setdefault(str(time), row) != row), 0)
