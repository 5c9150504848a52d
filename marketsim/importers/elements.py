"""Elements of a pandapower net as agents: each load is one, and what generates or stores joins the load at its bus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import hypot, isfinite
from typing import Any, Final, NamedTuple

from marketsim.core.build import FeederBuses
from marketsim.importers.source import agent_name

_KILO: Final = 1000.0
_TABLES: Final = ("load", "sgen", "storage")
_OTHERS: Final = ("gen", "asymmetric_load", "asymmetric_sgen", "motor", "ward", "xward", "shunt", "dcline")
"""Elements that draw or inject and become no agents."""
_BY_VOLTAGE: Final = ("const_z", "const_i")
"""How columns of loads that follow the voltage begin."""
_WORDS: Final[Mapping[str, str]] = {"load": "loads", "sgen": "static generators", "storage": "storages"}


class NetElement(NamedTuple):
    """A load, static generator or storage."""

    table: str
    place: int
    """Its index in the table."""
    name: str
    bus: str
    """As scenarios refer to it."""
    p_kw: float
    """Nominal, with its scaling; of a storage what it draws."""
    q_kvar: float
    profile: str
    """Name of its profile, where the net has such a column."""
    row: Mapping[str, Any]


@dataclass
class Seat:
    """What becomes one agent."""

    name: str
    bus: str
    load: NetElement | None = None
    plants: list[NetElement] = field(default_factory=list)
    store: NetElement | None = None

    @property
    def kind(self) -> str:
        """Whether it can give anything."""
        return "prosumer" if self.plants or self.store else "consumer"

    @property
    def pv_kw(self) -> float:
        """Rated power of its plants [kW]."""
        return sum(plant.p_kw for plant in self.plants)


class Seats(NamedTuple):
    """All agents of a net."""

    seats: tuple[Seat, ...]
    left_out: tuple[str, ...]


def seats_of(net: Any, buses: FeederBuses) -> Seats:
    """Agents of a net's loads, static generators and storages; what draws nothing or has no supply is left out."""
    left: dict[str, list[str]] = {}
    found = [each for table in _TABLES for each in _elements(net, table, buses, left)]
    names = Counter[str]()
    seats: list[Seat] = []
    for element in found:
        seat = None if element.table == "load" else _joined(seats, element)
        if seat is None:
            seat = Seat(_unique(element, names), element.bus)
            seats.append(seat)
        if element.table == "load":
            seat.load = element
        elif element.table == "sgen":
            seat.plants.append(element)
        else:
            seat.store = element
    told = [_named(why, each) for why, each in left.items()]
    others = ", ".join(f"{name} ({len(net[name])})" for name in _OTHERS if name in net and len(net[name]))
    return Seats(tuple(seats), (*told, *([f"other elements of the net become no agents: {others}"] if others else [])))


def _joined(seats: list[Seat], element: NetElement) -> Seat | None:
    """The first agent at its bus that has room for it."""
    at_bus = [seat for seat in seats if seat.bus == element.bus]
    return next((seat for seat in at_bus if element.table == "sgen" or seat.store is None), None)


def _unique(element: NetElement, names: Counter[str]) -> str:
    base = agent_name(element.name or f"{element.table} {element.place}")
    names[base] += 1
    return base if names[base] == 1 else f"{base}_{element.table}{element.place}"


def _elements(net: Any, table: str, buses: FeederBuses, left: dict[str, list[str]]) -> Iterator[NetElement]:
    for index, row in net[table].iterrows():
        name = _text(row.get("name"))
        title = name or f"{table} {index}"
        scaling = _number(row.get("scaling"), 1.0)
        p_kw, q_kvar = (_number(row.get(key), 0.0) * scaling * _KILO for key in ("p_mw", "q_mvar"))
        bus = buses.by_index.get(int(row["bus"]))
        if not bool(row.get("in_service", True)):
            left.setdefault(f"{_WORDS[table]} out of service", []).append(title)
        elif bus is None:
            left.setdefault(f"{_WORDS[table]} at buses without supply", []).append(title)
        elif table != "storage" and p_kw <= 0.0:
            left.setdefault(f"{_WORDS[table]} of no or negative power", []).append(title)
        elif table == "storage" and battery_of(row) is None:
            left.setdefault("storages that say no energy or no power", []).append(title)
        else:
            yield NetElement(table, int(index), name, bus, p_kw, q_kvar, _text(row.get("profile")), row)


def _number(value: Any, default: float) -> float:
    """A cell as a finite number."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return default
    return number if isfinite(number) else default


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def power_factor(p_kw: float, q_kvar: float) -> float:
    """Lagging power factor; 1 where nothing is drawn, or reactive power is given."""
    return p_kw / hypot(p_kw, q_kvar) if p_kw > 0.0 and q_kvar > 0.0 else 1.0


def kind_of(plant: NetElement) -> str:
    """Type of a static generator as the net says it, such as ``PV`` or ``CHP``; small letters where that is all the same."""
    text = _text(plant.row.get("type"))
    return text.lower() if text.lower() in ("pv", "wye", "delta") else text


def lost_of(seats: Sequence[Seat]) -> tuple[str, ...]:
    """What elements that became agents say and agents cannot: reactive power that is given, and loads that follow voltage."""
    loads = [seat.load for seat in seats if seat.load is not None]
    plants = [plant for seat in seats for plant in seat.plants]
    lost = {
        "reactive power that loads give": [load for load in loads if load.q_kvar < 0.0],
        "how loads follow the voltage (const_z, const_i): they draw the same at any": list(
            filter(_follows_voltage, loads)
        ),
        "reactive power of static generators: inverters follow grid.reactive": [each for each in plants if each.q_kvar],
    }
    return tuple(_named(why, map(_title, each)) for why, each in lost.items() if each)


def _follows_voltage(load: NetElement) -> bool:
    return any(str(key).startswith(_BY_VOLTAGE) and _number(cell, 0.0) for key, cell in load.row.items())


def _title(element: NetElement) -> str:
    return element.name or f"{element.table} {element.place}"


def _named(why: str, titles: Iterable[str]) -> str:
    each = list(titles)
    return f"{why}: {', '.join(each[:5])}{' ...' if len(each) > 5 else ''} ({len(each)})"


def battery_of(row: Mapping[str, Any]) -> dict[str, float] | None:
    """A storage as a battery; None where the net does not say its energy or power."""
    energy_kwh = _number(row.get("max_e_mwh"), 0.0) * _KILO
    powers = (_number(row.get(key), 0.0) for key in ("sn_mva", "max_p_mw", "min_p_mw", "p_mw"))
    power_kw = max(map(abs, powers)) * _KILO
    if energy_kwh <= 0.0 or power_kw <= 0.0:
        return None
    lowest = min(max(_number(row.get("min_e_mwh"), 0.0) * _KILO / energy_kwh, 0.0), 0.9)
    level = min(max(_number(row.get("soc_percent"), 50.0) / 100.0, lowest), 1.0)
    efficiency = _number(row.get("efficiency_percent"), 90.0) / 100.0
    return {
        "energy_kwh": energy_kwh,
        "power_kw": power_kw,
        "round_trip_efficiency": min(max(efficiency, 0.1), 1.0),
        "soc_min": lowest,
        "soc_max": 1.0,
        "soc_initial": level,
    }


BATTERIES: Final = (
    "A storage's power is the largest of its sn_mva, max_p_mw, min_p_mw and p_mw; its efficiency (efficiency_percent, else "
    "90 %) is that of a round trip; without soc_percent it begins half full",
)
