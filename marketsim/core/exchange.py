"""What is left after the market: the utility takes and gives what owners and grid allow; the rest is curtailed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from marketsim.core import slot_kernel
from marketsim.core.arrays import IntArray, rows_of
from marketsim.core.ports import Gate
from marketsim.core.records import DeviceRange, Exchange, Orders, Positions, Rejects, Tariffs, Trades


class Residual(NamedTuple):
    """Deferrable energy of each order that goes to or comes from the utility [Wh] [n_orders]."""

    imports: IntArray
    exports: IntArray
    """Admitted by the gate."""
    by_right: IntArray
    """Exported without asking: it flows whether or not it trades."""


class Executed(NamedTuple):
    """What every component did [Wh]."""

    exchange: Exchange
    device_wh: IntArray
    """[n_devices, n_agents]."""
    bought_wh: IntArray
    """From peers [n_agents]."""
    sold_wh: IntArray


def filled_wh(orders: Orders, trades: Trades) -> IntArray:
    """Traded energy of each order [n_orders]."""
    return np.asarray(slot_kernel.fill(trades.buy_order, trades.sell_order, trades.energy_wh, orders.size))


def ask_gate(gate: Gate, function: Any, *arguments: Any) -> Any:
    """Call a kernel whose first arguments are the gate's; for a gate in plain Python, uncompiled."""
    if gate.kernel is not None:
        return function(*gate.kernel, *arguments)
    admit: Callable[..., tuple[int, int, int]] = gate.admit

    def plain(market: int, _: int, source: int, sink: int, wh: int) -> tuple[int, int, int]:
        return admit(int(market), int(source), int(sink), int(wh))

    markets = range(1 << 30)  # stands for the packed arrays: the state of market m is m
    return function.py_func(plain, markets, markets, *arguments)


def exchange_residual(gate: Gate, tariffs: Tariffs, orders: Orders, trades: Trades) -> tuple[Residual, Rejects]:
    """Trade with the utility after the market, exports first, each side in order of arrival.

    The owner leaves a deferrable rest to the utility by ``fallback``, or where its limit price admits the tariff. Where the
    feed-in tariff is negative PV stays, to be absorbed or curtailed, and devices give only what their limit price gives.
    Returns the exchange and what the gate refused of it.
    """
    filled, prices = filled_wh(orders, trades), (tariffs.retail_ticks, tariffs.feed_in_ticks)
    *residual, refused, count = ask_gate(gate, slot_kernel.leave_to_utility, orders[:], filled, *prices)
    return Residual(*residual), Rejects(*refused[:, :count])


def execute(
    place: Positions,
    ranges: Sequence[DeviceRange],
    stores: Sequence[bool],
    orders: Orders,
    trades: Trades,
    residual: Residual,
) -> Executed:
    """What happens after market and exchange: firm demand is always served, must-run surplus always flows.

    PV that was neither sold nor exported goes into its owner's store where allowed, which asks no gate since nothing
    passes the meter; the rest is curtailed.
    """
    imported, exported, left, device_wh, bought, sold, absorbed = slot_kernel.tally(
        (orders.agent, orders.side, orders.component),
        filled_wh(orders, trades),
        residual.imports,
        residual.exports + residual.by_right,
        (place.firm_demand_wh, place.must_run_wh, place.surplus_wh),
        place.dispatch_wh,
        rows_of((reach.lo_wh for reach in ranges), place.dispatch_wh.shape),
        np.array(stores, dtype=np.bool_),
        place.absorb,
    )
    exchange = Exchange(imported, exported, left, absorbed)
    return Executed(exchange, device_wh, bought, sold)
