"""What a gate is built from: a network, who stands where on it, and what the scenario allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from marketsim.core.arrays import IntArray
from marketsim.core.grid_model import GridModel
from marketsim.grid.gates.limits import GateSettings
from marketsim.grid.net.network import Network
from marketsim.grid.net.topology import is_radial


@dataclass(frozen=True, slots=True)
class GateContext:
    """One network with the agents of all markets; a feeder with tap changers has a gate for each of their positions.

    ``network`` and ``settings`` are those of one market; every market has the same.
    """

    n_markets: int
    market: IntArray
    """Market of each agent of the flat axis [n_agents]."""
    hours: float
    """Length of a slot [h]."""
    network: Network
    """As rated for this run."""
    nodes: IntArray
    """Node of each connection of a market [n_connections]."""
    settings: GateSettings
    """Limits of connections and heads, guards, ratings, background, and how reactive power follows."""
    model: Callable[[], GridModel]
    """Makes an AC model of the network's limits that needs no gate, to plan with; those of connections are the gate's."""

    @property
    def is_radial(self) -> bool:
        """Whether the network is a tree, which the compiled gates need."""
        return is_radial(self.network)
