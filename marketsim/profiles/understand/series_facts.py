"""What a series is like: energy a day, gaps, spikes, signs, and which unit makes it plausible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.errors import Problem
from marketsim.profiles.file_params import MOST_MINUTES, Values
from marketsim.profiles.layouts import SeriesCells
from marketsim.profiles.nights import NIGHT, minutes_of_day, missing_by_night
from marketsim.profiles.plausible import RANGES, Range
from marketsim.profiles.powers import counter_signs, falls
from marketsim.profiles.powers_at import StepPlaces, gap_ends
from marketsim.profiles.table import CellTable
from marketsim.profiles.times import Clocks, Steps, steps_of, told_times
from marketsim.profiles.understand.behaviour import Trace, trace_of
from marketsim.profiles.understand.guess import PV_A_DAY, Guess, guess, plausible
from marketsim.profiles.understand.marks import between_thousands
from marketsim.profiles.understand.units import LARGE_UNITS, as_written, counts, foreign_unit, unit_of, what_to_write
from marketsim.profiles.understand.words import ColumnRole, nets, role_of, says_power
from marketsim.profiles.uneven import changed_energies, step_change
from marketsim.profiles.values import as_numbers, read_cells

_NO_LIMIT: Final = timedelta(days=36_500)
LONGEST_FILLED: Final = timedelta(minutes=MOST_MINUTES)
MOST_AT_NIGHT: Final = 0.05
"""Share of a plant's yield at night, at most; in the north the sun shines a little longer."""
_MOMENT: Final = timedelta(seconds=1)
_LONGEST_OF_NIGHT: Final = timedelta(hours=3)
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
_LEAST_VALUES: Final = 12
_FALLS: Final = 0.1
"""Share of the steps in which a counter falls, at most."""
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
    night_share: float = 0.0
    """Of what a plant yields or a net meter feeds in, what falls between ten in the evening and three in the morning [-]."""
    first_gap: datetime | None = None
    """When values are missing for the first time."""
    trace: Trace | None = None
    """Its values in short, until it is known what they are."""
    doubt: str = ""
    """Why its values do not look like what its name says, or like a load where it says nothing."""
    guess: Guess = Guess(None, "")
    """How its unit was found."""
    change: str = ""
    """Where values go on in longer steps, if they do."""
    asleep: bool = False
    """Whether it is a plant of which nothing is known at night alone, when it yields nothing."""

    @property
    def range(self) -> Range | None:
        """What is plausible for it."""
        return PV_A_DAY if self.role == "pv" else RANGES.get(self.role)

    @property
    def is_plausible(self) -> bool:
        """Whether its energy is, and the sun shines when a plant yields it."""
        if self.night_share > MOST_AT_NIGHT or self.doubt:
            return False
        return self.range is None or self.values == "w_per_kw" or self.range.holds(self.kwh_a_day)

    @property
    def can_be_filled(self) -> bool:
        """Whether its gaps are short enough to be filled at all."""
        return self.longest_gap is None or self.longest_gap.lasts <= LONGEST_FILLED


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


class Units(NamedTuple):
    """What may tell the unit of a series beside its name."""

    column: str = ""
    """Name of the column of values, where the series has none of its own."""
    beside: str = ""
    """What a column of units says in all rows."""
    above: str = ""
    """What the lines above the header say."""
    dates: str = ""
    """How dates are written, which tells where numbers are written in the same way."""
    role: ColumnRole | None = None
    """What the lines above the header say that a series is whose name does not."""
    table: Values | None = None
    """What columns without a unit are taken for, all together."""

    def of(self, name: str) -> Values | None:
        """The unit, the closer one first."""
        if foreign_unit(self.column) or foreign_unit(name):
            return None
        return self.by_column(name) or (None if foreign_unit(f"({self.beside})") else unit_of(self.above))

    def by_column(self, name: str) -> Values | None:
        """The unit that the header or a column of units tells."""
        return unit_of(self.column) or unit_of(name) or unit_of(self.beside)

    def foreign(self, name: str) -> str:
        """A unit that is not read; '' where there is none."""
        if self.of(name) is not None:
            return ""
        return foreign_unit(self.column) or foreign_unit(name) or foreign_unit(f"({self.beside})")


def facts_of(name: str, cells: SeriesCells, rows: TableSteps, decimal: str, units: Units) -> SeriesFacts:
    """What there is to say of a series; ``units`` is what may tell its unit beside its name."""
    role, steps = units.role or role_of(name), rows.steps
    if steps is None:
        return _unread(name, role, rows.problems)
    refused = _refused(name, cells, decimal, units) if role in (*RANGES, "export") else []
    if refused:
        return _unread(name, role, refused)
    raw = as_numbers(cells.table.columns[cells.column], decimal)
    n_negative = int(np.count_nonzero(raw < 0))
    if role == "load" and _looks_net(name, raw):
        role = "net"
    read = read_cells(cells.table, cells.column, decimal=decimal, fills=True, signed=role in ("net", "part", "other"))
    values = _grid(read.values, steps)
    known = values[~np.isnan(values)]
    if role == "net":  # its unit is that which makes what is drawn a household's
        found = _values_of(name, units, np.maximum(known, 0.0), steps, "load")
    else:
        found = _values_of(name, units, known, steps, role)
    at, kind = StepPlaces(cells.table, cells.column, steps), found.values
    wrong = falls(_without_gaps(values), at) if kind is not None and kind.startswith("counter") else []
    change = None if kind is None or kind.startswith("counter") else step_change(np.flatnonzero(~np.isnan(values)), at)
    if kind in ("kwh", "wh") and not read.problems:
        wrong += changed_energies(np.flatnonzero(~np.isnan(values)), at)
    power = _powers(values, kind, steps)
    counted = kind is None or kind.startswith("counter")
    by_night = role == "pv" and not counted and not wrong and missing_by_night(np.isnan(values), steps)
    if by_night:
        power = np.nan_to_num(power)
    facts = _told(name, role, kind, found.why, power, n_negative, [*read.problems, *wrong], at)
    if by_night:
        facts = _asleep(facts, np.isnan(values), at)
    told = "" if change is None else change.told
    return facts._replace(guess=found, change=told, trace=trace_of(power, raw, steps))


