"""Zero intelligence, constrained: random prices that never lose money.

Gode, Sunder (1993): Allocative efficiency of markets with zero-intelligence traders, Journal of Political Economy
101(1), 119-137, doi 10.1086/261868.
"""

from __future__ import annotations

import numpy as np

from marketsim.agents.params import ZeroIntelligenceParams
from marketsim.agents.strategies import orders_kernel
from marketsim.agents.strategies.assemble import assemble
from marketsim.agents.strategies.orders import Legs
from marketsim.core.arrays import IntArray, KeyArray
from marketsim.core.build import BuildContext
from marketsim.core.ports import Strategy
from marketsim.core.records import Observations, Quotes


class ZeroIntelligence:
    """Uniform on the whole ticks from the own value to the tariff's other price, drawn anew in each round.

    Sees its random keys beyond the tariffs.
    """

    sees: tuple[str, ...] = ("keys",)

    def choose(self, seen: Observations, legs: Legs) -> tuple[Legs, IntArray]:
        """All legs at random prices."""
        return legs, _drawn(legs, seen.keys[legs.agent])

    def again(self, seen: Observations, legs: Legs, quotes: Quotes) -> IntArray:  # noqa: ARG002
        """Random prices of the round."""
        return _drawn(legs, quotes.keys)


def _drawn(legs: Legs, keys: KeyArray) -> IntArray:
    """One price a leg; the legs of an agent differ by side and component, not by what else is offered."""
    price = np.empty(legs.size, dtype=np.int64)
    orders_kernel.draw_prices(keys, legs.component, legs.side, legs.value_ticks, legs.bound_ticks, price)
    return price


def build(params: ZeroIntelligenceParams, context: BuildContext) -> Strategy:
    """ZI-C traders.

    Sees the tariffs, random keys, its own load, PV and device ranges, and what its device plans see.
    """
    return assemble(ZeroIntelligence(), params.storage, params.deferrable, context)
