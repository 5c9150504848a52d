"""Cells of a column as numbers, and what is wrong with those that are none."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.alike import grouped
from marketsim.core.arrays import BoolArray, FloatArray
from marketsim.core.errors import Problem
from marketsim.core.numerals import number, numbers
from marketsim.profiles.table import CellTable

MOST: Final = 1e9
"""Largest value of a cell [kW or kWh]; far inside what counts as energy in 64 bits."""
MISSING: Final = frozenset(("", "nan", "null", "na", "n/a", "#n/a", "#nv", "k.a.", "n.a.", "none", "-", "--", "?", "*"))
"""What stands where there is no value, in small letters."""
GROUPS: Final = re.compile("[+-]?\\d{1,3}(?:[.,' \u00a0\u2009\u202f\u2019]\\d{3})+(?:[.,]\\d+)?")
"""A number with marks between thousands."""
_MARKED: Final = re.compile(r"[+-]?\d+(?:[.,]\d+)?\s?(?:\*+|[km]?wh?|\([\w*]\))", re.ASCII | re.IGNORECASE)
"""A number with its unit, or with a mark of quality."""
_COMMA: Final = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
_POINT: Final = re.compile(r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?")


class Cells(NamedTuple):
    """A column as numbers."""

    values: FloatArray
    """NaN where there is no number [n_rows]."""
    missing: BoolArray
    """Cells that say that they have no value [n_rows]."""
    problems: list[Problem]


def read_cells(
    table: CellTable, name: str, *, decimal: str = ".", scale: float = 1.0, fills: bool = False, signed: bool = False
) -> Cells:
    """A column as non-negative numbers, times ``scale``; every cell that is none is a problem.

    ``fills``: cells without a value are not; ``signed``: nor are negative numbers.
    """
    cells = table.columns[name]
    values = as_numbers(cells, decimal) * scale
    wrong = np.flatnonzero(~((values >= (-MOST if signed else 0.0)) & (values <= MOST)))
    missing = np.zeros(len(cells), dtype=np.bool_)
    missing[[row for row in wrong if math.isnan(values[row]) and cell_text(cells[row]).lower() in MISSING]] = True
    told = [row for row in wrong.tolist() if not (fills and missing[row])]
    values[wrong] = np.nan
    problems = [_problem(table, name, row, decimal, scale, missing=bool(missing[row])) for row in told]
    return Cells(values, missing, grouped(problems))


def as_numbers(cells: Sequence[object], decimal: str) -> FloatArray:
    """Cells as numbers, NaN for those that are none [n_rows]."""
    kinds = set(map(type, cells))
    if kinds <= {str}:
        return numbers(cells, decimal)  # type: ignore[arg-type]
    if kinds <= {float, int}:
        return np.array(cells, dtype=np.float64)
    return np.array([_as_number(cell, decimal) for cell in cells], dtype=np.float64)


def _as_number(cell: object, decimal: str = ".") -> float:
    if isinstance(cell, str):
        return number(cell, decimal)
    if isinstance(cell, bool) or not isinstance(cell, int | float | Decimal):
        return math.nan
    return float(cell)


def cell_text(cell: object) -> str:
    """What stands in a cell, without blanks around it; '' where nothing does."""
    return "" if cell is None else str(cell).strip()


def _problem(table: CellTable, name: str, row: int, decimal: str, scale: float, *, missing: bool) -> Problem:
    cell = table.columns[name][row]
    text = cell_text(cell)
    value = _as_number(cell, decimal) * scale
    if missing:
        message, hint = "a missing value", "fill the gap, or set profiles.gaps: interpolate, or previous"
    elif math.isnan(value):
        message, hint = _no_number(text, decimal)
    elif -MOST <= value < 0:
        message, hint = (
            "a negative value",
            "load, PV and heat are all written as positive numbers, what a meter feeds in apart; of one that nets load and PV "
            "say so: profiles.columns, net",
        )
    else:
        message, hint = "a value beyond all bounds", f"at most {MOST:g}"
    seen = repr(text[:60]) if text else "an empty cell"
    return Problem(message, name, seen, hint, *table.place(row))


def _no_number(text: str, decimal: str) -> tuple[str, str]:
    """What is wrong with a cell that holds no number, and what to do about it."""
    mark, other = (",", _COMMA) if decimal == "." else (".", _POINT)
    if GROUPS.fullmatch(text):
        also = f'; if it marks decimals, set profiles.decimal: "{mark}"' if other.fullmatch(text) else ""
        return "not a number", f"write it without marks between thousands{also}"
    if other.fullmatch(text):
        return (
            f"not a number with '{decimal}' before its decimals",
            f'set profiles.decimal: "{mark}", or write decimals with {"a point" if decimal == "." else "a comma"}',
        )
    if _MARKED.fullmatch(text):
        return (
            "not a number",
            "write a plain number: units stand in the name of the column, marks in one of their own",
        )
    return "not a number", "write a plain number of the digits 0 to 9, such as 1250.5"
