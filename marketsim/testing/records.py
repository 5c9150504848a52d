"""Records of a slot from plain lists, consistent by construction: for tests of metrics, critics and results.

Agents' positions follow from load, PV and fleets by the core's own rules; the deals are the trades; what is left
goes to the utility or is curtailed. Every record made here keeps the laws of ``core.laws``::

    record = slot_record(community(2), load_wh=[0, 500], pv_wh=[800, 0], deals=[Deal(1, 0, 300, 150_000)])
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from marketsim.core import records
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.clock import Clock
from marketsim.core.exchange import Residual, execute, filled_wh
from marketsim.core.laws import check_laws
from marketsim.core.limits import positions
from marketsim.market.settlement import settle


class Deal(NamedTuple):
    """A trade between two agents of a market."""

    buyer: int
    """Row of the flat axis."""
    seller: int
    energy_wh: int
    price_ticks: int
    buys: int = records.FIRM
    """Component of the buyer's order: FIRM or a fleet."""
    sells: int = records.PV
    """Component of the seller's order: PV, FIRM (must-run energy) or a fleet."""
    buyer_ticks: int | None = None
    """All-in price of the buyer; None: the price itself."""
    seller_ticks: int | None = None


class Refusal(NamedTuple):
    """A refused quantity; None where there is no order on that side."""

    buyer: int | None
    seller: int | None
    energy_wh: int
    reason: records.Reason
    buys: int = records.FIRM
    sells: int = records.PV


class Fleet(NamedTuple):
    """One fleet: what each agent's device can do in the slot [n_agents]."""

    lo_wh: Sequence[int]
    hi_wh: Sequence[int]
    marginal_ticks: Sequence[int] | int = records.UNDECLARED
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


def _tariffs(prices: Prices, n_markets: int) -> records.Tariffs:
    wholesale = None if prices.wholesale_ticks is None else _full(prices.wholesale_ticks, n_markets)
    return records.Tariffs(_full(prices.retail_ticks, n_markets), _full(prices.feed_in_ticks, n_markets), wholesale)


def _ranges(fleets: Sequence[Fleet], n_agents: int) -> list[records.DeviceRange]:
    zero = np.zeros(n_agents, dtype=np.int64)
    return [
        records.DeviceRange(_full(fleet.lo_wh, n_agents), zero, _full(fleet.hi_wh, n_agents), np.full(n_agents, np.nan))
        for fleet in fleets
    ]


def _stand(
    inputs: records.SlotInputs, fleets: Sequence[Fleet], ranges: Sequence[records.DeviceRange]
) -> records.Positions:
    n = len(inputs.load_wh)
    decisions = records.Decisions(
        dispatch_wh=np.array([_full(fleet.dispatch_wh, n) for fleet in fleets], dtype=np.int64).reshape(-1, n),
        marginal_ticks=np.array([_full(fleet.marginal_ticks, n) for fleet in fleets], dtype=np.int64).reshape(-1, n),
        absorb=np.zeros(n, dtype=bool),
        orders=records.OrderBatch(*np.zeros((6, 0), dtype=np.int64)),
    )
    return positions(inputs, ranges, [fleet.stores for fleet in fleets], decisions)


_Key = tuple[int, int, int]
"""agent, component, side."""


def _keys(place: records.Positions, deals: Sequence[Deal], refusals: Sequence[Refusal]) -> list[_Key]:
    """Orders that must exist: all firm and PV energy, and every other that is named."""
    keys: set[_Key] = set()
    for energy, component, side in (
        (place.firm_demand_wh, records.FIRM, records.Side.BUY),
        (place.must_run_wh, records.FIRM, records.Side.SELL),
        (place.surplus_wh, records.PV, records.Side.SELL),
    ):
        keys |= {(agent, component, int(side)) for agent in np.flatnonzero(energy).tolist()}
    ends: list[tuple[int | None, int, int | None, int]] = []
    ends += [(deal.buyer, deal.buys, deal.seller, deal.sells) for deal in deals]
    ends += [(refused.buyer, refused.buys, refused.seller, refused.sells) for refused in refusals]
    for buyer, buys, seller, sells in ends:
        if buyer is not None:
            keys.add((buyer, buys, int(records.Side.BUY)))
        if seller is not None:
            keys.add((seller, sells, int(records.Side.SELL)))
    return sorted(keys)


def _offered_wh(place: records.Positions, key: _Key) -> int:
    agent, component, side = key
    if component == records.PV:
        return int(place.surplus_wh[agent])
    if component == records.FIRM:
        return int((place.firm_demand_wh if side == records.Side.BUY else place.must_run_wh)[agent])
    return int((place.down_wh if side == records.Side.BUY else place.up_wh)[component, agent])


def _orders(
    community: records.Community, place: records.Positions, tariffs: records.Tariffs, keys: Sequence[_Key]
) -> records.Orders:
    """One order a key, all energy offered at any price within the tariffs."""
    agent, component, side = np.array(keys, dtype=np.int64).reshape(-1, 3).T.copy()
    market = community.market[agent]
    energy = np.array([_offered_wh(place, key) for key in keys], dtype=np.int64)
    limit = np.where(side == records.Side.BUY, tariffs.retail_ticks[market], tariffs.feed_in_ticks[market])
    return records.Orders(
        market=market,
        agent=agent,
        connection=community.connection[agent],
        side=side,
        price_ticks=limit,
        energy_wh=energy,
        firm_wh=np.where(component == records.FIRM, energy, 0),
        component=component,
        fallback=np.where(component < 0, records.Fallback.UTILITY, records.Fallback.KEEP).astype(np.int64),
        limit_ticks=limit,
    )


