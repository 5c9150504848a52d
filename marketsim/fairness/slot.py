"""What a slot's record says about fairness, a market at a time."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.potential import Availability, availability
from marketsim.core.records import Community, Reason, SlotRecord
from marketsim.fairness.measures_kernel import SCORE_NAMES, Inputs, score_markets

_WIRES: Final = np.array(
    [
        Reason.UNDERVOLTAGE <= reason <= Reason.DIVERGED or reason in (Reason.ALLOCATION, Reason.ROLLED_BACK)
        for reason in range(max(Reason) + 1)
    ]
)
"""Reasons that lie in the grid and not in the order."""


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
    """Market, price at the hub and energy of each trade, markets ascending."""
    trades = record.trades
    columns = record.orders.market[trades.buy_order], trades.price_ticks, trades.energy_wh
    if n_markets == 1:
        return columns
    order = np.argsort(columns[0], kind="stable")
    return columns[0][order], columns[1][order], columns[2][order]


def measure(record: SlotRecord, community: Community) -> SlotFairness:
    """All fairness scores of a slot."""
    tariffs, energy = record.inputs.tariffs, record.energy
    available = availability(record.positions, tariffs, community)
    market, price, traded = _trades_by_market(record, community.n_markets)
    inputs = Inputs(
        market=community.market,
        supply_wh=available.supply_wh,
        refused_wh=refused_sales_wh(record, community.n_agents),
        demand_wh=available.demand_wh,
        sold_wh=energy.sold_wh,
        bought_wh=energy.bought_wh,
        trade_market=market,
        price_ticks=np.ascontiguousarray(price),
        energy_wh=np.ascontiguousarray(traded),
        retail_ticks=tariffs.retail_ticks,
        feed_in_ticks=tariffs.feed_in_ticks,
    )
    return SlotFairness(*scored(inputs), available, inputs)


def scored(inputs: Inputs) -> tuple[FloatArray, IntArray]:
    """All scores [n_scores, n_markets], and P [n_markets], of what they depend on."""
    n_markets = len(inputs.retail_ticks)
    scores = np.empty((len(SCORE_NAMES), n_markets))
    tradable_wh = np.empty(n_markets, dtype=np.int64)
    score_markets(inputs[:], scores, tradable_wh)
    return scores, tradable_wh
