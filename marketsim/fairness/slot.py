"""What a slot's record says about fairness, a market at a time."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.potential import Availability, availability, first_rows
from marketsim.core.records import Community, Reason, SlotRecord
from marketsim.fairness.measures_kernel import SCORE_NAMES, score_markets

_WIRES: Final = np.array(
    [
        Reason.UNDERVOLTAGE <= reason <= Reason.DIVERGED or reason in (Reason.ALLOCATION, Reason.ROLLED_BACK)
        for reason in range(max(Reason) + 1)
    ]
)
"""Reasons that lie in the grid and not in the order."""


class Inputs(NamedTuple):
    """Everything that the scores depend on, as ``score_markets`` takes it; agents and trades sorted by market."""

    first: IntArray
    """Where each market's agents begin, and where the last one's end [n_markets + 1]."""
    supply_wh: IntArray
    reachable_wh: IntArray
    """Supply less what the grid refused."""
    demand_wh: IntArray
    sold_wh: IntArray
    bought_wh: IntArray
    first_trade: IntArray
    price_ticks: IntArray
    """At the hub: the market's own prices, without network charges."""
    energy_wh: IntArray
    retail_ticks: IntArray
    feed_in_ticks: IntArray


class SlotFairness(NamedTuple):
    """Scores of a slot with what they were computed from."""

    scores: FloatArray
    """[n_scores, n_markets] in the order of ``SCORE_NAMES``; NaN where undefined."""
    tradable_wh: IntArray
    """P, the weight of the slot in means [n_markets]."""
    available: Availability
    """S and D [n_agents]."""
    inputs: Inputs

    def score(self, name: str) -> FloatArray:
        """One score by its name [n_markets]."""
        return np.asarray(self.scores[SCORE_NAMES.index(name)])


def refused_sales_wh(record: SlotRecord, n_agents: int) -> IntArray:
    """What the grid refused each seller of sales to peers [Wh] [n_agents].

    A refused export to the utility stands in the record without a buyer, as does what an allocation took before
    matching; only the latter counts. The same energy may have been refused with several buyers.
    """
    rejects = record.rejects
    refused = np.zeros(n_agents, dtype=np.int64)
    if rejects.size:
        peer = (rejects.buy_order >= 0) | (rejects.reason == Reason.ALLOCATION)
        rows = np.flatnonzero((rejects.sell_order >= 0) & peer & _WIRES[rejects.reason])
        np.add.at(refused, record.orders.agent[rejects.sell_order[rows]], rejects.energy_wh[rows])
    return refused


def _trades_by_market(record: SlotRecord, n_markets: int) -> tuple[IntArray, IntArray, IntArray]:
    """Where each market's trades begin, their prices at the hub and energies, markets ascending."""
    trades = record.trades
    if n_markets == 1:
        return np.array([0, trades.size]), trades.price_ticks, trades.energy_wh
    market = record.orders.market[trades.buy_order]
    order = np.argsort(market, kind="stable")
    return first_rows(market[order], n_markets), trades.price_ticks[order], trades.energy_wh[order]


def measure(record: SlotRecord, community: Community) -> SlotFairness:
    """All fairness scores of a slot."""
    tariffs, energy = record.inputs.tariffs, record.energy
    available = availability(record.positions, tariffs, community)
    supply = available.supply_wh
    refused = refused_sales_wh(record, community.n_agents)
    columns = (
        first_rows(community.market, community.n_markets),
        supply,
        np.maximum(supply - refused, np.minimum(energy.sold_wh, supply)),
        available.demand_wh,
        energy.sold_wh,
        energy.bought_wh,
        *_trades_by_market(record, community.n_markets),
        tariffs.retail_ticks,
        tariffs.feed_in_ticks,
    )
    inputs = Inputs(*(np.ascontiguousarray(column, dtype=np.int64) for column in columns))
    scores = np.empty((len(SCORE_NAMES), community.n_markets))
    tradable_wh = np.empty(community.n_markets, dtype=np.int64)
    score_markets(*inputs, scores, tradable_wh)
    return SlotFairness(scores, tradable_wh, available, inputs)
