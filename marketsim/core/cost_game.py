"""A game of cost: what every group would pay by itself; and how a rule divides what all pay together."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

from marketsim.core.arrays import BoolArray, FloatArray, IntArray


class CostGame(Protocol):
    """What groups pay. The empty group pays nothing and is never asked about."""

    @property
    def n(self) -> int:
        """Number of members."""
        ...

    def cost(self, members: BoolArray) -> FloatArray:
        """What each group would pay by itself, receipts negative [k, n] -> [k]."""
        ...


@runtime_checkable
class ChainedGame(CostGame, Protocol):
    """One that is quicker about groups that grow member by member."""

    def chains(self, orders: IntArray) -> FloatArray:
        """What those who have joined would pay, after each member of each order of all [k, n] -> [k, n]."""
        ...


@runtime_checkable
class PricedGame(CostGame, Protocol):
    """One with prices at which no group would pay less by itself."""

    def price_shares(self) -> Division:
        """What each member pays at these prices; InputError where there are none."""
        ...


class Division(NamedTuple):
    """Who is to pay what of the cost of all."""

    shares: FloatArray
    """[n]; they sum to the cost of all, but for rounding."""
    standard_errors: FloatArray | None = None
    """Of each share [n], where the rule draws at random."""
