"""Net injections of the optimum without grid limits, in one pass over the agents."""

from __future__ import annotations

from typing import Any

from numba import types

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.compiled import kernel
from marketsim.core.potential_kernel import first_rows
from marketsim.core.records import PV
from marketsim.core.records_kernel import I1, I2

_THREE, _FLEETS = types.UniTuple(I1, 3), types.UniTuple(I2, 3)  # type: ignore[no-untyped-call]


@kernel(part=True)
def filled(own: int, sells: bool, price: int, short: bool, share: float) -> float:
    """Share of a leg that the optimum trades: all on the right side of the price, ``share`` at it on the short side."""
    if own == price:
        return share if sells == short else 0.0
    return 1.0 if (own < price) == sells else 0.0


@kernel(types.void(I1, _THREE, _FLEETS, _THREE, I1, I1, _THREE, types.float64[::1]))
def merit_net(
    market: IntArray, firm_and_pv: Any, fleets: Any, ordered: Any, retail: IntArray, feed_in: IntArray, optimum: Any,
    net: FloatArray,
) -> None:  # fmt: skip
    """Write each agent's net injection when its market trades in merit order, pro rata at the margin [n_agents].

    ``firm_and_pv``: surplus, must-run energy and firm demand [n_agents]; ``fleets``: up, down and value [n_devices, n_agents];
    ``ordered``: agent, component and firm energy [n_orders]; ``optimum``: price, supply below it and demand above it
    [n_markets]. PV that flows by right does so whether or not it trades; the rest of the surplus flows if it trades.
    """
    (surplus, must_run, firm), (up, down, value) = firm_and_pv, fleets
    (order_agent, order_component, order_firm), (prices, below, above) = ordered, optimum
    for order in range(len(order_agent)):
        if order_component[order] == PV:
            net[order_agent[order]] += order_firm[order]
    first = first_rows(market, len(retail))
    for m in range(len(retail)):
        price, missing = prices[m], above[m] - below[m]
        short, marginal = missing > 0, 0
        for agent in range(first[m], first[m + 1]):
            if short and feed_in[m] == price:
                marginal += surplus[agent] + must_run[agent]
            if not short and retail[m] == price:
                marginal += firm[agent]
            for fleet in range(value.shape[0]):
                if value[fleet, agent] == price:
                    marginal += up[fleet, agent] if short else down[fleet, agent]
        share = abs(missing) / marginal if marginal > 0 else 0.0
        for agent in range(first[m], first[m + 1]):
            right = min(net[agent], float(surplus[agent]))
            pv = filled(feed_in[m], True, price, short, share)
            flow = must_run[agent] - firm[agent] + right + (surplus[agent] - right) * pv
            for fleet in range(value.shape[0]):
                own = value[fleet, agent]
                if own >= 0:
                    flow += up[fleet, agent] * filled(own, True, price, short, share)
                    flow -= down[fleet, agent] * filled(own, False, price, short, share)
            net[agent] = flow
