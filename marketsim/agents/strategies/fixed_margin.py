"""Everybody asks for a fixed part of what could be gained."""

from __future__ import annotations

import numpy as np

from marketsim.agents.params import FixedMarginParams
from marketsim.agents.strategies.assemble import assemble
from marketsim.agents.strategies.orders import Legs
from marketsim.core.arrays import IntArray
from marketsim.core.build import BuildContext
from marketsim.core.ports import Strategy
from marketsim.core.records import PV, Observations


class FixedMargin:
    """value + margin (bound - value), in whole ticks towards the value. Sees nothing beyond the tariffs."""

    sees: tuple[str, ...] = ()

    def __init__(self, margin: float, sell_share: float = 1.0) -> None:
        self._margin, self._sell_share = margin, sell_share

    def choose(self, seen: Observations, legs: Legs) -> tuple[Legs, IntArray]:  # noqa: ARG002
        """All legs at their values less the margin, of surplus the share that is offered."""
        step = np.trunc(self._margin * (legs.bound_ticks - legs.value_ticks)).astype(np.int64)
        price = legs.value_ticks + step
        if self._sell_share == 1.0:
            return legs, price
        part = np.rint(self._sell_share * legs.energy_wh).astype(np.int64)
        return legs.in_part(np.where(legs.component == PV, part, legs.energy_wh), price)


def build(params: FixedMarginParams, context: BuildContext) -> Strategy:
    """A margin of 0 is ``truthful``, of 1 asks retail and bids the feed-in tariff; a share of surplus may be held back.

    Sees the tariffs and its own load, PV and device ranges, and what its device plans see.
    """
    return assemble(FixedMargin(params.margin, params.sell_share), params.storage, params.deferrable, context)
