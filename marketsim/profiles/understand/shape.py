"""The layout of a sheet: a column for each series, meters one below another, or a day a row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from itertools import combinations, pairwise
from typing import Final, Literal, NamedTuple

from marketsim.core.alike import listed
from marketsim.core.errors import Problem
from marketsim.profiles.day_columns import clock_columns, numbered_columns, odd_clocks
from marketsim.profiles.table import CellTable
from marketsim.profiles.time_formats import parser, tells_hours
from marketsim.profiles.understand.moments import SheetTimes
from marketsim.profiles.understand.sheet import Sheet, are_ids, holds_numbers
from marketsim.profiles.understand.unread import CLOCK, counts_steps, odd_hours, several_times
from marketsim.profiles.understand.words import role_of

_IDS: Final = re.compile(
    r"\bid\b|id$|^id|_id|meter|z(ä|ae)hler|customer|kunde|household|haushalt|house|home|building|device|sensor|name|site|mpan"
    r"|nmi|user|point|\bean\b|\bpod\b|\bcups\b|\bprm\b",
    re.IGNORECASE,
)
_VALUES: Final = re.compile(
    r"kwh|kw|wh|energy|value|wert|consum|verbrauch|usage|load|power|leistung|volume|menge", re.IGNORECASE
)
_SITES: Final = re.compile(
    r"\bid\b|[a-z]id$|_id$|^id|meter|z(ä|ae)hler|customer|kunde|household|haushalt|house|home|building|site|mpan|nmi|\bpod\b|\bcups\b",
    re.IGNORECASE,
)
_REPEATED: Final = 2.0
"""Rows for each time, at least, where meters stand one below another."""
_ALIKE: Final = 3
"""Rows for each name of a meter, at least."""


class SheetShape(NamedTuple):
    """How rows and columns are laid out."""

    layout: Literal["wide", "long", "days"] = "wide"
    id_column: str | None = None
    kind_column: str | None = None
    value_column: str | None = None
    left_out: tuple[str, ...] = ()
    """Columns of numbers beside the values, where the layout is long."""
    unclear: Problem | None = None
    """What stands in the way of it."""
    doubts: tuple[str, ...] = ()
    """What there is to look at."""

    @property
    def beside(self) -> tuple[str, ...]:
        """Columns whose names speak of all series of a table that has them one below another."""
        return tuple(name for name in (self.value_column, self.id_column) if name is not None)


def shape_of(sheet: Sheet, moments: SheetTimes) -> SheetShape:
    """The layout that the rows of a sheet have."""
    table = sheet.table
    if not moments.columns:
        return SheetShape()
    rest = [name for name in table.columns if name not in moments.columns]
    if moments.by_days:
        return _of_days(table, moments, rest)
    numbered = numbered_columns(rest)
    if numbered and _are_days(sheet, moments):
        named = f"{numbered[0]} to {numbered[-1]}"
        message = f"columns {named} look like the steps of a day, and are {len(numbered)} that cannot be read as such"
        return SheetShape(unclear=Problem(message, hint=_A_DAY, file=table.file))
    rows = list(zip(*(table.columns[name] for name in moments.columns), strict=True))
    n_times = len(set(map(str, rows)))
    if n_times == len(rows):
        return SheetShape(doubts=_several_sites(table, rest))
    hours = next((name for name in rest if _tells_hours(name, table, rows)), None)
    if hours is not None:
        return SheetShape(unclear=odd_hours(table, hours))
    numeric = {name for name in rest if holds_numbers(table.columns[name], sheet.decimal)}
    ids = {name for name in numeric if are_ids(table.columns[name])}
    names = [name for name in rest if name not in numeric - ids or _IDS.search(name)]
    often = len(rows) >= _REPEATED * n_times
    if not often:  # meters with steps or days of their own; or a time that stands twice, which is told later
        names = [name for name in names if _IDS.search(name) and name not in numeric - ids]
    found = _telling(table, moments, [name for name in names if _repeats(table, name)], rest)
    values = [name for name in rest if name in numeric - ids and found is not None and name not in found]
    constant = [name for name in values if len(set(map(str, table.columns[name]))) == 1]
    values.sort(key=lambda name: (name in constant, role_of(name) == "other", _VALUES.search(name) is None))
    if found is None or not values:
        return SheetShape(unclear=several_times(table, moments)) if often else SheetShape()
    return SheetShape("long", *found, values[0], tuple(values[1:]))


def _of_days(table: CellTable, moments: SheetTimes, rest: Sequence[str]) -> SheetShape:
    """The layout of a table with a day a row."""
    clocks = clock_columns(rest)
    names = [name for name in rest if name not in (*clocks, *odd_clocks(rest))]
    days = [str(cell) for cell in table.columns[moments.columns[0]]]
    if len(set(days)) == len(days):  # one meter: a column that has one value may tell which
        alone = (name for name in names if _IDS.search(name) and len(set(map(str, table.columns[name]))) == 1)
        return SheetShape("days", next((name for name in alone if str(table.columns[name][0]).strip()), None))
    found = _telling(table, moments, [name for name in names if _repeats(table, name, least=2)], names)
    return SheetShape(unclear=several_times(table, moments)) if found is None else SheetShape("days", *found)


def _several_sites(table: CellTable, names: Sequence[str]) -> tuple[str, ...]:
    """The doubt that rows of several meters stand one behind another."""
    for name in names:
        cells = [str(cell).strip() for cell in table.columns[name]]
        own = list(dict.fromkeys(cells))
        blocks = 1 + sum(one != other for one, other in pairwise(cells))
        if _SITES.search(name) and 1 < len(own) == blocks and all(own) and _repeats(table, name):
            told = listed(own[:5])
            return (
                f"Rows of {told} ({name}) stand one behind another and are read as one series: write a file of each.",
            )
    return ()


def _are_days(sheet: Sheet, moments: SheetTimes) -> bool:
    """Whether times are dates alone, or midnights."""
    if len(moments.columns) > 1:
        return False
    if moments.date_format is not None and not tells_hours(moments.date_format):
        return True
    read = parser(moments.date_format, sheet.decimal)
    times = [read(cell) for cell in sheet.table.columns[moments.columns[0]][:_SOME]]
    return all(told is not None and told.time() == datetime.min.time() for told in times)


def _tells_hours(name: str, table: CellTable, times: Sequence[tuple[object, ...]]) -> bool:
    """Whether a column tells rows of one day apart by their hours, written in a way that is no time of the day."""
    texts = [str(cell).strip() for cell in table.columns[name]]
    called = _HOUR_WORDS.search(name) is not None or counts_steps(table, name, times)
    if not all(_HOURS.fullmatch(text) and (called or ":" in text) for text in texts):
        return False
    if all(CLOCK.fullmatch(text) for text in texts):
        return False
    return len(set(zip(map(str, times), texts, strict=True))) >= _REPEATED * len(set(map(str, times)))


_SOME: Final = 12
"""Rows by which is told whether all are of midnight."""
_HOURS: Final = re.compile(
    r"(h|hr|he|hour|sp|p)?[ _]?\d{1,3} ?h?"
    r"|\d{1,2}:\d{2}(:\d{2})?([A-Za-z]|\s?[AaPp][Mm]| ?(-|–|to|bis) ?\d{1,2}:\d{2}(:\d{2})?)?",
    re.ASCII | re.IGNORECASE,
)
_HOUR_WORDS: Final = re.compile(
    r"hour|hora|\bora\b|heure|stunde|\bstd\b|\buur\b|period|zeit\b|time\b|interval|tijd\b", re.IGNORECASE
)
_A_DAY: Final = (
    "write 24, 48 or 96 of them, called H1, H2, ... from 0 or 1 on, or by times of the day, such as 0:30, beside dates without a "
    "time; if they are households, with a value a day, give them names without numbers"
)


def _repeats(table: CellTable, name: str, least: int = _ALIKE) -> bool:
    cells = [str(cell).strip() for cell in table.columns[name]]
    return all(cells) and len(cells) >= least * len(set(cells))


def _telling(
    table: CellTable, moments: SheetTimes, names: Sequence[str], rest: Sequence[str]
) -> tuple[str, str | None] | None:
    """The column, or the two, that tell rows of one time apart: whose they are, and what they hold."""
    ordered = sorted(names, key=lambda name: (_IDS.search(name) is None, list(rest).index(name)))
    times = list(zip(*(table.columns[name] for name in moments.columns), strict=True))

    def tells(*columns: str) -> bool:
        keys = zip(times, *(table.columns[name] for name in columns), strict=True)
        return len(set(map(str, keys))) == len(times)

    for name in ordered:
        if tells(name):
            return name, None
    return next(((one, other) for one, other in combinations(ordered, 2) if tells(one, other)), None)
