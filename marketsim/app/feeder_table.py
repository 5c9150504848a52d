"""A feeder as ``marketsim feeder`` lists it: its buses, and how scenarios refer to them."""

from __future__ import annotations

from typing import Any, NamedTuple

from marketsim.app.foreign import owner
from marketsim.app.plugin_feeders import feeder_of_plugin
from marketsim.core.build import FileContext
from marketsim.extension.registry import Registry
from marketsim.grid.net.bus_table import BusRow, bus_rows, reference
from marketsim.grid.net.feeder import DEFAULTS, Feeder


class FeederSource(NamedTuple):
    """A stiff voltage."""

    bus: str
    """As scenarios refer to it."""
    v_pu: float
    """Its voltage [p.u.]."""


class FeederTable(NamedTuple):
    """What there is of a feeder."""

    name: str
    buses: tuple[BusRow, ...]
    lines: int
    transformers: int
    sources: tuple[FeederSource, ...]
    notes: tuple[str, ...]


def feeder_table(name: str, registry: Registry) -> FeederTable:
    """The feeder of a name, of the package or of a plugin; NetworkError where there is none."""
    feeder, net = _loaded(name, registry)
    network = feeder.network
    return FeederTable(
        name,
        bus_rows(feeder, net),
        int((network.kind == 0).sum()),
        int((network.kind == 1).sum()),
        _sources(feeder, net),
        feeder.notes,
    )


def _sources(feeder: Feeder, net: Any) -> tuple[FeederSource, ...]:
    """The external grids of the net; without one the feeder's own source."""
    if net is None:
        return (FeederSource(feeder.network.bus_names[0], float(feeder.network.source_pu)),)
    grids = net.ext_grid[net.ext_grid.in_service]
    return tuple(
        FeederSource(reference(feeder, int(bus)), float(v_pu)) for bus, v_pu in zip(grids.bus, grids.vm_pu, strict=True)
    )


def _loaded(name: str, registry: Registry) -> tuple[Feeder, Any]:
    """The feeder, and the pandapower net that it was made of where it is known."""
    kind, _, argument = name.partition(":")
    if kind not in registry.names("grid"):
        from marketsim.grid.net import feeders, names
        from marketsim.grid.net.pandapower_nets import feeder as net_of

        found = feeders.load(name)
        return found, net_of(name) if names.copies(name)[1] == 1 else None
    build, context = registry.builder("grid", kind), FileContext()
    who = owner(registry, "grid", kind)
    if who is not None:
        return feeder_of_plugin(who, build, argument, context, DEFAULTS), None
    made: Feeder = build(argument, context)
    return made, None
