"""A network after something in it has failed, or a tie switch was closed."""

from __future__ import annotations

from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from marketsim.core.arrays import BoolArray, IntArray
from marketsim.grid.net.network import AT_BRANCHES, AT_NODES, BranchKind, Network
from marketsim.grid.net.topology import has_supply


class Tie(NamedTuple):
    """A line behind an open switch."""

    name: str
    ends: tuple[int, int]
    """Nodes."""
    ohm: complex
    rating_a: float


class Supplied(NamedTuple):
    """What is left of a network with a path to its source."""

    network: Network
    nodes: IntArray
    """Node of the whole network at each node of this one."""


def without_branches(network: Network, lost: BoolArray) -> Network:
    """The network without some branches [n_branches]; it may fall apart."""
    kept = ~lost
    columns = {name: getattr(network, name)[kept] for name in AT_BRANCHES}
    names = tuple(name for name, keep in zip(network.branch_names, kept, strict=True) if keep)
    return network._replace(branch_names=names, **columns)


def with_tie(network: Network, tie: Tie) -> Network:
    """The network with a tie closed."""
    kv = float(network.base_kv[tie.ends[0]])
    ohm_per_pu, ampere_per_pu = kv**2 * 1e3 / network.base_kva, network.base_kva / (sqrt(3.0) * kv)
    added = (
        *(BranchKind.LINE, *tie.ends, tie.ohm / ohm_per_pu, 0.0, 0.0, 1.0),
        *(tie.rating_a / ampere_per_pu, tie.rating_a / ampere_per_pu),
    )
    columns: dict[str, Any] = {
        name: np.append(getattr(network, name), value) for name, value in zip(AT_BRANCHES, added, strict=True)
    }
    return network._replace(branch_names=(*network.branch_names, tie.name), **columns)


def supplied(network: Network) -> Supplied:
    """The part of a network that its source supplies."""
    kept = has_supply(network)
    nodes = np.flatnonzero(kept)
    number = np.cumsum(kept) - 1
    part = without_branches(network, ~kept[network.from_node] | ~kept[network.to_node])
    columns = {name: getattr(network, name)[nodes] for name in AT_NODES}
    small = part._replace(
        bus_names=tuple(network.bus_names[node] for node in nodes),
        from_node=number[part.from_node],
        to_node=number[part.to_node],
        **columns,
    )
    return Supplied(small, nodes)
