"""Columns of a table as mean power in equal steps: units, meters that count up, gaps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.alike import grouped
from marketsim.core.arrays import BoolArray, FloatArray
from marketsim.core.errors import Problem
from marketsim.profiles.file_params import MOST_MINUTES, Values
from marketsim.profiles.nights import filled_by_night
from marketsim.profiles.powers_at import StepPlaces, gap_ends
from marketsim.profiles.table import CellTable
from marketsim.profiles.times import Steps
from marketsim.profiles.uneven import changed_energies
from marketsim.profiles.values import MOST, read_cells

_LEAST_ROWS: Final = 24
"""A shorter series may well never fall."""
_RISING: Final = 0.25
"""Share of the steps in which a meter moves, at least."""
_LARGE: Final = 10.0
"""Readings are larger than what passes in a step, by this factor or more."""
_LEAST_RISES: Final = 3
_BEGINS_ANEW: Final = 0.02
"""Falls of a meter that is changed or runs over, as a share of its rises, at most; powers fall as often as they rise."""


class Reading(NamedTuple):
    """How the columns of a file are read."""

    decimal: str = "."
    gaps: str = "refuse"
    longest_gap: timedelta = timedelta(0)
    largest_kw: float = MOST
    signed: bool = False
    """Whether values have both signs, as those of a net meter."""
    plant: bool = False
    """Whether they are of PV, which yields nothing at night."""


AS_IT_IS: Final = Reading()
"""Decimal points, no gaps, no limit."""


class Filled(NamedTuple):
    """What was missing in a column."""

    cells: int = 0
    longest: timedelta = timedelta(0)


def values_of(name: str, told: Values | None) -> Values | None:
    """What a column holds, by what the scenario says of it or by its name; None where neither does."""
    ending = name[name.rfind("_") + 1 :].lower() if "_" in name else ""
    by_name: Values | None = "kw" if ending == "kw" else "kwh" if ending == "kwh" else None
    return told or by_name


def read_powers(
    table: CellTable, name: str, steps: Steps, told: Values | None = None, how: Reading = AS_IT_IS
) -> tuple[FloatArray, Filled, list[Problem]]:
    """A column as mean power [kW] [n_steps], what was filled, and everything that is wrong with it.

    The last step of a meter's readings has no power: NaN.
    """
    kind = values_of(name, told)
    wrong = _check_unit(table, name, told)
    scale = 1e-3 if kind in ("w", "wh", "counter_wh", "w_per_kw") else 1.0
    cells = read_cells(table, name, decimal=how.decimal, scale=scale, fills=how.gaps != "refuse", signed=how.signed)
    wrong += cells.problems
    if wrong or kind is None:
        return cells.values, Filled(), wrong
    values, missing = _on_grid(cells.values, steps)
    at = StepPlaces(table, name, steps)
    if kind in ("kwh", "wh") and how.gaps not in ("refuse", "zero"):
        wrong += changed_energies(np.flatnonzero(~missing), at)
    filled, gaps = _fill(values, missing, at, how, counts=kind.startswith("counter"))
    wrong += gaps
    if how.plant and how.gaps in ("interpolate", "previous") and not gaps:
        wrong += filled_by_night(values, missing, at) if not kind.startswith("counter") else []
    if kind.startswith("counter"):
        wrong += falls(values, at)
        power = np.append(np.diff(values), np.nan) / steps.hours
        wrong += _beyond(power, at, how.largest_kw, shift=1)
    else:
        wrong += _looks_like_a_counter(values, at, steps) if told is None and not how.signed else []
        power = values if kind in ("kw", "w", "w_per_kw") else values / steps.hours
        wrong += _beyond(power, at, how.largest_kw)
    return power, filled, wrong


def _check_unit(table: CellTable, name: str, told: Values | None) -> list[Problem]:
    by_name = values_of(name, None)
    if told is None and by_name is None:
        hint = (
            "say what it holds by profiles.values: kw (or w, kwh, wh, counter_kwh, counter_wh, w_per_kw), or rename it: "
            "<name>_kw"
        )
        message = f"the name of the column {name!r} does not end in _kw or _kwh, so its unit is not known"
        return [_of_header(table, name, message, hint)]
    if told is not None and by_name is not None and told.removeprefix("counter_").endswith("h") != (by_name == "kwh"):
        hint = "rename the column, or state values of its columns alone, under profiles.columns"
        message = f"the name of the column {name!r} says {by_name}, the scenario says values: {told}"
        return [_of_header(table, name, message, hint)]
    return []


def _of_header(table: CellTable, name: str, message: str, hint: str) -> Problem:
    """A problem of the name of a column."""
    file, line = table.place(0) if len(table.lines) else (table.file, 1)
    return Problem(message, path=name, hint=hint, file=file, line=max(line - 1, 1))


def _on_grid(values: FloatArray, steps: Steps) -> tuple[FloatArray, BoolArray]:
    """Values by step, and the steps without one [n_steps]."""
    if steps.rows is not None:
        placed = np.full(steps.n_steps, np.nan)
        placed[steps.rows] = values
        values = placed
    return values, np.isnan(values)


def _fill(
    values: FloatArray, missing: BoolArray, at: StepPlaces, how: Reading, *, counts: bool
) -> tuple[Filled, list[Problem]]:
    """Fill what is missing in place; problems for what cannot be filled. ``counts``: they are readings of a counter."""
    if not missing.any():
        return Filled(), []
    if counts and how.gaps in ("zero", "previous_day"):
        hint = "set profiles.gaps: interpolate, which keeps the energy that passed meanwhile"
        file, line = at.place(int(np.flatnonzero(missing)[0]))
        return Filled(), [Problem(f"a gap of a counter is not filled by {how.gaps}", at.name, "", hint, file, line)]
    begins, ends = gap_ends(missing)
    wrong = [
        problem
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)
        for problem in _unfilled(begin, end, len(values), at, how)
    ]
    if wrong:
        return Filled(), grouped(wrong)
    known, where = np.flatnonzero(~missing), np.flatnonzero(missing)
    if how.gaps == "previous":
        values[where] = values[known[np.searchsorted(known, where) - 1]]
    elif how.gaps == "zero":
        values[where] = 0.0
    elif how.gaps == "previous_day":
        per_day = timedelta(days=1) // at.steps.length
        for step in where.tolist():  # in their order: the day before may have been filled itself
            values[step] = values[step - per_day]
    else:
        values[where] = np.interp(where, known, values[known])
    return Filled(len(where), int((ends - begins).max()) * at.steps.length), []


def _unfilled(begin: int, end: int, n_steps: int, at: StepPlaces, how: Reading) -> Iterator[Problem]:
    """A problem where the gap from ``begin`` until ``end`` cannot be filled."""
    span = (end - begin) * at.steps.length
    file, line = at.place(min(begin, n_steps - 1))
    before = timedelta(days=1) // at.steps.length if how.gaps == "previous_day" else how.gaps != "zero"
    if begin < before or (end == n_steps and how.gaps == "interpolate"):
        message = "no value to fill the gap from"
        hint = "begin and end the file with values, or read less of it: profiles.first_day and last_day"
    elif span > how.longest_gap:
        message = f"values are missing for {span} from {at.time(begin)} on, more than is filled"
        minutes = int(span / timedelta(minutes=1))
        hint = f"fill them, or set profiles.longest_gap_minutes: {minutes}"
        if minutes > MOST_MINUTES:
            hint = "fill them, or read less of the file: profiles.first_day and last_day"
    else:
        return
    yield Problem(message, at.name, "", hint, file, line)


def falls(values: FloatArray, at: StepPlaces) -> list[Problem]:
    """Problems for the readings of a counter that are below the ones before."""
    hint = "cut the file where the meter was changed or began anew, or write differences"
    return grouped(
        at.problem(step + 1, "the counter falls", values[step + 1], hint)
        for step in np.flatnonzero(np.diff(values) < 0).tolist()
    )


def _beyond(power: FloatArray, at: StepPlaces, largest_kw: float, shift: int = 0) -> list[Problem]:
    hint = "correct the value, or raise profiles.largest_kw"
    return grouped(
        at.problem(min(step + shift, len(power) - 1), f"a mean power above {largest_kw:g} kW", power[step], hint, " kW")
        for step in np.flatnonzero(np.abs(power) > largest_kw).tolist()
    )


class CounterSigns(NamedTuple):
    """Why a series can hardly be anything but readings that add up."""

    told: str
    row: int
    """Step that shows it."""
    begins_anew: bool
    daily: bool
    """Whether it begins anew with each day."""


def counter_signs(values: FloatArray, steps: Steps) -> CounterSigns | None:
    """Whether a series of powers or energies can hardly be anything but readings that add up; None: it may well be none."""
    rises = np.diff(values)
    per_day = int(timedelta(days=1) / steps.length)
    n_rises = np.count_nonzero(rises > 0)
    if len(values) < _LEAST_ROWS or n_rises < _LEAST_RISES:
        return None
    typical = float(np.median(rises[rises > 0]))
    often, long = n_rises >= _RISING * len(rises), len(values) >= 2 * per_day
    falls = np.flatnonzero(rises < 0)
    if not len(falls) and (values[0] >= _LARGE * typical or (often and long)):
        return CounterSigns(f"never falls from {values[0]:.9g} to {values[-1]:.9g}", 1, False, False)
    if not len(falls) or not often:
        return None
    if long and abs(len(falls) - len(values) // per_day) <= 1 and np.all(values[falls + 1] <= 2 * typical):
        told = f"only falls when it begins anew, {_times(len(falls))}, as the count of a day does"
        return CounterSigns(told, 1, True, True)
    if len(falls) <= max(2.0, _BEGINS_ANEW * n_rises) and np.median(values) >= _LARGE * typical:
        told = f"rises in {n_rises} steps and falls {_times(len(falls))}, as where a meter begins anew"
        return CounterSigns(told, int(falls[0]) + 1, True, False)
    return None


def _looks_like_a_counter(values: FloatArray, at: StepPlaces, steps: Steps) -> list[Problem]:
    """A problem where a series of powers or energies can hardly be anything but readings that add up."""
    found = counter_signs(values, steps)
    if found is None:
        return []
    none = "say that it is none: profiles.values: kw or kwh"
    hint = f"set profiles.values: counter_kwh (or counter_wh) if it is, else {none}"
    if found.daily:
        hint = f"write the energy of each step, or {none}"
    elif found.begins_anew:
        hint = f"cut the file there and {hint}"
    message = (
        f"the column {at.name!r} {found.told}: it looks like a meter that counts up, not like power or energy in a step"
    )
    return [at.problem(found.row, message, values[found.row], hint)]


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
