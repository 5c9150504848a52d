"""What a slot's record says about fairness, a market at a time: the inputs of the measures, and the measures."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.potential import Availability, availability, tradable_wh
from marketsim.core.records import Community, Reason, Rejects, SlotRecord
from marketsim.core.segments import sum_by
from marketsim.fairness import measures

_WIRES: Final = np.array(
    [
        Reason.UNDERVOLTAGE <= reason <= Reason.DIVERGED or reason in (Reason.ALLOCATION, Reason.ROLLED_BACK)
        for reason in range(max(Reason) + 1)
    ]
)
"""Reasons that lie in the grid and not in the order."""


class Facts(NamedTuple):
    """The inputs of the measures."""

    market: IntArray
    n_markets: int
    available: Availability
    """S and D [n_agents]."""
    sold_wh: IntArray
    bought_wh: IntArray
    tradable_wh: IntArray
    """P [n_markets]."""
    traded_wh: IntArray
    """E [n_markets]."""
    trade_market: IntArray
    trade_wh: IntArray
    price_ticks: IntArray
    """At the hub: the market's own prices, without network charges [n_trades]."""
    retail_ticks: IntArray
    feed_in_ticks: IntArray


def facts_of(record: SlotRecord, community: Community) -> Facts:
    """Extract the inputs of the measures from a record."""
    tariffs, trades, market = record.inputs.tariffs, record.trades, community.market
    available = availability(record.positions, tariffs, market, community.n_markets)
    trade_market = record.orders.market[trades.buy_order]
    return Facts(
        market=market,
        n_markets=community.n_markets,
        available=available,
        sold_wh=record.energy.sold_wh,
        bought_wh=record.energy.bought_wh,
        tradable_wh=tradable_wh(available, market, community.n_markets),
        traded_wh=sum_by(trades.energy_wh, trade_market, community.n_markets),
        trade_market=trade_market,
        trade_wh=trades.energy_wh,
        price_ticks=trades.price_ticks,
        retail_ticks=tariffs.retail_ticks,
        feed_in_ticks=tariffs.feed_in_ticks,
    )


def refused_sales_wh(record: SlotRecord, n_agents: int) -> IntArray:
    """What the grid refused each seller of sales to peers [Wh] [n_agents].

    A refused export to the utility stands in the record without a buyer, as does what an allocation took before
    matching; only the latter counts. The same energy may have been refused with several buyers.
    """
    rejects: Rejects = record.rejects
    refused = np.zeros(n_agents, dtype=np.int64)
    if rejects.size:
        peer = (rejects.buy_order >= 0) | (rejects.reason == Reason.ALLOCATION)
        rows = np.flatnonzero((rejects.sell_order >= 0) & peer & _WIRES[rejects.reason])
        np.add.at(refused, record.orders.agent[rejects.sell_order[rows]], rejects.energy_wh[rows])
    return refused


def ftg(facts: Facts) -> FloatArray:
    """FTG = E / P [n_markets]."""
    return measures.fairness_to_grid(facts.traded_wh, facts.tradable_wh)


def ftg_of_demand(facts: Facts) -> FloatArray:
    """E / sum D, where anything could be traded [n_markets]."""
    demand = sum_by(facts.available.demand_wh, facts.market, facts.n_markets)
    return measures.fairness_to_grid(facts.traded_wh, demand)


def fbs(facts: Facts) -> FloatArray:
    """FBS by the mean deviation of fill rates [n_markets]."""
    return measures.fairness_between(facts.available.supply_wh, facts.sold_wh, facts.market, facts.n_markets)


def fbs_range(facts: Facts) -> FloatArray:
    """FBS by the range of fill rates [n_markets]."""
    return measures.fairness_between_range(facts.available.supply_wh, facts.sold_wh, facts.market, facts.n_markets)


def fbs_share_range(facts: Facts) -> FloatArray:
    """FBS by the range of shares of the traded energy [n_markets]."""
    supply = facts.available.supply_wh
    return measures.fairness_between_share_range(supply, facts.sold_wh, facts.market, facts.n_markets)


def fbs_market(facts: Facts, refused_wh: IntArray) -> FloatArray:
    """FBS with S less what the grid refused: the wires' unfairness is not the traders' [n_markets]."""
    supply = facts.available.supply_wh
    reachable = np.maximum(supply - refused_wh, np.minimum(facts.sold_wh, supply))
    return measures.fairness_between(reachable, facts.sold_wh, facts.market, facts.n_markets)


def ftb(facts: Facts) -> FloatArray:
    """FTB by the mean deviation of buyers' fill rates [n_markets]."""
    return measures.fairness_between(facts.available.demand_wh, facts.bought_wh, facts.market, facts.n_markets)


def fpp(facts: Facts) -> FloatArray:
    """FPP by the standard deviation of prices [n_markets]."""
    return measures.fairness_of_pricing(
        facts.price_ticks, facts.trade_wh, facts.trade_market, facts.retail_ticks, facts.feed_in_ticks
    )


def fpp_range(facts: Facts) -> FloatArray:
    """FPP by the range of prices [n_markets]."""
    return measures.fairness_of_pricing_range(
        facts.price_ticks, facts.trade_market, facts.retail_ticks, facts.feed_in_ticks
    )


def price_neutrality(facts: Facts) -> FloatArray:
    """How near the mean price is to the middle of the tariffs [n_markets]."""
    mean = measures.mean_price(facts.price_ticks, facts.trade_wh, facts.trade_market, facts.n_markets)
    return measures.price_neutrality(mean, facts.retail_ticks, facts.feed_in_ticks)


def jain_fill(facts: Facts) -> FloatArray:
    """Jain's index of the sellers' fill rates; NaN with fewer than two sellers [n_markets]."""
    supply = facts.available.supply_wh
    sellers = sum_by((supply > 0).astype(np.int64), facts.market, facts.n_markets)
    index = measures.jain_index(measures.fill_rates(supply, facts.sold_wh), facts.market, facts.n_markets)
    return np.where(sellers >= 2, index, np.nan)


def null_without_potential(facts: Facts, scores: FloatArray) -> FloatArray:
    """Scores [..., n_markets] with NaN where P = 0: nothing could be traded, so nothing is fair or unfair."""
    return np.where(facts.tradable_wh > 0, scores, np.nan)
