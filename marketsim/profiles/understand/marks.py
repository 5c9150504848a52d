"""Marks in numbers that may stand between thousands, although they could be read as those before decimals."""

from __future__ import annotations

import re
from typing import Final

from marketsim.core.errors import Problem
from marketsim.profiles.table import CellTable
from marketsim.profiles.values import MISSING

_MOST_DIGITS: Final = 3
"""Of a number without marks, beside numbers that have them between thousands."""


def between_thousands(table: CellTable, column: str, decimal: str, *, unusual: bool = False) -> list[Problem]:
    """The problem that marks which are read as those of decimals stand between thousands, if they seem to.

    They do where every mark has three digits behind it and up to three, none of them a leading 0, before it, while other
    numbers have no mark and three digits at most; ``unusual``: the file's dates are those of places that write decimals in the
    other way, so that no other numbers are needed. Numbers with two marks are none to the reader, and are refused by it.
    """
    group = re.compile(rf"[+-]?[1-9]\d{{0,2}}{re.escape(decimal)}\d{{3}}")
    first, whole = None, unusual
    for row, cell in enumerate(table.columns[column]):
        if not isinstance(cell, str):
            continue
        text = cell.strip()
        if decimal not in text:
            digits = text.lstrip("+-")
            if len(digits) > _MOST_DIGITS and digits.isdecimal():
                return []
            whole = whole or (bool(digits) and digits.lower() not in MISSING)
        elif group.fullmatch(text) is None:
            return []
        elif first is None:
            first = row
    if first is None or not whole:
        return []
    seen = str(table.columns[column][first]).strip()
    plain = seen.replace(decimal, "")
    message = f"{seen} may be {plain}, with a mark between thousands, or have three decimals, and nothing tells which"
    hint = f"write {plain} without the mark; or, if these are decimals, all of them with another digit ({seen}0)"
    return [Problem(message, column, repr(seen), hint, *table.place(first))]
