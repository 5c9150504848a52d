"""What a series is like: energy a day, gaps, spikes, signs, and which unit makes it plausible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.errors import Problem
from marketsim.profiles.file_params import Values
from marketsim.profiles.layouts import SeriesCells
from marketsim.profiles.plausible import RANGES, Range
from marketsim.profiles.powers import StepPlaces, counter_signs, falls, gap_ends
from marketsim.profiles.table import CellTable
from marketsim.profiles.times import Clocks, Steps, steps_of, told_times
from marketsim.profiles.understand.odd_numbers import decimals_for_thousands
from marketsim.profiles.understand.words import ColumnRole, counts, nets, role_of, unit_of
from marketsim.profiles.values import as_numbers, read_cells

_NO_LIMIT: Final = timedelta(days=36_500)
_LEAST_FED_IN: Final = 4
"""Negative values of a load that are no single faults."""
_FED_IN_SHARE: Final = 0.01
"""What is fed in over all that passes the meter, from which on it is taken for net."""
_SPARSE: Final = 20
"""Steps for each row, at most, unless there are few of them all the same."""
_MANY: Final = 100_000
_SPIKE: Final = 8.0
"""A value over the hundredth largest part of them, from which on it is called a spike [-]."""
_LEAST_SPIKE_KW: Final = 5.0
_PV_A_DAY: Final = Range(0.2, 120.0, "a plant on a roof yields 0.2 to 120 kWh a day")
_FACTORS: Final[Mapping[Values, float]] = {"kwh": 1.0, "kw": 1.0, "wh": 1e-3, "w": 1e-3, "w_per_kw": 1e-3}


class Gap(NamedTuple):
    """Values that are missing one after another."""

    begins: datetime
    lasts: timedelta


class SeriesFacts(NamedTuple):
    """What was found of a series."""

    name: str
    role: ColumnRole
    values: Values | None
    guessed: str
    """Why the unit is taken for what it is, where the name does not say it."""
    steps: Steps | None
    first: datetime | None
    """Begin of what is known."""
    last: datetime | None
    """End of what is known."""
    kwh_a_day: float
    largest_kw: float
    n_missing: int
    longest_gap: Gap | None
    n_negative: int
    spikes: tuple[tuple[datetime, float, int], ...]
    """Begin, mean power [kW] and line of the largest ones."""
    problems: tuple[Problem, ...]
    fed_in_kw: float = 0.0
    """Largest mean power that a net meter fed in."""

    @property
    def range(self) -> Range | None:
        """What is plausible for it."""
        return _PV_A_DAY if self.role == "pv" else RANGES.get(self.role)

    @property
    def is_plausible(self) -> bool:
        """Whether its energy is."""
        return self.range is None or self.values == "w_per_kw" or self.range.holds(self.kwh_a_day)


class TableSteps(NamedTuple):
    """The steps of a table, however long its gaps are; None where its times cannot be read."""

    steps: Steps | None
    problems: tuple[Problem, ...]


def table_steps(table: CellTable, time: str, clocks: Clocks) -> TableSteps:
    """The steps that a table's times make."""
    times, problems = told_times(table, time, clocks)
    if problems:
        return TableSteps(None, tuple(problems))
    steps, problems = steps_of(table, time, times, clocks, _NO_LIMIT)
    if steps is not None and steps.n_steps > max(_SPARSE * len(times), _MANY):
        message = f"{len(times)} rows stand for {steps.n_steps} steps of {steps.length}"
        hint = "look for a time that is wrong, or cut the file"
        return TableSteps(None, (Problem(message, path=time, hint=hint, file=table.file),))
    return TableSteps(steps, tuple(problems))


def facts_of(name: str, cells: SeriesCells, rows: TableSteps, decimal: str, unit_from: str) -> SeriesFacts:
    """What there is to say of a series; ``unit_from`` is the name that may tell its unit."""
    role, steps = role_of(name), rows.steps
    if steps is None:
        return _unread(name, role, rows.problems)
    raw = as_numbers(cells.table.columns[cells.column], decimal)
    n_negative = int(np.count_nonzero(raw < 0))
    if role == "load" and _looks_net(name, raw):
        role = "net"
    read = read_cells(cells.table, cells.column, decimal=decimal, fills=True, signed=role == "net")
    values = _grid(read.values, steps)
    known = values[~np.isnan(values)]
    if role == "net":  # its unit is that which makes what is drawn a household's
        kind, guessed = _values_of(name, unit_from, np.maximum(known, 0.0), steps, "load")
    else:
        kind, guessed = _values_of(name, unit_from, known, steps, role)
    power = _powers(values, kind, steps)
    at = StepPlaces(cells.table, cells.column, steps)
    marked = decimals_for_thousands(cells.table, cells.column, decimal)
    fallen = falls(_without_gaps(values), at) if kind is not None and kind.startswith("counter") else []
    return _told(name, role, kind, guessed, power, n_negative, [*read.problems, *marked, *fallen], at)


def _looks_net(name: str, raw: FloatArray) -> bool:
    """Whether the negative values of a load are what its meter fed in, and no faults."""
    negative = raw < 0
    if nets(name) or not negative.any():
        return bool(negative.any())
    share = -float(raw[negative].sum()) / float(np.nansum(np.abs(raw)))
    return int(negative.sum()) >= _LEAST_FED_IN and share >= _FED_IN_SHARE


