"""Reading a table of the user's own: its cells by column, with their lines."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from marketsim.core.errors import Problem, ProfileError
from marketsim.core.fence import Fence
from marketsim.core.files import MIB, read_bytes
from marketsim.profiles.csv_text import read_rows
from marketsim.profiles.parquet_file import read_columns

MOST_BYTES: Final = 256 * MIB
"""Largest file; its cells take some ten times as much of memory."""
_PACKED: Final = (".gz", ".bz2", ".xz", ".zst", ".zip", ".7z")
_SHEETS: Final = (".xlsx", ".xls", ".xlsm", ".ods")
_TEXTS: Final = (".csv", ".txt", ".tsv")
_PARQUETS: Final = (".parquet", ".pq")


class CellTable(NamedTuple):
    """Cells as read, by column."""

    file: str
    """As the user wrote it."""
    columns: dict[str, list[object]]
    lines: Sequence[int]
    """Line (CSV) or row (Parquet) of each row, from 1 [n_rows]."""
    row_files: Sequence[str] = ()
    """File of each row, where there are several [n_rows]."""

    def place(self, row: int) -> tuple[str, int]:
        """File and line of a row."""
        return self.row_files[row] if self.row_files else self.file, self.lines[row]

    def taken(self, rows: Sequence[int]) -> CellTable:
        """Some rows of it."""
        columns = {name: [cells[row] for row in rows] for name, cells in self.columns.items()}
        files = [self.row_files[row] for row in rows] if self.row_files else ()
        return CellTable(self.file, columns, [self.lines[row] for row in rows], files)


def read_table(path: str, folder: Path | Fence, separator: str | None = None) -> CellTable:
    """Read a CSV or Parquet file inside ``folder``; ProfileError if it cannot be read as a table."""
    return table_of(path, read_file(path, folder), separator)


def read_file(path: str, folder: Path | Fence) -> bytes:
    """All of a file inside ``folder`` whose name says that it is a table; ProfileError if there is none."""
    found = _inside(path, Fence.of(folder))
    suffix = found.suffix.lower()
    if suffix not in (*_TEXTS, *_PARQUETS):
        hint = "use .csv or .parquet"
        if suffix in _PACKED:
            hint = "unpack it: compressed files are not read"
        elif suffix in _SHEETS:
            hint = "save the sheet as 'CSV UTF-8'"
        elif suffix == ".xml":
            hint = "download it as CSV: portals that offer Green Button data have both"
        elif suffix == ".json":
            hint = "write it as a table with a column of times"
        raise _refused(path, "the kind of file is not known", hint, found.suffix)
    try:
        return read_bytes(found, MOST_BYTES, ProfileError)
    except ProfileError as error:
        hint = "keep the columns and days that the run needs, or store it as Parquet" if found.is_file() else ""
        wrong = [problem._replace(file=path, hint=problem.hint or hint) for problem in error.problems]
        raise ProfileError(wrong) from None


def is_text(path: str) -> bool:
    """Whether a file is read as text, by its name."""
    return path.lower().endswith(_TEXTS)


def table_of(path: str, data: bytes, separator: str | None = None, skip_lines: int = 0) -> CellTable:
    """The table that a file's bytes hold; ProfileError where they hold none."""
    if is_text(path):
        rows = read_rows(data, path, separator, skip_lines)
        return CellTable(path, dict(zip(rows.names, map(list[object], rows.cells), strict=True)), rows.lines)
    columns, n_rows = read_columns(data, path)
    return CellTable(path, columns, range(1, n_rows + 1))


def unknown_column(table: CellTable, name: str, asked_by: str, likely: Iterable[str] | None = None) -> Problem:
    """The problem that ``asked_by`` names a column that the table does not have; ``likely`` are those it may mean."""
    close = difflib.get_close_matches(name, list(table.columns if likely is None else likely), n=1)
    known = ", ".join(each or "''" for each in list(table.columns)[:10])
    hint = f"did you mean {close[0]!r}?" if close else f"the file has: {known}"
    if len(table.columns) == 1:
        hint += "; that is one column: if another character separates them, set profiles.separator"
    elif "__index_level_0__" in table.columns:
        hint += "; the index of a data frame is a column after reset_index()"
    return Problem("the file has no column of this name", path=asked_by, value=repr(name), hint=hint, file=table.file)


def _refused(file: str, message: str, hint: str = "", value: str = "") -> ProfileError:
    return ProfileError([Problem(message, value=value, hint=hint, file=file)])


def _inside(path: str, fence: Fence) -> Path:
    found = fence.file(path, ProfileError)
    try:
        if not found.exists():
            raise _refused(path, "there is no such file", f"looked for {found}")
    except OSError as error:
        raise _refused(path, f"the file cannot be opened: {error}") from None
    return found
