"""Slot records of random content for tests of what reads records: consistent in shape and sign, simulated by nobody."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from marketsim.core import records
from marketsim.core.clock import Clock


def random_record(
    community: records.Community, clock: Clock, slot: int, *, n_devices: int = 0, n_nodes: int = 0, seed: int = 0
) -> records.SlotRecord:
    """What might have happened in a slot: each agent with one order, about a third of them traded or refused."""
    rng = np.random.default_rng((seed, slot))
    n_agents, n_markets = community.n_agents, community.n_markets

    def wh(*shape: int) -> np.ndarray:
        return rng.integers(0, 5_000, shape or n_agents)

    prices = np.full(n_markets, 300_000), np.full(n_markets, 80_000)
    pv_wh, curtailed = wh(), wh() // 10
    inputs = records.SlotInputs(clock.at(slot), wh(), pv_wh + curtailed, {}, records.Tariffs(*prices, None))
    side = np.where(rng.random(n_agents) < 0.5, 1, -1)
    orders = records.Orders(
        market=community.market,
        agent=np.arange(n_agents),
        connection=community.connection,
        side=side,
        price_ticks=rng.integers(80_000, 300_000, n_agents),
        energy_wh=wh(),
        firm_wh=np.zeros(n_agents, dtype=np.int64),
        component=np.where(side > 0, -1, -2),
        fallback=np.ones(n_agents, dtype=np.int64),
        limit_ticks=np.full(n_agents, 100_000),
    )
    trades, rejects = _pairs(community, orders, rng)
    bought, sold = np.zeros((2, n_agents), dtype=np.int64)
    np.add.at(bought, orders.agent[trades.buy_order], trades.energy_wh)
    np.add.at(sold, orders.agent[trades.sell_order], trades.energy_wh)
    device_wh = rng.integers(-2_000, 2_000, (n_devices, n_agents))
    net_wh = pv_wh + device_wh.sum(axis=0) - inputs.load_wh
    nothing, nowhere = np.zeros((n_devices, n_agents), dtype=np.int64), np.zeros(n_agents, dtype=bool)
    return records.SlotRecord(
        inputs=inputs,
        positions=records.Positions(device_wh, wh(), wh(), wh(), wh(), nothing, nothing, nothing - 1, nowhere),
        orders=orders,
        trades=trades,
        rejects=rejects,
        exchange=records.Exchange(wh(), wh(), curtailed, nothing),
        energy=records.Energy(device_wh, pv_wh, bought, sold, net_wh, np.abs(nothing)),
        ledger=_ledger(community, bought, sold, rng),
        grid=_grid(n_markets, n_nodes, rng),
        wear_money=wh(),
        level=rng.random((n_devices, n_agents)),
        opened_kvar=rng.normal(size=n_agents),
        kvar=rng.normal(size=n_agents),
    )


def _pairs(
    community: records.Community, orders: records.Orders, rng: np.random.Generator
) -> tuple[records.Trades, records.Rejects]:
    buys, sells = (np.flatnonzero(orders.side == side) for side in (1, -1))
    pairs = [(b, s) for b, s in zip(buys, sells, strict=False) if community.market[b] == community.market[s]]
    kept = np.array([pair for pair in pairs if rng.random() < 0.6], dtype=np.int64).reshape(-1, 2)
    refused = np.array([pair for pair in pairs if rng.random() < 0.2], dtype=np.int64).reshape(-1, 2)
    price = rng.integers(80_000, 300_000, len(kept))
    alone = rng.random(len(refused)) < 0.5
    trades = records.Trades(
        buy_order=kept[:, 0].copy(),
        sell_order=kept[:, 1].copy(),
        energy_wh=rng.integers(1, 5_000, len(kept)),
        price_ticks=price,
        buyer_ticks=price + 10,
        seller_ticks=price - 10,
        moves=np.full(len(kept), records.MOVES_SOURCE),
    )
    rejects = records.Rejects(
        buy_order=np.where(alone, -1, refused[:, 0]),
        sell_order=refused[:, 1].copy(),
        energy_wh=rng.integers(1, 5_000, len(refused)),
        reason=rng.integers(1, len(records.Reason), len(refused)),
        element=rng.integers(-1, 4, len(refused)),
        side=np.where(alone, -1, rng.integers(-1, 2, len(refused))),
    )
    return trades, rejects


def _ledger(
    community: records.Community, bought: np.ndarray, sold: np.ndarray, rng: np.random.Generator
) -> records.Ledger:
    money = rng.integers(0, 10**9, (len(records.LedgerLine), community.n_agents))
    money[0] = np.where(bought > 0, money[0], 0)
    money[1] = np.where(sold > 0, -money[1], 0)
    money[2] = np.where(bought + sold > 0, money[2], 0)
    money[4] *= -1
    money[records.LedgerLine.SHARING] = 0
    utility = np.zeros(community.n_markets, dtype=np.int64)
    np.subtract.at(utility, community.market, money.sum(axis=0))
    return records.Ledger(money, utility, np.zeros_like(utility))


def _grid(n_markets: int, n_nodes: int, rng: np.random.Generator) -> records.GridState:
    nodes, branches = (n_markets, n_nodes), (n_markets, max(n_nodes - 1, 0))
    return records.GridState(
        net_wh=rng.integers(-5_000, 5_000, nodes),
        kvar=rng.normal(size=nodes),
        v_pu=1.0 + 0.02 * rng.normal(size=nodes),
        loading=rng.random(branches),
        slack_wh=rng.normal(0.0, 1e4, n_markets),
        losses_wh=rng.random(n_markets) * 100.0,
        shunt_wh=rng.random(n_markets) * 10.0,
        firm_kvar=rng.normal(size=nodes),
        firm_v_pu=1.0 + 0.02 * rng.normal(size=nodes),
        firm_loading=rng.random(branches),
        converged=np.ones(n_markets, dtype=bool),
    )


def random_records(
    community: records.Community, clock: Clock, *, n_devices: int = 0, n_nodes: int = 0, seed: int = 0
) -> Iterator[records.SlotRecord]:
    """A record for each slot of the clock."""
    for slot in range(clock.slots):
        yield random_record(community, clock, slot, n_devices=n_devices, n_nodes=n_nodes, seed=seed)
