"""Grid capacity to whoever makes all together better off: the planner behind the comparison of mechanisms.

Which PV surplus flows is decided before matching, for the most that agents and utility get together (``optimise.joint``):
payments cancel, so it is the least energy from upstream at its price, losses counted. What is planned is committed and
becomes firm: whoever buys it, nothing more moves. The rest stays open, so that purchases of devices may still make room
for it, and the utility takes in order of arrival what the grid has left.

The planner is never behind what simple rules admit: order of arrival, one factor for all, one limit for all. It starts
from each of them, and what it commits is the best of what the gate itself admits of them and of the optimum found.

A planner knows costs as well: where energy from upstream has a price below zero, surplus is held back, and so is the offer
of a device whose limit price is above what its energy saves upstream. Values of storage are left to the market: no slot
alone can tell them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from marketsim.core.arrays import BoolArray, IntArray, joined
from marketsim.core.build import BuildContext
from marketsim.core.grid_model import GridModel
from marketsim.core.ports import Gate
from marketsim.core.records import (
    NOWHERE,
    PV,
    UTILITY_ONLY_TICKS,
    Fallback,
    Orders,
    Reason,
    Rejects,
    Side,
    Tariffs,
    empty_rejects,
)
from marketsim.market.common_factor import Transfers, commit_largest, release, share
from marketsim.market.params import PlannedParams
from marketsim.optimise.joint import JointGains, JointLegs, joint_optimum

GUARD: Final = 2e-8
"""Distance that a plan keeps from limits (p.u., share of a rating), twice the gate's usual guard: what the gate would cut it cuts
from whoever asks last, not from whom it costs least."""
BACK: Final = 1e-3
"""Share of a simple rule's plan that the search starts below it, to be within the guard."""


class PlannedAllocation:
    """Port ``Allocation``."""

    def __init__(self, steps: int = 12, grid: GridModel | None = None, priced: tuple[bool, ...] = ()) -> None:
        """``grid`` None: nothing is known beyond what the gate answers. ``priced``: fleets whose energy has a price."""
        self._steps, self._grid, self._priced = steps, grid, np.array(priced, dtype=bool)

    def grant(self, orders: Orders, gate: Gate, tariffs: Tariffs) -> tuple[Orders, Rejects]:
        """Orders whose planned surplus is firm, and what was held back."""
        if self._grid is not None:
            self._grid.open_state(gate.close())
        price = tariffs.upstream_ticks
        firm, energy = orders.firm_wh.copy(), orders.energy_wh.copy()
        surplus, cuts = _open_surplus(orders, tariffs), []
        for market in np.unique(orders.market).tolist():
            rows = np.flatnonzero((surplus > 0) & (orders.market == market))
            ticks = int(price[market])
            if len(rows) and ticks > 0:
                firm[rows] += self._committed(gate, orders, market, rows, surplus[rows], ticks)
            held = self._held(orders, market, surplus, ticks)
            cuts.append(_cut(held, energy - firm))
            energy[held] = firm[held]
        return orders._replace(firm_wh=firm, energy_wh=energy), joined((empty_rejects(), *cuts))

    def _held(self, orders: Orders, market: int, surplus: IntArray, ticks: int) -> IntArray:
        """Sell orders that cost more than what their energy saves upstream."""
        costs = np.where(orders.component == PV, 0, orders.limit_ticks)
        device = np.zeros(orders.size, dtype=bool)
        if len(self._priced):
            device = (orders.component >= 0) & self._priced[np.maximum(orders.component, 0)]
        decided = (orders.market == market) & (orders.side == Side.SELL) & ((surplus > 0) | device)
        return np.flatnonzero(decided & (costs > ticks) & (orders.energy_wh > orders.firm_wh))

    def _committed(
        self, gate: Gate, orders: Orders, market: int, rows: IntArray, surplus: IntArray, ticks: int
    ) -> IntArray:
        """Commit what is planned; what flows of each order [Wh] [n_rows]."""
        connection = orders.connection[rows]
        probe = _Probe(gate, market, connection)
        in_turn = probe.admitted(surplus)
        if (in_turn == surplus).all():
            return probe.commit(surplus)
        n = len(rows)
        legs = JointLegs(
            connection=connection,
            sign=np.ones(n),
            value_ticks=np.zeros(n, dtype=np.int64),
            cap_wh=np.array([probe.alone(row, int(wh)) for row, wh in enumerate(surplus)], dtype=np.int64),
            base_wh=np.zeros(int(orders.connection.max()) + 1),
            price_ticks=ticks,
        )
        gains = JointGains(legs, self._grid, market, GUARD)
        plans = [
            in_turn,
            probe.largest(int(surplus.sum()), lambda total: share(total, surplus)),
            probe.largest(int(legs.cap_wh.sum()), lambda total: _level(total, legs.cap_wh)),
        ]
        if self._grid is not None and self._steps:
            inside = [plan.astype(np.float64) * (1.0 - BACK) for plan in (*plans, 0 * in_turn)]
            best = joint_optimum(gains, inside, self._steps)
            if best is not None:
                plans.append(probe.admitted(np.floor(best + 1e-6).astype(np.int64)))
        plans = [probe.filled(plan, legs.cap_wh) for plan in plans]
        earned = [gains.at(plan.astype(np.float64)) for plan in plans]
        ranked = [-np.inf if money is None else money for money in earned]
        return probe.commit(plans[int(np.argmax(ranked))])


