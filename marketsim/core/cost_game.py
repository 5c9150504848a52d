"""A game of cost: what every group would pay by itself; and how a rule divides what all pay together."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from marketsim.core.arrays import BoolArray, FloatArray


class CostGame(Protocol):
    """What groups pay. The empty group pays nothing and is never asked about."""

    @property
    def n(self) -> int:
        """Number of members."""
        ...

    def cost(self, members: BoolArray) -> FloatArray:
        """What each group would pay by itself, receipts negative [k, n] -> [k]."""
        ...


class Division(NamedTuple):
    """Who is to pay what of the cost of all."""

    shares: FloatArray
    """[n]; they sum to the cost of all, but for rounding."""
    standard_errors: FloatArray | None = None
    """Of each share [n], where the rule draws at random."""
