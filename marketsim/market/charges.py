"""Network charges on trade between peers (science A1). What they bring or cost belongs to the operator."""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.core.build import BuildContext
from marketsim.core.errors import ScenarioError
from marketsim.core.ports import ChargeTable, Gate
from marketsim.core.records import SlotInputs
from marketsim.core.units import to_ticks
from marketsim.market.params import DistanceChargesParams, FlatChargesParams, NoChargesParams, NodalChargesParams


class FixedCharges:
    """Port ``Charges`` that is the same in every slot."""

    def __init__(self, table: ChargeTable) -> None:
        self._table = table

    def at(self, inputs: SlotInputs, gate: Gate) -> ChargeTable:  # noqa: ARG002 - the same in every slot
        """The charges."""
        return self._table


class NodalCharges:
    """Port ``Charges`` by voltage sensitivity: tau(bus) = scale x sensitivity / largest absolute sensitivity.

    A positive sensitivity means that injection drives the tightest voltage of the market towards its limit. A seller
    pays tau of its bus, a buyer minus tau of its own: so trade within a bus is free, injection that strains the grid
    pays, and what relieves it earns as much. The scale is reached at the bus whose sensitivity is largest in absolute
    value. Where there is none, or none is known, the charge is 0.
    """

    def __init__(self, market: IntArray, n_markets: int, largest_ticks: int) -> None:
        self._market, self._n_markets, self._largest_ticks = market, n_markets, largest_ticks

    def at(self, inputs: SlotInputs, gate: Gate) -> ChargeTable:  # noqa: ARG002 - the grid decides
        """Charges of the slot from the untraded state."""
        sensitivity = np.nan_to_num(gate.sensitivity(), nan=0.0, posinf=0.0, neginf=0.0)
        largest = np.zeros(self._n_markets)
        np.maximum.at(largest, self._market, np.abs(sensitivity))
        scale = np.divide(self._largest_ticks, largest, out=np.zeros(self._n_markets), where=largest > 0)
        injection = np.rint(sensitivity * scale[self._market]).astype(np.int64)
        return ChargeTable(buy_ticks=-injection, sell_ticks=injection, pair_ticks=None)


def _fixed(context: BuildContext, buy_ticks: int, sell_ticks: int, pair_ticks: IntArray | None = None) -> FixedCharges:
    n_agents = context.community.n_agents
    buy, sell = np.full(n_agents, buy_ticks, dtype=np.int64), np.full(n_agents, sell_ticks, dtype=np.int64)
    return FixedCharges(ChargeTable(buy, sell, pair_ticks))


def build_none(params: NoChargesParams, context: BuildContext) -> FixedCharges:  # noqa: ARG001 - no parameters
    """No charges."""
    return _fixed(context, 0, 0)


def build_flat(params: FlatChargesParams, context: BuildContext) -> FixedCharges:
    """The same charge on every kWh; what rounding leaves is the seller's."""
    total = int(to_ticks(params.per_kwh))
    buy = int(to_ticks(params.per_kwh * params.buyer_share))
    return _fixed(context, buy, total - buy)


def build_nodal(params: NodalChargesParams, context: BuildContext) -> NodalCharges:
    """Charges by voltage sensitivity."""
    community = context.community
    return NodalCharges(community.market, community.n_markets, int(to_ticks(params.largest_per_kwh)))


def build_distance(params: DistanceChargesParams, context: BuildContext) -> FixedCharges:
    """Charges by electrical distance, |z| of the path between connections.

    The matrix [n_connections, n_connections] is the same in every market.
    """
    if context.grid is None or context.grid.band is None:
        raise ScenarioError("network charges by distance need a grid: set grid.feeder, or choose other charges")
    distance = np.asarray(context.grid.distances(), dtype=np.float64)
    n = len(context.agents)
    if distance.shape != (n, n) or not np.isfinite(distance).all():
        raise ScenarioError(
            f"network charges by distance need a finite path between any two of {n} connections; "
            f"got a matrix of shape {distance.shape}"
        )
    pair = to_ticks(distance * params.per_kwh_ohm)
    return _fixed(context, 0, 0, np.broadcast_to(pair, (context.community.n_markets, n, n)))