def _asleep(facts: SeriesFacts, missing: BoolArray, at: StepPlaces) -> SeriesFacts:
    """The same of a plant that tells nothing at night, where it yields nothing."""
    begins, ends = gap_ends(missing)
    worst = int(np.argmax(ends - begins))
    longest = Gap(_time(at, int(begins[worst])), int(ends[worst] - begins[worst]) * at.steps.length)
    days = (_time(at, len(missing)) - _MOMENT).date() - at.steps.begins.date()
    hours = len(missing) * at.steps.hours
    return facts._replace(
        kwh_a_day=facts.kwh_a_day * hours / 24 / (days.days + 1),  # nothing is left out but night
        n_missing=int(missing.sum()),
        longest_gap=longest,
        first_gap=_time(at, int(begins[0])),
        asleep=True,
    )


def _refused(name: str, cells: SeriesCells, decimal: str, units: Units) -> list[Problem]:
    """Why a series is not read at all: its unit, or marks that nobody can tell."""
    unit = units.foreign(name)
    if unit:
        source = next(each for each in (units.column, name, f"({units.beside})") if foreign_unit(each))
        read = "is not read" if unit in LARGE_UNITS else "is no unit of electric energy or power that is read"
        message = f"{as_written(source, unit)} {read}"
        return [Problem(message, name, hint=what_to_write(source, unit), file=cells.table.file)]
    points_first = units.dates.startswith(("%d.%m", "%-d.")) and decimal == "."
    commas_last = units.dates.startswith("%m/%d") and decimal == ","
    return between_thousands(cells.table, cells.column, decimal, unusual=points_first or commas_last)


def _looks_net(name: str, raw: FloatArray) -> bool:
    """Whether the negative values of a load are what its meter fed in, and no faults."""
    finite = raw[np.isfinite(raw)]
    negative = finite < 0
    if nets(name) or not negative.any():
        return bool(negative.any())
    if not (finite > 0).any():  # nothing is ever drawn: it counts the other way round, or is of something else
        return False
    scaled = np.abs(finite) / np.abs(finite).max()  # sums of the largest numbers that there are overflow
    share = float(scaled[negative].sum()) / float(scaled.sum())
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


def _values_of(name: str, units: Units, known: FloatArray, steps: Steps, role: ColumnRole) -> Guess:
    """What a series holds, and why where its name does not say it."""
    unit, signs = units.of(name), counter_signs(known, steps)
    if signs is not None and signs.daily:
        return Guess(None, "it counts up within each day: write the energy of each step")
    called = counts(units.column) or counts(name)
    if (called and not _falls_often(known)) or signs is not None:
        kind: Values = "counter_wh" if unit == "wh" else "counter_kwh"
        if unit is None and len(known) > 1 and not _counted_plausibly(known, steps, role):
            kind = "counter_wh"
        return Guess(kind, "it counts up")
    if unit is not None or not len(known):
        fallen = "its values fall, so that it is no counter in spite of its name" if called else ""
        above = "" if unit is None or units.by_column(name) else "the lines above the header say so"
        return Guess(unit, fallen or above)
    power = says_power(units.column)
    return guess(known, steps, role, says_power(name) if power is None else power, units.table)


def _falls_often(known: FloatArray) -> bool:
    """Whether values fall far more often than a meter is changed."""
    return len(known) >= _LEAST_VALUES and float((np.diff(known) < 0).mean()) > _FALLS


def _counted_plausibly(known: FloatArray, steps: Steps, role: ColumnRole) -> bool:
    return plausible(float(known[-1] - known[0]) / ((len(known) - 1) * steps.hours) * 24, role)


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
    fed_in = np.maximum(-told if role == "net" else told, 0.0) if role in ("pv", "net") else told[:0]
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
        _night_share(fed_in, known[: len(fed_in)], at),
        _time(at, first + int(begins[0])) if len(begins) else None,
    )


def _night_share(power: FloatArray, steps: IntArray, at: StepPlaces) -> float:
    """The share of what a plant yields that falls between ten in the evening and three in the morning."""
    total = float(power.sum())
    if at.steps.length > _LONGEST_OF_NIGHT or total <= 0:
        return 0.0
    minutes = minutes_of_day(at.steps, at.steps.n_steps)[steps]
    return float(power[(minutes >= NIGHT[0]) | (minutes < NIGHT[1])].sum()) / total


def _spikes(power: FloatArray, at: StepPlaces) -> tuple[tuple[datetime, float, int], ...]:
    """Values far above nearly all others, the largest first."""
    known = power[~np.isnan(power)]
    bound = max(_SPIKE * float(np.quantile(known, 0.99)), _LEAST_SPIKE_KW)
    steps = np.flatnonzero(np.nan_to_num(power) > bound)
    ordered = steps[np.argsort(-power[steps], kind="stable")]
    return tuple((_time(at, step), float(power[step]), at.place(step)[1]) for step in ordered[:3].tolist())
