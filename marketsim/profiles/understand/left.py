"""Columns of a table that no series, no time and no name of a meter is made of, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Final

from marketsim.core.alike import listed
from marketsim.core.numerals import number
from marketsim.profiles.day_columns import clock_columns
from marketsim.profiles.understand.sheet import Sheet, are_ids, sample
from marketsim.profiles.values import MISSING

_MOST_MARKS: Final = 8
"""Texts of a column, at most, that mark its rows."""
_NAMED: Final = 3
_LETTERS: Final = 30


def columns_left(sheet: Sheet, used: Collection[str], layout: str) -> Iterator[str]:
    """What is said of columns that are not ``used``: each of them, with the reason."""
    columns = sheet.table.columns
    days = set(clock_columns(list(columns))) if layout == "days" else set()
    left = [name for name in columns if name not in used and name not in days]
    ids = [name for name in left if are_ids(columns[name])]
    if ids:
        yield f"Columns of long whole numbers that come again and again, as those of meters do, are left out: {listed(ids)}."
    texts = []
    for name in left:
        if name in ids:
            continue
        mixed = _mixed(sheet, name)
        if mixed:
            yield mixed
        else:
            texts.append(f"{name or 'a column without a name'} ({_holds(sheet, name)})")
    if texts:
        yield f"Columns that are not read: {', '.join(texts)}."


def _mixed(sheet: Sheet, name: str) -> str:
    """What is said of a column some of whose cells are numbers; '' where none is."""
    cells = sheet.table.columns[name]
    some = [str(cell).strip() for cell in sample(cells)]
    numbers = sum(_is_number(cell, sheet.decimal) for cell in some)
    if not numbers:
        return ""
    row = next((place for place, cell in enumerate(cells) if _is_text(str(cell).strip(), sheet.decimal)), None)
    if row is None:
        return ""
    _, line = sheet.table.place(row)
    return (
        f"{name} is not read: {len(some) - numbers} of {len(some)} of its cells are no numbers, the first "
        f"{str(cells[row]).strip()[:_LETTERS]!r} in line {line}."
    )


def _is_number(text: str, decimal: str) -> bool:
    return number(text, decimal) == number(text, decimal)


def _is_text(text: str, decimal: str) -> bool:
    return text.lower() not in MISSING and not _is_number(text, decimal)


def _holds(sheet: Sheet, name: str) -> str:
    """What a column of texts holds, in words; texts that mark rows with how many they mark."""
    cells = (str(cell).strip() for cell in sheet.table.columns[name] if cell is not None)
    texts = Counter(text for text in cells if text.lower() not in MISSING)
    if not texts:
        return "empty"
    if len(texts) == 1:
        return f"{next(iter(texts))[:_LETTERS]!r} in all that are filled"
    if len(texts) > _MOST_MARKS:
        return "numbers" if all(_is_number(text, sheet.decimal) for text in texts) else "text"
    named = [f"{text[:_LETTERS]!r} in {count} rows" for text, count in texts.most_common(_NAMED)]
    more = f" and {len(texts) - len(named)} more" if len(texts) > len(named) else ""
    return f"{', '.join(named)}{more}; what they mark is read as it stands"
