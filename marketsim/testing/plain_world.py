"""A world without grid, charges or files: the double auction and a plain ledger, for tests of everything else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from marketsim.core.delivery import Immediate
from marketsim.core.free_gate_kernel import FreeGate
from marketsim.core.ports import Device, Engine, Profiles
from marketsim.core.records import (
    Community,
    Exchange,
    Ledger,
    LedgerLine,
    Orders,
    Tariffs,
    Trades,
)
from marketsim.core.rng import Streams
from marketsim.core.world import Role, World
from marketsim.market.double_auction import DoubleAuction
from marketsim.testing.worlds import FixedTariff, NoAllocation, NoCharges, UnityReactive, accept_all, clock


def plain_ledger(community: Community, trades: Trades, orders: Orders, exchange: Exchange, tariffs: Tariffs) -> Ledger:
    """Payments at the tariffs and at the price of each trade, without network charges."""
    money = np.zeros((len(LedgerLine), community.n_agents), dtype=np.int64)
    value = trades.energy_wh * trades.price_ticks
    np.add.at(money[LedgerLine.PEER_PURCHASES], orders.agent[trades.buy_order], value)
    np.subtract.at(money[LedgerLine.PEER_SALES], orders.agent[trades.sell_order], value)
    money[LedgerLine.IMPORTS] = exchange.import_wh * tariffs.retail_ticks[community.market]
    money[LedgerLine.EXPORTS] = -exchange.export_wh * tariffs.feed_in_ticks[community.market]
    utility = np.zeros(community.n_markets, dtype=np.int64)
    np.subtract.at(utility, community.market, money[LedgerLine.IMPORTS] + money[LedgerLine.EXPORTS])
    return Ledger(money, utility, np.zeros(community.n_markets, dtype=np.int64))


def plain_world(
    community: Community,
    profiles: Profiles,
    cast: Sequence[Role],
    devices: Sequence[Device] = (),
    *,
    slots: int = 4,
    rounds: int = 1,
    engine: Engine | None = None,
    seeds: Sequence[int] = (1,),
) -> World:
    """A world without grid and charges, at 0.30 retail and 0.08 feed-in, in slots of an hour."""
    n_agents, n_markets = community.n_agents, community.n_markets
    return World(
        clock=clock(slots),
        community=community,
        streams=Streams(seeds),
        profiles=profiles,
        tariff=FixedTariff(n_markets),
        devices=tuple(devices),
        cast=tuple(cast),
        engine=engine or DoubleAuction(rounds=rounds),
        rounds=rounds,
        allocation=NoAllocation(),
        charges=NoCharges(n_agents),
        gate=FreeGate(n_markets, community.market),
        reactive=UnityReactive(),
        delivery=Immediate(),
        bounds=accept_all,
        settle=plain_ledger,
        firm_share=np.ones(n_agents),
        node_of=np.full(n_agents, -1, dtype=np.int64),
    )
