"""Files of the user's own as series of powers, read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import gcd
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from marketsim.core.alike import across_columns, first_few, listed
from marketsim.core.arrays import FloatArray, frozen
from marketsim.core.errors import Problem
from marketsim.core.fence import Fence
from marketsim.profiles.file_params import FileParams, Values
from marketsim.profiles.file_set import FileSet, digest, file_set, read_files
from marketsim.profiles.layouts import SeriesCells, time_name
from marketsim.profiles.powers import Filled, Reading, read_powers
from marketsim.profiles.table import CellTable
from marketsim.profiles.times import Clocks, Steps, steps_of, told_times
from marketsim.profiles.values import MOST

_NO_STEPS: Final = Steps(datetime(2016, 1, 1), timedelta(hours=1), 0)
_FEW: Final = 6
"""Faults of the times of several tables that are told one by one."""
_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)


_Signs: TypeAlias = tuple[frozenset[str], frozenset[str]]
"""Columns of net meters, which have both signs, and of PV, which yields nothing at night."""


class FilePowers(NamedTuple):
    """What files bring."""

    steps: Steps
    powers: Mapping[str, FloatArray]
    """Mean power of the columns that are wanted [kW], each [n_steps]; read only."""
    notes: tuple[str, ...]
    """What was filled."""
    bounds: str = ""
    """Which series begins last and which ends first, where they differ."""


class SeriesFile:
    """Files as they were found; ProfileError where one is no table or has no column of times.

    ``agents``: who needs a file, where each agent has its own.
    """

    def __init__(self, params: FileParams, folder: Path | Fence, agents: Mapping[str, bool]) -> None:
        self._params = params
        self._files = read_files(params, folder, agents)
        self._key = (digest(self._files), params.model_dump_json())
        kept = _kept.get(self._key)
        self._set = kept.header if kept is not None else file_set(self._files, params)
        self.table = self._set.header
        """Names of all columns, without cells."""
        self.prefixes = {file.agent: file.prefix for file in self._files if file.agent is not None}
        """What stands before the names of an agent's columns, where each agent has its own file."""

    def series(
        self,
        wanted: Mapping[str, Values | None],
        nets: frozenset[str] = frozenset(),
        plants: frozenset[str] = frozenset(),
    ) -> tuple[FilePowers | None, list[Problem]]:
        """The wanted columns, by what the scenario says they hold; and everything that is wrong with them.

        ``nets``: those of net meters, which have both signs; ``plants``: those of PV.
        """
        kept = _kept.get(self._key)
        if kept is not None and (kept.wanted, kept.signs) == (wanted, (nets, plants)):
            return kept.series, []
        if kept is not None and not self._set.series:
            self._set = file_set(self._files, self._params)
        series, problems = _read(self._set, self._params, wanted, (nets, plants))
        if series is not None and not problems:
            _kept.clear()
            _kept[self._key] = _Kept(self._set.without_cells(), dict(wanted), (nets, plants), series)
        return series, problems


class _Kept(NamedTuple):
    """What is remembered of the last files, which are checked before a run and read by it."""

    header: FileSet
    wanted: Mapping[str, Values | None]
    signs: _Signs
    series: FilePowers


_kept: dict[tuple[str, str], _Kept] = {}


class _TablePowers(NamedTuple):
    """What one table brings."""

    steps: Steps
    powers: dict[str, FloatArray]
    notes: list[str]
    of_times: list[Problem]
    of_cells: list[Problem]


def clocks_of(params: FileParams) -> Clocks:
    """How the files tell times."""
    days = params.layout == "days"  # the dates of rows are read already
    return Clocks(
        params.utc_offset_hours,
        None if days else params.date_format,
        params.decimal,
        params.time_zone,
        params.stamps == "end",
    )


def _read(
    files: FileSet, params: FileParams, wanted: Mapping[str, Values | None], signs: _Signs
) -> tuple[FilePowers | None, list[Problem]]:
    tables: dict[int, list[str]] = {}
    for name in wanted or list(files.series)[:1]:  # without a wanted column the times are checked all the same
        tables.setdefault(id(files.series[name].table), []).append(name)
    found: list[_TablePowers] = []
    of_times: list[Problem] = []
    of_cells: list[Problem] = []
    for names in tables.values():
        own = {name: wanted[name] for name in names if name in wanted}
        found.append(_read_table({name: files.series[name] for name in names}, params, own, signs))
        of_times += found[-1].of_times
        of_cells += found[-1].of_cells
    if not tables:
        of_times.append(Problem(f"{params.shown} has no columns beside the times", path="profiles.path"))
    if of_times or of_cells:
        most = len(of_times) if len(tables) <= 1 else _FEW
        return None, [*first_few(of_times, "faults of times", most), *across_columns(of_cells)]
    if len(found) == 1:
        return _one(found[0]), []
    return _joined(found)


