"""Charging sessions as data: when each vehicle came, when it left, and what its battery lacked.

A CSV file with a row a session: ``vehicle``, ``arrival``, ``departure`` (ISO 8601, local standard time), and either
``energy_kwh``, what the battery lacks on arrival, or ``arrival_soc`` and ``departure_soc``, its level on arrival and the level
that is required at departure, as shares of the battery (0..1). Rows of a vehicle stand in the order of time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import partial
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.alike import first_few, grouped
from marketsim.core.arrays import FloatArray, IntArray, frozen
from marketsim.core.clock import Clock
from marketsim.core.errors import Problem, ProfileError
from marketsim.core.fence import Fence
from marketsim.core.files import MIB, read_bytes
from marketsim.core.fleets import Sessions
from marketsim.core.local_time import local_time
from marketsim.core.numerals import number
from marketsim.core.table_text import TableRow, table_rows, table_text

MOST_BYTES: Final = 64 * MIB
_TIMES: Final = ("arrival", "departure")
_LEVELS: Final = ("arrival_soc", "departure_soc")
_ENERGY: Final = "energy_kwh"
_KNOWN: Final = ("vehicle", *_TIMES, _ENERGY, *_LEVELS)
_MOST_KWH: Final = 1e6
_DIGITS: Final = 9
"""Of hours in slots: what misses a slot border by float noise alone is on it."""


class VehicleSessions(NamedTuple):
    """The sessions of one vehicle as the file has them, in the order of time."""

    arrival: tuple[datetime, ...]
    departure: tuple[datetime, ...]
    energy_kwh: FloatArray
    """What the battery lacks on arrival; NaN where the file has levels [n_sessions]."""
    lacking: FloatArray
    """The same as a share of the battery; NaN where the file has energies [n_sessions]."""
    line: IntArray
    """Of the file [n_sessions]."""


def read_sessions(file: str, fence: Fence) -> dict[str, VehicleSessions]:
    """The sessions of every vehicle of a file; ProfileError with everything that is wrong with it."""
    path = fence.file(file, ProfileError, "the file of sessions")
    at = partial(Problem, file=file)
    data = read_bytes(path, MOST_BYTES, ProfileError)
    rows = table_rows(table_text(data, file, ProfileError), ",", file, ProfileError)
    header = [name.strip() for name in rows[0].cells] if rows else []
    _refuse(_header_problems(header, at))
    found: dict[str, list[tuple[datetime, datetime, float, float, int]]] = {}
    problems: list[Problem] = []
    for row in rows[1:]:
        try:
            vehicle, session = _session(dict(zip(header, row.cells, strict=False)), row, len(header))
        except ValueError as error:
            name, message, seen, hint = error.args
            problems.append(at(message, name, seen, hint, line=row.line))
        else:
            found.setdefault(vehicle, []).append(session)
    _refuse(grouped(problems))
    sessions = {name: _columns(own) for name, own in found.items()}
    _refuse([each for name, own in sessions.items() for each in _order_problems(name, own, at)])
    return sessions


def sessions_of(
    table: Mapping[str, VehicleSessions], vehicle: str, capacity_kwh: float, clock: Clock, file: str, asked_by: str
) -> Sessions:
    """The sessions of a vehicle in slots of the run; ProfileError where they do not fit slots or battery."""
    at = partial(Problem, file=file)
    if vehicle not in table:
        close = get_close_matches(vehicle, list(table), n=1)
        some = ", ".join(list(table)[:5])
        hint = f"did you mean {close[0]!r}?" if close else f"the file has: {some}; name one by ev.vehicle"
        raise ProfileError([Problem(f"the file {file} has no sessions of this vehicle", asked_by, repr(vehicle), hint)])
    _demand_overlap(table, clock, file)
    own = table[vehicle]
    arrival, departure = (_slots(times, clock) for times in (own.arrival, own.departure))
    energy_kwh = np.where(np.isnan(own.energy_kwh), own.lacking * capacity_kwh, own.energy_kwh)
    wrong = [
        at(f"more than the battery of {vehicle!r} holds", _ENERGY, f"{energy_kwh[row]:.6g} kWh", _SIZE, line=line)
        for row, line in enumerate(own.line.tolist())
        if energy_kwh[row] > capacity_kwh * (1 + 1e-9)
    ]
    shared = np.flatnonzero(np.floor(arrival[1:]) < np.ceil(departure[:-1])) + 1
    message = f"a session of {vehicle!r} begins in the slot of {clock.slot_minutes} minutes in which the last one ends"
    hint = "choose shorter slots (clock.slot_minutes), or join or move the sessions"
    wrong += [at(message, "arrival", str(own.arrival[row]), hint, line=int(own.line[row])) for row in shared.tolist()]
    _refuse(first_few(wrong, "such sessions"))
    made = Sessions(arrival, departure, np.minimum(energy_kwh, capacity_kwh))
    for column in made:
        frozen(column)
    return made


_SIZE: Final = "set ev.energy_kwh to the size of the battery"


def _slots(times: Sequence[datetime], clock: Clock) -> FloatArray:
    """Slots since the start of the run, with fractions."""
    start, slot = datetime.combine(clock.start, datetime.min.time()), timedelta(minutes=clock.slot_minutes)
    slots = np.array([(time - start) / slot for time in times], dtype=np.float64)
    return np.asarray(np.round(slots, _DIGITS), dtype=np.float64)


def _demand_overlap(table: Mapping[str, VehicleSessions], clock: Clock, file: str) -> None:
    begins = datetime.combine(clock.start, datetime.min.time())
    ends = begins + timedelta(minutes=clock.slots * clock.slot_minutes)
    first = min(own.arrival[0] for own in table.values())
    last = max(own.departure[-1] for own in table.values())
    if first.date() >= clock.start + timedelta(days=clock.days) or last.date() < clock.start:
        message = f"the run lasts from {begins} to {ends}, the sessions from {first} to {last}"
        raise ProfileError([Problem(message, hint="choose clock.start inside the file", file=file)])


def _header_problems(header: Sequence[str], at: partial[Problem]) -> list[Problem]:
    problems = []
    for name in header:
        if name not in _KNOWN:
            close = get_close_matches(name, _KNOWN, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(_KNOWN)}"
            problems.append(at("unknown column", value=repr(name), hint=hint, line=1))
    missing = [name for name in ("vehicle", *_TIMES) if name not in header]
    problems += [
        at(f"there is no column {name!r}", hint="the first line names the columns", line=1) for name in missing
    ]
    has_energy, levels = _ENERGY in header, [name for name in _LEVELS if name in header]
    if has_energy == bool(levels) or (levels and len(levels) < len(_LEVELS)):
        hint = f"give either {_ENERGY}, or both {' and '.join(_LEVELS)}"
        problems.append(at("what a vehicle lacks is not told in one way", value=", ".join(header), hint=hint, line=1))
    if len(set(header)) < len(header):
        problems.append(at("a column is named twice", value=", ".join(header), line=1))
    return problems


def _session(
    cells: Mapping[str, str], row: TableRow, n_columns: int
) -> tuple[str, tuple[datetime, datetime, float, float, int]]:
    """Vehicle and session of a row; ValueError(column, message, value seen, hint)."""
    if len(row.cells) != n_columns:
        raise ValueError("", f"{len(row.cells)} values for {n_columns} columns", "", "")
    vehicle = cells["vehicle"].strip()
    if not vehicle:
        raise ValueError("vehicle", "a session of no vehicle", "an empty cell", "name it")
    arrival, departure = (_time(cells, name) for name in _TIMES)
    if not arrival < departure:
        raise ValueError("departure", "not after the arrival", cells["departure"].strip(), f"it came at {arrival}")
    if _ENERGY in cells:
        return vehicle, (arrival, departure, _amount(cells, _ENERGY, _MOST_KWH), math.nan, row.line)
    came, leaves = (_amount(cells, name, 1.0) for name in _LEVELS)
    return vehicle, (arrival, departure, math.nan, max(leaves - came, 0.0), row.line)


def _time(cells: Mapping[str, str], name: str) -> datetime:
    try:
        return local_time(cells[name])
    except ValueError as error:
        raise ValueError(name, "not a time", repr(cells[name][:60]), str(error)) from None


def _amount(cells: Mapping[str, str], name: str, most: float) -> float:
    value = number(cells[name])
    if not 0.0 <= value <= most:  # refuses NaN too
        raise ValueError(name, f"not a plain number from 0 to {most:g}", repr(cells[name][:60]), "")
    return value


def _columns(sessions: Sequence[tuple[datetime, datetime, float, float, int]]) -> VehicleSessions:
    arrival, departure, energy, lacking, line = zip(*sessions, strict=True)
    return VehicleSessions(arrival, departure, np.array(energy), np.array(lacking), np.array(line, dtype=np.int64))


def _order_problems(vehicle: str, own: VehicleSessions, at: partial[Problem]) -> list[Problem]:
    wrong = [
        at(
            f"this session of {vehicle!r} begins before its last one ends",
            "arrival",
            str(own.arrival[row]),
            f"the one above ends at {own.departure[row - 1]}; rows of a vehicle stand in the order of time",
            line=int(own.line[row]),
        )
        for row in range(1, len(own.arrival))
        if own.arrival[row] < own.departure[row - 1]
    ]
    return first_few(wrong, "such sessions")


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise ProfileError(problems)
