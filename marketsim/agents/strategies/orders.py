"""From a plan to orders: the legs of every agent with their reservation values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from marketsim.agents.strategies.plan import Plan
from marketsim.core.arrays import BoolArray, IntArray
from marketsim.core.limits import Standing
from marketsim.core.records import FIRM, PV, Fallback, Observations, OrderBatch, Side


class Legs(NamedTuple):
    """What k agents have to offer, agent by agent, firm energy first; each [n_legs]."""

    agent: IntArray
    side: IntArray
    component: IntArray
    energy_wh: IntArray
    value_ticks: IntArray
    """Reservation value, within the tariffs: at most this is paid, at least this is asked."""
    bound_ticks: IntArray
    """The tariff's other price: feed-in for a bid, retail for an ask."""
    fallback: IntArray

    @property
    def size(self) -> int:
        """Number of legs."""
        return len(self.agent)

    def take(self, rows: IntArray | BoolArray) -> Legs:
        """Some of the legs."""
        return Legs(*(column[rows] for column in self))

    def priced(self, price_ticks: IntArray) -> OrderBatch:
        """The orders at these limit prices."""
        return OrderBatch(self.agent, self.side, price_ticks, self.energy_wh, self.component, self.fallback)


def legs_of(seen: Observations, plan: Plan, standing: Standing, offered: Sequence[int]) -> Legs:
    """Legs of all agents; ``offered`` lists the fleets that may be offered.

    Firm demand is worth retail, since that is what it costs otherwise; PV and must-run energy are worth the
    feed-in tariff; a fleet's energy what its plan says. A value outside the tariffs moves to the nearer one if that
    costs its owner nothing, else there is no leg. What is worth the utility's price falls back on it.
    """
    retail, feed_in = seen.retail_ticks, seen.feed_in_ticks
    buy, sell = np.full_like(retail, int(Side.BUY)), np.full_like(retail, int(Side.SELL))
    side = np.array([buy, sell, sell, *(plan.side[fleet] for fleet in offered)])
    value = np.array([retail, feed_in, feed_in, *(plan.value_ticks[fleet] for fleet in offered)])
    energy = np.array(
        [
            standing.firm_demand_wh,
            standing.must_run_wh,
            standing.surplus_wh,
            *(np.minimum(_left(standing, plan, fleet), plan.most_wh[fleet]) for fleet in offered),
        ]
    )
    component = np.array([FIRM, FIRM, PV, *offered], dtype=np.int64)
    selling = side == Side.SELL
    wanted = (energy > 0) & np.where(selling, value <= retail, value >= feed_in)
    agent, leg = np.nonzero(wanted.T)
    selling, value = selling[leg, agent], value[leg, agent]
    retail, feed_in = retail[agent], feed_in[agent]
    utility = np.where(selling, value <= feed_in, value >= retail)
    return Legs(
        agent=agent,
        side=side[leg, agent],
        component=component[leg],
        energy_wh=energy[leg, agent],
        value_ticks=np.clip(value, feed_in, retail),
        bound_ticks=np.where(selling, retail, feed_in),
        fallback=np.where(utility, int(Fallback.UTILITY), int(Fallback.KEEP)),
    )


def _left(standing: Standing, plan: Plan, fleet: int) -> IntArray:
    side = plan.side[fleet]
    up, down = standing.up_wh[fleet], standing.down_wh[fleet]
    return np.where(side == Side.SELL, up, np.where(side == Side.BUY, down, 0))
