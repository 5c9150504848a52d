"""The game of a day that is still to be planned: each group pays what its own best plan costs, behind one meter.

    c(S) = min of the programme of ``optimise.day`` with the columns, rows and right sides of the members of S alone

Every bound and every right side is a sum over members, so this is a linear production game (Owen 1975): the members' parts of
the dual solution of the plan of all sum to its cost, and no group would pay less by itself. Energy that no plan can serve (a
vehicle that leaves too soon) is no part of the cost.

What a group pays needs the value of its programme alone: devices that are alike in all (batteries of one make) are one device of
as many times the size there, since sums of points of one convex set are the points of a multiple of it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.cost_game import Division
from marketsim.core.errors import InputError, Problem
from marketsim.core.programme import LinearBlock
from marketsim.optimise.day import Ends, MeteredDay, day_programme
from marketsim.optimise.growing import SHARED
from marketsim.optimise.highs import SparseProgramme, SparseRows, optimum
from marketsim.optimise.members import PooledMembers

_NOTHING: Final = np.zeros((0, 0))
MOST_CELLS: Final = 10_000_000
"""Members times slots of all plans that a game makes."""


class DispatchGame:
    """A ``PricedGame`` in currency."""

    def __init__(self, pool: PooledMembers) -> None:
        """InputError for retail prices below zero, where one bound is no sum over members."""
        if (pool.retail < 0.0).any():
            hint = "share what was metered: leave out the game"
            raise InputError([Problem("the dispatch game needs retail prices of 0 and more", "retail", hint=hint)])
        self.pool = pool
        one_meter = MeteredDay(
            pool.need_kwh.sum(axis=1, keepdims=True),
            pool.spare_kwh.sum(axis=1, keepdims=True),
            pool.retail[:, None],
            pool.feed_in[:, None],
            pool.hours,
            np.zeros(1, dtype=np.int64),
        )
        parts = day_programme(pool.blocks, one_meter, Ends(regained=-1), peak_price=pool.peak_price)
        self.programme = parts.programme
        """Of all together, with missed energy at its price."""
        owners = np.append(pool.owner, SHARED)
        self.owner: IntArray = owners[parts.block_of]
        """Whose each column is, -1: of all together."""
        slots = len(pool.need_kwh)
        fixed = _fixed(pool)
        self._block = parts.block_of
        self._at_most_block = _owner_of_rows(parts.programme.at_most, self._block, slots)
        self._equal_block = _owner_of_rows(parts.programme.equal, self._block, 0)
        self.at_most_owner: IntArray = owners[self._at_most_block]
        self.equal_owner: IntArray = owners[self._equal_block]
        self._alike = _alike(pool.blocks, apart=bool(parts.programme.whole.any()))
        self.meter_right: FloatArray = fixed - pool.need_kwh
        """What each member adds to the right side of the first rows, a slot each [slots, n]."""
        self.constant: FloatArray = pool.feed_in @ (pool.need_kwh - fixed)
        """What each member's need alone costs or earns at the feed-in tariff [n]."""
        self.curtailed: IntArray = parts.curtailed
        self.spare: FloatArray = pool.spare_kwh[parts.curtailed_at]
        """What each member adds to the bounds of these columns [n_curtailed, n]."""
        self.missed_price: FloatArray = parts.programme.cost - parts.cost
        """Of each column, 0 but for missed energy [currency/kWh]."""
        self._known: dict[bytes, float] = {}
        self._cells = 0

    @property
    def n(self) -> int:
        """Number of members."""
        return self.pool.n

    def cost(self, members: BoolArray) -> FloatArray:
        """Cost of each group's best plan; a group that was asked about before is not planned again [k, n] -> [k].

        InputError where more is asked for than can be planned.
        """
        asked = {np.packbits(row).tobytes(): int(row.sum()) for row in members}
        self._cells += len(self.pool.retail) * sum(size for key, size in asked.items() if key not in self._known)
        if self._cells > MOST_CELLS:
            hint = "slot_prices needs one plan; or shorten the scenario, or let a rule draw fewer orders"
            raise InputError([Problem("these are more plans than can be made", "rule", f"{len(asked):,} groups", hint)])
        return np.array([self._cost_of(row) for row in members])

    def _cost_of(self, members: BoolArray) -> float:
        key = np.packbits(members).tobytes()
        if key not in self._known:
            self._known[key] = self._planned(members)
        return self._known[key]

    def _planned(self, members: BoolArray) -> float:
        of_blocks = np.bincount(self._alike, members[self.pool.owner], len(self._alike)).astype(np.float64)
        programme, columns = self._programme(members, of_blocks)
        found = optimum(programme, f"plan of {int(members.sum())} members", presolve=False)
        cost = found.value - self.missed_price[columns] @ found.x
        return float(cost + self.constant[members].sum())

    def missed_cost(self) -> FloatArray:
        """Price of what each member misses in the plan of all, which is no part of the cost [n]."""
        found = optimum(self.programme, f"plan of {self.n} members")
        missed = np.zeros(self.n)
        _add_own(missed, self.owner, self.missed_price * found.x)
        return missed

    def programme_of(self, members: BoolArray) -> tuple[SparseProgramme, IntArray]:
        """The programme of a group [n], and which columns of that of all it has."""
        return self._programme(members, members[self.pool.owner].astype(np.float64))

    def _programme(self, members: BoolArray, of_blocks: FloatArray) -> tuple[SparseProgramme, IntArray]:
        """That of a group which has each block so many times [n_blocks]."""
        times = np.append(of_blocks, 1.0)  # the last one is what is of all together
        of_columns, of_at_most, of_equal = (
            times[block] for block in (self._block, self._at_most_block, self._equal_block)
        )
        columns, whole = np.flatnonzero(of_columns), self.programme
        upper = whole.upper.copy()
        upper[self.curtailed] = self.spare[:, members].sum(axis=1)
        right = whole.at_most.right.copy()
        right[: len(self.meter_right)] = self.meter_right[:, members].sum(axis=1)
        return SparseProgramme(
            whole.cost[columns],
            whole.lower[columns] * of_columns[columns],
            upper[columns] * of_columns[columns],
            whole.whole[columns],
            _picked(whole.at_most._replace(right=right), of_at_most, columns),
            _picked(whole.equal, of_equal, columns),
        ), columns

    def price_shares(self) -> Division:
        """Each member's part of the dual solution of the plan of all: no group would pay less by itself (Owen 1975).

        InputError where the plan has a yes or no, of which there are no such prices.
        """
        if self.programme.whole.any():
            hint = "leave such devices out, or choose a rule that asks every group, such as shapley"
            raise InputError(
                [Problem("a plan with a yes or no (an appliance, a unit that starts) has no prices", hint=hint)]
            )
        found = optimum(self.programme, f"plan of {self.n} members")
        shares = self.constant + found.at_most_dual[: len(self.meter_right)] @ self.meter_right
        reduced = self.programme.cost.copy()
        for rows, dual, owner in (
            (self.programme.at_most, found.at_most_dual, self.at_most_owner),
            (self.programme.equal, found.equal_dual, self.equal_owner),
        ):
            _add_own(shares, owner, dual * rows.right)
            reduced -= rows.matrix.T @ dual
        bound = np.where(reduced < 0.0, self.programme.upper, self.programme.lower)
        bound[~np.isfinite(bound)] = 0.0
        _add_own(shares, self.owner, reduced * bound - self.missed_price * found.x)
        return Division(shares + np.minimum(reduced[self.curtailed], 0.0) @ self.spare)


