"""Reading a table of the user's own: every problem with its line, column, value and what to do."""

from __future__ import annotations

import csv
import difflib
import io
import math
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.errors import Problem, ProfileError

MOST_ALIKE: Final = 20
"""Problems of one kind in one column that are listed one by one; the rest is counted."""
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_DAYLIGHT_SAVING: Final = (
    "the times seem to follow daylight saving; write them in standard time, or with their offset from UTC "
    "(2016-07-12T14:00+02:00) together with utc_offset_hours"
)


class Table(NamedTuple):
    """Cells as read, by column."""

    file: str
    """As the user wrote it."""
    columns: dict[str, list[object]]
    first_line: int
    """Line (CSV) or row (Parquet) of the first cells, from 1."""
    lines: Sequence[int]
    """Line of each row [n_rows]."""


class Steps(NamedTuple):
    """Times of a table: equal steps without a gap."""

    begins: datetime
    length: timedelta
    count: int

    @property
    def ends(self) -> datetime:
        """End of the last step."""
        return self.begins + self.count * self.length

    @property
    def hours(self) -> float:
        """Length of a step [h]."""
        return self.length / _HOUR


def read_table(path: str, folder: Path) -> Table:
    """Read a CSV or Parquet file inside ``folder``; ProfileError if it cannot be read as a table."""
    found = _inside(path, folder)
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


def read_times(table: Table, name: str, utc_offset_hours: float | None) -> tuple[Steps | None, list[Problem]]:
    """The steps of the table, and every time that is malformed, doubled, missing or out of order."""
    times, problems = _parse_times(table, name, utc_offset_hours)
    if problems:
        return None, problems
    if len(times) < 2:
        return None, [Problem("the file needs at least two rows", path=name, file=table.file)]
    differences = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]
    length = Counter(difference for difference in differences if difference > timedelta(0)).most_common(1)
    if not length:
        return None, [Problem("the times do not increase", path=name, file=table.file)]
    step = length[0][0]
    problems = _check_step(table, name, times[0], step)
    irregular = [
        _irregular(table, name, row + 1, times[row], times[row + 1], step)
        for row, difference in enumerate(differences)
        if difference != step
    ]
    problems += _shortened(irregular)
    return (None if problems else Steps(times[0], step, len(times))), problems


def _refused(file: str, message: str, hint: str = "", value: str = "") -> ProfileError:
    return ProfileError([Problem(message, value=value, hint=hint, file=file)])


def _inside(path: str, folder: Path) -> Path:
    root = folder.resolve()
    try:
        found = (root / path).resolve()
        if not found.is_relative_to(root):
            raise _refused(path, "the file lies outside the scenario's folder", f"move it below {root}")
        if not found.is_file():
            raise _refused(path, "there is no such file", f"looked for {found}")
    except (OSError, ValueError) as error:
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
    problems += _shortened(
        [
            Problem(message, value=str(len(row)), file=file, line=line)
            for row, line in zip(rows, lines, strict=True)
            if len(row) != len(header)
        ]
    )
    if problems:
        raise ProfileError(problems)
    cells: list[tuple[object, ...]] = list(zip(*rows[1:], strict=True)) or [()] * len(header)
    return Table(
        file, {name: list(column) for name, column in zip(header, cells, strict=True)}, lines[0] + 1, lines[1:]
    )


def _read_parquet(file: str, path: Path) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        columns = {}
        for name, column in zip(table.column_names, table.columns, strict=True):
            whole = column.cast(pa.timestamp("us", column.type.tz)) if pa.types.is_timestamp(column.type) else column
            columns[name] = whole.to_pylist()
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _refused(file, f"not a Parquet file that can be read: {error}") from None
    return Table(file, columns, 1, range(1, table.num_rows + 1))


def _numbers(table: Table, name: str) -> tuple[FloatArray, list[Problem]]:
    cells = table.columns[name]
    values = np.full(len(cells), np.nan)
    try:
        values[:] = cells
    except (TypeError, ValueError):
        values[:] = [_number(cell) for cell in cells]
    wrong = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    return values, _shortened([_wrong_number(table, name, int(row), float(values[row])) for row in wrong])


