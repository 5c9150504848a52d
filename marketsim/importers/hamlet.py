"""Scenario folders that HAMLET's creator has made (Hierarchical Agent-based Markets for Local Energy Trading, TU Munich).

Each folder below ``agents`` with a ``plants.json`` is an agent: its plants by identifier, and beside it ``timeseries.ft`` with
a column ``<plant>_<quantity>`` each. Powers there are in W, energies and capacities in Wh, levels and efficiencies shares,
times seconds since 1970 in UTC.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray
from marketsim.core.build import ImportContext
from marketsim.core.imported import ImportedQuantity, ImportedScenario
from marketsim.importers.feather import numeric_columns
from marketsim.importers.params import HamletParams
from marketsim.importers.placing import placing
from marketsim.importers.source import SourceFolder, agent_name, mapping_at, number_at, refused
from marketsim.importers.tables import SERIES, SESSIONS, ChargingSession, series_csv, sessions_csv

_PLANTS: Final = "plants.json"
_TABLE: Final = "timeseries.ft"
_LOADS: Final = ("inflexible-load", "inflexible_load")
_PLANTS_OF: Final = ("pv", "wind", "fixed-gen", "fixed_gen")
_TIMES: Final = ("timestamp", "index")
_KILO: Final = 1000.0
_DAY: Final = timedelta(days=1)
_MOST_AGENTS: Final = 10_000


def build(params: HamletParams, context: ImportContext) -> Hamlet:
    """The importer."""
    return Hamlet(params, context)


@dataclass
class _Taken:
    """What was read so far."""

    columns: dict[str, FloatArray] = field(default_factory=dict)
    agents: list[dict[str, Any]] = field(default_factory=list)
    sessions: list[ChargingSession] = field(default_factory=list)
    quantities: list[ImportedQuantity] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)
    """Plants that the scenario has not, by type."""
    beyond_kwh: float = 0.0
    """Energy that vehicles consumed beyond what their batteries hold."""
    begins: datetime | None = None
    step: timedelta = timedelta(0)
    n_steps: int = 0


class _Axis(NamedTuple):
    """Times of a table, in local standard time."""

    begins: datetime
    step: timedelta
    n_steps: int

    @property
    def told(self) -> str:
        """For people."""
        return f"{self.n_steps} steps of {self.step} from {self.begins}"


class Hamlet:
    """Reads a scenario folder; implements ``core.ports.Importer``."""

    def __init__(self, params: HamletParams, context: ImportContext) -> None:
        self._params, self._context = params, context

    def read(self, source: str) -> ImportedScenario:
        """Loads and plants as series, batteries, and vehicles with their sessions."""
        folder = SourceFolder(source)
        place = placing(self._params, self._context)
        taken = _Taken()
        paths = _agent_folders(folder)
        self._demand_one_axis(paths, folder)
        for path in paths:
            self._take(path, folder, place.of(len(taken.agents)), taken)
        if taken.begins is None:
            hint = "give the folder that HAMLET's creator has made, with agents/<type>/<agent>/plants.json"
            raise refused("the folder has no agents with series", str(folder.path), hint=hint)
        midnight = datetime.combine(taken.begins.date(), datetime.min.time())
        midnight += _DAY if midnight < taken.begins else timedelta(0)
        whole = (taken.begins + taken.n_steps * taken.step - midnight) // _DAY
        if whole < 1:
            seen = f"{taken.n_steps} steps of {taken.step} from {taken.begins}"
            raise refused("the data hold no whole day of local standard time", path="utc_offset_hours", value=seen)
        days, minutes = min(self._params.days, whole), int(taken.step / timedelta(minutes=1))
        tariff = {"retail": self._params.retail, "feed_in": self._params.feed_in}
        scenario = {
            "name": folder.name,
            "clock": {
                "start": midnight.date().isoformat(),
                "slots": days * (_DAY // taken.step),
                "slot_minutes": minutes,
            },
            "grid": dict(place.grid),
            "tariff": {"flat": tariff},
            "profiles": {"source": "file", "path": SERIES, "values": "kw"},
            "agents": taken.agents,
        }
        sessions = {SESSIONS: sessions_csv(taken.sessions)} if taken.sessions else {}
        return ImportedScenario(
            scenario=scenario,
            tables={SERIES: series_csv(taken.begins, taken.step, taken.columns), **sessions, **place.tables},
            sources=folder.digests,
            taken=(
                f"{len(taken.agents)} agents, {len(taken.columns)} series of {taken.n_steps} steps of {minutes} minutes from "
                f"{taken.begins}, {len(taken.sessions)} charging sessions",
            ),
            assumed=(
                place.told,
                f"Local standard time is UTC{self._params.utc_offset_hours:+d} (utc_offset_hours)",
                f"Energy costs {tariff['retail']:g} and is paid {tariff['feed_in']:g} by the utility (retail, feed_in)",
                "A vehicle lacks on arrival what it has consumed since it left, at the start what a full battery would have more",
                "Efficiencies of batteries hold one way; loads have a power factor of 1",
            ),
            left_out=(*_told(taken), *_LEFT),
            quantities=tuple(taken.quantities),
        )

    def _take(self, path: str, folder: SourceFolder, bus: Mapping[str, str], taken: _Taken) -> None:
        """One agent of HAMLET; more than one vehicle makes further agents at its bus."""
        plants = mapping_at(folder.json(f"{path}/{_PLANTS}"), "", f"{path}/{_PLANTS}")
        file = f"{path}/{_TABLE}"
        table = numeric_columns(folder.bytes(file), file)
        taken.begins, taken.step, taken.n_steps = self._axis(table, file)
        name = _unique(agent_name(path.removeprefix("agents/").replace("/", "_")), taken)
        agent: dict[str, Any] = {"name": name, "kind": "consumer", **bus, "load": {"annual_kwh": 0}, "pv_kw": 0.0}
        taken.agents.append(agent)
        sums: dict[str, tuple[FloatArray, list[str]]] = {}
        rated_kw = 0.0
        for key, given in plants.items():
            plant = _sized(mapping_at(given, key, f"{path}/{_PLANTS}"))
            kind = str(plant.get("type"))
            if kind in _LOADS or kind in _PLANTS_OF:
                what = "load" if kind in _LOADS else "pv"
                power_kw = _column(table, f"{key}_power", file) / _KILO
                before, sources = sums.get(what, (np.zeros(len(power_kw)), []))
                sums[what] = before + power_kw, [*sources, f"{key}_power"]
                rated_kw += float(power_kw.max()) if what == "pv" else 0.0
            elif kind == "battery" and "battery" not in agent:
                agent |= _battery(plant, f"{path}/{_PLANTS}", key)
            elif kind == "ev":
                self._take_vehicle(key, plant, table, file, agent, taken)
            else:
                taken.left[kind] += 1
        for what, (power_kw, sources) in sums.items():
            _take_series(name, what, power_kw, f"{file}: {' + '.join(sources)}", taken)
        if "load" in sums:
            del agent["load"]
        agent["pv_kw"] = rated_kw
        agent["kind"] = "prosumer" if rated_kw > 0 or "battery" in agent else "consumer"

    def _axis(self, table: Mapping[str, FloatArray], file: str) -> _Axis:
        """Times of a table."""
        name = next((each for each in _TIMES if each in table), None)
        if name is None or len(table[name]) < 2:
            raise refused("the table has no column of times (timestamp)", file)
        seconds = table[name]
        steps = {float(later - earlier) for earlier, later in pairwise(seconds.tolist())}
        step = timedelta(seconds=next(iter(steps)))
        if len(steps) > 1 or step < timedelta(minutes=1) or step % timedelta(minutes=1) or _DAY % step:
            raise refused("the times are no equal steps of minutes that divide a day", file, name)
        begins = datetime.fromtimestamp(float(seconds[0]), UTC).replace(tzinfo=None)
        return _Axis(begins + timedelta(hours=self._params.utc_offset_hours), step, len(seconds))

    def _demand_one_axis(self, paths: Sequence[str], folder: SourceFolder) -> None:
        """ImportedDataError that names an agent whose times are not those of most others."""
        axes: dict[str, _Axis] = {}
        for path in paths:
            file = f"{path}/{_TABLE}"
            axes[file] = self._axis(numeric_columns(folder.bytes(file), file), file)
        counts = Counter(axes.values()).most_common(2)
        if len(counts) < 2:
            return
        usual = next(file for file, axis in axes.items() if axis == counts[0][0])
        other = next(file for file, axis in axes.items() if axis != counts[0][0])
        seen = f"{axes[other].told}; {usual}: {axes[usual].told}"
        if counts[0][1] == counts[1][1]:
            message, hint = (
                "agents have other times than each other",
                "one of both is shifted or cut: write the same times",
            )
        else:
            message = "the times are not those of most other agents"
            hint = f"write the times of {usual}"
        raise refused(message, other, _TIMES[0], seen, hint)

    def _take_vehicle(
        self,
        key: str,
        plant: Mapping[str, Any],
        table: Mapping[str, FloatArray],
        file: str,
        agent: dict[str, Any],
        taken: _Taken,
    ) -> None:
        capacity_kwh = number_at(plant, "capacity", key, file, 0.0) / _KILO
        power_kw = number_at(plant, "charging_home", key, file, 0.0) / _KILO
        if capacity_kwh <= 0.0 or power_kw <= 0.0:
            taken.left["ev without a battery or a charging power"] += 1
            return
        vehicle = agent_name(key)
        lacking_kwh = (1.0 - _level(plant, key, file, 1.0)) * capacity_kwh
        consumed_kwh = _column(table, f"{key}_energy_consumed", file) / _KILO
        here = _column(table, f"{key}_availability", file) > 0
        found = _sessions(vehicle, here, consumed_kwh, lacking_kwh, taken)
        beyond_kwh = sum(max(each.energy_kwh - capacity_kwh, 0.0) for each in found)
        if beyond_kwh > 0.0:
            taken.beyond_kwh += beyond_kwh
            found = [each._replace(energy_kwh=min(each.energy_kwh, capacity_kwh)) for each in found]
        if not found:
            taken.left["ev that is never at home"] += 1
            return
        owner = agent
        if "ev" in agent:
            place = {"bus": agent["bus"]} if "bus" in agent else {}
            name = _unique(f"{agent['name']}_{vehicle}", taken)
            owner = {"name": name, "kind": "consumer", **place, "load": {"annual_kwh": 0}, "pv_kw": 0.0}
            taken.agents.append(owner)
        owner["ev"] = {
            "energy_kwh": capacity_kwh,
            "power_kw": power_kw,
            "efficiency": number_at(plant, "charging_efficiency", key, file, 0.9),
            "daily_kwh": round(min(sum(each.energy_kwh for each in found) / len(found), capacity_kwh), 6),
            "file": SESSIONS,
            "vehicle": vehicle,
        }
        taken.sessions += found
        away = ~here[: int(np.flatnonzero(np.diff(here.astype(np.int8), prepend=0) == 1)[-1])]
        amount = lacking_kwh + float(consumed_kwh[: len(away)][away].sum()) - beyond_kwh
        source = f"{file}: {key}_energy_consumed while away, and what lacks at the start"
        taken.quantities.append(
            ImportedQuantity(f"sessions of {vehicle}", source, amount, "kWh", "sessions", SESSIONS, vehicle)
        )


_LEFT: Final = (
    "HAMLET's own grid and the buses of its agents, its markets, retailers, forecasts, controllers and trading strategies",
    "charging out of vehicles (v2g, v2h), and charging away from home",
)


def _told(taken: _Taken) -> list[str]:
    """Types of plants that the scenario has not, and what no battery holds."""
    parts = ", ".join(f"{kind} ({count})" for kind, count in taken.left.items())
    told = (
        [f"plants that no part of the scenario stands for, with their heat and flexible demand: {parts}"]
        if parts
        else []
    )
    beyond = f"{taken.beyond_kwh:.3f} kWh that vehicles consumed on a way beyond what their batteries hold"
    return [*told, beyond] if taken.beyond_kwh > 0.0 else told


def _agent_folders(folder: SourceFolder) -> list[str]:
    """Folders of agents, relative to the source, by name."""
    found = []
    for root, inner, files in os.walk(folder.path / "agents"):
        inner.sort()
        if _PLANTS in files and _TABLE in files:
            found.append(Path(root).relative_to(folder.path).as_posix())
        if len(found) > _MOST_AGENTS:
            raise refused(f"the folder has more than {_MOST_AGENTS} agents", str(folder.path))
    return sorted(found)


def _unique(name: str, taken: _Taken) -> str:
    if any(agent["name"] == name for agent in taken.agents):
        raise refused("two agents would have the same name", value=repr(name))
    return name


def _sized(plant: Mapping[str, Any]) -> dict[str, Any]:
    """A plant with its sizes beside its type, where newer versions keep them below ``sizing``."""
    sizing = plant.get("sizing")
    return {**plant, **(sizing if isinstance(sizing, Mapping) else {})}


def _column(table: Mapping[str, FloatArray], name: str, file: str) -> FloatArray:
    if name not in table:
        raise refused("the table has no column of this name", file, value=repr(name))
    values = table[name]
    if not np.isfinite(values).all() or (values < 0).any():
        raise refused("negative or missing values", file, name)
    return values


def _battery(plant: Mapping[str, Any], file: str, key: str) -> dict[str, Any]:
    energy_kwh, power_kw = (number_at(plant, name, key, file, 0.0) / _KILO for name in ("capacity", "power"))
    if energy_kwh <= 0.0 or power_kw <= 0.0:
        raise refused("a battery has no capacity or no power", file, key)
    efficiency = number_at(plant, "efficiency", key, file, 0.95)
    return {
        "battery": {
            "energy_kwh": energy_kwh,
            "power_kw": power_kw,
            "charge_efficiency": efficiency,
            "discharge_efficiency": efficiency,
            "soc_min": 0.0,
            "soc_max": 1.0,
            "soc_initial": _level(plant, key, file, 0.5),
        }
    }


def _level(plant: Mapping[str, Any], key: str, file: str, default: float) -> float:
    """How full a battery is at the start, as a share; ImportedDataError for what is none."""
    level = number_at(plant, "soc", key, file, default)
    if level > 1.0:
        raise refused(
            "a level is a share of 0 to 1", file, f"{key}.soc", f"{level:g}", f"write {level / 100:g} for {level:g} %"
        )
    return level


def _take_series(name: str, what: str, power_kw: FloatArray, source: str, taken: _Taken) -> None:
    column = f"{name}_{what}_kw"
    taken.columns[column] = power_kw
    energy = float(power_kw.sum()) * (taken.step / timedelta(hours=1))
    taken.quantities.append(ImportedQuantity(f"{what} of {name}", source, energy, "kWh", "series", SERIES, column))


def _sessions(
    vehicle: str, here: BoolArray, consumed_kwh: FloatArray, lacking_kwh: float, taken: _Taken
) -> list[ChargingSession]:
    """Times at home, with what was consumed before each; the first begins with ``lacking_kwh`` more."""
    assert taken.begins is not None
    edges = np.diff(here.astype(np.int8), prepend=0, append=0)
    arrivals, departures = np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist()
    found = []
    for first, end, left_at in zip(arrivals, departures, [0, *departures], strict=False):
        lacking_kwh += float(consumed_kwh[left_at:first].sum())
        begins, ends = (taken.begins + place * taken.step for place in (first, end))
        found.append(ChargingSession(vehicle, begins, ends, lacking_kwh))
        lacking_kwh = 0.0
    return found
