"""Everybody states the own outside option."""

from __future__ import annotations

from marketsim.agents.params import TruthfulParams
from marketsim.agents.strategies.assemble import assemble
from marketsim.agents.strategies.orders import Legs
from marketsim.core.arrays import IntArray
from marketsim.core.build import BuildContext
from marketsim.core.ports import Strategy
from marketsim.core.records import Observations


class OwnValue:
    """The limit price is the reservation value. Sees nothing beyond the tariffs."""

    sees: tuple[str, ...] = ()

    def choose(self, seen: Observations, legs: Legs) -> tuple[Legs, IntArray]:  # noqa: ARG002
        """All legs at their values."""
        return legs, legs.value_ticks


def build(params: TruthfulParams, context: BuildContext) -> Strategy:
    """Firm demand bids retail, PV asks the feed-in tariff, devices their declared marginal value.

    Sees the tariffs and its own load, PV and device ranges, and what its device plans see.
    """
    return assemble(OwnValue(), params.storage, params.deferrable, context)
