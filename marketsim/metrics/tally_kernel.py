"""Sums of a slot for the KPIs of energy, money and laws, each in one pass over the agents."""

from __future__ import annotations

from typing import Any

from numba import types

from marketsim.core.arrays import BoolArray, IntArray
from marketsim.core.compiled import kernel
from marketsim.core.records import Energy, Exchange, LedgerLine
from marketsim.core.records_kernel import B1, ENERGY, EXCHANGE, I1, I2

_THREE = types.UniTuple(types.int64, 3)  # type: ignore[no-untyped-call]
_SIX = types.UniTuple(types.int64, 6)  # type: ignore[no-untyped-call]
_IMPORTS, _EXPORTS, _SHARING = int(LedgerLine.IMPORTS), int(LedgerLine.EXPORTS), int(LedgerLine.SHARING)


@kernel(_SIX(I1, I2, B1, I1, I1, I1, I1, I1))
def tally_energy(
    load: IntArray, device: IntArray, stores: BoolArray, pv_used: IntArray, bought: IntArray,
    imported: IntArray, exported: IntArray, curtailed: IntArray,
) -> tuple[int, int, int, int, int, int]:  # fmt: skip
    """Final consumption, that part of it which peers met, PV generated, import, export, curtailment [Wh].

    Peers meet min(b, d - o) of an agent's consumption d, o being what own PV and devices could cover.
    """
    demand, from_peers, pv, imports, exports, cut = 0, 0, 0, 0, 0, 0
    for agent in range(len(load)):
        consumed, own = load[agent], pv_used[agent]
        for fleet in range(device.shape[0]):
            if device[fleet, agent] > 0:
                own += device[fleet, agent]
            elif not stores[fleet]:
                consumed -= device[fleet, agent]
        demand += consumed
        from_peers += min(bought[agent], max(consumed - own, 0))
        pv += pv_used[agent]
        imports += imported[agent]
        exports += exported[agent]
        cut += curtailed[agent]
    return demand, from_peers, pv, imports, exports, cut


@kernel(_THREE(I2, B1, I1, I1, I1, I1))
def tally_money(
    money: IntArray, is_prosumer: BoolArray, imported: IntArray, exported: IntArray,
    market: IntArray, wholesale: IntArray,
) -> tuple[int, int, int]:  # fmt: skip
    """Net payments of consumers and of prosumers, and (import - export) at the wholesale price [1e-9 currency]."""
    consumers, prosumers, bulk = 0, 0, 0
    for agent in range(money.shape[1]):
        paid = 0
        for line in range(money.shape[0]):
            paid += money[line, agent]
        if is_prosumer[agent]:
            prosumers += paid
        else:
            consumers += paid
        bulk += (imported[agent] - exported[agent]) * wholesale[market[agent]]
    return consumers, prosumers, bulk


@kernel(_THREE(I1, ENERGY, EXCHANGE, I2, I1, I1, I1, types.int64[::1]))
def tally_laws(
    load: IntArray, energy: Any, exchange: Any, money: IntArray, retail: IntArray, feed_in: IntArray,
    market: IntArray, drawn: IntArray,
) -> tuple[int, int, int]:  # fmt: skip
    """Energy imbalance [Wh], sum of the agents' payments, and what is unexplained on their bills [1e-9 currency].

    Unexplained are imports and exports beyond energy times tariff, and what sharing moves beyond a market.
    Writes imports less exports of each market [Wh] [n_markets].
    """
    energy, exchange = Energy(*energy), Exchange(*exchange)
    imported, exported, device = exchange.import_wh, exchange.export_wh, energy.device_wh
    bought, sold, net, pv_used = energy.bought_wh, energy.sold_wh, energy.net_wh, energy.pv_used_wh
    imbalance, paid, unexplained, peers = 0, 0, 0, 0
    moved, home = 0, -1
    for agent in range(len(load)):
        through_meter = exported[agent] + sold[agent] - imported[agent] - bought[agent]
        made = pv_used[agent] - load[agent]
        for fleet in range(device.shape[0]):
            made += device[fleet, agent]
        imbalance += abs(net[agent] - through_meter) + abs(made - through_meter)
        peers += bought[agent] - sold[agent]
        for line in range(money.shape[0]):
            paid += money[line, agent]
        m = market[agent]
        unexplained += abs(money[_IMPORTS, agent] - imported[agent] * retail[m])
        unexplained += abs(money[_EXPORTS, agent] + exported[agent] * feed_in[m])
        drawn[m] += imported[agent] - exported[agent]
        if m != home:
            unexplained += abs(moved)
            moved, home = 0, m
        moved += money[_SHARING, agent]
    return imbalance + abs(peers), paid, unexplained + abs(moved)
