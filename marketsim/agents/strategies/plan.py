"""The plan of a slot: what the agents of one strategy do with their devices, and what they offer of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from marketsim.agents.strategies import plan_kernel
from marketsim.core.arrays import BoolArray, IntArray
from marketsim.core.records import UNDECLARED, Observations
from marketsim.core.units import UNLIMITED_WH

_NOBODY = np.zeros(0, dtype=np.bool_)

NO_OFFER = 0
"""Side of a fleet that is not offered."""


class DispatchPlan(NamedTuple):
    """Dispatch of every fleet and the terms on which the rest of it is offered, each [n_devices, k] but ``absorb``."""

    dispatch_wh: IntArray
    """Net energy that flows whether or not anything trades."""
    side: IntArray
    """``Side`` on which the rest is offered, or NO_OFFER."""
    value_ticks: IntArray
    """What a kWh more or less is worth to the owner; UNDECLARED where nothing is offered."""
    most_wh: IntArray
    """At most so much is offered."""
    absorb: BoolArray
    """PV that nobody takes may fill the own store [k]."""


class Fixed(NamedTuple):
    """Fleets of some agents that somebody else runs, each [n_devices, k]."""

    mask: BoolArray
    dispatch_wh: IntArray


@dataclass(slots=True)
class Draft:
    """A plan in the making: fleets are planned one after the other, and each sees what is left of the balance."""

    dispatch_wh: IntArray
    side: IntArray
    value_ticks: IntArray
    most_wh: IntArray
    balance_wh: IntArray
    """PV less load plus everything dispatched so far [k]: own surplus positive, own need negative."""
    fixed: BoolArray | None
    """Where neither dispatch nor offers may be added [n_devices, k]."""

    @classmethod
    def opened(cls, seen: Observations, fixed: Fixed | None = None) -> Draft:
        """Every fleet at what happens in any case, or as fixed; nothing offered."""
        k = len(seen.load_wh)
        shape = (len(seen.ranges), k)
        firm = np.array([reach.firm_wh for reach in seen.ranges], dtype=np.int64).reshape(shape)
        if fixed is not None:
            firm = np.where(fixed.mask, fixed.dispatch_wh, firm)
        return cls(
            dispatch_wh=firm,
            side=np.zeros(shape, dtype=np.int64),
            value_ticks=np.full(shape, UNDECLARED, dtype=np.int64),
            most_wh=np.full(shape, UNLIMITED_WH, dtype=np.int64),
            balance_wh=seen.pv_wh - seen.load_wh + firm.sum(axis=0),
            fixed=None if fixed is None else fixed.mask,
        )

    def add(self, fleet: int, energy_wh: IntArray) -> None:
        """Dispatch ``energy_wh`` [k] more of a fleet; drawing is negative."""
        if self.fixed is not None:
            energy_wh = np.where(self.fixed[fleet], 0, energy_wh)
        self.dispatch_wh[fleet] += energy_wh
        self.balance_wh += energy_wh

    def serve_own(self, fleet: int, lo_wh: IntArray, hi_wh: IntArray) -> None:
        """Dispatch a fleet into its owner's balance: draw from own surplus, deliver into own need, within lo..hi."""
        fixed = _NOBODY if self.fixed is None else self.fixed[fleet]
        plan_kernel.serve_own(lo_wh, hi_wh, fixed, self.dispatch_wh[fleet], self.balance_wh)

    def offer(self, fleet: int, side: IntArray, value_ticks: IntArray, most_wh: IntArray | None = None) -> None:
        """Offer what is left of a fleet."""
        if self.fixed is not None:
            side = np.where(self.fixed[fleet], NO_OFFER, side)
        self.side[fleet] = side
        self.value_ticks[fleet] = np.where(side == NO_OFFER, UNDECLARED, value_ticks)
        if most_wh is not None:
            self.most_wh[fleet] = most_wh

    def done(self, absorb: BoolArray) -> DispatchPlan:
        """The plan."""
        return DispatchPlan(self.dispatch_wh, self.side, self.value_ticks, self.most_wh, absorb)


class FleetPolicy(Protocol):
    """Plans one fleet or several."""

    sees: tuple[str, ...]
    """Fields of ``Observations`` that it uses."""

    def plan(self, seen: Observations, draft: Draft) -> None:
        """Add dispatch and offers to ``draft``."""
        ...


class FirmOnly:
    """Only what happens in any case: a store rests, a buffer is filled when it must be."""

    sees: tuple[str, ...] = ()

    def plan(self, seen: Observations, draft: Draft) -> None:
        """Leave the draft as it opened."""


def better_side(dispatch_wh: IntArray, bid_ticks: IntArray, ask_ticks: IntArray, seen: Observations) -> IntArray:
    """The side on which a store is offered: it is in one mode a slot.

    A store that charges in any case can only draw more, one that discharges only deliver more. One at rest takes
    the side that gains more at the last public price. An offer outside the tariffs is none.
    """
    side = np.empty(len(dispatch_wh), dtype=np.int64)
    prices = (seen.retail_ticks, seen.feed_in_ticks, seen.last_price_ticks)
    plan_kernel.better_sides(dispatch_wh, bid_ticks, ask_ticks, *prices, side)
    return side