def _trades(deals: Sequence[Deal], place: dict[_Key, int]) -> records.Trades:
    rows = [
        (
            place[deal.buyer, deal.buys, int(records.Side.BUY)],
            place[deal.seller, deal.sells, int(records.Side.SELL)],
            deal.energy_wh,
            deal.price_ticks,
            deal.price_ticks if deal.buyer_ticks is None else deal.buyer_ticks,
            deal.price_ticks if deal.seller_ticks is None else deal.seller_ticks,
            (deal.sells != records.FIRM) + 2 * (deal.buys != records.FIRM),
        )
        for deal in deals
    ]
    return records.Trades(*np.array(rows, dtype=np.int64).reshape(-1, 7).T.copy())


def _rejects(refusals: Sequence[Refusal], place: dict[_Key, int]) -> records.Rejects:
    rows = [
        (
            -1 if refused.buyer is None else place[refused.buyer, refused.buys, int(records.Side.BUY)],
            -1 if refused.seller is None else place[refused.seller, refused.sells, int(records.Side.SELL)],
            refused.energy_wh,
            int(refused.reason),
            -1,
            int(records.Side.BUY if refused.seller is None else records.Side.SELL),
        )
        for refused in refusals
    ]
    return records.Rejects(*np.array(rows, dtype=np.int64).reshape(-1, len(records.Rejects._fields)).T.copy())


def no_grid(community: records.Community, net_wh: IntArray) -> records.GridState:
    """No nodes and no branches: the source supplies what the net positions lack, without losses."""
    slack = np.zeros(community.n_markets)
    np.subtract.at(slack, community.market, net_wh)
    return grid_state(np.zeros((community.n_markets, 0)), slack_wh=slack)


def grid_state(v_pu: FloatArray, loading: FloatArray | None = None, **given: Any) -> records.GridState:
    """A power flow from its voltages [n_markets, n_nodes]; what is not ``given``, or None, is untraded, unloaded or 0."""
    n_markets = len(v_pu)
    loading = np.zeros((n_markets, 0)) if loading is None else loading
    state = records.GridState(
        net_wh=np.zeros(v_pu.shape, dtype=np.int64),
        kvar=np.zeros(v_pu.shape),
        v_pu=v_pu,
        loading=loading,
        slack_wh=np.zeros(n_markets),
        losses_wh=np.zeros(n_markets),
        shunt_wh=np.zeros(n_markets),
        firm_kvar=np.zeros(v_pu.shape),
        firm_v_pu=v_pu,
        firm_loading=loading,
        converged=np.ones(n_markets, dtype=bool),
    )
    return state._replace(**{name: values for name, values in given.items() if values is not None})


def slot_record(
    community: records.Community,
    load_wh: Sequence[int],
    pv_wh: Sequence[int],
    *,
    deals: Sequence[Deal] = (),
    refusals: Sequence[Refusal] = (),
    fleets: Sequence[Fleet] = (),
    prices: Prices = USUAL,
    exports: bool = True,
    grid: records.GridState | None = None,
    slot: int = 0,
    slot_minutes: int = 60,
) -> records.SlotRecord:
    """A slot of these agents.

    Surplus that is not sold is exported, or curtailed where ``exports`` is False. Fleets run their dispatch and what
    the deals add to it. ``grid`` None: no feeder.
    """
    n_agents = community.n_agents
    tariffs = _tariffs(prices, community.n_markets)
    time = Clock(date(2016, 7, 12), slot + 1, slot_minutes).at(slot)
    inputs = records.SlotInputs(time, _full(load_wh, n_agents), _full(pv_wh, n_agents), {}, tariffs)
    ranges = _ranges(fleets, n_agents)
    place = _stand(inputs, fleets, ranges)
    keys = _keys(place, deals, refusals)
    index = {key: row for row, key in enumerate(keys)}
    orders, trades = _orders(community, place, tariffs, keys), _trades(deals, index)
    left = np.where((orders.component == records.PV) & exports, orders.energy_wh - filled_wh(orders, trades), 0)
    idle = np.zeros_like(left)
    done = execute(place, ranges, [fleet.stores for fleet in fleets], orders, trades, Residual(idle, left, idle))
    used_wh = inputs.pv_wh - done.exchange.curtailed_wh
    net_wh = used_wh + done.device_wh.sum(axis=0) - inputs.load_wh
    unserved_wh = np.array([_full(fleet.unserved_wh, n_agents) for fleet in fleets], dtype=np.int64)
    record = records.SlotRecord(
        inputs=inputs,
        positions=place,
        orders=orders,
        trades=trades,
        rejects=_rejects(refusals, index),
        exchange=done.exchange,
        energy=records.Energy(
            done.device_wh, used_wh, done.bought_wh, done.sold_wh, net_wh, unserved_wh.reshape(-1, n_agents)
        ),
        ledger=settle(community, trades, orders, done.exchange, tariffs),
        grid=no_grid(community, net_wh) if grid is None else grid,
        wear_money=np.zeros(n_agents, dtype=np.int64),
        level=np.full((len(ranges), n_agents), np.nan),
        opened_kvar=np.zeros(n_agents),
        kvar=np.zeros(n_agents),
    )
    check_laws(community, record, ranges)
    return record
