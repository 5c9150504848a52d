"""The layout of a sheet: a column for each series, meters one below another, or a day a row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations
from typing import Final, Literal, NamedTuple

from marketsim.profiles.layouts import clock_columns
from marketsim.profiles.table import CellTable
from marketsim.profiles.understand.moments import SheetTimes
from marketsim.profiles.understand.odd_numbers import are_ids
from marketsim.profiles.understand.sheet import Sheet, is_numeric
from marketsim.profiles.understand.words import role_of

_IDS: Final = re.compile(
    r"\bid\b|id$|^id|_id|meter|z(ä|ae)hler|customer|kunde|household|haushalt|house|home|building|device|sensor|name|site|mpan"
    r"|nmi|user|point",
    re.IGNORECASE,
)
_VALUES: Final = re.compile(r"kwh|kw|wh|energy|value|wert|consum|verbrauch|usage|load|power|leistung", re.IGNORECASE)
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
    unclear: str = ""
    """What stands in the way of it."""


def shape_of(sheet: Sheet, moments: SheetTimes) -> SheetShape:
    """The layout that the rows of a sheet have."""
    table = sheet.table
    if not moments.columns:
        return SheetShape()
    rest = [name for name in table.columns if name not in moments.columns]
    if moments.by_days:
        names = [name for name in rest if name not in clock_columns(rest)]
        found = _telling(table, moments, [name for name in names if _repeats(table, name, least=2)], names)
        if found is None:
            return SheetShape("days", names[0] if names else None, unclear="" if names else _NO_ID)
        return SheetShape("days", *found)
    rows = list(zip(*(table.columns[name] for name in moments.columns), strict=True))
    n_times = len(set(map(str, rows)))
    if len(rows) == n_times:
        return SheetShape()
    numeric = {name for name in rest if is_numeric(table.columns[name], sheet.decimal)}
    ids = {name for name in numeric if are_ids(table.columns[name])}
    names = [name for name in rest if name not in numeric - ids or _IDS.search(name)]
    often = len(rows) >= _REPEATED * n_times
    if not often:  # meters with steps or days of their own; or a time that stands twice, which is told later
        names = [name for name in names if _IDS.search(name) and name not in numeric - ids]
    found = _telling(table, moments, [name for name in names if _repeats(table, name)], rest)
    values = [name for name in rest if name in numeric - ids and found is not None and name not in found]
    values.sort(key=lambda name: (_VALUES.search(name) is None, role_of(name) == "other"))
    if found is None or not values:
        return SheetShape(unclear=_NO_ID if often else "")
    return SheetShape("long", *found, values[0])


_NO_ID: Final = (
    "Times stand several times, and no column tells whose rows they are: name it by id_column, with layout: long."
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