class _Probe:
    """What the gate admits of injections at these connections, without leaving anything behind unless told to."""

    def __init__(self, gate: Gate, market: int, connection: IntArray) -> None:
        self._gate, self._market, self._connection = gate, market, connection

    def _transfers(self, wh: IntArray) -> Transfers:
        return Transfers(self._connection, np.full(len(wh), NOWHERE, dtype=np.int64), wh)

    def commit(self, wh: IntArray) -> IntArray:
        """Commit as much of each as goes, in turn."""
        rows = enumerate(zip(self._connection.tolist(), wh.tolist(), strict=True))
        done = np.zeros(len(wh), dtype=np.int64)
        for row, (source, asked) in rows:
            if asked > 0:
                done[row], _, _ = self._gate.admit(self._market, source, NOWHERE, asked)
        return done

    def _undo(self, wh: IntArray) -> None:
        some = np.flatnonzero(wh)
        release(self._gate, self._market, Transfers(*(column[some] for column in self._transfers(wh))))

    def admitted(self, wh: IntArray) -> IntArray:
        """What goes of each, in turn."""
        done = self.commit(wh)
        self._undo(done)
        return done

    def filled(self, plan: IntArray, cap_wh: IntArray) -> IntArray:
        """A plan and what still goes beyond it: first of those that it left in part, who are the ones at the margin."""
        first = self.commit(plan)
        more = cap_wh - plan
        marginal = self.commit(np.where(plan > 0, more, 0))
        rest = self.commit(np.where(plan > 0, 0, more))
        for done in (rest, marginal, first):
            self._undo(done)
        return first + marginal + rest

    def alone(self, row: int, wh: int) -> int:
        """What goes of one of them without the others."""
        asked = np.zeros(len(self._connection), dtype=np.int64)
        asked[row] = wh
        return int(self.admitted(asked)[row])

    def largest(self, total: int, plan: Callable[[int], IntArray]) -> IntArray:
        """The plan of the largest total that goes in full."""
        found, _ = commit_largest(self._gate, self._market, total, lambda part: self._transfers(plan(part)))
        chosen = plan(found)
        self._undo(chosen)
        return chosen


def _level(total: int, cap_wh: IntArray) -> IntArray:
    """``total`` shared with one limit for all that have more; 0 <= total <= sum of caps, the rest of a Wh to the first."""
    ranked = np.sort(cap_wh)
    left = np.arange(len(ranked), 0, -1)
    filled = np.concatenate(([0], np.cumsum(ranked)[:-1]))
    reached = int(np.argmax(filled + ranked * left >= total))
    level, rest = divmod(total - int(filled[reached]), int(left[reached]))
    done = np.minimum(cap_wh, level)
    done[np.flatnonzero(cap_wh > level)[:rest]] += 1
    return done


def _open_surplus(orders: Orders, tariffs: Tariffs) -> IntArray:
    """Surplus of each order that its owner lets the utility have, beyond what flows anyway [Wh] [n_orders].

    None where the feed-in tariff is negative.
    """
    feed_in = tariffs.feed_in_ticks[orders.market]
    leaves: BoolArray = (orders.fallback == Fallback.UTILITY) | (
        (orders.limit_ticks > UTILITY_ONLY_TICKS) & (orders.limit_ticks <= feed_in)
    )
    mine = (orders.side == Side.SELL) & (orders.component == PV) & leaves & (feed_in >= 0)
    return np.where(mine, np.maximum(orders.energy_wh - orders.firm_wh, 0), 0)


def _cut(rows: IntArray, energy_wh: IntArray) -> Rejects:
    """What planned orders lose."""
    full = np.zeros(len(rows), dtype=np.int64)
    sells = full + int(Side.SELL)
    return Rejects(full - 1, rows, energy_wh[rows], full + int(Reason.ALLOCATION), full - 1, sells)


def build(params: PlannedParams, context: BuildContext) -> PlannedAllocation:
    """The planner, with the AC model of the grid."""
    grid = None if context.grid is None else context.grid.model
    return PlannedAllocation(params.steps, grid, tuple(fleet.priced for fleet in context.fleets))
