"""Port of a grid that is asked what would be: net positions that did not happen, without a gate and without a slot."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.records import Community, GridState, SlotRecord


@runtime_checkable
class GridModel(Protocol):
    """AC power flow at net positions that did not happen; implemented by the composition root from the grid.

    Limits are voltages, loadings and connections, as a gate freezes them when the slot opens.
    Net injections may end with the last connection that has any: see ``of_all``.
    """

    def open(self, record: SlotRecord) -> None:
        """Take over a slot that is over: its limits and reactive power."""
        ...

    def open_at(self, firm_wh: IntArray, kvar: FloatArray) -> None:
        """Take over an untraded state, given by net energy [Wh] and reactive power [kvar] alone as to a gate; [n_agents] each.

        No gate and no slot is needed for that. ValueError for other shapes.
        """
        ...

    def open_state(self, grid: GridState) -> None:
        """Take over a slot under way by what its gate holds; net positions then count from that state."""
        ...

    def margins(self, market: int, net_wh: FloatArray) -> FloatArray | None:
        """By how much each limit is exceeded at these net injections [n_connections]; <= 0 where it is kept [n_limits].

        In units of order one (p.u., share of the rating). None: no solution.
        """
        ...

    def gradient(self, market: int, net_wh: FloatArray, limits: IntArray) -> FloatArray:
        """Derivative of these limits' margins to the net injections [1/Wh] [len(limits), n_connections]."""
        ...

    def drawn_wh(self, market: int, net_wh: FloatArray) -> float | None:
        """Energy drawn from the source for agents and losses at these net injections [n_connections] [Wh]; None: no solution."""
        ...

    def drawn_slope(self, market: int, net_wh: FloatArray) -> FloatArray:
        """Derivative of ``drawn_wh`` to the net injections [Wh/Wh] [n_connections]: -1, and what losses add to it."""
        ...


def demand_agents(community: Community, firm_wh: IntArray, kvar: FloatArray) -> None:
    """ValueError unless both hold a number an agent of the flat axis."""
    for name, given in (("firm_wh", firm_wh), ("kvar", kvar)):
        if given.shape != (community.n_agents,):
            raise ValueError(f"{name} has to have the shape ({community.n_agents},), an agent each, not {given.shape}")


def of_all(net_wh: FloatArray, n_connections: int) -> FloatArray:
    """Net injections of all connections [n_connections]; nothing at those behind the last that is given."""
    return np.pad(net_wh, (0, n_connections - len(net_wh)))
