"""What positions could have traded: legs of a market, and their optimum by merit order.

Without limits merit order is exact (``core.potential.clearing``). Where its solution breaks a limit,
``optimise.welfare.constrained_optimum`` goes on from it.
"""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray, whole_column
from marketsim.core.potential import CompetitiveOptimum
from marketsim.core.records import PV, Community, SlotRecord
from marketsim.optimise.welfare import WelfareLegs


def market_legs(record: SlotRecord, community: Community, market: int) -> WelfareLegs:
    """Legs of one market: firm demand, must-run energy, PV surplus, and every fleet of declared value both ways.

    PV that flows by right (untraded surplus exported) is part of the base and moves nothing.
    """
    place, orders, tariffs = record.positions, record.orders, record.inputs.tariffs
    rows = np.flatnonzero(community.market == market)
    retail, feed_in = int(tariffs.retail_ticks[market]), int(tariffs.feed_in_ticks[market])
    by_right = np.zeros(community.n_agents, dtype=np.int64)
    pv_orders = np.flatnonzero(orders.component == PV)
    np.add.at(by_right, orders.agent[pv_orders], orders.firm_wh[pv_orders])
    by_right = np.minimum(by_right, place.surplus_wh)[rows]
    tables: list[tuple[bool, IntArray | int, IntArray]] = [(True, feed_in, place.surplus_wh[rows] - by_right)]
    for fleet in range(len(place.up_wh)):
        value = place.marginal_ticks[fleet, rows]
        tables.append((True, value, np.where(value >= 0, place.up_wh[fleet, rows], 0)))
        tables.append((False, value, np.where(value >= 0, place.down_wh[fleet, rows], 0)))
    firm_demand, firm_supply = place.firm_demand_wh[rows].sum(), (place.must_run_wh[rows] + by_right).sum()
    columns = [
        (np.array([0, 0]), np.array([False, True]), np.array([retail, feed_in]), np.array([firm_demand, firm_supply]))
    ]
    for sells, price, cap in tables:
        some = np.flatnonzero(cap)
        values = np.broadcast_to(np.asarray(price, dtype=np.int64), len(rows))[some]
        columns.append((community.connection[rows[some]], np.full(len(some), sells), values, cap[some]))
    base = place.must_run_wh[rows] - place.firm_demand_wh[rows] + by_right
    connection, sells_, value_, cap_ = (np.concatenate(column) for column in zip(*columns, strict=True))
    return WelfareLegs(connection, sells_, value_, cap_, np.arange(len(cap_)) >= 2, base)


def merit_order(legs: WelfareLegs, best: CompetitiveOptimum, market: int) -> FloatArray:
    """What each leg trades in the optimum without grid limits, pro rata at the margin [Wh] [n_legs]."""
    price = int(best.price_ticks[market])
    missing = int(best.above_wh[market]) - int(best.below_wh[market])
    traded = np.where(np.where(legs.sells, legs.value_ticks < price, legs.value_ticks > price), legs.cap_wh, 0)
    marginal = (legs.value_ticks == price) & (legs.sells == (missing > 0))
    total = int(legs.cap_wh[marginal].sum())
    share = abs(missing) / total if total else 0.0
    return np.where(marginal, legs.cap_wh * share, traded.astype(np.float64))


def merit_order_net_wh(record: SlotRecord, community: Community, best: CompetitiveOptimum) -> FloatArray:
    """Net injections of ``merit_order`` in all markets at once [n_agents]."""
    from marketsim.metrics.merit_kernel import merit_net

    place, orders, tariffs = record.positions, record.orders, record.inputs.tariffs
    net = np.zeros(community.n_agents)
    merit_net(
        community.market,
        (place.surplus_wh, place.must_run_wh, place.firm_demand_wh),
        (place.up_wh, place.down_wh, place.marginal_ticks),
        (whole_column(orders.agent), whole_column(orders.component), whole_column(orders.firm_wh)),
        tariffs.retail_ticks,
        tariffs.feed_in_ticks,
        (best.price_ticks, best.below_wh, best.above_wh),
        net,
    )
    return net
