"""SimBench nets with their own profiles: what each load drew and each plant fed in, in quarter hours of 2016."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.build import ImportContext
from marketsim.core.imported import ImportedQuantity, ImportedScenario
from marketsim.importers.elements import BATTERIES, NetElement, Seat, battery_of, power_factor, seats_of
from marketsim.importers.params import SimBenchParams
from marketsim.importers.source import refused, scenario_name
from marketsim.importers.tables import SERIES, series_csv

_STEP: Final = timedelta(minutes=15)
_A_DAY: Final = 96
_FIRST: Final = datetime(2016, 1, 1)
_PROFILES: Final = {"load": "load", "sgen": "renewables"}


def build(params: SimBenchParams, context: ImportContext) -> SimBench:
    """The importer."""
    return SimBench(params, context)


class SimBench:
    """Reads a net by its code; implements ``core.ports.Importer``."""

    def __init__(self, params: SimBenchParams, context: ImportContext) -> None:
        self._params, self._context = params, context

    def read(self, source: str) -> ImportedScenario:
        """Loads as agents with the net's own series, plants and storages with the agent of their bus."""
        params = self._params
        name = f"simbench:{source.removeprefix('simbench:').strip()}"
        net = self._context.net(name)
        found = seats_of(net, self._context.buses(name))
        if not found.seats:
            raise refused("the net has no load, plant or storage with supply", value=name)
        rows = self._rows(net)
        columns: dict[str, FloatArray] = {}
        quantities: list[ImportedQuantity] = []
        agents = [_agent(seat, net.profiles, rows, columns, quantities) for seat in found.seats]
        begins = _FIRST + rows.start * _STEP
        scenario = {
            "name": scenario_name(name.replace(":", "-")),
            "clock": {"start": params.start.isoformat(), "slots": params.days * _A_DAY, "slot_minutes": 15},
            "grid": {"feeder": name},
            "tariff": {"flat": {"retail": params.retail, "feed_in": params.feed_in}},
            "profiles": {"source": "file", "path": SERIES, "values": "kw"},
            "agents": agents,
        }
        return ImportedScenario(
            scenario=scenario,
            tables={SERIES: series_csv(begins, _STEP, columns)},
            sources={},
            taken=(
                f"{len(agents)} agents: {sum(seat.load is not None for seat in found.seats)} with a load, "
                f"{sum(bool(seat.plants) for seat in found.seats)} with plants, "
                f"{sum(seat.store is not None for seat in found.seats)} with a storage",
                f"{len(columns)} series of the net's own profiles, {rows.stop - rows.start} quarter hours from {begins}",
            ),
            assumed=_assumed(params, found.seats),
            left_out=(*found.left_out, *_LEFT),
            quantities=tuple(quantities),
        )

    def _rows(self, net: Any) -> slice:
        """Quarter hours of the year that the tables hold."""
        params = self._params
        n_rows = len(net.profiles["load"])
        first = (params.start - date(2016, 1, 1)).days
        last = first + params.days
        if first < 0 or last * _A_DAY > n_rows:
            seen = f"{params.days} days from {params.start}"
            raise refused("the run has to lie in the year of the profiles, 2016", path="start", value=seen)
        if params.whole_year:
            return slice(0, n_rows)
        return slice(max(first - params.history_days, 0) * _A_DAY, last * _A_DAY)


_LEFT: Final = (
    "profiles of storages: their owners decide what they do; study cases of the net",
    "reactive power of plants: inverters follow grid.reactive",
)


def _assumed(params: SimBenchParams, seats: tuple[Seat, ...]) -> tuple[str, ...]:
    kinds = sorted({str(plant.row.get("type")) for seat in seats for plant in seat.plants})
    told: tuple[str, ...] = (
        f"Energy costs {params.retail:g} and is paid {params.feed_in:g} by the utility (retail, feed_in)",
        "A load has the constant power factor of its active and reactive energy over the table",
        "A plant joins the first load at its bus",
    )
    if set(kinds) - {"PV"}:
        told += (f"All plants are taken as series of generation, whatever their type ({', '.join(kinds)})",)
    return (*told, *BATTERIES) if any(seat.store for seat in seats) else told


def _agent(
    seat: Seat,
    profiles: Mapping[str, Any],
    rows: slice,
    columns: dict[str, FloatArray],
    quantities: list[ImportedQuantity],
) -> dict[str, Any]:
    agent: dict[str, Any] = {"name": seat.name, "kind": seat.kind, "bus": seat.bus}
    if seat.load is None:
        agent["load"] = {"annual_kwh": 0}
    else:
        p_kw, q_kvar = (_load_series(seat.load, profiles, part, rows) for part in ("p", "q"))
        factor = power_factor(float(p_kw.sum()), float(q_kvar.sum()))
        agent["load"] = {"power_factor": round(factor, 9)}
        _take(seat.name, "load", p_kw, _source(seat.load), columns, quantities)
    agent["pv_kw"] = seat.pv_kw
    if seat.plants:
        pv_kw = np.sum([_plant_series(plant, profiles, rows) for plant in seat.plants], axis=0)
        _take(seat.name, "pv", pv_kw, " + ".join(map(_source, seat.plants)), columns, quantities)
    store = None if seat.store is None else battery_of(seat.store.row)
    return agent if store is None else {**agent, "battery": store}


def _take(
    name: str,
    what: str,
    power_kw: FloatArray,
    source: str,
    columns: dict[str, FloatArray],
    quantities: list[ImportedQuantity],
) -> None:
    column = f"{name}_{what}_kw"
    columns[column] = power_kw
    energy = float(power_kw.sum()) * (_STEP / timedelta(hours=1))
    quantities.append(ImportedQuantity(f"{what} of {name}", source, energy, "kWh", "series", SERIES, column))


def _source(element: NetElement) -> str:
    return f"{element.table} {element.place} x profile {element.profile}"


def _load_series(load: NetElement, profiles: Mapping[str, Any], part: str, rows: slice) -> FloatArray:
    nominal = load.p_kw if part == "p" else load.q_kvar
    values = _profile(load, profiles, f"{load.profile}_{part}load", rows)
    return nominal * (values if part == "q" else _positive(load, values))


def _plant_series(plant: NetElement, profiles: Mapping[str, Any], rows: slice) -> FloatArray:
    return plant.p_kw * _positive(plant, _profile(plant, profiles, plant.profile, rows))


def _profile(element: NetElement, profiles: Mapping[str, Any], column: str, rows: slice) -> FloatArray:
    table = profiles[_PROFILES[element.table]]
    if column not in table:
        raise refused(
            "the net has no profile of this name", path=f"{element.table} {element.place}", value=repr(column)
        )
    values = np.asarray(table[column], dtype=np.float64)[rows]
    if not np.isfinite(values).all():
        raise refused("a profile holds missing values", path=column)
    return values


def _positive(element: NetElement, values: FloatArray) -> FloatArray:
    """Active power, which a load draws and a plant gives."""
    if (values < 0).any():
        raise refused(
            "a profile of active power holds negative values", path=element.profile, value=f"{values.min():g}"
        )
    return values
