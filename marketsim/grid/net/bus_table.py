"""The buses of a feeder as its users see them: what each is called, what it draws, and whether an agent can sit there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.core.build import FeederBuses
from marketsim.grid.net.branch_ratings import text_of
from marketsim.grid.net.feeder import Feeder
from marketsim.grid.net.network import BranchKind
from marketsim.grid.net.topology import SOURCE, graph_from


@dataclass(frozen=True, slots=True)
class BusRow:
    """One bus."""

    index: int | None
    """In the pandapower net; None where there is none."""
    name: str
    """In the net; empty where it has none."""
    refer: str | None
    """What ``bus:`` says for it; None: no agent can sit there."""
    kv: float
    """Nominal voltage [kV]."""
    load_kw: float
    """Nominal load of its node, told at the first bus of the node [kW]."""
    load_kvar: float
    area: int | None
    """Number of the part of the feeder that lines join, from 1 at the source; None without supply."""
    island: int | None
    """Number of the part without supply that it belongs to, from 1; None with supply."""
    remark: str = ""
    """Why nobody can sit there, which bus it is one with, or that it is the source."""

    @property
    def takes_agents(self) -> bool:
        """Whether an agent can sit there."""
        return self.refer is not None


def members_of(feeder: Feeder) -> tuple[tuple[int, ...], ...]:
    """Indices of the buses of each node, empty at inner points [n_nodes]."""
    return feeder.members or tuple((bus,) if bus >= 0 else () for bus in feeder.indices.tolist())


def reference(feeder: Feeder, index: int) -> str:
    """What ``bus:`` says for the bus of an index that has supply."""
    exact = f"index {index}"
    return exact if exact in feeder.nodes else str(index)


def buses_of(feeder: Feeder) -> FeederBuses:
    """How scenarios refer to its buses with supply, and which of them have a nominal load."""
    indices = [bus for members in members_of(feeder) for bus in members]
    network = feeder.network
    loaded = (network.load_kw != 0.0) | (network.load_kvar != 0.0)
    names = tuple(name for name, has_load in zip(network.bus_names, loaded, strict=True) if has_load)
    return FeederBuses({bus: reference(feeder, bus) for bus in indices}, names)


def bus_rows(feeder: Feeder, net: Any = None) -> tuple[BusRow, ...]:
    """All buses: those of the pandapower net with supply or without, or without a net the feeder's nodes."""
    rows = tuple(_of_nodes(feeder)) if net is None else tuple(_of_net(feeder, net))
    return tuple(sorted(rows, key=lambda row: (row.index is None, row.index or 0)))


def _of_nodes(feeder: Feeder) -> Iterator[BusRow]:
    network, area = feeder.network, areas(feeder)
    for node, index in enumerate(feeder.indices.tolist()):
        name = network.bus_names[node]
        row = _row(feeder, node, None if index < 0 else index, "", name, int(area[node]))
        yield row if name in feeder.nodes else replace(row, refer=None, remark="inside an element")


def _of_net(feeder: Feeder, net: Any) -> Iterator[BusRow]:
    area, islands = areas(feeder), _islands(net)
    node_of = {bus: node for node, members in enumerate(members_of(feeder)) for bus in members}
    for index, bus in net.bus.iterrows():
        name, node = text_of(bus["name"]), node_of.get(int(index))
        if node is None:
            why = feeder.reasons.get(str(index)) or feeder.reasons.get(name) or "no supply"
            yield BusRow(int(index), name, None, float(bus.vn_kv), 0.0, 0.0, None, islands.get(int(index)), why)
        else:
            yield _row(feeder, node, int(index), name, reference(feeder, int(index)), int(area[node]))


def _row(feeder: Feeder, node: int, index: int | None, name: str, refer: str, area: int) -> BusRow:
    network, first = feeder.network, int(feeder.indices[node])
    leads = index is None or index == first
    remark = "source" if node == SOURCE else "" if leads else f"one with bus {reference(feeder, first)} (closed switch)"
    load = (float(network.load_kw[node]), float(network.load_kvar[node])) if leads else (0.0, 0.0)
    return BusRow(index, name, refer, float(network.base_kv[node]), *load, area, None, remark)


def areas(feeder: Feeder) -> IntArray:
    """Part of the feeder that lines join, for each node, from 1 in the order of their first nodes [n_nodes]."""
    import networkx as nx  # type: ignore[import-untyped]

    network = feeder.network
    lines = network.kind == BranchKind.LINE
    ends = np.column_stack((network.from_node[lines], network.to_node[lines]))
    parts = nx.connected_components(graph_from(range(network.n_nodes), ends))
    number = np.zeros(network.n_nodes, dtype=np.int64)
    for place, part in enumerate(sorted(parts, key=min), start=1):
        number[list(part)] = place
    return number


def _islands(net: Any) -> dict[int, int]:
    """Part of the net that each bus without supply belongs to, from 1."""
    import networkx as nx
    from pandapower.topology import create_nxgraph  # type: ignore[import-untyped]

    sources = set(net.ext_grid.bus[net.ext_grid.in_service].tolist())
    parts = [part for part in nx.connected_components(create_nxgraph(net)) if not part & sources]
    return {bus: place for place, part in enumerate(sorted(parts, key=min), start=1) for bus in part}
