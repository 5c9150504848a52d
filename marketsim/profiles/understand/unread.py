"""Why nothing can be made of a sheet: which cells of which rows stand in the way."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from marketsim.core.alike import first_few, grouped, listed
from marketsim.core.errors import Problem
from marketsim.core.numerals import number
from marketsim.profiles.table import CellTable
from marketsim.profiles.time_formats import OTHER_YEARS, Parse, likely_format, outside_years, parser
from marketsim.profiles.understand.moments import SheetTimes
from marketsim.profiles.understand.odd_numbers import marked_thousands
from marketsim.profiles.understand.sheet import Sheet, is_numeric, sample

_SHARE: Final = 0.5
"""Cells of a column that are times, from which on the others are faults."""
_GUESSES: Final = 5
"""Cells by which is guessed how times are written."""
_FEW: Final = 3
"""Rows above or below those of the steps, at most, that are no steps."""
_TIME_WORDS: Final = re.compile(r"time|date|zeit|datum|stamp|fecha|hora", re.IGNORECASE)
_CLOCK: Final = re.compile(r"\d{1,2}:\d{2}(:\d{2})?(\s?[AaPp][Mm])?", re.ASCII)
_COUNTED: Final = (range(24), range(1, 25), range(1, 49), range(1, 97))
"""Numbers that steps of a day may have, of an hour, half an hour and a quarter."""
_EXTRA: Final = 4
"""Quarters more than a day has, on which clocks go back."""
_BEGINS: Final = "write the begin of each step as a time, such as 2016-07-12T14:15"


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


def no_numbers(sheet: Sheet, moments: SheetTimes) -> list[Problem]:
    """A sheet without a column of numbers; where thousands are marked, the cells that are."""
    rest = [name for name in sheet.table.columns if name not in moments.columns]
    wrong = [problem for name in rest for problem in marked_thousands(sheet.table, name, sheet.decimal)]
    hint = f"the file has: {listed(list(sheet.table.columns), quote=False)}"
    return wrong or [
        Problem("no column of numbers was found beside the times", hint=hint, file=sheet.table.file),
    ]


def several_times(sheet: Sheet, moments: SheetTimes) -> list[Problem]:
    """Rows of one time, and nothing that tells whose they are: their times are not whole, or their meters have no names."""
    table = sheet.table
    if moments.by_days:
        hint = "add a column that names the meter, and say so by id_column, with layout: days"
        return [Problem("each row is a day, and no column tells whose", hint=hint, file=table.file)]
    rest = [name for name in table.columns if name not in moments.columns]
    counted = next((name for name in rest if _counts_steps(table, name, moments)), None)
    if counted is not None:
        row = table.columns[counted][0]
        message = f"the times are not whole: {counted!r} numbers the steps of each day, and is no time of the day"
        return [Problem(message, counted, repr(row), _BEGINS, *table.place(0))]
    clocks = [name for name in rest if _CLOCK.fullmatch(_text(next(iter(table.columns[name]), ""))) is not None]
    for name in clocks:
        if wrong := _no_clock_cells(table, name):
            return wrong
    row = _doubled(table, moments)
    hint = (
        "keep one of the rows; or, where meters stand one below another, add a column that names the meter of each row, and "
        "say so by id_column, with layout: long"
    )
    message = "the time stands several times, and no column tells whose rows they are"
    seen = " ".join(_text(table.columns[name][row]) for name in moments.columns)
    return [Problem(message, " ".join(moments.columns), repr(seen), hint, *table.place(row))]


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
    written = next((_text(cell) for cell in cells if nearly.read(cell) is not None), "2016-07-12T14:15")
    hint = _what_to_do(wrong, len(cells), written)
    problems = []
    for row in wrong:
        seen = repr(_text(cells[row])[:60]) if _text(cells[row]) else "an empty cell"
        own = OTHER_YEARS if outside_years(cells[row]) else hint
        problems.append(Problem("not a time", nearly.name, seen, own, *table.place(row)))
    return first_few(grouped(problems), "faults of the same column")


def _what_to_do(wrong: Sequence[int], n_rows: int, written: str) -> str:
    if len(wrong) <= _FEW and wrong == list(range(n_rows - len(wrong), n_rows)):
        return (
            f"delete rows of sums and notes below the last step; or write it as the other rows do, such as {written!r}"
        )
    if len(wrong) <= _FEW and wrong == list(range(len(wrong))):
        return "delete rows between the header and the first step; units stand in the names of columns, such as 'load (kWh)'"
    return f"write it as the other rows do, such as {written!r}"


def _counts_steps(table: CellTable, name: str, moments: SheetTimes) -> bool:
    """Whether a column holds numbers of the steps of each day."""
    values = [number(_text(cell)) for cell in table.columns[name]]
    days = Counter(zip(*(map(_text, table.columns[each]) for each in moments.columns), strict=True))
    known = any(set(steps) <= set(values) <= set(range(len(steps) + _EXTRA + 1)) for steps in _COUNTED)
    return known and max(days.values()) <= len(set(values)) + _EXTRA


def _no_clock_cells(table: CellTable, name: str) -> list[Problem]:
    """Cells of a column of times of the day that are none, where the others are."""
    cells = [_text(cell) for cell in table.columns[name]]
    wrong = [row for row, cell in enumerate(cells) if _CLOCK.fullmatch(cell) is None]
    if len(wrong) > (1 - _SHARE) * len(cells):
        return []
    hint = (
        "write times of the day alone, such as 02:00; an hour that stands twice since clocks go back stands in two rows, and "
        "profiles.time_zone tells them apart"
    )
    return grouped(
        Problem("not a time of the day", name, repr(cells[row][:60]), hint, *table.place(row)) for row in wrong
    )


def _doubled(table: CellTable, moments: SheetTimes) -> int:
    """The first row whose time stands above it."""
    first: dict[str, int] = {}
    times = zip(*(table.columns[name] for name in moments.columns), strict=True)
    return next((row for row, time in enumerate(times) if first.setdefault(str(time), row) != row), 0)


def _text(cell: object) -> str:
    return "" if cell is None else str(cell).strip()