def _read_table(
    cells: Mapping[str, SeriesCells], params: FileParams, wanted: Mapping[str, Values | None], signs: _Signs
) -> _TablePowers:
    """The wanted columns of one table, or what is wrong with them."""
    fills = params.gaps != "refuse"
    longest = timedelta(minutes=params.longest_gap_minutes) if fills else timedelta(0)
    clocks, time = clocks_of(params), time_name(params)
    table = next(iter(cells.values())).table
    times, problems = told_times(table, time, clocks)
    steps = None
    if not problems:
        kept = _within(times, params, counts=any(str(told).startswith("counter") for told in wanted.values()))
        if times and not kept:
            return _TablePowers(_NO_STEPS, {}, [], [_nothing_left(table, params)], [])
        if len(kept) < len(times):
            times, table = [times[row] for row in kept], table.taken(kept)
        steps, problems = steps_of(table, time, times, clocks, longest)
    how = Reading(params.decimal, params.gaps, longest, params.largest_kw or MOST)
    powers: dict[str, FloatArray] = {}
    filled: dict[str, Filled] = {}
    wrong: list[Problem] = []
    for name, told in wanted.items():
        # without times each row counts as a step, so that the cells are checked all the same
        at = steps or _NO_STEPS._replace(n_steps=len(table.lines))
        powers[name], filled[name], found = read_powers(
            table, cells[name].column, at, told, how._replace(signed=name in signs[0], plant=name in signs[1])
        )
        wrong += found
    if steps is None or problems or wrong:
        return _TablePowers(_NO_STEPS, {}, [], problems, wrong)
    return _whole(_TablePowers(steps, powers, _told(table, steps, filled, params), [], []))


def _nothing_left(table: CellTable, params: FileParams) -> Problem:
    message = f"{table.file} has no row from {params.first_day or 'its begin'} to {params.last_day or 'its end'}"
    return Problem(message, path="profiles.first_day", hint="choose days that the file has")


def _within(times: Sequence[datetime], params: FileParams, *, counts: bool) -> list[int]:
    """Rows of the days that are to be read; of a counter also the reading that ends them."""
    ends, n_rows = params.stamps == "end", range(len(times))
    rows = list(n_rows)
    if params.first_day is not None:
        first = datetime.combine(params.first_day, datetime.min.time())
        rows = [row for row in rows if times[row] > first or (times[row] == first and not ends)]
    if params.last_day is not None:
        last = datetime.combine(params.last_day, datetime.min.time()) + _DAY
        rows = [row for row in rows if times[row] < last or (times[row] == last and (ends or counts))]
    return rows


def _whole(found: _TablePowers) -> _TablePowers:
    """Without the last step where a meter does not know of it."""
    if any(len(power) and np.isnan(power[-1]) for power in found.powers.values()):
        n_steps = found.steps.n_steps - 1
        cut = {name: power[:n_steps] for name, power in found.powers.items()}
        return found._replace(steps=found.steps._replace(n_steps=n_steps), powers=cut)
    return found


def _one(found: _TablePowers) -> FilePowers:
    cut = {name: np.ascontiguousarray(power) for name, power in found.powers.items()}
    for power in cut.values():
        frozen(power)
    return FilePowers(found.steps, cut, tuple(found.notes))


def _joined(found: Sequence[_TablePowers]) -> tuple[FilePowers | None, list[Problem]]:
    """Series of several tables in steps of the finest common length, for the time that all have."""
    length = _MINUTE * gcd(*(each.steps.length // _MINUTE for each in found))
    latest = max(found, key=lambda each: each.steps.begins)
    first = min(found, key=lambda each: each.steps.ends)
    begins, ends = latest.steps.begins, first.steps.ends
    bounds = f"{next(iter(latest.powers))} begins {begins}, {next(iter(first.powers))} ends {ends}"
    if begins >= ends:
        hint = "leave out the one or the other, or read other days"
        return None, [Problem(f"the series have no time in common: {bounds}", path="profiles.path", hint=hint)]
    n_steps = (ends - begins) // length
    powers: dict[str, FloatArray] = {}
    for each in found:
        skip = (begins - each.steps.begins) // length
        for name, power in each.powers.items():
            powers[name] = np.repeat(power, each.steps.length // length)[skip : skip + n_steps]
            frozen(powers[name])
    notes = tuple(dict.fromkeys(note for each in found for note in each.notes))
    differ = any(each.steps[:3] != found[0].steps[:3] for each in found)
    return FilePowers(Steps(begins, length, n_steps), dict(sorted(powers.items())), notes, bounds if differ else ""), []


def _told(table: CellTable, steps: Steps, filled: Mapping[str, Filled], params: FileParams) -> list[str]:
    """What was filled, in a sentence."""
    notes = []
    n_rows = steps.n_steps - len(table.lines)
    whose = "" if params.layout == "wide" else f" for {listed(list(filled), quote=False)}"
    if n_rows:
        notes.append(
            f"{n_rows} of {steps.n_steps} steps have no row in {table.file}{whose} and were filled ({params.gaps})."
        )
    cells = {name: each.cells - n_rows for name, each in filled.items() if each.cells > n_rows}
    if cells:
        longest = max(filled[name].longest for name in cells)
        names = listed(list(cells), quote=False)
        total = sum(cells.values())
        notes.append(
            f"{total} missing {'value' if total == 1 else 'values'} of {table.file} "
            f"({names}) {'was' if total == 1 else 'were'} filled ({params.gaps}), the longest gap lasts {longest}."
        )
    return notes
