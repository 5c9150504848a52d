"""Everybody asks for a fixed part of what could be gained."""

from __future__ import annotations

import numpy as np

from marketsim.agents.params import FixedMarginParams
from marketsim.agents.strategies.assemble import assemble
from marketsim.agents.strategies.orders import Legs
from marketsim.core.arrays import IntArray
from marketsim.core.build import BuildContext
from marketsim.core.ports import Strategy
from marketsim.core.records import Observations


class FixedMargin:
    """value + margin (bound - value), in whole ticks towards the value. Sees nothing beyond the tariffs."""

    sees: tuple[str, ...] = ()

    def __init__(self, margin: float) -> None:
        self._margin = margin

    def choose(self, seen: Observations, legs: Legs) -> tuple[Legs, IntArray]:  # noqa: ARG002
        """All legs at their values less the margin."""
        step = np.trunc(self._margin * (legs.bound_ticks - legs.value_ticks)).astype(np.int64)
        return legs, legs.value_ticks + step


def build(params: FixedMarginParams, context: BuildContext) -> Strategy:
    """A margin of 0 is ``truthful``, of 1 asks retail and bids the feed-in tariff.

    Sees the tariffs and its own load, PV and device ranges, and what its device plans see.
    """
    return assemble(FixedMargin(params.margin), params.storage, params.deferrable, context)
