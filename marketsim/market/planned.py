"""Grid capacity to whoever makes all together better off: the planner behind the comparison of mechanisms.

Which PV surplus flows is decided before matching, for the most that agents and utility get together (``optimise.joint``):
payments cancel, so it is the least energy from upstream at its price, losses counted. What is planned is committed and
becomes firm: whoever buys it, nothing more moves. The rest stays open, so that purchases of devices may still make room
for it, and the utility takes in order of arrival what the grid has left.

The planner is never behind what simple rules admit: order of arrival, whoever comes first, one factor for all, one limit for all.
It starts from each of them, and what it commits is the best of what the gate itself admits of them and of the optimum found.

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
    BLAMES_SINK,
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

APART: Final = 1.02
"""Distance that a plan keeps from limits, in guards of the gate: as close as two solvers agree. What the gate would cut it cuts
from whoever asks last, and what a plan leaves open goes to whoever asks first, not to whom it is worth most."""
_MORE: Final = 3
"""Times that optima are sought, with less room at connections each time."""
_ENERGY_LIMITS: Final = (Reason.CONNECTION_EXPORT, Reason.HEAD_EXPORT)
_PASSES: Final = 3
"""In which what was refused is asked for again."""
MOST_TURNS: Final = 32
"""Of these each comes first once: what is admissible is not convex, and who comes first may bar the way for good."""
BACK: Final = 1e-3
"""Share of a simple rule's plan that the search starts below it, to be within the guard."""


class PlannedAllocation:
    """Port ``Allocation``."""

    def __init__(
        self, steps: int = 12, grid: GridModel | None = None, priced: tuple[bool, ...] = (), guard: float = 0.0
    ) -> None:
        """``grid`` None: nothing is known beyond what the gate answers. ``priced``: fleets whose energy has a price.

        ``guard``: distance that the gate keeps from each limit (p.u., share of a rating).
        """
        self._steps, self._grid, self._priced = steps, grid, np.array(priced, dtype=bool)
        self._guard = APART * guard

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
            cap_wh=probe.by_connection(surplus),
            base_wh=np.zeros(int(orders.connection.max()) + 1),
            price_ticks=ticks,
        )
        plans = [
            in_turn,
            *(probe.admitted(surplus, np.roll(np.arange(n), -first)) for first in range(1, min(n, MOST_TURNS))),
            probe.largest(int(surplus.sum()), lambda total: share(total, surplus)),
            probe.largest(int(legs.cap_wh.sum()), lambda total: _level(total, legs.cap_wh)),
        ]
        if self._grid is not None and self._steps:
            plans += self._optima(probe, legs, market, plans)
        plans = [probe.filled(plan, legs.cap_wh) for plan in plans]
        gains = JointGains(legs, self._grid, market)
        earned = [gains.at(plan.astype(np.float64)) for plan in plans]
        ranked = [-np.inf if money is None else money for money in earned]
        return probe.commit(plans[int(np.argmax(ranked))])

    def _optima(self, probe: _Probe, legs: JointLegs, market: int, plans: list[IntArray]) -> list[IntArray]:
        """What the gate admits of the best points found, from the best of these plans on and from nothing on."""
        nothing = np.zeros(len(legs.cap_wh), dtype=np.int64)
        return [*self._optimum(probe, legs, market, plans), *self._optimum(probe, legs, market, [nothing])]

    def _optimum(self, probe: _Probe, legs: JointLegs, market: int, plans: list[IntArray]) -> list[IntArray]:
        """What the gate admits of the best point found; again where a connection turns out to have room for less."""
        found: list[IntArray] = []
        for _ in range(_MORE):
            gains = JointGains(legs, self._grid, market, self._guard)
            starts = [np.minimum(plan * (1.0 - BACK), legs.cap_wh) for plan in plans]
            best = joint_optimum(gains, starts, self._steps)
            if best is None:
                break
            wanted = np.floor(best + 1e-6).astype(np.int64)
            found.append(probe.admitted(wanted))
            room = probe.by_connection(wanted, found[-1])
            if (room == wanted).all():
                break
            legs = legs._replace(cap_wh=np.where(room < wanted, room, legs.cap_wh))
        return found


class _Probe:
    """What the gate admits of injections at these connections, without leaving anything behind unless told to."""

    def __init__(self, gate: Gate, market: int, connection: IntArray) -> None:
        self._gate, self._market, self._connection = gate, market, connection

    def _transfers(self, wh: IntArray) -> Transfers:
        return Transfers(self._connection, np.full(len(wh), NOWHERE, dtype=np.int64), wh)

    def commit(self, wh: IntArray, order: IntArray | None = None) -> IntArray:
        """Commit as much of each as goes, in turn and in passes; ``order`` None: as they are.

        One may make room for another that came before it.
        """
        done, turns = np.zeros(len(wh), dtype=np.int64), range(len(wh)) if order is None else order.tolist()
        for _ in range(_PASSES):
            before = int(done.sum())
            for row in turns:
                if wh[row] > done[row]:
                    source, left = int(self._connection[row]), int(wh[row] - done[row])
                    admitted, _, _ = self._gate.admit(self._market, source, NOWHERE, left)
                    done[row] += admitted
            if int(done.sum()) == before or (done == wh).all():
                break
        return done

    def _undo(self, wh: IntArray) -> None:
        some = np.flatnonzero(wh)
        release(self._gate, self._market, Transfers(*(column[some] for column in self._transfers(wh))))

    def admitted(self, wh: IntArray, order: IntArray | None = None) -> IntArray:
        """What goes of each, in turn."""
        done = self.commit(wh, order)
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

    def by_connection(self, wh: IntArray, beside: IntArray | None = None) -> IntArray:
        """How much of each the limits of its connection and of heads have room for, as far as these bind first.

        ``beside``: what the others inject meanwhile, and it as well; None: nobody.
        """
        room = wh.copy()
        held = 0 * wh if beside is None else self.commit(beside)
        for row, (source, asked) in enumerate(zip(self._connection.tolist(), (wh - held).tolist(), strict=True)):
            if asked > 0:
                done, code, _ = self._gate.admit(self._market, source, NOWHERE, asked)
                self._undo(np.where(np.arange(len(wh)) == row, done, 0))
                if done < asked and code & ~BLAMES_SINK in _ENERGY_LIMITS:
                    room[row] = held[row] + done
        self._undo(held)
        return room

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
    priced = tuple(fleet.priced for fleet in context.fleets)
    if context.grid is None:
        return PlannedAllocation(params.steps, None, priced)
    return PlannedAllocation(params.steps, context.grid.model, priced, context.grid.guard)
