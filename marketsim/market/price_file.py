"""Prices from a CSV file of the user's own; every problem at once, with its line."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeAlias

from marketsim.core.alike import first_few, grouped
from marketsim.core.clock import Clock
from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.files import MIB, read_bytes
from marketsim.core.local_time import local_time
from marketsim.core.numerals import number
from marketsim.core.table_text import TableRow, table_rows, table_text

PriceColumn: TypeAlias = Sequence[float] | float | None
PriceSeries: TypeAlias = tuple[Sequence[float], PriceColumn, PriceColumn]
At: TypeAlias = Callable[..., Problem]
"""Makes a problem of the file."""

_KNOWN = ("time", "retail", "feed_in", "wholesale")
_MOST_PROBLEMS = 20
_MOST_BYTES: Final = 64 * MIB
_BOUNDS = {"retail": (-1_000.0, 1_000.0), "feed_in": (-1_000.0, 1_000.0), "wholesale": (-1_000.0, 1_000.0)}


def read_prices(
    path: Path, feed_in: PriceColumn, wholesale: PriceColumn, clock: Clock, value_minutes: int
) -> PriceSeries:
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
    _refuse(_end_problems(at, times, clock, value_minutes))
    cut = {name: values[skipped:] for name, values in columns.items()}
    return cut["retail"], cut.get("feed_in", feed_in), cut.get("wholesale", wholesale)


def _refuse(problems: list[Problem]) -> None:
    if not problems:
        return
    told = grouped(problems)
    more = len(told) - _MOST_PROBLEMS
    rest = [Problem(f"and {more} more problems", file=told[0].file)] if more > 0 else []
    raise ScenarioError(told[:_MOST_PROBLEMS] + rest)


def _rows(path: Path, at: At) -> list[TableRow]:
    """Rows that hold anything, with their lines."""
    data = read_bytes(path, _MOST_BYTES, ScenarioError)
    rows = table_rows(table_text(data, str(path), ScenarioError), ",", str(path), ScenarioError)
    if rows and len(rows[0].cells) == 1 and any(mark in rows[0].cells[0] for mark in ";\t|"):
        hint = "separate the columns by commas and write decimals with a point"
        raise ScenarioError(
            [at("the columns are not separated by commas", value=rows[0].cells[0][:80], hint=hint, line=1)]
        )
    return rows


def _unknown(at: At, name: str) -> Problem:
    if not name:
        hint = "name it, or leave out the comma at the end of each line"
        return at("a column has no name", hint=hint, line=1)
    meant = [known for known in _KNOWN if known == name.lower()]
    hint = f"did you mean {meant[0]!r}?" if meant else f"known: {', '.join(_KNOWN)}"
    return at("unknown column", value=repr(name), hint=hint, line=1)


def _header_problems(at: At, header: Sequence[str], feed_in: PriceColumn) -> list[Problem]:
    problems = [_unknown(at, name) for name in header if name not in _KNOWN]
    if "retail" not in header:
        problems.append(at("there is no column 'retail'", hint="the first line names the columns", line=1))
    if "feed_in" not in header and feed_in is None:
        problems.append(at("there is neither a column 'feed_in' nor a feed_in in the scenario", line=1))
    if len(set(header)) < len(header):
        problems.append(at("a column is named twice", value=", ".join(header), line=1))
    return problems


def _take_row(
    at: At, header: Sequence[str], row: TableRow, columns: dict[str, list[float]], times: list[datetime]
) -> list[Problem]:
    """Append a row to ``columns`` and ``times``; what is wrong with it."""
    if len(row.cells) != len(header):
        return [at(f"{len(row.cells)} values for {len(header)} columns", line=row.line)]
    problems = []
    for name, text in zip(header, row.cells, strict=True):
        try:
            if name == "time":
                times.append(local_time(text))
            else:
                columns[name].append(_price(name, text))
        except ValueError as error:
            problems.append(at(f"no valid {name}", value=repr(text), hint=str(error), line=row.line))
    return problems


def _price(name: str, text: str) -> float:
    low, high = _BOUNDS[name]
    value = number(text)
    if math.isnan(value) and math.isfinite(number(text, ",")):
        raise ValueError("write decimals with a point")
    if not low <= value <= high:  # refuses NaN too
        raise ValueError(f"a plain number between {low:g} and {high:g} [currency/kWh], such as 0.25")
    return value


def _order_problems(at: At, lines: Sequence[int], retail: Sequence[float], feed_in: PriceColumn) -> list[Problem]:
    low = feed_in if isinstance(feed_in, Sequence) else [0.0 if feed_in is None else feed_in] * len(retail)
    return [
        at("feed_in exceeds retail", value=f"{pays} > {takes}", line=line)
        for line, pays, takes in zip(lines, low, retail, strict=True)
        if pays > takes
    ]


def _end_problems(at: At, times: Sequence[datetime], clock: Clock, value_minutes: int) -> list[Problem]:
    """A problem where dated prices end before the run does: those of one date are not those of the next."""
    ends = datetime.combine(clock.start, datetime.min.time()) + timedelta(minutes=clock.slots * clock.slot_minutes)
    last = times[-1] + timedelta(minutes=value_minutes) if times else ends
    if last >= ends:
        return []
    hint = "add the rows that are missing, shorten clock.slots, or, for a day that repeats, leave out the column time"
    return [at(f"the prices end at {last}, the run at {ends}", value=str(times[-1]), hint=hint)]


def _start_row(at: At, lines: Sequence[int], times: Sequence[datetime], clock: Clock, value_minutes: int) -> int:
    """Row of midnight of the start; ScenarioError for gaps, repeats, or rows that do not reach there."""
    step = timedelta(minutes=value_minutes)
    wrong = [
        at(
            f"the row is not {value_minutes} minutes after the last",
            value=str(now),
            hint=f"the row above begins at {last}; give a row for each {value_minutes} minutes, or state value_minutes",
            line=line,
        )
        for line, (last, now) in zip(lines[1:], pairwise(times), strict=True)
        if now - last != step
    ]
    _refuse(first_few(wrong, "such rows"))
    start = datetime.combine(clock.start, datetime.min.time())
    offset = (start - times[0]) / step if times else -1.0
    if not 0 <= offset < len(times) or offset != int(offset):
        seen = f"{times[0]} to {times[-1]}" if times else "no rows"
        raise ScenarioError([at(f"no row begins at {start}, the start of the run", value=seen)])
    return int(offset)