def _add_own(shares: FloatArray, owner: IntArray, worth: FloatArray) -> None:
    own = owner != SHARED
    np.add.at(shares, owner[own], worth[own])


def _fixed(pool: PooledMembers) -> FloatArray:
    """Energy of each member's devices that no column decides [slots, n]."""
    fixed = np.zeros_like(pool.need_kwh)
    for owner, block in zip(pool.owner.tolist(), pool.blocks, strict=True):
        fixed[:, owner] += block.fixed_kwh[:, 0]
    return fixed


def _owner_of_rows(rows: SparseRows, owner: IntArray, shared: int) -> IntArray:
    """Whose each row is, by its columns; the first ``shared`` ones and those of no member are of all together."""
    entries = rows.matrix.tocoo()
    found = np.full(len(rows.right), SHARED)
    own = owner[entries.col] != SHARED
    found[entries.row[own]] = owner[entries.col[own]]
    found[:shared] = SHARED
    return found


def _picked(rows: SparseRows, times: FloatArray, columns: IntArray) -> SparseRows:
    inside = times > 0.0
    return SparseRows(rows.matrix[:, columns][inside], (rows.right * times)[inside])


def _alike(blocks: Sequence[LinearBlock], *, apart: bool) -> IntArray:
    """First of the blocks that are as each is, but for what no column decides; itself where all are kept ``apart`` [n_blocks]."""
    first: dict[Hashable, int] = {}
    keys = (place if apart else _content(block._replace(fixed_kwh=_NOTHING)) for place, block in enumerate(blocks))
    return np.array([first.setdefault(key, place) for place, key in enumerate(keys)], dtype=np.int64)


def _content(value: object) -> Hashable:
    """All that arrays in nested tuples hold."""
    if isinstance(value, tuple):
        return tuple(map(_content, value))
    array = np.asarray(value)
    return array.shape, array.dtype.str, array.tobytes()
