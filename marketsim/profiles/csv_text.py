"""Rows of a CSV file, with their lines; strict, and with the reason where there are none."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from marketsim.core.alike import grouped
from marketsim.core.errors import Problem, ProfileError
from marketsim.core.table_text import table_rows, table_text

SEPARATORS: Final = {",": ",", ";": ";", "tab": "\t", "|": "|"}
"""What may separate cells, by the names that scenarios use."""


class CsvRows(NamedTuple):
    """A header and what stands below it."""

    names: list[str]
    cells: list[list[str]]
    """By column."""
    lines: list[int]
    """Line of each row, from 1 [n_rows]."""


def read_rows(data: bytes, file: str, separator: str | None, skip_lines: int = 0) -> CsvRows:
    """The rows of a CSV file; ``separator`` by its name, None: what the header has most of.

    ``skip_lines`` stand above the header.
    ProfileError for what is no text or no table. Rows without any cell are left out, and so is a last column without
    name and cells, which a separator at the end of each line makes.
    """
    text = without_lines(table_text(data, file, ProfileError), skip_lines)
    delimiter = _delimiter(text) if separator is None else SEPARATORS[separator]
    rows = table_rows(text, delimiter, file, ProfileError)
    if not rows:
        raise ProfileError([Problem("the file is empty", hint="write a header and a row for each step", file=file)])
    return _table(file, [row.cells for row in rows], [row.line for row in rows])


def without_lines(text: str, n_lines: int) -> str:
    """The text with its first lines empty, so that those below keep their numbers."""
    lines = io.StringIO(text, newline="")
    length = sum(len(lines.readline()) for _ in range(n_lines))
    return "\n" * n_lines + text[length:] if n_lines else text


def _delimiter(text: str) -> str:
    """The separator of the header: that which gives it most cells."""
    first = next((line for line in io.StringIO(text, newline="") if line.strip()), "")

    def cells(delimiter: str) -> int:
        try:
            return len(next(csv.reader([first], delimiter=delimiter)))
        except csv.Error:
            return 0

    return max(SEPARATORS.values(), key=cells)


def _table(file: str, rows: list[list[str]], lines: list[int]) -> CsvRows:
    rows = _without_end(rows)
    header = [cell.strip() for cell in rows[0]]
    problems = [*_twice(header, file, lines[0]), *_lengths(rows, lines, file)]
    if problems:
        raise ProfileError(problems)
    cells = [list(column) for column in zip(*rows[1:], strict=True)] or [[] for _ in header]
    return CsvRows(header, cells, lines[1:])


def _without_end(rows: list[list[str]]) -> list[list[str]]:
    """Rows without the empty cell that a separator at their end makes."""
    n_cells = len(rows[0])
    body = rows[1:]
    if (
        len(rows[0]) > 1
        and not rows[0][-1].strip()
        and all(len(row) == n_cells and not row[-1].strip() for row in body)
    ):
        return [row[:-1] for row in rows]
    if body and all(len(row) == n_cells + 1 and not row[-1].strip() for row in body):
        return [rows[0], *(row[:-1] for row in body)]
    return rows


def _twice(header: Sequence[str], file: str, line: int) -> list[Problem]:
    problems = []
    for name, times in Counter(header).items():
        if times > 1:
            places = [place for place, each in enumerate(header, start=1) if each == name]
            where = ", ".join(str(place) for place in places[:5])
            message = "the column stands twice" if name else "columns have no name"
            hint = f"they are columns {where}; give each a name of its own, or leave them out"
            problems.append(Problem(message, path=name, hint=hint, file=file, line=line))
    return problems


def _lengths(rows: list[list[str]], lines: list[int], file: str) -> list[Problem]:
    n_cells = len(rows[0])
    message = f"the row does not have the header's {n_cells} cells"
    hint = (
        "the first line names the columns (lines above it: profiles.skip_lines); cells that hold the separator (a decimal "
        "comma) stand in quotation marks"
    )
    return grouped(
        Problem(message, value=str(len(row)), hint=hint, file=file, line=line)
        for row, line in zip(rows, lines, strict=True)
        if len(row) != n_cells
    )
