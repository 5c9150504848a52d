"""A feeder as scenarios refer to it: the network, its bus names, and what was left out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.errors import NetworkError, Problem
from marketsim.grid.net.network import Network

LineRating: TypeAlias = float | Literal["standard"] | None
"""Rating of every line [A]; None: unlimited; ``standard``: what the feeder brings, or for feeder141 what is assumed."""


class FeederOptions(NamedTuple):
    """What a scenario may change about a feeder."""

    source_pu: float | None = None
    """Voltage of the source [p.u.]; None: what the net says, 1.0 for feeder141."""
    voltage_band_pu: tuple[float, float] | None = None
    """Band of every bus but the source [p.u.]; None: what the net says, else 0.9 to 1.1 (EN 50160)."""
    line_rating_a: LineRating = "standard"


CAVEAT: Final = (
    "The model is balanced: on low-voltage nets, where devices sit on one phase, it overstates what the feeder takes, "
    "since real voltages spread further."
)
"""Said once in every report about a grid; a run's manifest says it of nets with buses below 1 kV."""
DEFAULTS: Final = FeederOptions()


class Feeder(NamedTuple):
    """A network and the names that lead to its nodes."""

    network: Network
    nodes: Mapping[str, int]
    """Node of each bus by name and by index, see ``bus_names``; buses fused by closed switches share a node."""
    indices: IntArray
    """Index of a bus at each node in the pandapower net; -1 inside an element [n_nodes]."""
    ambiguous: frozenset[str] = frozenset()
    """Bus names that stand for several nodes."""
    dropped: tuple[str, ...] = ()
    """Buses without supply, which are no part of the network."""
    notes: tuple[str, ...] = ()
    """What was changed or left out on the way, for the user to read."""
    coordinates: FloatArray | None = None
    """Where the net puts its nodes, NaN where it does not say [n_nodes, 2]; None: it puts none."""
    reasons: Mapping[str, str] = MappingProxyType({})
    """Why a name or index of a bus leads to no node."""
    members: tuple[tuple[int, ...], ...] = ()
    """Indices of the buses of each node in the pandapower net [n_nodes]; empty: ``indices`` are all of them."""

    def node(self, bus: str | int) -> int:
        """Node of a bus by its name or index; NetworkError where there is none."""
        return int(self.nodes_of([bus])[0])

    def branch(self, name: str) -> int:
        """Number of a branch by its name; NetworkError where there is none."""
        names = self.network.branch_names
        if name in names:
            return names.index(name)
        close = get_close_matches(name, names, n=3)
        hint = f"did you mean {', '.join(close)}?" if close else f"branches: {', '.join(names[:5])} ... {names[-1]}"
        raise NetworkError([Problem("no such branch", f"feeder {self.network.name}", name, hint)])

    def nodes_of(self, buses: Sequence[str | int]) -> IntArray:
        """Node of each bus [len(buses)]; one NetworkError that lists every bus that cannot be used."""
        wanted = [str(bus) for bus in buses]
        wrong = [self._problem(bus) for bus in dict.fromkeys(wanted) if bus not in self.nodes]
        if wrong:
            raise NetworkError(wrong)
        return np.array([self.nodes[bus] for bus in wanted], dtype=np.int64)

    def _problem(self, bus: str) -> Problem:
        place = f"feeder {self.network.name}"
        if bus in self.reasons or bus in self.dropped or bus in self.ambiguous:
            several = bus in self.ambiguous
            why = self.reasons.get(bus, "several buses have this name" if several else "bus has no supply")
            hint = "use the index of the bus" if several else "close a switch that leads to it, or choose another bus"
            return Problem(why, place, bus, hint)
        close = get_close_matches(bus, list(self.nodes), n=3)
        names = self.network.bus_names
        hint = f"did you mean {', '.join(close)}?" if close else f"buses: {', '.join(names[:5])} ... {names[-1]}"
        return Problem("no such bus", place, bus, hint)
