"""From a plan to orders: the legs of every agent with their reservation values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from marketsim.agents.strategies import orders_kernel
from marketsim.agents.strategies.plan import DispatchPlan
from marketsim.core.arrays import BoolArray, IntArray
from marketsim.core.records import PV, UTILITY_ONLY_TICKS, Observations, OrderBatch, Standing


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

    def in_part(self, offered_wh: IntArray, price_ticks: IntArray) -> tuple[Legs, IntArray]:
        """Legs of which only ``offered_wh`` [n_legs] is offered, and their prices; what is left of PV goes to the utility."""
        rest_wh = np.where(self.component == PV, self.energy_wh - offered_wh, 0)
        kept, left = np.flatnonzero(offered_wh > 0), np.flatnonzero(rest_wh > 0)
        legs = self.take(np.concatenate((kept, left)))
        energy_wh = np.concatenate((offered_wh[kept], rest_wh[left]))
        return legs._replace(energy_wh=energy_wh), np.concatenate(
            (price_ticks[kept], np.full(len(left), UTILITY_ONLY_TICKS))
        )

    def priced(self, price_ticks: IntArray) -> OrderBatch:
        """The orders at these limit prices."""
        return OrderBatch(self.agent, self.side, price_ticks, self.energy_wh, self.component, self.fallback)


def legs_of(seen: Observations, plan: DispatchPlan, standing: Standing, offered: Sequence[int]) -> Legs:
    """Legs of all agents; ``offered`` lists the fleets that may be offered.

    Firm demand is worth retail, since that is what it costs otherwise; PV and must-run energy are worth the
    feed-in tariff, PV nothing where that is negative, since it can be curtailed; a fleet's energy what its plan says. A
    value outside the tariffs moves to the nearer one if that costs its owner nothing, else there is no leg. What is worth
    the utility's price falls back on it.
    """
    fleets = np.array(offered, dtype=np.int64)
    legs, count = orders_kernel.list_legs(
        seen.retail_ticks, seen.feed_in_ticks, standing[:], plan.side, plan.value_ticks, plan.most_wh, fleets
    )
    return Legs(*legs[:, :count])
