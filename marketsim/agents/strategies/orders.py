"""From a plan to orders: the legs of every agent with their reservation values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from marketsim.agents.strategies.plan import Plan
from marketsim.core.arrays import BoolArray, IntArray
from marketsim.core.limits import Standing
from marketsim.core.records import FIRM, PV, Fallback, Observations, OrderBatch, Side

_FIRST_FLEET = 3
"""Legs before those of fleets: firm demand, must-run energy, PV."""


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
    k, n_legs = len(seen.load_wh), _FIRST_FLEET + len(offered)
    side, value, energy = np.empty((3, n_legs, k), dtype=np.int64)
    component = np.array((FIRM, FIRM, PV, *offered), dtype=np.int64)
    side[0], side[1:_FIRST_FLEET] = int(Side.BUY), int(Side.SELL)
    value[0], value[1:_FIRST_FLEET] = seen.retail_ticks, seen.feed_in_ticks
    energy[0], energy[1], energy[2] = standing.firm_demand_wh, standing.must_run_wh, standing.surplus_wh
    for row, fleet in enumerate(offered, start=_FIRST_FLEET):
        side[row], value[row] = plan.side[fleet], plan.value_ticks[fleet]
        energy[row] = np.minimum(_left(standing, plan, fleet), plan.most_wh[fleet])
    agent, leg = np.divmod(np.flatnonzero((energy > 0).T), n_legs)
    here = leg * k + agent
    legs = (agent, side.ravel()[here], component[leg], energy.ravel()[here], value.ravel()[here])
    return _within(seen.retail_ticks[agent], seen.feed_in_ticks[agent], *legs)


def _within(
    retail: IntArray,
    feed_in: IntArray,
    agent: IntArray,
    side: IntArray,
    component: IntArray,
    energy_wh: IntArray,
    value: IntArray,
) -> Legs:
    """Legs held to the tariffs, with bounds and fallbacks."""
    selling = side < 0
    own, other = np.where(selling, feed_in, retail), np.where(selling, retail, feed_in)
    beyond_own = np.where(selling, value <= feed_in, value >= retail)
    legs = Legs(
        agent=agent,
        side=side,
        component=component,
        energy_wh=energy_wh,
        value_ticks=np.where(beyond_own, own, value),
        bound_ticks=other,
        fallback=np.where(beyond_own, int(Fallback.UTILITY), int(Fallback.KEEP)),
    )
    priced_out = np.where(selling, value > retail, value < feed_in)
    return legs.take(~priced_out) if priced_out.any() else legs


def _left(standing: Standing, plan: Plan, fleet: int) -> IntArray:
    side = plan.side[fleet]
    up, down = standing.up_wh[fleet], standing.down_wh[fleet]
    return np.where(side < 0, up, np.where(side > 0, down, 0))
