"""A file of the user's own as series of powers, read once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from math import isfinite
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.alike import across_columns, listed
from marketsim.core.arrays import FloatArray, frozen
from marketsim.core.errors import Problem, ProfileError
from marketsim.core.fence import Fence
from marketsim.core.numerals import number
from marketsim.profiles.params import FileParams, Values
from marketsim.profiles.powers import Filled, Reading, read_powers
from marketsim.profiles.table import CellTable, read_file, table_of, unknown_column
from marketsim.profiles.times import Steps, read_times
from marketsim.profiles.values import MOST

_SOME_DAY: Final = datetime(2016, 1, 1)


class FilePowers(NamedTuple):
    """What a file brings."""

    steps: Steps
    powers: Mapping[str, FloatArray]
    """Mean power of the columns that are wanted [kW], each [n_steps]; read only."""
    notes: tuple[str, ...]
    """What was filled."""


class SeriesFile:
    """A file as it was found; ProfileError where it is no table or has no column of times."""

    def __init__(self, params: FileParams, folder: Path | Fence) -> None:
        self._params = params
        self._data = read_file(params.path, folder)
        self._key = (hashlib.sha256(self._data).hexdigest(), params.model_dump_json())
        kept = _kept.get(self._key)
        self.table = kept.header if kept is not None else table_of(params.path, self._data, params.separator)
        """The table; where its series are known already, its header alone."""
        if params.time.strip() not in self.table.columns:
            raise ProfileError([_no_times(self.table, params)])

    def series(self, wanted: Mapping[str, Values | None]) -> tuple[FilePowers | None, list[Problem]]:
        """The wanted columns, by what the scenario says they hold; and everything that is wrong with them."""
        kept = _kept.get(self._key)
        if kept is not None and kept.wanted == wanted:
            return kept.series, []
        if kept is not None:
            self.table = table_of(self._params.path, self._data, self._params.separator)
        series, problems = _read(self.table, self._params, wanted)
        if series is not None and not problems:
            _kept.clear()
            names: dict[str, list[object]] = {name: [] for name in self.table.columns}
            _kept[self._key] = _Kept(CellTable(self.table.file, names, ()), dict(wanted), series)
        return series, problems


class _Kept(NamedTuple):
    """What is remembered of the last file, which is checked before a run and read by it."""

    header: CellTable
    wanted: Mapping[str, Values | None]
    series: FilePowers


_kept: dict[tuple[str, str], _Kept] = {}


def _no_times(table: CellTable, params: FileParams) -> Problem:
    problem = unknown_column(table, params.time, "profiles.time")
    if any(isfinite(number(name)) for name in table.columns):
        hint = f"the first line has to name the columns, such as {params.time},house_load_kw; it reads: "
        return problem._replace(
            message=f"the file {table.file} has no header", hint=hint + listed(list(table.columns)), value="", file=""
        )
    hint = (
        problem.hint if "did you mean" in problem.hint else f"name the column of times by profiles.time; {problem.hint}"
    )
    return problem._replace(message=f"the file {table.file} has no column of this name", hint=hint, file="")


def _read(
    table: CellTable, params: FileParams, wanted: Mapping[str, Values | None]
) -> tuple[FilePowers | None, list[Problem]]:
    fills = params.gaps != "refuse"
    longest = timedelta(minutes=params.longest_gap_minutes) if fills else timedelta(0)
    steps, problems = read_times(
        table,
        params.time.strip(),
        params.utc_offset_hours,
        date_format=params.date_format,
        decimal=params.decimal,
        longest_gap=longest,
    )
    how = Reading(params.decimal, params.gaps, longest, params.largest_kw or MOST)
    powers: dict[str, FloatArray] = {}
    filled: dict[str, Filled] = {}
    wrong: list[Problem] = []
    for name, told in wanted.items():
        # without times each row counts as a step, so that the cells are checked all the same
        at = steps or Steps(_SOME_DAY, timedelta(hours=1), len(table.lines))
        powers[name], filled[name], found = read_powers(table, name, at, told, how)
        wrong += found
    problems += across_columns(wrong)
    if steps is None or problems:
        return None, problems
    whole = steps
    if any(len(power) and np.isnan(power[-1]) for power in powers.values()):  # a meter does not know of the last step
        whole = steps._replace(n_steps=steps.n_steps - 1)
    cut = {name: np.ascontiguousarray(power[: whole.n_steps]) for name, power in powers.items()}
    for power in cut.values():
        frozen(power)
    return FilePowers(whole, cut, _told(table, steps, filled, params)), []


def _told(table: CellTable, steps: Steps, filled: Mapping[str, Filled], params: FileParams) -> tuple[str, ...]:
    """What was filled, in a sentence."""
    notes = []
    n_rows = steps.n_steps - len(table.lines)
    if n_rows:
        notes.append(f"{n_rows} of {steps.n_steps} steps have no row in {table.file} and were filled ({params.gaps}).")
    cells = {name: each.cells - n_rows for name, each in filled.items() if each.cells > n_rows}
    if cells:
        longest = max(filled[name].longest for name in cells)
        names = listed(list(cells), quote=False)
        total = sum(cells.values())
        notes.append(
            f"{total} missing {'value' if total == 1 else 'values'} of {table.file} "
            f"({names}) {'was' if total == 1 else 'were'} filled ({params.gaps}), the longest gap lasts {longest}."
        )
    return tuple(notes)
