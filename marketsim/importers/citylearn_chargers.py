"""Chargers of a CityLearn data set: rows of states as sessions of a vehicle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.imported import ImportedQuantity
from marketsim.importers.citylearn_time import DataSteps
from marketsim.importers.source import SourceFolder, SourceTable, mapping_at, number_at, refused
from marketsim.importers.tables import ChargingSession

_CONNECTED: Final = 1
_INCOMING: Final = 2
_COLUMN: Final = "electric_vehicle_"
_STATE: Final = f"{_COLUMN}charger_state"
_ID: Final = f"{_COLUMN}id"
_LEAVES: Final = f"{_COLUMN}departure_time"
_REQUIRED: Final = f"{_COLUMN}required_soc_departure"
_ARRIVES_WITH: Final = f"{_COLUMN}estimated_soc_arrival"
_CAPACITY: Final = f"{_COLUMN}battery_capacity_khw"
"""As CityLearn spells it."""
_LEFT: Final = (
    "charging out of vehicles, least charging powers, and the column current_soc, which is noise between two arrivals",
    "losses of the vehicles' own batteries: their charging efficiency is that of the charger",
)


@dataclass(frozen=True)
class Charger:
    """What was read of a charger."""

    name: str
    file: str
    sessions: tuple[ChargingSession, ...]
    capacity_kwh: float
    power_kw: float
    efficiency: float
    hours: tuple[float, float]
    """Median hours of arrival and departure [h of the day]."""
    n_untold: int
    """Sessions that do not tell what they lack."""
    assumed: tuple[str, ...]
    left_out: tuple[str, ...]

    def device(self, table: str) -> dict[str, Any]:
        """The key ``ev`` of its agent."""
        arrival, departure = self.hours
        lacking = [each.energy_kwh for each in self.sessions]
        return {
            "energy_kwh": self.capacity_kwh,
            "power_kw": self.power_kw,
            "efficiency": self.efficiency,
            "arrival_hour": arrival,
            "departure_hour": departure,
            "daily_kwh": round(min(sum(lacking) / len(lacking), self.capacity_kwh), 6),
            "file": table,
            "vehicle": self.name,
        }

    def quantity(self, table: str) -> ImportedQuantity:
        """Energy that all of its sessions lack."""
        lacking = sum(each.energy_kwh for each in self.sessions)
        source = f"{self.file}: (required - arrival level) x capacity"
        return ImportedQuantity(f"sessions of {self.name}", source, lacking, "kWh", "sessions", table, self.name)


class _Rows(NamedTuple):
    """Columns of a charger's file over the simulated steps [n_steps]."""

    table: SourceTable
    state: FloatArray
    vehicle: Sequence[str]
    leaves: FloatArray
    required: FloatArray
    arrives_with: FloatArray
    capacity: FloatArray


def read_charger(
    name: str, charger: Mapping[str, Any], path: str, schema: Mapping[str, Any], folder: SourceFolder, axis: DataSteps
) -> Charger:
    """The sessions at a charger; ImportedDataError for a file that has none of CityLearn's columns."""
    file = charger.get("charger_simulation")
    if not isinstance(file, str):
        raise refused("a charger has no charger_simulation", "schema.json", path, repr(file)[:60])
    of = mapping_at(charger.get("attributes") or {}, f"{path}.attributes", "schema.json")
    power_kw = number_at(of, "max_charging_power", path, "schema.json", number_at(of, "nominal_power", path, "", 0.0))
    if power_kw <= 0.0:
        raise refused("a charger has no charging power", "schema.json", f"{path}.attributes")
    rows = _rows(folder.table(file), axis)
    vehicles = mapping_at(schema.get("electric_vehicles_def") or {}, "electric_vehicles_def", "schema.json")
    n_untold, found, capacity_kwh = 0, list[ChargingSession](), 0.0
    for first, end in _stays(rows):
        battery = _battery(vehicles, rows.vehicle[first])
        size = _size(rows, first, battery, file)
        came = _arrival_level(rows, first, battery)
        required = rows.required[first:end]
        known = required[~np.isnan(required)]
        n_untold += came is None or not len(known)
        lacking = max(float(known[-1]) - came, 0.0) * size if came is not None and len(known) else 0.0
        begins, ends = (axis.begins + step * axis.step for step in (first, end))
        found.append(ChargingSession(name, begins, ends, lacking))
        capacity_kwh = max(capacity_kwh, size)
    told = (
        "Of a vehicle's first session the level on arrival is the initial level of its battery",
        "A session that tells no level on arrival, or none at departure, lacks nothing",
    )
    efficiency = number_at(of, "efficiency", path, "schema.json", 1.0)
    return Charger(name, file, tuple(found), capacity_kwh, power_kw, efficiency, _hours(found), n_untold, told, _LEFT)


