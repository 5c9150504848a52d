"""Reading a table of the user's own: every problem with its line, column, value and what to do."""

from __future__ import annotations

import csv
import difflib
import io
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.errors import Problem, ProfileError
from marketsim.core.fence import Fence

MOST_ALIKE: Final = 20
"""Problems of one kind in one column that are listed one by one; the rest is counted."""
MOST: Final = 1e9
"""Largest value of a cell [kW or kWh]; far inside what counts as energy in 64 bits."""


class Table(NamedTuple):
    """Cells as read, by column."""

    file: str
    """As the user wrote it."""
    columns: dict[str, list[object]]
    lines: Sequence[int]
    """Line (CSV) or row (Parquet) of each row, from 1 [n_rows]."""


def read_table(path: str, folder: Path | Fence) -> Table:
    """Read a CSV or Parquet file inside ``folder``; ProfileError if it cannot be read as a table."""
    found = _inside(path, Fence.of(folder))
    if found.suffix.lower() == ".csv":
        return _read_csv(path, found)
    if found.suffix.lower() in (".parquet", ".pq"):
        return _read_parquet(path, found)
    raise _refused(path, "the kind of file is not known", "use .csv or .parquet", found.suffix)


def unknown_column(table: Table, name: str, asked_by: str) -> Problem:
    """The problem that ``asked_by`` names a column that the table does not have."""
    close = difflib.get_close_matches(name, table.columns, n=1)
    known = ", ".join(list(table.columns)[:10])
    hint = f"did you mean {close[0]!r}?" if close else f"the file has: {known}"
    return Problem("the file has no column of this name", path=asked_by, value=repr(name), hint=hint, file=table.file)


def read_powers(table: Table, name: str, step_hours: float) -> tuple[FloatArray, list[Problem]]:
    """A column as mean power [kW] [n_rows], and every cell that is no finite, non-negative number."""
    divisor = {"_kw": 1.0, "_kwh": step_hours}.get(name[name.rfind("_") :].lower() if "_" in name else "")
    problems = []
    if divisor is None:
        hint = "rename it and convert its values: <name>_kw for mean power, <name>_kwh for energy in a step"
        problems.append(
            Problem("the name of the column does not end in _kw or _kwh", path=name, hint=hint, file=table.file)
        )
    values, wrong = _numbers(table, name)
    return values / (divisor or 1.0), problems + wrong


def shortened(problems: list[Problem]) -> list[Problem]:
    """The first problems one by one, and how many more there are of each kind."""
    more = Counter(problem.message for problem in problems[MOST_ALIKE:])
    rest = [
        problems[0]._replace(message=f"... and {times} more: {message}", value="", hint="", line=0)
        for message, times in more.items()
    ]
    return problems[:MOST_ALIKE] + rest


def _refused(file: str, message: str, hint: str = "", value: str = "") -> ProfileError:
    return ProfileError([Problem(message, value=value, hint=hint, file=file)])


def _inside(path: str, fence: Fence) -> Path:
    found = fence.file(path, ProfileError)
    try:
        if not found.is_file():
            raise _refused(path, "there is no such file", f"looked for {found}")
    except OSError as error:
        raise _refused(path, f"the file cannot be opened: {error}") from None
    return found


def _read_csv(file: str, path: Path) -> Table:
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise _refused(file, f"the file cannot be read: {error}") from None
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        byte = f"byte 0x{raw[error.start]:02x}"
        raise ProfileError([Problem("not UTF-8", value=byte, hint="save it as UTF-8", file=file, line=line)]) from None
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if first.count(";") > first.count(",") else ",")
    rows, lines = [], []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise ProfileError([Problem(f"not a CSV file: {error}", file=file, line=reader.line_num)]) from None
    return _table(file, rows, lines)


def _table(file: str, rows: list[list[str]], lines: list[int]) -> Table:
    if not rows:
        raise _refused(file, "the file is empty", "write a header and a row for each step")
    header = [cell.strip() for cell in rows[0]]
    problems = [
        Problem("the column stands twice", path=name, file=file, line=lines[0])
        for name, times in Counter(header).items()
        if times > 1
    ]
    message = f"the row does not have the header's {len(header)} cells"
    problems += shortened(
        [
            Problem(message, value=str(len(row)), file=file, line=line)
            for row, line in zip(rows, lines, strict=True)
            if len(row) != len(header)
        ]
    )
    if problems:
        raise ProfileError(problems)
    cells: list[tuple[object, ...]] = list(zip(*rows[1:], strict=True)) or [()] * len(header)
    columns = {name: list(column) for name, column in zip(header, cells, strict=True)}
    return Table(file, columns, lines[1:])


def _read_parquet(file: str, path: Path) -> Table:
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    try:
        table = pq.read_table(path)
        columns = {}
        for name, column in zip(table.column_names, table.columns, strict=True):
            whole = column.cast(pa.timestamp("us", column.type.tz)) if pa.types.is_timestamp(column.type) else column
            columns[name] = whole.to_pylist()
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _refused(file, f"not a Parquet file that can be read: {error}") from None
    return Table(file, columns, range(1, table.num_rows + 1))


def _numbers(table: Table, name: str) -> tuple[FloatArray, list[Problem]]:
    cells = table.columns[name]
    values = np.full(len(cells), np.nan)
    try:
        values[:] = cells
    except (TypeError, ValueError):
        values[:] = [_number(cell) for cell in cells]
    wrong = np.flatnonzero(~((values >= 0) & (values <= MOST)))
    return values, shortened([_wrong_number(table, name, int(row), float(values[row])) for row in wrong])


def _number(cell: object) -> float:
    try:
        return float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return math.nan


def _wrong_number(table: Table, name: str, row: int, value: float) -> Problem:
    cell = table.columns[name][row]
    text = str(cell).strip() if cell is not None else ""
    if not text or (math.isnan(value) and text.lower() in ("nan", "null", "na", "none")):
        message, hint = "a missing value", "fill the gap"
    elif math.isnan(value):
        message, hint = "not a number", "write decimals with a point" if "," in text else "write a plain number"
    elif value < 0:
        message, hint = "a negative value", "load, PV and heat are all written as positive numbers"
    else:
        message, hint = "a value beyond all bounds", f"at most {MOST:g}"
    return Problem(message, path=name, value=repr(text), hint=hint, file=table.file, line=table.lines[row])
