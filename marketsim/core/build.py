"""What is known when a part of a simulation is built: typed, no files, no registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.clock import Clock
from marketsim.core.expert import FollowerMaker
from marketsim.core.fence import Fence
from marketsim.core.fleets import FleetInfo
from marketsim.core.grid_model import GridModel
from marketsim.core.language_model import ModelMaker
from marketsim.core.params import Params
from marketsim.core.ports import Device, ReactiveLaw, Tariff
from marketsim.core.records import Community
from marketsim.core.rng import Streams

PolicyLoader: TypeAlias = Callable[[Path], Any]
"""Trained policies of a checkpoint; what they are is between ``learning`` and the strategy that acts by them."""
OPEN: Final = Fence(Path(), None)
"""No fence: paths start from the current folder and lead anywhere."""


def _no_distances() -> FloatArray:
    raise LookupError("there are no electrical distances")


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


class Owners(NamedTuple):
    """Who owns a shared asset: an income class, members by name with their parts, or everybody."""

    income_class: str | None = None
    parts: tuple[tuple[str, float], ...] = ()


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
    income: float | None = None
    """A month [currency]."""
    owners: Owners | None = None
    """Of a shared asset; None: it is a member itself."""


@dataclass(frozen=True, slots=True)
class FileContext:
    """What sources of feeders and language models get to know: nothing of a scenario but where its files may lie."""

    fence: Fence = OPEN
    """Where the files may lie that a scenario names."""


class FeederBuses(NamedTuple):
    """How scenarios refer to the buses of a feeder."""

    by_index: Mapping[int, str]
    """What ``bus:`` says for the bus of each index in the net; buses without supply are left out."""
    loaded: tuple[str, ...]
    """Buses with a nominal load, as ``buses: loads`` means them."""


def _no_feeder(name: str) -> Any:
    raise LookupError(f"nobody loads the feeder {name}")


@dataclass(frozen=True, slots=True)
class ImportContext(FileContext):
    """What importers get to know: beside files, the feeders that the program can load."""

    net: Callable[[str], Any] = _no_feeder
    """The pandapower net of a feeder by its name, its own copy; NetworkError where there is none."""
    buses: Callable[[str], FeederBuses] = _no_feeder
    """The buses of a feeder by its name; NetworkError where there is none."""


@dataclass(frozen=True, slots=True)
class Basics:
    """What tariffs, devices and reactive modes are built from; everything else gets a ``BuildContext``.

    Markets are replicas of one list of agents: market m holds the rows m * len(agents) ... (m + 1) * len(agents) - 1
    of the flat axis, in the order of ``agents``.
    """

    clock: Clock
    streams: Streams
    community: Community
    agents: tuple[AgentSpec, ...]
    """Agents of one market."""
    fence: Fence = OPEN
    """Where the files may lie that the scenario names."""
    closure_slots: int = 0
    """Slots between trade and delivery."""
    pv_scale: float = 1.0
    """Factor by which the profiles scale every PV plant beyond its ``pv_kw``."""
    retry_passes: int = 3
    """Passes in which orders that the gate refused are tried again."""
    policies: PolicyLoader | None = None
    """Loads trained policies from a checkpoint; None: there is nobody who could."""
    models: ModelMaker | None = None
    """Makes language models by the name of their part; None: there is nobody who could."""


class VoltageBand(NamedTuple):
    """Limits of each node [p.u.] [n_nodes], node 0 the source, and of loading, as a share of the rating."""

    v_min_pu: FloatArray
    v_max_pu: FloatArray
    loading: float = 1.0


@dataclass(frozen=True, slots=True)
class GridInfo:
    """What parts may know of the grid of a simulation, or of its connections where they alone are limited."""

    band: VoltageBand | None = None
    """None without a feeder."""
    model: GridModel | None = None
    """What positions that did not happen are checked by: AC power flow with the gate's limits, or the limits of connections
    without a feeder; None: nothing is limited."""
    background_wh: int = 0
    """Load of the feeder that belongs to no agent, a market and slot."""
    distances: Callable[[], FloatArray] = _no_distances
    """Electrical distance of every two connections [ohm] [n_connections, n_connections], worked out when asked for."""
    guard: float = 0.0
    """Distance that the gate keeps from each limit (p.u., share of a rating), the larger of the two."""
    taps: list[tuple[int, ...]] | None = None
    """Positions of the tap changers in each slot so far; None: there are none."""


@dataclass(frozen=True, slots=True)
class BuildContext(Basics):
    """What is known once tariff, devices and grid are built."""

    tariff: Tariff | None = None
    fleets: tuple[FleetInfo, ...] = ()
    """Fleets of the simulation in order, [n_agents] each."""
    grid: GridInfo | None = None
    """None without a grid and without limits of connections."""
    devices: tuple[Device, ...] = ()
    """The fleets themselves, in the same order, for who plans them (``core.ports.LinearDevice``)."""
    follower: FollowerMaker | None = None
    """Makes who follows the plans of the scenario's expert; None before the series are there."""
    law: ReactiveLaw | None = None
    """How reactive power follows, and what inverters are rated for; None where no grid was built."""
    rows: IntArray | None = None
    """For a strategy: the rows of the flat axis that it decides for."""

    @classmethod
    def of(
        cls,
        basics: Basics,
        *,
        tariff: Tariff | None,
        devices: tuple[Device, ...],
        grid: GridInfo | None = None,
        law: ReactiveLaw | None = None,
    ) -> BuildContext:
        """The context of a simulation whose basics are known."""
        fleets = tuple(device.info for device in devices)
        return cls(**known_of(basics, Basics), tariff=tariff, fleets=fleets, grid=grid, devices=devices, law=law)

    def for_rows(self, rows: IntArray) -> BuildContext:
        """The same for a strategy that decides for some rows."""
        return replace(self, rows=rows)

    @property
    def device_names(self) -> tuple[str, ...]:
        """Names of the fleets in order."""
        return tuple(fleet.name for fleet in self.fleets)

    @property
    def stores(self) -> tuple[bool, ...]:
        """Which of them give back what they draw."""
        return tuple(fleet.stores for fleet in self.fleets)


def known_of(context: Basics, kind: type[Basics]) -> dict[str, Any]:
    """What a context has of the fields of ``kind``, by name: what a context that knows more begins with."""
    return {each.name: getattr(context, each.name) for each in fields(kind)}
