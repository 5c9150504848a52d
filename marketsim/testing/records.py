"""Records of a slot from plain lists, consistent by construction: for tests of metrics, critics and results.

Agents' positions follow from load, PV and fleets by the core's own rules; the deals are the trades; what is left
goes to the utility or is curtailed. Every record made here keeps the laws of ``core.laws``::

    record = slot_record(community(2), load_wh=[0, 500], pv_wh=[800, 0], deals=[Deal(1, 0, 300, 150_000)])
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.clock import Clock
from marketsim.core.exchange import Residual, execute
from marketsim.core.laws import check_laws
from marketsim.core.limits import positions
from marketsim.core.records import (
    FIRM,
    PV,
    UNDECLARED,
    Community,
    Decisions,
    DeviceRange,
    Energy,
    Exchange,
    Fallback,
    GridState,
    Ledger,
    LedgerLine,
    OrderBatch,
    Orders,
    Positions,
    Reason,
    Rejects,
    Side,
    SlotInputs,
    SlotRecord,
    Tariffs,
    Trades,
)


class Deal(NamedTuple):
    """A trade between two agents of a market."""

    buyer: int
    """Row of the flat axis."""
    seller: int
    energy_wh: int
    price_ticks: int
    buys: int = FIRM
    """Component of the buyer's order: FIRM or a fleet."""
    sells: int = PV
    """Component of the seller's order: PV, FIRM (must-run energy) or a fleet."""
    buyer_ticks: int | None = None
    """All-in price of the buyer; None: the price itself."""
    seller_ticks: int | None = None


class Refusal(NamedTuple):
    """A refused quantity; None where there is no order on that side."""

    buyer: int | None
    seller: int | None
    energy_wh: int
    reason: Reason
    buys: int = FIRM
    sells: int = PV


class Fleet(NamedTuple):
    """One fleet: what each agent's device can do in the slot [n_agents]."""

    lo_wh: Sequence[int]
    hi_wh: Sequence[int]
    marginal_ticks: Sequence[int] | int = UNDECLARED
    dispatch_wh: Sequence[int] | int = 0
    unserved_wh: Sequence[int] | int = 0
    stores: bool = True


class Prices(NamedTuple):
    """The utility's prices of all markets [ticks]."""

    retail_ticks: int = 300_000
    feed_in_ticks: int = 80_000
    wholesale_ticks: int | None = None


USUAL = Prices()


def _full(values: Sequence[int] | int, n: int) -> IntArray:
    return np.array(np.broadcast_to(np.asarray(values, dtype=np.int64), n))


def _tariffs(prices: Prices, n_markets: int) -> Tariffs:
    wholesale = None if prices.wholesale_ticks is None else _full(prices.wholesale_ticks, n_markets)
    return Tariffs(_full(prices.retail_ticks, n_markets), _full(prices.feed_in_ticks, n_markets), wholesale)


def _ranges(fleets: Sequence[Fleet], n_agents: int) -> list[DeviceRange]:
    zero = np.zeros(n_agents, dtype=np.int64)
    return [
        DeviceRange(_full(fleet.lo_wh, n_agents), zero, _full(fleet.hi_wh, n_agents), np.full(n_agents, np.nan))
        for fleet in fleets
    ]


def _stand(inputs: SlotInputs, fleets: Sequence[Fleet], ranges: Sequence[DeviceRange]) -> Positions:
    n = len(inputs.load_wh)
    empty = np.zeros((0, n), dtype=np.int64)
    none = np.zeros(0, dtype=np.int64)
    decisions = Decisions(
        dispatch_wh=np.array([_full(fleet.dispatch_wh, n) for fleet in fleets]).reshape(-1, n).astype(np.int64),
        marginal_ticks=np.array([_full(fleet.marginal_ticks, n) for fleet in fleets], dtype=np.int64).reshape(-1, n)
        if fleets
        else empty,
        absorb=np.zeros(n, dtype=bool),
        orders=OrderBatch(none, none, none, none, none, none),
    )
    return positions(inputs, ranges, [fleet.stores for fleet in fleets], decisions)


_Key = tuple[int, int, int]
"""agent, component, side."""


def _keys(place: Positions, deals: Sequence[Deal], refusals: Sequence[Refusal]) -> list[_Key]:
    """Orders that must exist: all firm and PV energy, and every other that is named."""
    keys: set[_Key] = set()
    for energy, component, side in (
        (place.firm_demand_wh, FIRM, Side.BUY),
        (place.must_run_wh, FIRM, Side.SELL),
        (place.surplus_wh, PV, Side.SELL),
    ):
        keys |= {(agent, component, int(side)) for agent in np.flatnonzero(energy).tolist()}
    ends: list[tuple[int | None, int, int | None, int]] = []
    ends += [(deal.buyer, deal.buys, deal.seller, deal.sells) for deal in deals]
    ends += [(refused.buyer, refused.buys, refused.seller, refused.sells) for refused in refusals]
    for buyer, buys, seller, sells in ends:
        if buyer is not None:
            keys.add((buyer, buys, int(Side.BUY)))
        if seller is not None:
            keys.add((seller, sells, int(Side.SELL)))
    return sorted(keys)


