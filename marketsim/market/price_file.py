"""Prices from a CSV file of the user's own; every problem at once, with its line."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from marketsim.core.clock import Clock
from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.files import MIB, read_text

Values: TypeAlias = Sequence[float] | float | None
Prices: TypeAlias = tuple[Sequence[float], Values, Values]
At: TypeAlias = Callable[..., Problem]
"""Makes a problem of the file."""

_KNOWN = ("time", "retail", "feed_in", "wholesale")
_MOST_PROBLEMS = 20
_LARGEST: Final = 64 * MIB
_BOUNDS = {"retail": (1e-6, 1_000.0), "feed_in": (1e-6, 1_000.0), "wholesale": (-1_000.0, 1_000.0)}


class _Row(NamedTuple):
    line: int
    cells: list[str]


def read_prices(path: Path, feed_in: Values, wholesale: Values, clock: Clock, value_minutes: int) -> Prices:
    """Retail, feed-in and wholesale prices [currency/kWh] from the row at midnight of the start on.

    ``feed_in`` and ``wholesale`` hold where the file has no such column. ScenarioError lists all problems.
    """
    at = partial(Problem, file=str(path))
    rows = _rows(path, at)
    header = [name.strip() for name in rows[0].cells] if rows else []
    _refuse(_header_problems(at, header, feed_in))
    problems: list[Problem] = []
    columns: dict[str, list[float]] = {name: [] for name in header if name != "time"}
    times: list[datetime] = []
    for row in rows[1:]:
        problems += _take_row(at, header, row, columns, times)
    _refuse(problems)
    lines = [row.line for row in rows[1:]]
    _refuse(_order_problems(at, lines, columns["retail"], columns.get("feed_in", feed_in)))
    skipped = _start_row(at, lines, times, clock, value_minutes) if "time" in header else 0
    cut = {name: values[skipped:] for name, values in columns.items()}
    return cut["retail"], cut.get("feed_in", feed_in), cut.get("wholesale", wholesale)


def _refuse(problems: list[Problem]) -> None:
    if not problems:
        return
    more = len(problems) - _MOST_PROBLEMS
    rest = [Problem(f"and {more} more problems", file=problems[0].file)] if more > 0 else []
    raise ScenarioError(problems[:_MOST_PROBLEMS] + rest)


def _rows(path: Path, at: At) -> list[_Row]:
    """Rows that hold anything, with their lines."""
    reader = csv.reader(io.StringIO(read_text(path, _LARGEST, ScenarioError), newline=""))
    try:
        return [_Row(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise ScenarioError([at(f"the price file is no CSV text: {error}", line=reader.line_num)]) from error


def _header_problems(at: At, header: Sequence[str], feed_in: Values) -> list[Problem]:
    known = ", ".join(_KNOWN)
    problems = [
        at("unknown column", value=repr(name), hint=f"known: {known}", line=1) for name in header if name not in _KNOWN
    ]
    if "retail" not in header:
        problems.append(at("there is no column 'retail'", hint="the first line names the columns", line=1))
    if "feed_in" not in header and feed_in is None:
        problems.append(at("there is neither a column 'feed_in' nor a feed_in in the scenario", line=1))
    if len(set(header)) < len(header):
        problems.append(at("a column is named twice", value=", ".join(header), line=1))
    return problems


def _take_row(
    at: At, header: Sequence[str], row: _Row, columns: dict[str, list[float]], times: list[datetime]
) -> list[Problem]:
    """Append a row to ``columns`` and ``times``; what is wrong with it."""
    if len(row.cells) != len(header):
        return [at(f"{len(row.cells)} values for {len(header)} columns", line=row.line)]
    problems = []
    for name, text in zip(header, row.cells, strict=True):
        try:
            if name == "time":
                times.append(_time(text))
            else:
                columns[name].append(_price(name, text))
        except ValueError as error:
            problems.append(at(f"no valid {name}", value=repr(text), hint=str(error), line=row.line))
    return problems


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        time = None
    if time is None or time.tzinfo is not None:
        raise ValueError("local standard time without an offset, e.g. 2016-07-12T13:00")
    return time


def _price(name: str, text: str) -> float:
    low, high = _BOUNDS[name]
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:  # refuses NaN too
        raise ValueError(f"a number between {low:g} and {high:g} [currency/kWh]")
    return value


def _order_problems(at: At, lines: Sequence[int], retail: Sequence[float], feed_in: Values) -> list[Problem]:
    low = feed_in if isinstance(feed_in, Sequence) else [0.0 if feed_in is None else feed_in] * len(retail)
    return [
        at("feed_in exceeds retail", value=f"{pays} > {takes}", line=line)
        for line, pays, takes in zip(lines, low, retail, strict=True)
        if pays > takes
    ]


def _start_row(at: At, lines: Sequence[int], times: Sequence[datetime], clock: Clock, value_minutes: int) -> int:
    """Row of midnight of the start; ScenarioError for gaps, repeats, or rows that do not reach there."""
    step = timedelta(minutes=value_minutes)
    _refuse(
        [
            at(f"the row is not {value_minutes} minutes after the last", value=str(now), line=line)
            for line, (last, now) in zip(lines[1:], pairwise(times), strict=True)
            if now - last != step
        ]
    )
    start = datetime.combine(clock.start, datetime.min.time())
    offset = (start - times[0]) / step if times else -1.0
    if not 0 <= offset < len(times) or offset != int(offset):
        seen = f"{times[0]} to {times[-1]}" if times else "no rows"
        raise ScenarioError([at(f"no row begins at {start}, the start of the run", value=seen)])
    return int(offset)
