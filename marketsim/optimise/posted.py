"""Prices that an operator posts inside a community, and what its members answer with programmes of their own.

The pool's plan is the least of

    sum_i c_i(x_i) + sum_h [ r_h M_h - f_h X_h ] + mu P / hours    s.t.  M_h - X_h = sum_i draw_ih(x_i),  M_h <= P

with own cost c_i and devices x_i of member i, retail r and feed-in f. At the duals p_h of these balances (what a kWh more costs
the pool) the programme falls apart into one of each member, ``min c_i + sum_h p_h draw_ih``, and one of the operator, worth 0:

- the least costs of all members at p sum to the pool's cost, and an operator who buys at the utility what its members draw
  together, at their bills, is left with nothing: peak price included;
- p is between the tariffs (above retail by what the slot has of the peak price), so that nobody pays more than alone;
- the pooled plan is a best answer of every member, but seldom the only one. What members choose without being told need not add
  up to it: ``PricedMembers.kindest`` is a plan that the operator proposes, of all best answers the one that costs the pool least.

The first two are the duality of linear programmes, so devices with a yes or no have no such prices.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import scipy.sparse as sp

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.optimise.day import DayProgramme, Ends, MeteredDay, day_programme
from marketsim.optimise.growing import SHARED, GrowingRows
from marketsim.optimise.highs import SparseProgramme, SparseRows, optimum
from marketsim.optimise.members import PooledMembers

ROOM: Final = 1e-8
"""How much dearer than the best a plan may be and still be a best answer, relative to 1 currency and the cost."""


class PostedPrices(NamedTuple):
    """What each member pays for a kWh at its meter and is paid for one, each [currency/kWh] [slots, n]."""

    buy: FloatArray
    sell: FloatArray
    """At most ``buy``: else buying to sell would pay without end."""

    @classmethod
    def of_all(cls, price: FloatArray, n: int) -> PostedPrices:
        """One price of each slot for all, either way [slots]."""
        own = np.repeat(price[:, None], n, axis=1)
        return cls(own, own)


class MemberAnswers(NamedTuple):
    """What all members do."""

    net_kwh: FloatArray
    """At each meter, generation positive [slots, n]."""
    own_cost: FloatArray
    """Wear, fuel and curtailment [currency] [n]."""
    missed_kwh: FloatArray
    """What devices lack at a deadline or at the end [n]."""

    def costs(self, prices: PostedPrices) -> FloatArray:
        """What each pays at these prices, own cost included, missed energy at nothing [currency] [n]."""
        bought, sold = np.maximum(-self.net_kwh, 0.0), np.maximum(self.net_kwh, 0.0)
        return np.asarray(self.own_cost + (prices.buy * bought - prices.sell * sold).sum(axis=0))

    def mixed(self, other: MemberAnswers, part: float) -> MemberAnswers:
        """So much of the other, the rest of this: what is possible in both ways is possible between."""
        return MemberAnswers(*((1.0 - part) * here + part * there for here, there in zip(self, other, strict=True)))


class BestAnswers(NamedTuple):
    """What members do by themselves, and what it costs each, with missed energy at its price [n]."""

    answers: MemberAnswers
    worth: FloatArray


class PricedMembers:
    """Members of a pool before posted prices."""

    def __init__(self, members: PooledMembers) -> None:
        """ValueError for what has no such prices: a yes or no, or tariffs below zero."""
        if (members.feed_in < 0.0).any() or (members.retail < 0.0).any():
            raise ValueError("posted prices need tariffs of 0 and more")
        self.members, self._blocks = members, members.placed()
        self._owner: IntArray = np.append(members.owner, SHARED)
        self._fixed = sum((block.fixed_kwh for block in self._blocks), np.zeros_like(members.need_kwh))
        one_meter = MeteredDay(
            members.need_kwh.sum(axis=1, keepdims=True),
            members.spare_kwh.sum(axis=1, keepdims=True),
            members.retail[:, None],
            members.feed_in[:, None],
            members.hours,
            np.zeros(members.n, dtype=np.int64),
        )
        self._pooled = day_programme(self._blocks, one_meter, Ends(regained=-1), peak_price=members.peak_price)
        if self._pooled.programme.whole.any():
            raise ValueError("a plan with a yes or no has no prices")
        self._missed_price = float((self._pooled.programme.cost - self._pooled.cost).max(initial=0.0))

    def plan(self) -> tuple[FloatArray, MemberAnswers]:
        """The prices of the pool's plan of least cost, its duals [currency/kWh] [slots], and that plan."""
        found = optimum(self._pooled.programme, f"plan of {self.members.n} members")
        return self.members.feed_in - found.at_most_dual[: len(self.members.retail)], self._told(self._pooled, found.x)

    def pool_cost(self, answers: MemberAnswers) -> float:
        """What all together pay the utility, peak price included, and their own costs [currency]."""
        pool, drawn = self.members, -answers.net_kwh.sum(axis=1)
        bought, sold = np.maximum(drawn, 0.0), np.maximum(-drawn, 0.0)
        peak = pool.peak_price * float(bought.max(initial=0.0)) / pool.hours
        return float(answers.own_cost.sum() + pool.retail @ bought - pool.feed_in @ sold) + peak

    def left(self, answers: MemberAnswers, prices: PostedPrices) -> float:
        """What the operator is left with, who is paid by members and pays the utility [currency]."""
        return float(answers.costs(prices).sum()) - self.pool_cost(answers)

    def worth(self, answers: MemberAnswers, prices: PostedPrices) -> FloatArray:
        """What members compare: their costs, with missed energy at its price [currency] [n]."""
        return np.asarray(answers.costs(prices) + self._missed_price * answers.missed_kwh)

    def best(self, prices: PostedPrices) -> BestAnswers:
        """Each member's own programme at its prices; of several best plans whichever is found first."""
        parts, programme = self._each(prices)
        found = self._told(parts, optimum(programme, f"answers of {self.members.n} members").x)
        return BestAnswers(found, self.worth(found, prices))

    def kindest(self, prices: PostedPrices, best: BestAnswers) -> MemberAnswers:
        """Of all best answers of all members those that together cost the pool least."""
        parts, programme = self._each(prices)
        n, slots = self.members.n, len(self.members.retail)
        columns = len(programme.cost)
        rows = GrowingRows()
        self._put_pool(rows, parts, columns)
        owner = self._owner[parts.block_of]
        owner[parts.imports] = np.arange(n)[:, None]
        constant = (prices.sell * (self.members.need_kwh - self._fixed)).sum(axis=0)
        own = rows.add(best.worth - constant + ROOM * np.maximum(1.0, np.abs(best.worth)))
        rows.put(own[owner], np.arange(columns), programme.cost)
        more, bound = rows.done(columns + slots + 1), np.full(slots + 1, np.inf)
        grown = SparseProgramme(
            self._pool_objective(parts, columns),
            np.append(programme.lower, np.zeros(slots + 1)),
            np.append(programme.upper, bound),
            np.append(programme.whole, np.zeros(slots + 1, dtype=bool)),
            SparseRows(
                sp.vstack((_wider(programme.at_most, slots + 1), more.matrix), format="csc"),
                np.append(programme.at_most.right, more.right),
            ),
            SparseRows(_wider(programme.equal, slots + 1), programme.equal.right),
        )
        return self._told(parts, optimum(grown, f"proposal to {n} members").x)

    def _each(self, prices: PostedPrices) -> tuple[DayProgramme, SparseProgramme]:
        """All members' own programmes in one, each at a meter and at prices of its own."""
        pool = self.members
        day = MeteredDay(pool.need_kwh, pool.spare_kwh, prices.buy, prices.sell, pool.hours, np.arange(pool.n))
        parts = day_programme(self._blocks, day, Ends(regained=-1))
        cost = parts.cost.copy()
        cost[parts.missed] += self._missed_price
        return parts, parts.programme._replace(cost=cost)

    def _put_pool(self, rows: GrowingRows, parts: DayProgramme, columns: int) -> None:
        """Rows of what all import together, in columns behind the others: one a slot, then the peak."""
        pool, slot = self.members, np.arange(len(self.members.retail))
        balance = rows.add((self._fixed - pool.need_kwh).sum(axis=1))
        for block, first in zip(self._blocks, parts.first.tolist(), strict=True):
            rows.put(balance[block.meter.slot], first + block.meter.column, -block.meter.value)
        rows.put(balance, columns + slot, -1.0)
        highest = rows.add(np.zeros(len(slot)))
        rows.put(highest, columns + slot, 1.0)
        rows.put(highest, np.full(len(slot), columns + len(slot)), -1.0)

    def _pool_objective(self, parts: DayProgramme, columns: int) -> FloatArray:
        """The pool's cost of each column, those of what all import together last."""
        pool, own = self.members, np.zeros(columns)
        own[parts.missed] = self._missed_price
        for block, first in zip(self._blocks, parts.first.tolist(), strict=True):
            own[first : first + len(block.cost)] += block.cost
            np.subtract.at(own, first + block.meter.column, pool.feed_in[block.meter.slot] * block.meter.value)
        return np.concatenate((own, pool.retail - pool.feed_in, [pool.peak_price / pool.hours]))

    def _told(self, parts: DayProgramme, x: FloatArray) -> MemberAnswers:
        """What a solution says of each member."""
        net, own = self._fixed - self.members.need_kwh, np.zeros(self.members.n)
        for block, first, whose in zip(self._blocks, parts.first.tolist(), self.members.owner.tolist(), strict=True):
            values = x[first : first + len(block.cost)]
            np.add.at(net, (block.meter.slot, block.meter.agent), block.meter.value * values[block.meter.column])
            own[whose] += block.cost @ values
        missed = np.zeros(self.members.n)
        np.add.at(missed, self._owner[parts.block_of[parts.missed]], x[parts.missed])
        return MemberAnswers(net, own, missed)


def _wider(rows: SparseRows, more: int) -> Any:
    """The same rows with columns behind that have no part in them."""
    return sp.hstack((rows.matrix, sp.csc_matrix((rows.matrix.shape[0], more))), format="csc")
