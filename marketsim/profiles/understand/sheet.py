"""The sheet: where its header is, what separates cells, what marks decimals, and what kind of cells each column has."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from math import isfinite
from typing import Final, NamedTuple

from marketsim.core.errors import Problem, ProfileError
from marketsim.core.numerals import number
from marketsim.core.table_text import table_text
from marketsim.profiles.csv_text import SEPARATORS
from marketsim.profiles.table import CellTable, is_text, table_of
from marketsim.profiles.values import GROUPS, MISSING

SAMPLE: Final = 400
"""Lines and rows from which is guessed."""
_ORDER: Final = (";", "tab", "|", ",")
"""A comma separates only where nothing else does: it may mark decimals."""
_SHARE: Final = 0.8
_MOST_TITLES: Final = 20
"""Lines above a header that may be filled up with separators."""
_COMMA: Final = re.compile(r"[+-]?\d+,\d+")
_POINT: Final = re.compile(r"[+-]?\d+\.\d+")
_HALF: Final = 0.5
_MARKED: Final = re.compile(r"[+-]?\d+(?:[.,]\d+)?\s?(?:\*+|k?Wh?|[a-z*]|\([\w*]\))", re.IGNORECASE | re.ASCII)
"""A number with its unit, or with a mark of quality."""
_ID: Final = re.compile(r"\d{5,}", re.ASCII)
_ALIKE: Final = 3
"""Rows for each number that tells a meter, at least."""


class Sheet(NamedTuple):
    """A table as it was found."""

    table: CellTable
    separator: str | None
    """By its name; None: it is no text."""
    skip_lines: int
    decimal: str
    above: str = ""
    """The lines above the header."""


def sheet_of(path: str, data: bytes) -> Sheet:
    """The sheet that a file holds; ProfileError where none can be made of it."""
    if not is_text(path):
        return Sheet(table_of(path, data), None, 0, ".")
    if data.lstrip()[:1] == b"<":
        hint = "download it as CSV; portals that offer Green Button data have both"
        raise ProfileError([Problem("the file is XML or a page, not a table", hint=hint, file=path)])
    text = table_text(data, path, ProfileError)
    separator, skip_lines = _form(list(islice(io.StringIO(text, newline=""), SAMPLE)))
    table = table_of(path, data, separator, skip_lines)
    above = "".join(islice(io.StringIO(text, newline=""), skip_lines))
    return Sheet(table, separator, skip_lines, _decimal(table), above)


def _form(lines: Sequence[str]) -> tuple[str | None, int]:
    """The separator, and how many lines stand above the header."""
    first = 1 if lines and lines[0][:4].lower() == "sep=" else 0
    body = [line for line in lines[max(len(lines) // 2, first) :] if line.strip()]
    for name in _ORDER:
        counts = Counter(_n_cells(line, SEPARATORS[name]) for line in body)
        n_cells, times = counts.most_common(1)[0] if counts else (0, 0)
        if n_cells < 2 or times < _SHARE * len(body):
            continue
        places = [
            place
            for place, line in enumerate(lines[first:], start=first)
            if line.strip() and not line.lstrip().startswith("#")
            if _n_cells(line, SEPARATORS[name]) in (n_cells, n_cells - 1)
        ]
        if places:
            place = _below_titles(lines, places, SEPARATORS[name], n_cells)
            return name, place if any(each.strip() for each in lines[:place]) else 0
    return None, first


def _below_titles(lines: Sequence[str], places: Sequence[int], delimiter: str, n_cells: int) -> int:
    """The line of the header: the first that is no title with cells left empty, where one below it names all columns."""
    for place in places[:_MOST_TITLES]:
        cells = _cells(lines[place], delimiter)
        if len(cells) == n_cells and all(cells) and not any(cell[:1].isdigit() for cell in cells):
            return place
        if 2 * sum(map(bool, cells)) > n_cells:
            break
    return places[0]


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return []


def _n_cells(line: str, delimiter: str) -> int:
    return len(_cells(line, delimiter))


def _decimal(table: CellTable) -> str:
    """What stands before decimals: what more cells have."""
    cells = [str(cell).strip() for column in table.columns.values() for cell in column[:SAMPLE]]
    commas = sum(_COMMA.fullmatch(cell) is not None for cell in cells)
    points = sum(_POINT.fullmatch(cell) is not None for cell in cells)
    return "," if commas > points else "."


def sample(cells: Sequence[object]) -> list[object]:
    """Cells that hold something: the first, and some of the last."""
    some = cells if len(cells) <= 2 * SAMPLE else [*cells[:SAMPLE], *cells[-SAMPLE:]]
    return [cell for cell in some if _holds(cell)]


def _holds(cell: object) -> bool:
    return cell is not None and str(cell).strip().lower() not in MISSING


def are_ids(cells: Sequence[object]) -> bool:
    """Whether cells hold long whole numbers that come again and again, such as those of meters."""
    texts = [str(cell).strip() for cell in sample(cells)]
    return len(texts) >= _ALIKE * len(set(texts)) > 0 and all(map(_ID.fullmatch, texts))


def holds_numbers(cells: Sequence[object], decimal: str) -> bool:
    """Whether cells are numbers, or would be but for marks, units and other decimals in some or all of them.

    A column of which half the cells are numbers is a series with faults, which are told, and never none.
    """
    if is_numeric(cells, decimal, grouped=True):
        return True
    texts = [str(cell).strip() for cell in sample(cells)]
    plain = sum(_COMMA.fullmatch(text) is not None or isfinite(number(text)) for text in texts)
    marked = sum(_MARKED.fullmatch(text) is not None for text in texts)
    return bool(texts) and (plain >= _HALF * len(texts) or plain + marked >= _SHARE * len(texts))


def is_numeric(cells: Sequence[object], decimal: str, *, grouped: bool = False) -> bool:
    """Whether cells that hold something are nearly all numbers; ``grouped``: or are so but for marks between thousands."""
    some = sample(cells)
    found = sum(
        (isinstance(cell, int | float) and not isinstance(cell, bool))
        or isfinite(number(str(cell), decimal))
        or (grouped and GROUPS.fullmatch(str(cell).strip()) is not None)
        for cell in some
    )
    return bool(some) and found >= _SHARE * len(some)
