"""What a fleet of devices says of itself, so that nobody has to know it by its name or by its parameters.

All columns are [n_agents], rows of the flat axis, with zero ratings where an agent has none.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray

FleetKind: TypeAlias = Literal["store", "priced", "deferrable"]


class StoreInfo(NamedTuple):
    """A fleet that gives back what it draws."""

    capacity_kwh: FloatArray
    """Usable energy."""
    charge_efficiency: FloatArray
    """Stored energy for each kWh drawn at the meter [-]; 1 where there is no device."""
    discharge_efficiency: FloatArray
    """Energy at the meter for each kWh taken from the store [-]; 1 where there is no device."""
    wear: FloatArray
    """Cost of each kWh charged or discharged at the meter [currency/kWh]."""


class PriceInfo(NamedTuple):
    """A fleet whose energy has a price of its own: what a curtailed kWh is worth, or a generated one costs."""

    cost: FloatArray
    """[currency/kWh]."""
    quadratic_cost: FloatArray
    """What the price rises by with the power [currency/(kW^2 h)]."""


class StayInfo(NamedTuple):
    """A fleet whose devices come and go, as vehicles do."""

    capacity_kwh: FloatArray
    """Size of the battery that is charged."""
    efficiency: FloatArray
    """Energy in that battery for each kWh drawn at the meter [-]; 1 where there is no device."""
    daily_kwh: FloatArray
    """Mean energy that it lacks on arrival."""
    arrival_hour: FloatArray
    """Mean hour of arrival [h of the day]; NaN where there is no device."""
    departure_hour: FloatArray
    """Mean hour of departure [h of the day]; NaN where there is no device."""
    arrival_spread_h: FloatArray
    """Standard deviation of the hour of arrival [h]."""
    departure_spread_h: FloatArray
    """Standard deviation of the hour of departure [h]."""


class Sessions(NamedTuple):
    """The stays of one device as data: in the order of time, no two in one slot."""

    arrival_slot: FloatArray
    """Slots since the start of the run, with fractions; negative before it [n_sessions]."""
    departure_slot: FloatArray
    energy_kwh: FloatArray
    """What the battery that is charged lacks on arrival."""


@dataclass(frozen=True, slots=True)
class FleetInfo:
    """A fleet: its name, who has one, what it is rated for, and what kind of thing it is.

    ``store``, ``price`` and ``stay`` are set where the fleet is such a thing. One with neither store nor price is demand
    that can wait until its range says that it cannot.
    """

    name: str
    """Registered name of the device."""
    owned: BoolArray
    """Who has one."""
    rated_in_kw: FloatArray
    """Largest power that it draws."""
    rated_out_kw: FloatArray
    """Largest power that it injects."""
    store: StoreInfo | None = None
    price: PriceInfo | None = None
    stay: StayInfo | None = None
    sessions: tuple[Sessions | None, ...] | None = None
    """Stays of each agent's device that are data [n_agents], None for whose are drawn around its mean hours; None: all are
    drawn. Its owner expects later stays at the mean hours in any case."""
    annual_heat_kwh: FloatArray | None = None
    """Heat demand of a year that it has to cover; the profiles then bring ``heat_kw``."""
    load_share: FloatArray | None = None
    """Share of the agent's load that belongs to it; the rest of the load is firm."""

    @property
    def stores(self) -> bool:
        """Whether drawn energy comes back: drawing is then no final consumption."""
        return self.store is not None

    @property
    def priced(self) -> bool:
        """Whether its energy has a price of its own."""
        return self.price is not None

    @property
    def departs(self) -> bool:
        """Whether its devices leave at an hour of the day."""
        return self.stay is not None

    @property
    def kind(self) -> FleetKind:
        """What strategies take it for."""
        return "store" if self.stores else "priced" if self.priced else "deferrable"

    def of(self, rows: IntArray) -> FleetInfo:
        """The same of some agents alone."""

        def taken(part: StoreInfo | PriceInfo | StayInfo | None) -> object:
            return None if part is None else type(part)(*(column[rows] for column in part))

        values = {each.name: getattr(self, each.name) for each in fields(self)}
        columns = {name: value[rows] for name, value in values.items() if isinstance(value, np.ndarray)}
        parts = {name: taken(values[name]) for name in ("store", "price", "stay")}
        sessions = None if self.sessions is None else tuple(self.sessions[row] for row in rows.tolist())
        return FleetInfo(**{**values, **columns, **parts, "sessions": sessions})


def faults_of(info: object, name: str, n_agents: int) -> list[str]:
    """What is wrong with what a device declares as the fleet ``name`` of so many agents."""
    if not isinstance(info, FleetInfo):
        return [f"its info must be a marketsim.core.fleets.FleetInfo, not {type(info).__name__}"]
    found = [] if info.name == name else [f"its info has the name {info.name!r}, but it is registered as {name!r}"]
    for where, column in _columns(info):
        if not isinstance(column, np.ndarray) or column.shape != (n_agents,):
            seen = f"shape {column.shape}" if isinstance(column, np.ndarray) else type(column).__name__
            found.append(f"info.{where} must be an array of {n_agents} agents, not {seen}")
    if not found:
        ratings = {"rated_in_kw": info.rated_in_kw, "rated_out_kw": info.rated_out_kw}
        found += [
            f"info.{where} must be at least 0 and finite, and 0 for who has no device"
            for where, kw in ratings.items()
            if not (np.isfinite(kw) & (kw >= 0)).all() or kw[~info.owned].any()
        ]
        found += [] if info.owned.dtype == np.bool_ else ["info.owned must be true or false"]
    found += _session_faults(info, n_agents)
    if info.store is not None and info.price is not None:
        found.append("info has both store and price: it can be one of them")
    return found


def _session_faults(info: FleetInfo, n_agents: int) -> list[str]:
    sessions: object = info.sessions
    if sessions is None:
        return []
    if not isinstance(sessions, tuple) or len(sessions) != n_agents or info.stay is None:
        return [f"info.sessions must be a tuple with an entry for each of {n_agents} agents, beside info.stay"]
    return [
        f"info.sessions[{agent}] must be Sessions of three arrays of equal length, or None"
        for agent, own in enumerate(sessions)
        if own is not None and not _are_sessions(own)
    ]


def _are_sessions(own: object) -> bool:
    if not isinstance(own, Sessions) or not all(isinstance(column, np.ndarray) for column in own):
        return False
    return own.arrival_slot.ndim == 1 and len({column.shape for column in own}) == 1


def _columns(info: FleetInfo) -> list[tuple[str, object]]:
    columns: list[tuple[str, object]] = []
    for each in fields(info):
        value = getattr(info, each.name)
        if isinstance(value, StoreInfo | PriceInfo | StayInfo):
            columns += [(f"{each.name}.{name}", column) for name, column in zip(value._fields, value, strict=True)]
        elif each.name in ("owned", "rated_in_kw", "rated_out_kw") or (
            value is not None and each.name not in ("name", "sessions")
        ):
            columns.append((each.name, value))
    return columns