def _rows(table: SourceTable, axis: DataSteps) -> _Rows:
    rows = slice(axis.rows.start, min(axis.rows.stop, len(table.lines)))
    required, arrives_with = (_level(table.maybe_numbers(name, rows)) for name in (_REQUIRED, _ARRIVES_WITH))
    capacity = table.maybe_numbers(_CAPACITY, rows) if _CAPACITY in table.columns else np.full(len(table.lines), np.nan)
    return _Rows(
        table=table,
        state=table.numbers(_STATE, rows),
        vehicle=[text.strip() for text in table.column(_ID)[rows]],
        leaves=table.maybe_numbers(_LEAVES, rows),
        required=required,
        arrives_with=arrives_with,
        capacity=capacity,
    )


def _level(values: FloatArray) -> FloatArray:
    """Levels as shares; those in per cent are told by their size."""
    known = values[~np.isnan(values)]
    return values / 100.0 if len(known) and known.max() > 1.0 else values


def _stays(rows: _Rows) -> Iterator[tuple[int, int]]:
    """First step of each session, and the first behind it."""
    here: BoolArray = rows.state == _CONNECTED
    ids = np.array(rows.vehicle)
    other = np.zeros(len(here), dtype=np.bool_)
    other[1:] = (ids[1:] != ids[:-1]) | (rows.leaves[1:] > rows.leaves[:-1])  # a later departure: it has come again
    before = np.concatenate(([False], here[:-1]))
    starts: IntArray = np.flatnonzero(here & (~before | other))
    for place, first in enumerate(starts.tolist()):
        away = np.flatnonzero(~here[first:])
        end = first + int(away[0]) if len(away) else len(here)
        after = int(starts[place + 1]) if place + 1 < len(starts) else len(here)
        yield first, min(end, after)


def _battery(vehicles: Mapping[str, Any], vehicle: str) -> Mapping[str, Any]:
    own = vehicles.get(vehicle) or {}
    path = f"electric_vehicles_def.{vehicle}"
    battery = mapping_at(mapping_at(own, path, "schema.json").get("battery") or {}, path, "schema.json")
    return mapping_at(battery.get("attributes") or {}, path, "schema.json")


def _size(rows: _Rows, first: int, battery: Mapping[str, Any], file: str) -> float:
    given = float(rows.capacity[first])
    path = f"electric_vehicles_def.{rows.vehicle[first]}"
    size = given if given > 0 else number_at(battery, "capacity", path, "schema.json", 0.0)
    if size <= 0.0:
        raise refused("nobody says how large the vehicle's battery is", file, _CAPACITY, line=rows.table.lines[first])
    return size


def _arrival_level(rows: _Rows, first: int, battery: Mapping[str, Any]) -> float | None:
    """Level on arrival: what was expected of it in the step before, at the start of the data its initial one."""
    if first == 0:
        lowest = 1.0 - number_at(battery, "depth_of_discharge", "battery", "schema.json", 1.0)
        return number_at(battery, "initial_soc", "battery", "schema.json", max(lowest, 0.0))
    level = float(rows.arrives_with[first - 1])
    return None if np.isnan(level) or rows.state[first - 1] != _INCOMING else level


def _hours(sessions: Sequence[ChargingSession]) -> tuple[float, float]:
    """Median hours of arrival and departure; half a day apart where they are the same."""
    if not sessions:
        return 18.0, 7.0
    arrival, departure = (
        float(np.median([time.hour + time.minute / 60.0 for time in times]))
        for times in ([each.arrival for each in sessions], [each.departure for each in sessions])
    )
    return arrival, departure if departure != arrival else (arrival + 12.0) % 24.0
