"""What is wrong with a feeder that others made: sizes, types, numbers that no solver can take, names that lead nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from marketsim.grid.net.feeder import Feeder
from marketsim.grid.net.network import AT_BRANCHES, AT_NODES, BranchKind, Network
from marketsim.grid.net.topology import has_supply

_DTYPES: Final = {"f": np.float64, "c": np.complex128, "i": np.int64}
_MAY_BE_INFINITE: Final = frozenset({"v_max_pu", "rating_from_pu", "rating_to_pu"})


def faults(feeder: Feeder) -> list[str]:
    """Everything that is wrong; what stands on numbers is looked at where sizes and types are right."""
    network: object = feeder.network
    if not isinstance(network, Network):
        return [f"its network has to be a Network, not {type(network).__name__}"]
    return (
        list(_names(network))
        or list(_columns(network))
        or [*_numbers(network), *_branches(network), *_paths(feeder, network)]
    )


def _names(network: Network) -> Iterator[str]:
    for what, names in (("bus_names", network.bus_names), ("branch_names", network.branch_names)):
        listed: Any = names
        if not isinstance(listed, tuple) or not all(isinstance(each, str) for each in listed):
            yield f"{what} has to be a tuple of texts"
        elif len(set(names)) < len(names):
            twice = next(each for place, each in enumerate(names) if each in names[:place])
            yield f"{what} has {twice!r} twice"
        elif not names:
            yield f"{what} is empty: nothing is connected to the source"


def _columns(network: Network) -> Iterator[str]:
    sizes = ((AT_NODES, network.n_nodes, "nodes"), (AT_BRANCHES, network.n_branches, "branches"))
    for columns, size, of in sizes:
        for name, kind in columns.items():
            column = getattr(network, name)
            if not isinstance(column, np.ndarray) or column.dtype != _DTYPES[kind] or column.shape != (size,):
                seen = f"{column.dtype} {column.shape}" if isinstance(column, np.ndarray) else type(column).__name__
                yield f"{name} has to be {np.dtype(_DTYPES[kind])} ({size},), one of {size} {of}, not {seen}"


def _numbers(network: Network) -> Iterator[str]:
    for name in (*AT_NODES, *AT_BRANCHES):
        column = getattr(network, name)
        fits = np.isfinite(column) | (np.isposinf(column) if name in _MAY_BE_INFINITE else False)
        if not fits.all():
            place = int(np.flatnonzero(~fits)[0])
            yield f"{name} has to be finite, not {column[place]} at {place}"
    for name in ("base_kva", "source_pu"):
        value: Any = getattr(network, name)
        if not isinstance(value, int | float) or not 0.0 < value < np.inf:
            yield f"{name} has to be a finite number above 0, not {value!r}"
    if not (network.base_kv > 0.0).all():
        yield "base_kv has to be above 0"


def _branches(network: Network) -> Iterator[str]:
    ends = np.concatenate((network.from_node, network.to_node))
    if ((ends < 0) | (ends >= network.n_nodes)).any():
        yield f"from_node and to_node have to be within 0..{network.n_nodes - 1}"
    elif not (reached := has_supply(network)).all():
        name = network.bus_names[int(reached.argmin())]
        yield f"bus {name!r} cannot be reached from the source, which is node 0"
    if not np.isin(network.kind, [int(kind) for kind in BranchKind]).all():
        yield "kind has to be a BranchKind"
    rules = {
        "impedance of zero": network.z_pu == 0.0,
        "impossible ratio of zero": network.ratio == 0.0,
        "unusable rating of zero or less": ~((network.rating_from_pu > 0.0) & (network.rating_to_pu > 0.0)),
    }
    for what, broken in rules.items():
        if broken.any():
            yield f"the branch {network.branch_names[int(np.flatnonzero(broken)[0])]!r} has an {what}"


def _paths(feeder: Feeder, network: Network) -> Iterator[str]:
    nodes: Any = feeder.nodes
    if not isinstance(nodes, Mapping) or not all(isinstance(name, str) for name in nodes):
        yield "its nodes have to be numbers by name of the bus"
    elif not all(_is_node(node, network.n_nodes) for node in nodes.values()):
        yield f"its nodes have to be within 0..{network.n_nodes - 1}"
    indices: Any = feeder.indices
    if not isinstance(indices, np.ndarray) or indices.dtype != np.int64 or indices.shape != (network.n_nodes,):
        yield f"its indices have to be int64 ({network.n_nodes},)"
    at: Any = feeder.coordinates
    if at is not None and (
        not isinstance(at, np.ndarray) or at.dtype != np.float64 or at.shape != (network.n_nodes, 2)
    ):
        yield f"its coordinates have to be float64 ({network.n_nodes}, 2), or None"


def _is_node(node: Any, n_nodes: int) -> bool:
    return isinstance(node, int | np.integer) and not isinstance(node, bool) and 0 <= int(node) < n_nodes