def _offered_wh(place: Positions, key: _Key) -> int:
    agent, component, side = key
    if component == PV:
        return int(place.surplus_wh[agent])
    if component == FIRM:
        return int((place.firm_demand_wh if side == Side.BUY else place.must_run_wh)[agent])
    return int((place.down_wh if side == Side.BUY else place.up_wh)[component, agent])


def _orders(community: Community, place: Positions, tariffs: Tariffs, keys: Sequence[_Key]) -> Orders:
    """One order a key, all energy offered at any price within the tariffs."""
    agent, component, side = np.array(keys, dtype=np.int64).reshape(-1, 3).T.copy()
    market = community.market[agent]
    energy = np.array([_offered_wh(place, key) for key in keys], dtype=np.int64)
    limit = np.where(side == Side.BUY, tariffs.retail_ticks[market], tariffs.feed_in_ticks[market])
    return Orders(
        market=market,
        agent=agent,
        connection=community.connection[agent],
        side=side,
        price_ticks=limit,
        energy_wh=energy,
        firm_wh=np.where(component == FIRM, energy, 0),
        component=component,
        fallback=np.where(component < 0, Fallback.UTILITY, Fallback.KEEP).astype(np.int64),
        limit_ticks=limit,
    )


def _trades(deals: Sequence[Deal], place: dict[_Key, int]) -> Trades:
    rows = [
        (
            place[deal.buyer, deal.buys, int(Side.BUY)],
            place[deal.seller, deal.sells, int(Side.SELL)],
            deal.energy_wh,
            deal.price_ticks,
            deal.price_ticks if deal.buyer_ticks is None else deal.buyer_ticks,
            deal.price_ticks if deal.seller_ticks is None else deal.seller_ticks,
            (deal.sells != FIRM) + 2 * (deal.buys != FIRM),
        )
        for deal in deals
    ]
    return Trades(*np.array(rows, dtype=np.int64).reshape(-1, 7).T.copy())


def _rejects(refusals: Sequence[Refusal], place: dict[_Key, int]) -> Rejects:
    rows = [
        (
            -1 if refused.buyer is None else place[refused.buyer, refused.buys, int(Side.BUY)],
            -1 if refused.seller is None else place[refused.seller, refused.sells, int(Side.SELL)],
            refused.energy_wh,
            int(refused.reason),
            -1,
            int(Side.BUY if refused.seller is None else Side.SELL),
        )
        for refused in refusals
    ]
    return Rejects(*np.array(rows, dtype=np.int64).reshape(-1, len(Rejects._fields)).T.copy())


def _energy(inputs: SlotInputs, orders: Orders, trades: Trades, curtailed: IntArray, device_wh: IntArray) -> Energy:
    bought, sold = np.zeros((2, len(inputs.load_wh)), dtype=np.int64)
    np.add.at(bought, orders.agent[trades.buy_order], trades.energy_wh)
    np.add.at(sold, orders.agent[trades.sell_order], trades.energy_wh)
    used = inputs.pv_wh - curtailed
    net = used + device_wh.sum(axis=0) - inputs.load_wh
    return Energy(device_wh, used, bought, sold, net, np.zeros_like(device_wh))


def _ledger(community: Community, orders: Orders, trades: Trades, exchange: Exchange, tariffs: Tariffs) -> Ledger:
    money = np.zeros((len(LedgerLine), community.n_agents), dtype=np.int64)
    buyer, seller = orders.agent[trades.buy_order], orders.agent[trades.sell_order]
    hub = trades.energy_wh * trades.price_ticks
    buyer_charge = trades.energy_wh * (trades.buyer_ticks - trades.price_ticks)
    seller_charge = trades.energy_wh * (trades.price_ticks - trades.seller_ticks)
    np.add.at(money[LedgerLine.PEER_PURCHASES], buyer, hub)
    np.subtract.at(money[LedgerLine.PEER_SALES], seller, hub)
    np.add.at(money[LedgerLine.NETWORK_CHARGES], buyer, buyer_charge)
    np.add.at(money[LedgerLine.NETWORK_CHARGES], seller, seller_charge)
    money[LedgerLine.IMPORTS] = exchange.import_wh * tariffs.retail_ticks[community.market]
    money[LedgerLine.EXPORTS] = -exchange.export_wh * tariffs.feed_in_ticks[community.market]
    utility, operator = np.zeros((2, community.n_markets), dtype=np.int64)
    np.subtract.at(utility, community.market, money[LedgerLine.IMPORTS] + money[LedgerLine.EXPORTS])
    np.subtract.at(operator, community.market, money[LedgerLine.NETWORK_CHARGES])
    return Ledger(money, utility, operator)


