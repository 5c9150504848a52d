"""Numbers that are no values as they stand: what tells meters apart, and marks between thousands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from marketsim.core.alike import grouped
from marketsim.core.errors import Problem
from marketsim.core.numerals import number
from marketsim.profiles.table import CellTable
from marketsim.profiles.understand.sheet import is_numeric, sample
from marketsim.profiles.values import has_groups, read_cells

_ID: Final = re.compile(r"\d{5,}", re.ASCII)
_ALIKE: Final = 3
"""Rows for each number that tells a meter, at least."""
_WHOLE: Final = re.compile(r"[+-]?\d{1,3}", re.ASCII)


def are_ids(cells: Sequence[object]) -> bool:
    """Whether cells hold long whole numbers that come again and again, such as those of meters."""
    texts = [str(cell).strip() for cell in sample(cells)]
    return len(texts) >= _ALIKE * len(set(texts)) > 0 and all(map(_ID.fullmatch, texts))


def marked_thousands(table: CellTable, name: str, decimal: str) -> list[Problem]:
    """Cells of a column of numbers that have marks between thousands, such as 1,234.5; nothing for any other column."""
    texts = [str(cell).strip() for cell in sample(table.columns[name])]
    marked = [text for text in texts if has_groups(text)]
    plain = [text for text in texts if not has_groups(text)]
    if not marked or (plain and not is_numeric(plain, decimal)):
        return []
    return read_cells(table, name, decimal=decimal, fills=True).problems


def decimals_for_thousands(table: CellTable, name: str, decimal: str) -> list[Problem]:
    """Cells such as 1.250 beside 800, where the mark of decimals can only be one between thousands.

    A number that is written with three decimals has them in each cell; one that is written as short as it can be ends in no 0.
    """
    texts = [str(cell).strip() for cell in table.columns[name] if isinstance(cell, str)]
    pointed = re.compile(rf"[+-]?[1-9]\d{{0,2}}{re.escape(decimal)}\d{{3}}", re.ASCII)
    marked = [text for text in texts if decimal in text]
    if not marked or not all(map(pointed.fullmatch, marked)):
        return []
    if not any(text.endswith("0") for text in marked) or not any(map(_WHOLE.fullmatch, texts)):
        return []
    hint = f"write it without marks between thousands: {marked[0]} would be read as {number(marked[0], decimal):g}"
    wrong = [
        Problem("thousands are marked by what marks decimals", name, repr(cell), hint, *table.place(row))
        for row, cell in enumerate(table.columns[name])
        if decimal in str(cell)
    ]
    return grouped(wrong)
