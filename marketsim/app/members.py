"""Members of a game whose costs are shared: who they are, and which group of them would rather leave."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Generic, TypeVar

from marketsim.core.arrays import FloatArray
from marketsim.core.build import BuildContext
from marketsim.core.cost_game import CostGame
from marketsim.sharing.coalitions import all_costs
from marketsim.sharing.incomes import incomes_if_all
from marketsim.sharing.stability import Leaving, worst_of_all

AnyGame = TypeVar("AnyGame", bound=CostGame)


class MembersOfGame(ABC, Generic[AnyGame]):
    """What a run and a plan have in common when their costs are shared."""

    def __init__(self, context: BuildContext, game: AnyGame, *, enumerated: bool) -> None:
        self.context = context
        self.game = game
        self.names: tuple[str, ...] = context.community.names
        self.enumerated = enumerated
        """Whether all groups are looked at for the one that would rather leave."""

    @cached_property
    def incomes(self) -> FloatArray | None:
        """Of each member [currency a month]; None where one has none."""
        return incomes_if_all(self.context)

    @cached_property
    def _costs(self) -> FloatArray:
        return all_costs(self.game)

    def worst(self, shares: FloatArray, seconds: float) -> Leaving | None:
        """The group that gains most by leaving ``shares`` [n]; None: there is no group, or none was found in time [s]."""
        return worst_of_all(self._costs, shares) if self.enumerated else self._found(shares, seconds)

    @abstractmethod
    def _found(self, shares: FloatArray, seconds: float) -> Leaving | None:
        """The same by a programme."""
