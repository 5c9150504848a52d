"""CityLearn data sets: ``schema.json`` with its buildings, prices and chargers, as a scenario.

What the columns mean follows CityLearn's documentation: ``non_shiftable_load`` is energy in a step [kWh],
``solar_generation`` power of the inverter for each kW of the plant [W/kW], thermal demands are heat [kWh], the efficiency of
a battery is that of a round trip, and a battery begins at the lowest level that its depth of discharge allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.build import ImportContext
from marketsim.core.imported import ImportedQuantity, ImportedScenario
from marketsim.importers.citylearn_chargers import Charger, read_charger
from marketsim.importers.citylearn_time import DataSteps, time_axis
from marketsim.importers.params import CityLearnParams
from marketsim.importers.placing import Placing, placing
from marketsim.importers.source import SourceFolder, agent_name, mapping_at, number_at, refused
from marketsim.importers.tables import PRICES, SERIES, SESSIONS, ChargingSession, series_csv, sessions_csv

SCHEMA: Final = "schema.json"
_THERMAL: Final = ("cooling_demand", "heating_demand", "dhw_demand")
_DEVICES: Final = (
    "cooling_device", "heating_device", "dhw_device", "cooling_storage", "heating_storage", "dhw_storage",
    "washing_machines", "dynamics", "occupant", "power_outage",
)  # fmt: skip
"""Parts of a building that the scenario has not."""
_BATTERY_LEFT: Final = (
    "power_efficiency_curve",
    "capacity_power_curve",
    "capacity_loss_coefficient",
    "loss_coefficient",
)
_DEFAULT_EFFICIENCY: Final = 0.9


def build(params: CityLearnParams, context: ImportContext) -> CityLearn:
    """The importer."""
    return CityLearn(params, context)


@dataclass
class _Found:
    """What was read so far."""

    columns: dict[str, FloatArray] = field(default_factory=dict)
    sessions: list[ChargingSession] = field(default_factory=list)
    agents: list[dict[str, Any]] = field(default_factory=list)
    quantities: list[ImportedQuantity] = field(default_factory=list)
    heat_kwh: dict[str, float] = field(default_factory=dict)
    devices: dict[str, int] = field(default_factory=dict)
    n_untold: int = 0
    """Sessions that do not tell what they lack."""
    assumed: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


class CityLearn:
    """Reads a folder with ``schema.json``; implements ``core.ports.Importer``."""

    def __init__(self, params: CityLearnParams, context: ImportContext) -> None:
        self._params, self._context = params, context

    def read(self, source: str) -> ImportedScenario:
        """Buildings as prosumers, chargers as vehicles with their sessions, prices as a tariff."""
        folder = SourceFolder(source)
        if not folder.holds(SCHEMA):
            hint = "a CityLearn data set is a folder with schema.json and the files that it names"
            raise refused("there is no schema.json in the folder", str(folder.path), hint=hint)
        schema = mapping_at(folder.json(SCHEMA), "", SCHEMA)
        buildings = self._chosen(mapping_at(schema.get("buildings"), "buildings", SCHEMA))
        place = placing(self._params, self._context)
        first = folder.table(_text(next(iter(buildings.values())), "energy_simulation"))
        axis = time_axis(schema, first, self._params)
        found = _Found(assumed=[*axis.assumed, place.told])
        for name, building in buildings.items():
            _take_building(name, building, schema, folder, axis, place, found)
        prices, tariff = self._prices(buildings, folder, axis, found)
        return self._made(folder, axis, place, found, {**prices, **place.tables}, tariff)

    def _chosen(self, buildings: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        wanted = self._params.buildings
        known = {name: mapping_at(each, f"buildings.{name}", SCHEMA) for name, each in buildings.items()}
        missing = [name for name in wanted or () if name not in known]
        if missing:
            hint = f"there are: {', '.join(list(known)[:20])}"
            raise refused("the data set has no building of this name", SCHEMA, "buildings", repr(missing[0]), hint)
        included = {
            name: each for name, each in known.items() if (name in wanted if wanted else each.get("include", True))
        }
        if not included:
            raise refused("the schema includes no building", SCHEMA, "buildings")
        return included

    def _prices(
        self, buildings: Mapping[str, Mapping[str, Any]], folder: SourceFolder, axis: DataSteps, found: _Found
    ) -> tuple[dict[str, bytes], dict[str, Any]]:
        """The table of prices, and the tariff that names it."""
        files = list(dict.fromkeys(str(each["pricing"]) for each in buildings.values() if each.get("pricing")))
        if not files:
            found.assumed.append("The data have no prices: the program's flat tariff holds")
            return {}, {"flat": {}}
        if len(files) > 1:
            found.left_out.append(f"prices that differ between buildings: those of {files[0]} hold for all")
        price = folder.table(files[0]).numbers("electricity_pricing", axis.rows)
        _demand_length(len(price), axis, files[0])
        share = self._params.feed_in_share
        found.assumed.append(
            f"The utility pays {share:g} of the electricity price for energy (feed_in_share), all of it where it is below zero; "
            "the data know one price"
        )
        table = series_csv(axis.begins, axis.step, {"retail": price, "feed_in": np.minimum(share * price, price)})
        return {PRICES: table}, {"series": {"file": PRICES, "value_minutes": axis.minutes}}

    def _made(
        self,
        folder: SourceFolder,
        axis: DataSteps,
        place: Placing,
        found: _Found,
        tables: Mapping[str, bytes],
        tariff: Mapping[str, Any],
    ) -> ImportedScenario:
        slots = axis.slots(self._params.days)
        scenario = {
            "name": folder.name,
            "clock": {"start": axis.first_midnight.date().isoformat(), "slots": slots, "slot_minutes": axis.minutes},
            "grid": dict(place.grid),
            "tariff": dict(tariff),
            "profiles": {"source": "file", "path": SERIES, "values": "kwh"},
            "agents": found.agents,
        }
        sessions = {SESSIONS: sessions_csv(found.sessions)} if found.sessions else {}
        return ImportedScenario(
            scenario=scenario,
            tables={SERIES: series_csv(axis.begins, axis.step, found.columns), **sessions, **tables},
            sources=folder.digests,
            taken=_taken(found, axis),
            assumed=(*found.assumed, *_ASSUMED),
            left_out=(*_heat_left(found), *found.left_out, *_LEFT),
            quantities=tuple(found.quantities),
        )


_ASSUMED: Final = (
    "Loads have a power factor of 1; the data have no reactive power",
    "Wear of batteries costs what the program assumes (battery.wear_cost)",
    "solar_generation is the power of the inverter for each kW of the plant [W/kW]",
)
_LEFT: Final = (
    "weather, carbon intensity and the predictions in the files: no part reads them",
    "CityLearn's agents, observations, actions and rewards: strategies are those of marketsim",
)


def _taken(found: _Found, axis: DataSteps) -> tuple[str, ...]:
    days = (axis.n_steps * axis.step).days
    with_pv = sum(agent["pv_kw"] > 0 for agent in found.agents)
    vehicles = sum("ev" in agent for agent in found.agents)
    return (
        f"{len(found.columns)} series of {axis.n_steps} steps of {axis.minutes} minutes ({days} days from {axis.begins})",
        f"{len(found.agents)} agents: {with_pv} with PV, {sum('battery' in agent for agent in found.agents)} with a battery, "
        f"{vehicles} with a vehicle, {len(found.sessions)} sessions together, {found.n_untold} of which tell no level",
    )


def _heat_left(found: _Found) -> list[str]:
    """Thermal demands, which are no load of the scenario, first and loudly; then parts of buildings."""
    told = [
        f"{name}: {kwh:.1f} kWh of heat or cold, and the electricity that it takes: no device of the scenario serves it"
        for name, kwh in found.heat_kwh.items()
        if kwh > 0.0
    ]
    parts = ", ".join(f"{name} ({count})" for name, count in found.devices.items())
    return [*told, *([f"parts of buildings: {parts}"] if parts else [])]


def _take_building(
    name: str,
    building: Mapping[str, Any],
    schema: Mapping[str, Any],
    folder: SourceFolder,
    axis: DataSteps,
    place: Placing,
    found: _Found,
) -> None:
    own, file = agent_name(name), _text(building, "energy_simulation")
    if any(agent["name"] == own for agent in found.agents):
        raise refused("two buildings would have the same name as agents", SCHEMA, f"buildings.{name}", own)
    table = folder.table(file)
    load = table.numbers("non_shiftable_load", axis.rows)
    _demand_length(len(load), axis, file)
    plant_kw = _plant_kw(name, building, found)
    pv = plant_kw / 1000.0 * axis.hours * table.numbers("solar_generation", axis.rows) if plant_kw > 0 else None
    agent = {
        "name": own,
        "kind": "prosumer" if plant_kw > 0 else "consumer",
        **place.of(len(found.agents)),
        "pv_kw": plant_kw,
        **_battery(name, building, found),
    }
    found.agents.append(agent)
    _take_series(own, "load", load, f"{file}: non_shiftable_load", found)
    if pv is not None:
        _take_series(own, "pv", pv, f"{file}: solar_generation x {plant_kw:g} kW", found)
    for column in _THERMAL:
        if column in table.columns:
            heat = np.nan_to_num(table.maybe_numbers(column, axis.rows)).sum()
            found.heat_kwh[column] = found.heat_kwh.get(column, 0.0) + float(heat)
    for part in _DEVICES:
        if building.get(part):
            found.devices[part] = found.devices.get(part, 0) + 1
    _take_chargers(name, building, schema, folder, axis, agent, found)


def _take_series(own: str, what: str, kwh: FloatArray, source: str, found: _Found) -> None:
    column = f"{own}_{what}_kwh"
    if (kwh < 0).any():
        raise refused("a negative energy", source, value=f"{kwh.min():g}")
    found.columns[column] = kwh
    found.quantities.append(
        ImportedQuantity(f"{what} of {own}", source, float(kwh.sum()), "kWh", "series", SERIES, column)
    )


def _plant_kw(name: str, building: Mapping[str, Any], found: _Found) -> float:
    pv = building.get("pv")
    if not pv:
        return 0.0
    path = f"buildings.{name}.pv"
    attributes = mapping_at(mapping_at(pv, path, SCHEMA).get("attributes") or {}, path, SCHEMA)
    plant_kw = number_at(attributes, "nominal_power", path, SCHEMA, 0.0)
    sizes = ", and CityLearn sizes it itself (autosize)" if pv.get("autosize") else ""
    if plant_kw == 0.0:
        found.left_out.append(f"the plant of {name}: the schema gives it no nominal_power{sizes}")
    elif sizes:
        found.assumed.append(
            f"The plant of {name}, which CityLearn sizes itself (autosize), has the nominal power of the schema: {plant_kw:g} kW"
        )
    return plant_kw


def _battery(name: str, building: Mapping[str, Any], found: _Found) -> dict[str, Any]:
    """The battery of a building, its losses as a round trip."""
    storage = building.get("electrical_storage")
    if not storage:
        return {}
    path = f"buildings.{name}.electrical_storage"
    of = mapping_at(mapping_at(storage, path, SCHEMA).get("attributes") or {}, path, SCHEMA)
    energy_kwh, power_kw = (number_at(of, key, path, SCHEMA, 0.0) for key in ("capacity", "nominal_power"))
    if energy_kwh == 0.0 or power_kw == 0.0:
        found.left_out.append(f"the battery of {name}: the schema gives it no capacity or no power")
        return {}
    depth = number_at(of, "depth_of_discharge", path, SCHEMA, 1.0)
    lowest = round(1.0 - min(depth, 1.0), 12)
    _tell_battery(of, found)
    return {
        "battery": {
            "energy_kwh": energy_kwh,
            "power_kw": power_kw,
            "round_trip_efficiency": number_at(of, "efficiency", path, SCHEMA, _DEFAULT_EFFICIENCY),
            "depth_of_discharge": min(depth, 1.0),
            "soc_max": 1.0,
            "soc_initial": number_at(of, "initial_soc", path, SCHEMA, lowest),
        }
    }


def _tell_battery(of: Mapping[str, Any], found: _Found) -> None:
    """Once for all batteries: what the schema does not say, and what is left out."""
    told = {
        "efficiency": f"Batteries without an efficiency have {_DEFAULT_EFFICIENCY:g} for a round trip",
        "depth_of_discharge": "Batteries without a depth of discharge are used whole",
        "initial_soc": "Batteries without an initial level begin at their lowest",
    }
    for key, sentence in told.items():
        if of.get(key) is None and sentence not in found.assumed:
            found.assumed.append(sentence)
    curves = "curves of efficiency and power, ageing and standing losses of batteries: their efficiency is constant"
    if any(of.get(key) for key in _BATTERY_LEFT) and curves not in found.left_out:
        found.left_out.append(curves)


def _take_chargers(
    name: str,
    building: Mapping[str, Any],
    schema: Mapping[str, Any],
    folder: SourceFolder,
    axis: DataSteps,
    agent: dict[str, Any],
    found: _Found,
) -> None:
    """The vehicle of each charger; a second charger becomes an agent of its own at the same bus."""
    chargers = mapping_at(building.get("chargers") or {}, f"buildings.{name}.chargers", SCHEMA)
    for place, (key, charger) in enumerate(chargers.items()):
        path = f"buildings.{name}.chargers.{key}"
        read = read_charger(agent_name(key), mapping_at(charger, path, SCHEMA), path, schema, folder, axis)
        found.assumed += [each for each in read.assumed if each not in found.assumed]
        found.left_out += [each for each in read.left_out if each not in found.left_out]
        found.n_untold += read.n_untold
        if not read.sessions:
            found.left_out.append(f"the charger {key}: no vehicle comes to it")
            continue
        owner = agent if place == 0 else _charger_agent(agent, read, found)
        owner["ev"] = read.device(SESSIONS)
        found.sessions += read.sessions
        found.quantities.append(read.quantity(SESSIONS))


def _charger_agent(agent: Mapping[str, Any], charger: Charger, found: _Found) -> dict[str, Any]:
    bus = {"bus": agent["bus"]} if "bus" in agent else {}
    own = {
        "name": agent_name(f"{agent['name']}_{charger.name}"),
        "kind": "consumer",
        **bus,
        "load": {"annual_kwh": 0},
        "pv_kw": 0.0,
    }
    sentence = "A building's further chargers are agents of their own at its bus, with a vehicle and no load"
    if sentence not in found.assumed:
        found.assumed.append(sentence)
    found.agents.append(own)
    return own


def _text(building: Mapping[str, Any], key: str) -> str:
    value = building.get(key)
    if not isinstance(value, str) or not value:
        raise refused(f"a building has no {key}", SCHEMA, "buildings", repr(value)[:60])
    return value


def _demand_length(n_rows: int, axis: DataSteps, file: str) -> None:
    if n_rows != axis.n_steps:
        raise refused(f"the file has {n_rows} rows of the {axis.n_steps} steps of the first building", file)
