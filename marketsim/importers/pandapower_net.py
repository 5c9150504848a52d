"""pandapower nets: one operating point, whose loads, static generators and storages become agents with shapes of a year."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any, Final

from marketsim.core.build import ImportContext
from marketsim.core.errors import ImportedDataError
from marketsim.core.files import MIB, read_bytes
from marketsim.core.imported import ImportedQuantity, ImportedScenario
from marketsim.importers.elements import BATTERIES, Seat, battery_of, kind_of, lost_of, power_factor, seats_of
from marketsim.importers.params import PandapowerParams
from marketsim.importers.placing import NET
from marketsim.importers.source import refused, scenario_name

_A_DAY: Final = 96
_PV: Final = frozenset(("", "pv", "wye", "delta"))
"""Types of static generators that are PV, or say nothing of what they are, in small letters."""


def build(params: PandapowerParams, context: ImportContext) -> Pandapower:
    """The importer."""
    return Pandapower(params, context)


class Pandapower:
    """Reads a net file; implements ``core.ports.Importer``."""

    def __init__(self, params: PandapowerParams, context: ImportContext) -> None:
        self._params, self._context = params, context

    def read(self, source: str) -> ImportedScenario:
        """Loads as agents whose nominal power is the peak of a household shape; the net lies beside the scenario."""
        path = Path(source.removeprefix("file:").strip())
        data = read_bytes(path, 64 * MIB, ImportedDataError)
        name = f"file:{path}"
        net = self._context.net(name)
        found = seats_of(net, self._context.buses(name))
        if not found.seats:
            raise refused("the net has no load, static generator or storage with supply", str(path))
        params = self._params
        scenario = {
            "name": scenario_name(path.stem),
            "clock": {"start": params.start.isoformat(), "slots": params.days * _A_DAY, "slot_minutes": 15},
            "grid": {"feeder": f"file:{NET}"},
            "tariff": {"flat": {"retail": params.retail, "feed_in": params.feed_in}},
            "profiles": {"source": "simbench_2016"},
            "agents": [_agent(seat) for seat in found.seats],
        }
        return ImportedScenario(
            scenario=scenario,
            tables={NET: data},
            sources={path.name: hashlib.sha256(data).hexdigest()},
            taken=(
                f"{len(found.seats)} agents: {sum(seat.load is not None for seat in found.seats)} with a load, "
                f"{sum(bool(seat.plants) for seat in found.seats)} with static generators, "
                f"{sum(seat.store is not None for seat in found.seats)} with a storage",
                f"The net itself, as {NET}",
            ),
            assumed=_assumed(params, found.seats),
            left_out=(
                *found.left_out,
                *lost_of(found.seats),
                "the net's own operating point, controllers and results of power flows",
            ),
            quantities=_quantities(found.seats, path.name),
        )


def _assumed(params: PandapowerParams, seats: tuple[Seat, ...]) -> tuple[str, ...]:
    told: tuple[str, ...] = (
        "The net has no series: loads have household shapes of 2016 (SimBench) whose peak of the year is their nominal power",
        "Static generators are PV plants of their nominal power, with shapes of 2016; a plant joins the first load at its bus",
        "Loads have the power factor of their nominal power; those that give reactive power (q_mvar below 0) have 1",
        f"Energy costs {params.retail:g} and is paid {params.feed_in:g} by the utility (retail, feed_in)",
    )
    others = Counter(kind for seat in seats for kind in map(kind_of, seat.plants) if kind not in _PV)
    if others:
        named = ", ".join(f"{kind} ({times})" for kind, times in sorted(others.items()))
        told += (f"Static generators of types that are no PV are PV plants all the same, by day alone: {named}",)
    return (*told, *BATTERIES) if any(seat.store for seat in seats) else told


def _agent(seat: Seat) -> dict[str, Any]:
    agent: dict[str, Any] = {"name": seat.name, "kind": seat.kind, "bus": seat.bus}
    if seat.load is not None:
        factor = round(power_factor(seat.load.p_kw, seat.load.q_kvar), 9)
        agent["load"] = {"peak_kw": seat.load.p_kw, "power_factor": factor}
    agent["pv_kw"] = seat.pv_kw
    store = None if seat.store is None else battery_of(seat.store.row)
    return agent if store is None else {**agent, "battery": store}


def _quantities(seats: tuple[Seat, ...], file: str) -> tuple[ImportedQuantity, ...]:
    """Nominal powers and energies of all elements that were taken."""
    loads = sum(seat.load.p_kw for seat in seats if seat.load)
    plants = sum(seat.pv_kw for seat in seats)
    stores = sum(float(seat.store.row["max_e_mwh"]) * 1000.0 for seat in seats if seat.store)
    sums = (
        ("nominal load", "load.p_mw x scaling", loads, "kW", "load.peak_kw"),
        ("nominal generation", "sgen.p_mw x scaling", plants, "kW", "pv_kw"),
        ("storage", "storage.max_e_mwh", stores, "kWh", "battery.energy_kwh"),
    )
    return tuple(
        ImportedQuantity(what, f"{file}: {source}", amount, unit, "agents", "", path)
        for what, source, amount, unit, path in sums
        if amount > 0.0
    )
