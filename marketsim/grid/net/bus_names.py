"""What the buses of a net are called: one label a node, and every text that leads to a node.

A text that is the name of a bus means that bus. A number that is no bus's name means the bus of that index. Where a name is
the index of another bus, that other bus is reached by ``index N``. A text that would mean several buses means none of them.
A label always leads back to its node.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from marketsim.grid.net.branch_ratings import text_of


class BusNames(NamedTuple):
    """Labels of nodes, and where texts lead."""

    labels: tuple[str, ...]
    """Of each node [n_nodes]; unique."""
    nodes: dict[str, int]
    """Node of each text that means a bus with supply."""
    ambiguous: frozenset[str]
    """Names of several buses."""
    dropped: tuple[str, ...]
    """Indices and names of buses without supply."""
    reasons: dict[str, str]
    """Why a text that belongs to a bus leads to no node."""
    by_index: tuple[int, ...]
    """Buses whose index is the name of another, so that ``index N`` is needed."""


def bus_names(net: Any, buses: Sequence[Sequence[int]]) -> BusNames:
    """Names of the buses of a net; ``buses``: indices of each node, none at inner points [n_nodes]."""
    named = {int(bus): text_of(name) for bus, name in net.bus["name"].items()}
    node_of = {bus: node for node, members in enumerate(buses) for bus in members}
    owners: dict[str, list[int]] = {}
    for bus in sorted(named):
        owners.setdefault(named[bus], []).append(bus)
    owners.pop("", None)
    nodes, reasons, ambiguous = _leading(net, named, owners, node_of)
    by_index = tuple(bus for bus in sorted(node_of) if nodes.get(str(bus)) != node_of[bus])
    nodes |= {f"index {bus}": node_of[bus] for bus in by_index}
    lost = [bus for bus in sorted(named) if bus not in node_of]
    return BusNames(
        labels=_labels(buses, named, owners, nodes),
        nodes=nodes,
        ambiguous=ambiguous,
        dropped=tuple(dict.fromkeys([*map(str, lost), *(named[bus] for bus in lost if named[bus])])),
        reasons={text: why for text, why in reasons.items() if text not in nodes},
        by_index=by_index,
    )


def _leading(
    net: Any, named: Mapping[int, str], owners: Mapping[str, list[int]], node_of: Mapping[int, int]
) -> tuple[dict[str, int], dict[str, str], frozenset[str]]:
    """Node of each text, why others lead nowhere, and names of several buses."""
    nodes: dict[str, int] = {}
    reasons: dict[str, str] = {}
    ambiguous = set()
    for text, bus in {str(bus): bus for bus in named if str(bus) not in owners}.items():
        if bus in node_of:
            nodes[text] = node_of[bus]
        else:
            reasons[text] = _why(net, text, bus)
    for text, holders in owners.items():
        found = {node_of.get(bus) for bus in holders}
        first = node_of.get(holders[0])
        if len(found) == 1 and first is not None:
            nodes[text] = first
        elif len(holders) == 1:
            reasons[text] = _why(net, text, holders[0])
        else:
            ambiguous.add(text)
            listed = ", ".join(str(bus) for bus in holders[:6]) + (", ..." if len(holders) > 6 else "")
            reasons[text] = f"several buses have this name: those of index {listed}"
    return nodes, reasons, frozenset(ambiguous)


def _why(net: Any, text: str, bus: int) -> str:
    if not net.bus["in_service"].at[bus]:
        return f"bus {text} is out of service"
    return f"bus {text} is not connected to the external grid"


def _labels(
    buses: Sequence[Sequence[int]], named: Mapping[int, str], owners: Mapping[str, list[int]], nodes: Mapping[str, int]
) -> tuple[str, ...]:
    """The name of a node's first bus where no other bus has it, else its index, else what leads to it alone."""
    labels: list[str] = []
    inner = 0
    for node, members in enumerate(buses):
        if not members:
            inner += 1
            while f"inner point {inner}" in nodes:
                inner += 1
            labels.append(f"inner point {inner}")
            continue
        first = members[0]
        own = [named[first]] if len(owners.get(named[first], ())) == 1 else []
        shared = [named[bus] for bus in members]
        labels.append(next(text for text in (*own, str(first), *shared, f"index {first}") if nodes.get(text) == node))
    return tuple(labels)
