"""What a factory gets to build a part of a simulation: resolved facts, no files, no registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from marketsim.core.arrays import IntArray
from marketsim.core.clock import Clock
from marketsim.core.params import Params
from marketsim.core.ports import Tariff
from marketsim.core.records import Community
from marketsim.core.rng import Streams


class Choice(NamedTuple):
    """A part by its name in the registry, with its validated parameters."""

    name: str
    params: Params


@dataclass(frozen=True, slots=True)
class LoadSpec:
    """The firm load of an agent. Exactly one of ``peak_kw`` and ``annual_kwh`` is set; both None: no load."""

    shape: str | None = None
    """Name of a shape of the profile source; None: the source chooses among its household shapes."""
    peak_kw: float | None = None
    """Scales the shape so that its largest value of the year is this [kW]."""
    annual_kwh: float | None = None
    """Scales the shape to this energy a year [kWh]."""
    power_factor: float = 1.0
    """Lagging."""


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """One agent as resolved from the scenario: every number drawn, nothing symbolic."""

    name: str
    kind: str
    """``prosumer``, ``consumer``, or an agent kind of a plugin."""
    group: int
    """Position in the scenario's ``agents`` list."""
    bus: str | None
    """Bus of the feeder by its name or index as the scenario writes it; None without a grid."""
    load: LoadSpec
    pv_kw: float
    pv_shape: str | None
    devices: Mapping[str, Params]
    """By the device's registered name."""
    strategy: Choice
    inverter_kva: float | None = None
    import_limit_kw: float | None = None
    export_limit_kw: float | None = None
    income_class: str | None = None


@dataclass(frozen=True, slots=True)
class BuildContext:
    """Handed to every factory.

    Markets are replicas of one list of agents: market m holds the rows m * len(agents) ... (m + 1) * len(agents) - 1
    of the flat axis, in the order of ``agents``.
    """

    clock: Clock
    streams: Streams
    community: Community
    agents: tuple[AgentSpec, ...]
    """Agents of one market."""
    device_names: tuple[str, ...] = ()
    """Fleets of the simulation in order."""
    stores: tuple[bool, ...] = ()
    """Which of them give back what they draw; for metrics, as the tariff."""
    rows: IntArray | None = None
    """For a strategy: the rows of the flat axis that it decides for."""
    tariff: Tariff | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    """Further facts by name, for plugins."""