def _number(cell: object) -> float:
    try:
        return float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return math.nan


def _wrong_number(table: Table, name: str, row: int, value: float) -> Problem:
    cell = table.columns[name][row]
    text = str(cell).strip() if cell is not None else ""
    if value < 0:
        message, hint = "a negative value", "load, PV and heat are all written as positive numbers"
    elif not text:
        message, hint = "an empty cell", "fill the gap"
    elif "," in text:
        message, hint = "not a number", "write decimals with a point"
    else:
        message, hint = "not a finite number", "fill the gap"
    return Problem(message, path=name, value=repr(text), hint=hint, file=table.file, line=table.lines[row])


def _shortened(problems: list[Problem]) -> list[Problem]:
    """The first problems one by one, and how many more there are of each kind."""
    more = Counter(problem.message for problem in problems[MOST_ALIKE:])
    rest = [
        problems[0]._replace(message=f"... and {times} more: {message}", value="", hint="", line=0)
        for message, times in more.items()
    ]
    return problems[:MOST_ALIKE] + rest


def _parse_times(table: Table, name: str, utc_offset_hours: float | None) -> tuple[list[datetime], list[Problem]]:
    times: list[datetime] = []
    wrong: list[Problem] = []
    standard = timezone(timedelta(hours=utc_offset_hours)) if utc_offset_hours is not None else None
    for cell, line in zip(table.columns[name], table.lines, strict=True):
        time = _time(cell)
        message, hint = "", ""
        if time is None:
            message, hint = "not a time", "write ISO 8601, e.g. 2016-07-12T14:15"
        elif time.tzinfo is None and standard is not None:
            message, hint = (
                "a time without an offset from UTC",
                "write 2016-07-12T14:15+01:00, or drop utc_offset_hours",
            )
        elif time.tzinfo is not None and standard is None:
            message, hint = "a time with an offset from UTC", "state standard time by utc_offset_hours: 1"
        if message:
            wrong.append(Problem(message, path=name, value=repr(str(cell)), hint=hint, file=table.file, line=line))
        elif time is not None:
            times.append(time.astimezone(standard).replace(tzinfo=None) if standard is not None else time)
    return times, _shortened(wrong)


def _time(cell: object) -> datetime | None:
    if isinstance(cell, datetime):
        return cell
    try:
        return datetime.fromisoformat(str(cell).strip())
    except ValueError:
        return None


def _check_step(table: Table, name: str, first: datetime, step: timedelta) -> list[Problem]:
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    if step % timedelta(minutes=1) or _DAY % step:
        message, hint = (
            "the step between rows is not a number of minutes that divides a day",
            "use e.g. 15 or 60 minutes",
        )
    elif (first - midnight) % step:
        message, hint = "the steps do not begin at midnight", f"shift the times to whole multiples of {step}"
    else:
        return []
    return [Problem(message, path=name, value=str(step), hint=hint, file=table.file, line=table.first_line)]


def _irregular(table: Table, name: str, row: int, earlier: datetime, later: datetime, step: timedelta) -> Problem:
    difference = later - earlier
    hint = ""
    if difference == step - _HOUR:
        message, hint = "an hour stands twice", _DAYLIGHT_SAVING
    elif difference == step + _HOUR:
        message, hint = f"an hour is missing after {earlier}", _DAYLIGHT_SAVING
    elif difference == timedelta(0):
        message, hint = "the time stands twice", "keep one of the rows"
    elif difference < timedelta(0):
        message, hint = f"the time lies before that of the row above ({earlier})", "sort the rows by time"
    elif difference % step:
        message = f"the step is not {step} as elsewhere, but {difference}"
    else:
        message, hint = f"{difference // step - 1} steps are missing after {earlier}", "fill the gap"
    return Problem(message, path=name, value=str(later), hint=hint, file=table.file, line=table.lines[row])
