"""Prices at which an operator's books balance: what members pay is what the pool pays, though they answer anew at every price.

A family of prices is a function of one number z in [0, 1]. What is left to the operator jumps where members change from one plan
to another; at such a z both plans are best answers, and so is any between, one of which balances the books.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray
from marketsim.optimise.posted import MemberAnswers, PostedPrices, PricedMembers

PricesAt: TypeAlias = Callable[[float], PostedPrices]

BALANCED: Final = 1e-9
"""What may be left, relative to what all members pay and are paid together."""
_NARROW: Final = 1e-8
"""Width of z at which a jump is a jump."""
_MOST_STEPS: Final = 60
_HALVINGS: Final = 60


class Books(NamedTuple):
    """Prices, what members answer of what the operator proposes, and what is left to the operator."""

    z: float
    answers: MemberAnswers
    costs: FloatArray
    """What each member pays, own cost included [currency] [n]."""
    left: float
    """[currency]."""
    regret: float
    """How much dearer the proposal is to a member than its best answer, the largest of all [currency]."""

    def small(self) -> float:
        """What counts as nothing left [currency]."""
        return BALANCED * max(1.0, float(np.abs(self.costs).sum()))


class PriceOffers:
    """What members answer at prices of a family; who is better off at the prices that are open to all stays with these."""

    def __init__(self, members: PricedMembers, open_to_all: PostedPrices, may_stay: BoolArray) -> None:
        """``may_stay`` [n]: who is offered other prices, and may refuse them; all others have to take them."""
        self._members, self._open, self._may_stay = members, open_to_all, may_stay
        self._known = members.best(open_to_all)

    def books(self, z: float, prices: PostedPrices) -> Books:
        """Of their best answers those that cost the pool least are proposed."""
        best = self._members.best(prices)
        stays = self._may_stay & (self._known.worth < best.worth)
        taken = PostedPrices(*(np.where(stays, kept, own) for kept, own in zip(self._open, prices, strict=True)))
        best = best._replace(worth=np.where(stays, self._known.worth, best.worth))
        answers = self._members.kindest(taken, best)
        regret = float((self._members.worth(answers, taken) - best.worth).max())
        return self._kept(z, answers, answers.costs(taken), regret)

    def _kept(self, z: float, answers: MemberAnswers, costs: FloatArray, regret: float) -> Books:
        return Books(z, answers, costs, float(costs.sum()) - self._members.pool_cost(answers), regret)

    def balanced(self, family: PricesAt) -> Books | None:
        """The z of a family at which nothing is left; None where the operator is short, or keeps something, at both ends."""
        low, high = (self.books(z, family(z)) for z in (0.0, 1.0))
        for end in (low, high):
            if abs(end.left) <= end.small():
                return end
        if low.left * high.left > 0.0:
            return None
        weight_low, weight_high = 1.0, 1.0
        for step in range(_MOST_STEPS):
            if high.z - low.z <= _NARROW:
                break
            at_low, at_high = low.left * weight_low, high.left * weight_high
            crossing = low.z + (high.z - low.z) * at_low / (at_low - at_high)
            z = (low.z + high.z) / 2 if step % 3 == 2 else crossing  # a jump is halved, a slope is met
            found = self.books(z, family(z))
            if abs(found.left) <= found.small():
                return found
            if found.left * low.left > 0.0:
                low, weight_low, weight_high = found, 1.0, weight_high / 2
            else:
                high, weight_high, weight_low = found, 1.0, weight_low / 2
        return self._between(low, high)

    def _between(self, low: Books, high: Books) -> Books:
        """The mixture of the answers on both sides of a jump that leaves nothing; each member is indifferent between the two."""
        first, last, found = 0.0, 1.0, low
        for _ in range(_HALVINGS):
            part = (first + last) / 2
            costs = (1.0 - part) * low.costs + part * high.costs
            answers = low.answers.mixed(high.answers, part)
            found = self._kept(low.z, answers, costs, max(low.regret, high.regret))
            if abs(found.left) <= found.small():
                break
            first, last = (part, last) if found.left * low.left > 0.0 else (first, part)
        return found
