"""Forecasts as data: what was expected of later slots, with the time at which it was.

A CSV file with a row an issue and step: ``issued`` and ``time`` (the beginning of the step; both ISO 8601, local standard time),
and a column ``<agent>_load_kw``, ``<agent>_pv_kw`` or ``<agent>_heat_kw`` for each series [kW]. Of each slot counts the latest
issue that has it and that was out when the slot began from which it is looked at. An empty cell says nothing.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import partial
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.alike import first_few, grouped, listed
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.errors import Problem, ProfileError
from marketsim.core.files import MIB, read_bytes
from marketsim.core.local_time import local_time
from marketsim.core.numerals import number
from marketsim.core.table_text import TableRow, table_rows, table_text

MOST_BYTES: Final = 256 * MIB
_TIMES: Final = ("issued", "time")
_SERIES: Final = ("load_kw", "pv_kw", "heat_kw")
_MOST_KW: Final = 1e9


class _Issue(NamedTuple):
    """What was expected at one time."""

    issued: float
    """Slots since the start of the run."""
    first: int
    """First slot that it has."""
    last: int
    """The slot behind its last."""
    values: FloatArray
    """Mean power in each slot [kW]; NaN where it says nothing [n_slots, n_columns]."""


class GivenForecasts:
    """The forecasts of a file."""

    def __init__(
        self, issues: Sequence[_Issue], columns: Mapping[tuple[str, int], int], n_own: int, notes: tuple[str, ...]
    ) -> None:
        self._issues, self._columns, self._n_own, self.notes = issues, columns, n_own, notes
        self._issued = [issue.issued for issue in issues]
        ends = np.maximum.accumulate([issue.last for issue in issues]) if issues else np.zeros(0)
        self._reach: list[int] = [int(end) for end in ends]
        """The slot behind the last that any issue so far has."""

    def expected(self, name: str, slot: int, horizon: int, agents: IntArray) -> FloatArray:
        """What was expected of this and the following slots when ``slot`` opened [kW] [horizon, k]; NaN: nothing was."""
        own = [self._columns.get((name, int(agent) % self._n_own), -1) for agent in agents]
        found = np.full((horizon, len(own)), np.nan)
        known = np.array([column >= 0 for column in own], dtype=np.bool_)
        if not known.any():
            return found
        taken = np.array([column for column in own if column >= 0], dtype=np.int64)
        part = found[:, known]
        for place in range(bisect_right(self._issued, slot) - 1, -1, -1):
            if self._reach[place] <= slot or not np.isnan(part).any():
                break
            _lay(part, self._issues[place], slot, taken)
        found[:, known] = part
        return found


def _lay(part: FloatArray, issue: _Issue, slot: int, columns: IntArray) -> None:
    """Fill what is not known yet by an issue."""
    first, last = max(issue.first, slot), min(issue.last, slot + len(part))
    if first < last:
        seen = part[first - slot : last - slot]
        given = issue.values[first - issue.first : last - issue.first, columns]
        np.copyto(seen, given, where=np.isnan(seen))


def read_forecasts(file: str, context: BuildContext) -> GivenForecasts:
    """The forecasts of a file for the agents of a market; ProfileError with everything that is wrong with it."""
    path = context.fence.file(file, ProfileError, "the file of forecasts")
    data = read_bytes(path, MOST_BYTES, ProfileError)
    rows = table_rows(table_text(data, file, ProfileError), ",", file, ProfileError)
    at = partial(Problem, file=file)
    header = [name.strip() for name in rows[0].cells] if rows else []
    places: dict[str, int] = {name: header.index(name) for name in _TIMES if name in header}
    _refuse([at(f"there is no column {name!r}", hint=_HEADER, line=1) for name in _TIMES if name not in places])
    names = [agent.name for agent in context.agents]
    columns, strangers, problems = _columns(header, names, at)
    _refuse(problems)
    issues = _issues(rows[1:], places, sorted(columns.values()), len(header), context, at)
    order = {place: position for position, place in enumerate(sorted(columns.values()))}
    notes = (f"Forecasts of {listed(strangers, quote=False)} in {file} belong to no agent.",) if strangers else ()
    return GivenForecasts(issues, {key: order[place] for key, place in columns.items()}, len(names), notes)


_HEADER: Final = "the first line names the columns: issued, time, and <agent>_load_kw, <agent>_pv_kw or <agent>_heat_kw"


def _columns(
    header: Sequence[str], names: Sequence[str], at: partial[Problem]
) -> tuple[dict[tuple[str, int], int], list[str], list[Problem]]:
    """Place of each series of an agent, columns of agents that there are not, and malformed names."""
    columns: dict[tuple[str, int], int] = {}
    strangers, problems = [], []
    for place, name in enumerate(header):
        if name in _TIMES:
            continue
        series = next((each for each in _SERIES if name.endswith(f"_{each}")), None)
        agent = name.removesuffix(f"_{series}")
        if series is None:
            close = get_close_matches(name, [f"{each}_{kind}" for each in names for kind in _SERIES], n=1)
            hint = f"did you mean {close[0]!r}?" if close else _HEADER
            problems.append(at("the column is of no series", value=repr(name[:80]), hint=hint, line=1))
        elif agent not in names:
            strangers.append(name)
        elif (key := (series, names.index(agent))) in columns:
            problems.append(at("the column stands twice", value=repr(name[:80]), line=1))
        else:
            columns[key] = place
    if not columns and not problems:
        hint = f"agents of the scenario: {', '.join(names[:5])}"
        problems.append(at("no column is of an agent of the scenario", value=", ".join(strangers[:3]), hint=hint))
    return columns, strangers, problems


class _Line(NamedTuple):
    """A row of the file."""

    issued: datetime
    time: datetime
    values: list[float]
    line: int


def _issues(
    rows: Sequence[TableRow],
    places: Mapping[str, int],
    columns: Sequence[int],
    n_columns: int,
    context: BuildContext,
    at: partial[Problem],
) -> list[_Issue]:
    """The issues in the order of time."""
    lines: list[_Line] = []
    problems: list[Problem] = []
    for row in rows:
        try:
            lines.append(_line(row, places, columns, n_columns))
        except ValueError as error:
            message, seen, hint = error.args
            problems.append(at(message, value=seen, hint=hint, line=row.line))
    _refuse(grouped(problems))
    groups: dict[datetime, list[_Line]] = {}
    for line in lines:
        groups.setdefault(line.issued, []).append(line)
    if not groups:
        raise ProfileError([at("the file has no rows below its header")])
    step = _step(groups, context, at)
    _refuse(first_few([each for own in groups.values() for each in _gaps(own, step, at)], "such rows"))
    start, slot = datetime.combine(context.clock.start, datetime.min.time()), _slot(context)
    repeats = int(step / slot)
    made = []
    for issued in sorted(groups):
        own = groups[issued]
        first = (own[0].time - start) / slot
        if first != int(first):
            hint = f"steps begin with slots of {context.clock.slot_minutes} minutes"
            raise ProfileError(
                [at("a step does not begin with a slot", value=str(own[0].time), hint=hint, line=own[0].line)]
            )
        values = np.repeat(np.array([each.values for each in own]), repeats, axis=0)
        made.append(_Issue((issued - start) / slot, int(first), int(first) + len(values), values))
    return made


def _slot(context: BuildContext) -> timedelta:
    return timedelta(minutes=context.clock.slot_minutes)


def _line(row: TableRow, places: Mapping[str, int], columns: Sequence[int], n_columns: int) -> _Line:
    """A row; ValueError(message, value seen, hint)."""
    if len(row.cells) != n_columns:
        raise ValueError(f"{len(row.cells)} values for {n_columns} columns", "", "")
    times = []
    for name in _TIMES:
        text = row.cells[places[name]]
        try:
            times.append(local_time(text))
        except ValueError as error:
            raise ValueError(f"{name}: not a time", repr(text[:60]), str(error)) from None
    return _Line(times[0], times[1], [_power(row.cells[place]) for place in columns], row.line)


def _power(text: str) -> float:
    if not text.strip():
        return math.nan
    value = number(text)
    if not 0.0 <= value <= _MOST_KW:  # refuses NaN too
        raise ValueError("not a plain number of at least 0", repr(text[:60]), "leave a cell empty that says nothing")
    return value


def _step(groups: Mapping[datetime, Sequence[_Line]], context: BuildContext, at: partial[Problem]) -> timedelta:
    """Length of the steps: a slot or several."""
    slot = _slot(context)
    pair = next((own for own in groups.values() if len(own) > 1), None)
    step = slot if pair is None else pair[1].time - pair[0].time
    if step < slot or step % slot:
        hint = f"give one value a slot of {context.clock.slot_minutes} minutes, or one for several slots"
        raise ProfileError([at("the steps of the forecasts do not fit the slots", value=str(step), hint=hint)])
    return step


def _gaps(own: Sequence[_Line], step: timedelta, at: partial[Problem]) -> list[Problem]:
    hint = "the rows of an issue stand in the order of time, in equal steps; leave a cell empty that says nothing"
    return [
        at(f"the row is not {step} after the last of the same issue", value=str(now.time), hint=hint, line=now.line)
        for last, now in pairwise(own)
        if now.time - last.time != step
    ]


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise ProfileError(problems)