def no_grid(community: Community, net_wh: IntArray) -> GridState:
    """No nodes and no branches: the source supplies what the net positions lack, without losses."""
    slack = np.zeros(community.n_markets)
    np.subtract.at(slack, community.market, net_wh)
    return grid_state(np.zeros((community.n_markets, 0)), slack_wh=slack)


def grid_state(
    v_pu: FloatArray,
    *,
    firm_v_pu: FloatArray | None = None,
    loading: FloatArray | None = None,
    firm_loading: FloatArray | None = None,
    slack_wh: FloatArray | None = None,
    losses_wh: FloatArray | None = None,
    shunt_wh: FloatArray | None = None,
) -> GridState:
    """A power flow from its voltages [n_markets, n_nodes]; what is not given is untraded, unloaded or zero."""
    n_markets = len(v_pu)
    loading = np.zeros((n_markets, 0)) if loading is None else loading
    return GridState(
        net_wh=np.zeros(v_pu.shape, dtype=np.int64),
        kvar=np.zeros(v_pu.shape),
        v_pu=v_pu,
        loading=loading,
        slack_wh=np.zeros(n_markets) if slack_wh is None else slack_wh,
        losses_wh=np.zeros(n_markets) if losses_wh is None else losses_wh,
        shunt_wh=np.zeros(n_markets) if shunt_wh is None else shunt_wh,
        firm_kvar=np.zeros(v_pu.shape),
        firm_v_pu=v_pu if firm_v_pu is None else firm_v_pu,
        firm_loading=loading if firm_loading is None else firm_loading,
        converged=np.ones(n_markets, dtype=bool),
    )


def slot_record(
    community: Community,
    load_wh: Sequence[int],
    pv_wh: Sequence[int],
    *,
    deals: Sequence[Deal] = (),
    refusals: Sequence[Refusal] = (),
    fleets: Sequence[Fleet] = (),
    prices: Prices = USUAL,
    exports: bool = True,
    grid: GridState | None = None,
    slot: int = 0,
    slot_minutes: int = 60,
) -> SlotRecord:
    """A slot of these agents.

    Surplus that is not sold is exported, or curtailed where ``exports`` is False. Fleets run their dispatch and what
    the deals add to it. ``grid`` None: no feeder.
    """
    n_agents = community.n_agents
    tariffs = _tariffs(prices, community.n_markets)
    time = Clock(date(2016, 7, 12), slot + 1, slot_minutes).at(slot)
    inputs = SlotInputs(time, _full(load_wh, n_agents), _full(pv_wh, n_agents), {}, tariffs)
    ranges = _ranges(fleets, n_agents)
    place = _stand(inputs, fleets, ranges)
    keys = _keys(place, deals, refusals)
    index = {key: row for row, key in enumerate(keys)}
    orders, trades = _orders(community, place, tariffs, keys), _trades(deals, index)
    left = orders.energy_wh.copy()
    np.subtract.at(left, trades.sell_order, trades.energy_wh)
    idle = np.zeros_like(left)
    residual = Residual(idle, np.where((orders.component == PV) & exports, left, 0), idle)
    done = execute(place, ranges, [fleet.stores for fleet in fleets], orders, trades, residual)
    exchange, device_wh = done.exchange, done.device_wh
    energy = _energy(inputs, orders, trades, exchange.curtailed_wh, device_wh)
    unserved = np.array([_full(fleet.unserved_wh, n_agents) for fleet in fleets], dtype=np.int64)
    record = SlotRecord(
        inputs=inputs,
        positions=place,
        orders=orders,
        trades=trades,
        rejects=_rejects(refusals, index),
        exchange=exchange,
        energy=energy._replace(unserved_wh=unserved.reshape(-1, n_agents)),
        ledger=_ledger(community, orders, trades, exchange, tariffs),
        grid=no_grid(community, energy.net_wh) if grid is None else grid,
        wear_money=np.zeros(n_agents, dtype=np.int64),
        level=np.full((len(ranges), n_agents), np.nan),
        opened_kvar=np.zeros(n_agents),
        kvar=np.zeros(n_agents),
    )
    check_laws(community, record, ranges)
    return record
