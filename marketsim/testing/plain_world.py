"""A world without grid, charges or files: the double auction and the usual ledger, for tests of everything else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from marketsim.core.delivery import Immediate
from marketsim.core.free_gate_kernel import FreeGate
from marketsim.core.ports import ChargeTable, Device, Engine, Profiles
from marketsim.core.records import Community
from marketsim.core.rng import Streams
from marketsim.core.world import Role, World
from marketsim.market.allocation import ByArrival
from marketsim.market.charges import FixedCharges
from marketsim.market.double_auction import DoubleAuction
from marketsim.market.settlement import settle
from marketsim.testing.worlds import FixedTariff, UnityReactive, accept_all, clock


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
    free = np.zeros(n_agents, dtype=np.int64)
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
        allocation=ByArrival(),
        charges=FixedCharges(ChargeTable(free, free, None)),
        gate=FreeGate(n_markets, community.market),
        reactive=UnityReactive(),
        delivery=Immediate(),
        bounds=accept_all,
        settle=settle,
        firm_share=np.ones(n_agents),
        node_of=np.full(n_agents, -1, dtype=np.int64),
    )
