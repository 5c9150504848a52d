"""Everybody trades with the utility only: the reference that a market is compared with."""

from __future__ import annotations

from marketsim.agents.params import UtilityOnlyParams
from marketsim.agents.strategies.assemble import assemble
from marketsim.agents.strategies.orders import Legs
from marketsim.core.arrays import IntArray
from marketsim.core.build import BuildContext
from marketsim.core.ports import Strategy
from marketsim.core.records import FIRM, UTILITY_ONLY_TICKS, Fallback, Observations


class WithUtility:
    """Orders that no peer can meet, for what is worth the utility's price to its owner.

    Firm energy needs no order: the utility always serves it. Sees nothing beyond the tariffs.
    """

    sees: tuple[str, ...] = ()

    def choose(self, seen: Observations, legs: Legs) -> tuple[Legs, IntArray]:  # noqa: ARG002
        """Legs that fall back on the utility, kept out of the market."""
        kept = legs.take((legs.component != FIRM) & (legs.fallback == Fallback.UTILITY))
        return kept, kept.agent * 0 + UTILITY_ONLY_TICKS


def build(params: UtilityOnlyParams, context: BuildContext) -> Strategy:
    """Stores on the self-consumption rule, EVs charge on arrival, buffers are heated when needed.

    Sees the tariffs and its own load, PV and device ranges.
    """
    return assemble(WithUtility(), params.storage, "on_arrival", context)
