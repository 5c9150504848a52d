"""The same feeder many times behind one source: how large systems are built for studies of scale."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from marketsim.core.arrays import IntArray
from marketsim.core.errors import NetworkError, Problem
from marketsim.grid.net.feeder import Feeder
from marketsim.grid.net.network import AT_BRANCHES, AT_NODES, Network

_Column = NDArray[Any]


def side_by_side(network: Network, copies: int) -> Network:
    """``copies`` copies of ``network`` that share its source; bus ``7`` of copy 3 is called ``7@3``, counted from 0."""
    if copies == 1:
        return network
    n_inner = network.n_nodes - 1
    tags = range(copies)

    def nodes_of(column: IntArray) -> IntArray:
        moved = column[None, :] + np.where(column > 0, np.arange(copies)[:, None] * n_inner, 0)
        return moved.reshape(-1)

    def inner(column: _Column) -> _Column:
        return np.concatenate((column[:1], np.tile(column[1:], copies)))

    columns: dict[str, Any] = {name: inner(getattr(network, name)) for name in AT_NODES}
    columns |= {name: np.tile(getattr(network, name), copies) for name in AT_BRANCHES}
    columns |= {end: nodes_of(getattr(network, end)) for end in ("from_node", "to_node")}
    return network._replace(
        name=f"{network.name}*{copies}",
        bus_names=(network.bus_names[0], *(f"{bus}@{tag}" for tag in tags for bus in network.bus_names[1:])),
        branch_names=tuple(f"{branch}@{tag}" for tag in tags for branch in network.branch_names),
        **columns,
    )


def feeder_copies(feeder: Feeder, copies: int) -> Feeder:
    """The same for a feeder with its bus names; the source keeps its own names."""
    if copies == 1:
        return feeder
    n_inner = feeder.network.n_nodes - 1
    nodes = {name: node for name, node in feeder.nodes.items() if node == 0}
    for tag in range(copies):
        copied = {f"{name}@{tag}": node + tag * n_inner for name, node in feeder.nodes.items() if node > 0}
        twice = nodes.keys() & copied.keys()
        if twice:
            hint = "rename the bus, or leave the copies out"
            raise NetworkError([Problem("a bus is called like a copy of another", value=min(twice), hint=hint)])
        nodes |= copied
    return feeder._replace(
        network=side_by_side(feeder.network, copies),
        nodes=nodes,
        indices=np.concatenate((feeder.indices[:1], np.full(n_inner * copies, -1))),
        coordinates=None,
        members=(),
        notes=(*feeder.notes, f"{copies} copies of the feeder stand behind one source"),
    )