def _unread(name: str, role: ColumnRole, problems: Sequence[Problem]) -> SeriesFacts:
    return SeriesFacts(name, role, None, "", None, None, None, np.nan, np.nan, 0, None, 0, (), tuple(problems))


def _grid(values: FloatArray, steps: Steps) -> FloatArray:
    if steps.rows is None:
        return values.copy()
    placed = np.full(steps.n_steps, np.nan)
    placed[steps.rows] = values
    return placed


def _without_gaps(values: FloatArray) -> FloatArray:
    known = np.flatnonzero(~np.isnan(values))
    return np.interp(np.arange(len(values)), known, values[known]) if len(known) else values


def _powers(values: FloatArray, kind: Values | None, steps: Steps) -> FloatArray:
    """Mean power of each step [kW]; of a counter one step less."""
    if kind is not None and kind.startswith("counter"):
        return np.diff(values) * (1e-3 if kind == "counter_wh" else 1.0) / steps.hours
    factor = _FACTORS[kind or "kw"]
    return values * factor / (steps.hours if kind in ("kwh", "wh") else 1.0)


def _values_of(
    name: str, unit_from: str, known: FloatArray, steps: Steps, role: ColumnRole
) -> tuple[Values | None, str]:
    """What a series holds, and why where its name does not say it."""
    unit, signs = unit_of(unit_from) or unit_of(name), counter_signs(known, steps)
    if signs is not None and signs.daily:
        return None, "it counts up within each day: write the energy of each step"
    if counts(unit_from) or counts(name) or signs is not None:
        kind: Values = "counter_wh" if unit == "wh" else "counter_kwh"
        if unit is None and len(known) > 1 and not _plausible(float(known[-1] - known[0]), len(known) - 1, steps, role):
            kind = "counter_wh"
        return kind, "it counts up"
    if unit is not None or not len(known):
        return unit, ""
    return _by_range(known, steps, role)


def _by_range(known: FloatArray, steps: Steps, role: ColumnRole) -> tuple[Values | None, str]:
    """The unit that makes a series plausible."""
    own = _PV_A_DAY if role == "pv" else RANGES.get(role)
    if own is None:
        return None, ""
    mean = float(known.mean())
    daily = {
        "kwh": mean * 24 / steps.hours,
        "kw": mean * 24,
        "wh": mean * 24 / steps.hours / 1e3,
        "w": mean * 24 / 1e3,
    }
    fitting: list[Values] = [kind for kind in ("kwh", "kw", "wh", "w") if own.holds(daily[kind])]
    if not fitting:
        return None, ""
    others = [f"{kind} would be {daily[kind]:.3g}" for kind in fitting[1:] if steps.hours != 1.0 or kind[-1] != "w"]
    also = f"; {', '.join(others)}" if others else ""
    return fitting[0], f"{daily[fitting[0]]:.3g} kWh a day, and {own.words}{also}"


def _plausible(energy: float, n_steps: int, steps: Steps, role: ColumnRole) -> bool:
    own = RANGES["load"] if role != "pv" else _PV_A_DAY
    return own.holds(energy / (n_steps * steps.hours) * 24)


def _time(at: StepPlaces, step: int) -> datetime:
    """When a step begins."""
    return at.steps.begins + step * at.steps.length


def _told(
    name: str,
    role: ColumnRole,
    kind: Values | None,
    guessed: str,
    power: FloatArray,
    n_negative: int,
    problems: list[Problem],
    at: StepPlaces,
) -> SeriesFacts:
    known = np.flatnonzero(~np.isnan(power))
    if not len(known):
        return _unread(name, role, problems)._replace(steps=at.steps, values=kind)
    first, last = int(known[0]), int(known[-1]) + 1
    begins, ends = gap_ends(np.isnan(power[first:last]))
    longest = None
    if len(begins):
        worst = int(np.argmax(ends - begins))
        lasts = int(ends[worst] - begins[worst]) * at.steps.length
        longest = Gap(_time(at, first + int(begins[worst])), lasts)
    told = power[known]
    return SeriesFacts(
        name,
        role,
        kind,
        guessed,
        at.steps,
        _time(at, first),
        _time(at, last),
        float(told.mean()) * 24,
        float(told.max()),
        int((ends - begins).sum()),
        longest,
        n_negative,
        _spikes(power, at) if kind != "w_per_kw" else (),
        tuple(problems),
        max(-float(told.min()), 0.0),
    )


def _spikes(power: FloatArray, at: StepPlaces) -> tuple[tuple[datetime, float, int], ...]:
    """Values far above nearly all others, the largest first."""
    known = power[~np.isnan(power)]
    bound = max(_SPIKE * float(np.quantile(known, 0.99)), _LEAST_SPIKE_KW)
    steps = np.flatnonzero(np.nan_to_num(power) > bound)
    ordered = steps[np.argsort(-power[steps], kind="stable")]
    return tuple((_time(at, step), float(power[step]), at.place(step)[1]) for step in ordered[:3].tolist())
