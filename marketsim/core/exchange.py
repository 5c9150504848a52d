"""What is left after the market: the utility takes and gives what owners and grid allow; the rest is curtailed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import BoolArray, IntArray
from marketsim.core.matching import filled_wh
from marketsim.core.ports import Gate
from marketsim.core.records import (
    BLAMES_SINK,
    FIRM,
    NOWHERE,
    PV,
    DeviceRange,
    Exchange,
    Fallback,
    Orders,
    Positions,
    Rejects,
    Side,
    Tariffs,
    Trades,
)


def admit_rows(
    gate: Gate, market: IntArray, source: IntArray, sink: IntArray, wh: IntArray
) -> tuple[IntArray, IntArray, IntArray]:
    """Ask the gate for each row in turn: (admitted Wh, code, element), each [n_rows]."""
    answers = np.zeros((3, len(wh)), dtype=np.int64)
    if gate.kernel is None:
        for row in range(len(wh)):
            answers[:, row] = gate.admit(int(market[row]), int(source[row]), int(sink[row]), int(wh[row]))
    elif len(wh):
        from marketsim.core.exchange_kernel import admit_all

        admit, ints, floats = gate.kernel
        admit_all(admit, ints, floats, market, source, sink, wh, *answers)
    return answers[0], answers[1], answers[2]


class Residual(NamedTuple):
    """Deferrable energy of each order that goes to or comes from the utility [Wh] [n_orders]."""

    imports: IntArray
    exports: IntArray
    """Admitted by the gate."""
    by_right: IntArray
    """Exported without asking: it flows whether or not it trades."""


def _left_to_utility(orders: Orders, tariffs: Tariffs, side: Side) -> BoolArray:
    """Deferrable orders whose owner leaves the rest to the utility, by fallback or since the limit admits its price."""
    price = tariffs.retail_ticks if side == Side.BUY else tariffs.feed_in_ticks
    worthwhile = (orders.limit_ticks >= 0) & ((orders.limit_ticks - price[orders.market]) * int(side) >= 0)
    willing = (orders.fallback == Fallback.UTILITY) | worthwhile
    return np.asarray((orders.side == side) & (orders.component != FIRM) & willing)


def _through_gate(gate: Gate, orders: Orders, asked_wh: IntArray, side: Side) -> tuple[IntArray, Rejects]:
    """What the gate admits of ``asked_wh`` [n_orders], order after order, and what it refuses."""
    rows = np.flatnonzero(asked_wh)
    asked, own = asked_wh[rows], orders.connection[rows]
    nowhere = np.full(len(rows), NOWHERE)
    source, sink = (own, nowhere) if side == Side.SELL else (nowhere, own)
    admitted, code, element = admit_rows(gate, orders.market[rows], source, sink, asked)
    exchanged = np.zeros_like(asked_wh)
    exchanged[rows] = admitted
    short = np.flatnonzero(admitted < asked)
    refused, none = rows[short], np.full(len(short), -1)
    return exchanged, Rejects(
        buy_order=refused if side == Side.BUY else none,
        sell_order=none if side == Side.BUY else refused,
        energy_wh=(asked - admitted)[short],
        reason=code[short] & ~BLAMES_SINK,
        element=element[short],
    )


def exchange_residual(
    gate: Gate, tariffs: Tariffs, orders: Orders, trades: Trades
) -> tuple[Residual, Rejects, Rejects]:
    """Trade with the utility after the market, exports first, each side in order of arrival.

    Returns the exchange and the refusals of exports and of imports.
    """
    filled = filled_wh(orders, trades)
    open_wh = orders.energy_wh - filled
    flows = (orders.side == Side.SELL) & (orders.component != FIRM)
    by_right = np.where(flows, np.minimum(np.maximum(orders.firm_wh - filled, 0), open_wh), 0)
    selling = np.where(_left_to_utility(orders, tariffs, Side.SELL), open_wh - by_right, 0)
    exports, refused_exports = _through_gate(gate, orders, selling, Side.SELL)
    buying = np.where(_left_to_utility(orders, tariffs, Side.BUY), open_wh, 0)
    imports, refused_imports = _through_gate(gate, orders, buying, Side.BUY)
    return Residual(imports, exports, by_right), refused_exports, refused_imports


def by_agent(orders: Orders, rows: IntArray, energy_wh: IntArray, n_agents: int) -> IntArray:
    """Sum over the given orders for each agent [n_agents]."""
    total = np.zeros(n_agents, dtype=np.int64)
    np.add.at(total, orders.agent[rows], energy_wh[rows])
    return total


def tally(place: Positions, orders: Orders, trades: Trades, residual: Residual) -> Exchange:
    """Exchange of every agent: firm demand is always served, must-run surplus always flows.

    ``curtailed_wh`` and ``absorbed_wh`` are filled in by ``absorb_surplus``.
    """
    n_agents = len(place.firm_demand_wh)
    filled = filled_wh(orders, trades)
    exports = residual.exports + residual.by_right
    firm, buying, everything = orders.component == FIRM, orders.side == Side.BUY, np.arange(orders.size)
    bought_firm = by_agent(orders, np.flatnonzero(firm & buying), filled, n_agents)
    sold_firm = by_agent(orders, np.flatnonzero(firm & ~buying), filled, n_agents)
    return Exchange(
        import_wh=place.firm_demand_wh - bought_firm + by_agent(orders, everything, residual.imports, n_agents),
        export_wh=place.must_run_wh - sold_firm + by_agent(orders, everything, exports, n_agents),
        curtailed_wh=np.zeros(n_agents, dtype=np.int64),
        absorbed_wh=np.zeros_like(place.up_wh),
        imported_by_order=residual.imports,
        exported_by_order=exports,
    )


def device_energy(place: Positions, orders: Orders, trades: Trades, exchange: Exchange) -> IntArray:
    """Executed net energy of each fleet [n_devices, n_agents], before surplus is absorbed."""
    moved = filled_wh(orders, trades) + exchange.imported_by_order + exchange.exported_by_order
    executed = place.dispatch_wh.copy()
    own = np.flatnonzero(orders.component >= 0)
    np.add.at(executed, (orders.component[own], orders.agent[own]), -orders.side[own] * moved[own])
    return executed


def absorb_surplus(
    place: Positions,
    ranges: Sequence[DeviceRange],
    stores: Sequence[bool],
    orders: Orders,
    trades: Trades,
    exchange: Exchange,
) -> tuple[Exchange, IntArray]:
    """Put PV that was neither sold nor exported into its owner's store where allowed; the rest is curtailed.

    Nothing passes the meter, so no gate is asked. Returns the complete exchange and each fleet's executed energy.
    """
    moved = filled_wh(orders, trades) + exchange.exported_by_order
    pv_orders = np.flatnonzero(orders.component == PV)
    left = place.surplus_wh - by_agent(orders, pv_orders, moved, len(place.surplus_wh))
    executed = device_energy(place, orders, trades, exchange)
    absorbed = np.zeros_like(executed)
    for row, is_store in enumerate(stores):
        if is_store:
            room = np.where(place.absorb & (executed[row] <= 0), executed[row] - ranges[row].lo_wh, 0)
            absorbed[row] = np.minimum(left, np.maximum(room, 0))
            left = left - absorbed[row]
    return exchange._replace(curtailed_wh=left, absorbed_wh=absorbed), executed - absorbed
