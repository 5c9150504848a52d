"""Plans of a pool for one aim after the other: the least cost, the least peak, or one of them first.

Each aim is reached as well as those before it leave room: of all plans of the least cost (and ``slack`` of it more), the one of
the least peak; or of all plans of the least peak the one of the least cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.programme import LinearBlock
from marketsim.optimise.day import DayProgramme, Ends, MeteredDay, day_programme
from marketsim.optimise.highs import Optimum, SparseProgramme, optimum

Objective: TypeAlias = Literal["cost", "peak", "cost_then_peak", "peak_then_cost"]
ROOM: Final = 1e-6
"""Relative room that the least peak leaves to the cost, so that rounding does not close it."""
TIE: Final = 1e-6
"""Weight of the cost [kWh a slot for each unit of currency] among plans of one peak."""
MISSED: Final = 10.0
"""A missed kWh weighs so many kWh of the peak, and can lower it by one at most."""


class Aims(NamedTuple):
    """What a plan is good for."""

    objective: Objective
    slack: float = 1e-3
    """Share of the least cost that the least peak may cost more, where the cost comes first."""
    peak_price: float = 0.0
    """Part of the cost: price of the largest import [currency/kW]."""
    periods: IntArray | None = None
    """With the objective ``cost``: period of each slot, each with a largest import of its own [slots]; None: all are of one."""


class PlannedDay(NamedTuple):
    """A plan, and what it comes to."""

    net_kwh: FloatArray
    """Net energy of each block at the meter [n_blocks, slots, k]."""
    import_kwh: FloatArray
    """[slots, n_meters]."""
    export_kwh: FloatArray
    curtailed_kwh: FloatArray
    missed_kwh: float
    """What devices lack at a deadline or at the end, at the meter."""
    cost: float
    """With the utility, wear, fuel and curtailment, missed energy at nothing [currency]."""
    peak_kw: float
    """Largest import of all meters together."""
    price: FloatArray
    """What a kWh more would cost the pool, by the last programme with the cost as its aim [currency/kWh] [slots, n_meters];
    NaN where none had."""
    equal_dual: FloatArray
    """Of the equal rows of all blocks, in their order."""
    gap: float = 0.0
    """How much dearer it may be than the best one, relative to it; 0 of a programme."""


def plan_day(blocks: Sequence[LinearBlock], day: MeteredDay, ends: Ends, aims: Aims, told: str = "plan") -> PlannedDay:
    """The best plan; RunError, which says what was ``told`` to be planned, if HiGHS finds none; ValueError for bad prices."""
    parts = day_for(aims, blocks, day, ends)
    what = f"{told} of {len(day.meter_of)} agents over {len(day.need_kwh)} slots"
    least_cost = None if aims.objective.startswith("peak") else optimum(parts.programme, what)
    if aims.objective == "cost" and least_cost is not None:
        return told_plan(blocks, day, parts, least_cost, least_cost)
    if least_cost is not None:
        found = optimum(
            _least_peak(parts, least_cost.value + aims.slack * abs(least_cost.value + parts.constant)), what
        )
        return told_plan(blocks, day, parts, found, least_cost)
    found = optimum(_least_peak(parts, np.inf), what)
    if aims.objective == "peak":
        return told_plan(blocks, day, parts, found, None)
    upper = parts.programme.upper.copy()
    upper[parts.peak] = found.x[parts.peak] * (1.0 + ROOM) + ROOM
    found = optimum(parts.programme._replace(upper=upper), what)
    return told_plan(blocks, day, parts, found, found)


def day_for(aims: Aims, blocks: Sequence[LinearBlock], day: MeteredDay, ends: Ends) -> DayProgramme:
    """The programme of a day with what the aims need; ValueError for periods with another objective than the cost."""
    if aims.objective == "cost":
        return day_programme(blocks, day, ends, peak_price=aims.peak_price, periods=aims.periods)
    if aims.periods is not None:
        raise ValueError("periods have largest imports of their own where the cost is the objective, and nowhere else")
    return day_programme(blocks, day, ends, peak=True, peak_price=aims.peak_price)


def _least_peak(parts: DayProgramme, most_cost: float) -> SparseProgramme:
    """The programme with the peak as its aim, and the whole cost at most ``most_cost``."""
    programme = parts.programme
    aim = np.zeros_like(programme.cost)
    aim[parts.peak] = 1.0
    aim[parts.missed] = MISSED
    if most_cost == np.inf:
        return programme._replace(cost=aim)
    rows = programme.at_most.with_row(programme.cost, most_cost + ROOM)
    return programme._replace(cost=aim + TIE * programme.cost, at_most=rows)


def told_plan(
    blocks: Sequence[LinearBlock], day: MeteredDay, parts: DayProgramme, found: Optimum, by_cost: Optimum | None
) -> PlannedDay:
    """What a solution of the programme comes to; ``by_cost``: the one whose duals are prices."""
    slots, k = len(day.need_kwh), len(day.meter_of)
    net = np.array([_net(block, found.x[start:], slots, k) for start, block in zip(parts.first, blocks, strict=True)])
    net = net.reshape(len(blocks), slots, k)
    need = day.need_kwh.copy()
    np.subtract.at(need.T, day.meter_of, net.sum(axis=0).T)
    thrown = np.zeros(need.size)
    thrown[parts.curtailed_at] = found.x[parts.curtailed]
    curtailed = thrown.reshape(need.T.shape).T
    balance = need + curtailed
    imported = np.maximum(balance, 0.0)
    price = np.full(need.shape, np.nan)
    if by_cost is not None:
        price = day.feed_in - by_cost.at_most_dual[: parts.imports.size].reshape(parts.imports.shape).T
    return PlannedDay(
        net_kwh=net,
        import_kwh=imported,
        export_kwh=np.maximum(-balance, 0.0),
        curtailed_kwh=curtailed,
        missed_kwh=float(found.x[parts.missed].sum()),
        cost=float(parts.cost @ found.x) + parts.constant,
        peak_kw=float(imported.sum(axis=1).max(initial=0.0)) / day.hours,
        price=price,
        equal_dual=found.equal_dual,
    )


def _net(block: LinearBlock, x: FloatArray, slots: int, k: int) -> FloatArray:
    """Net energy of a block [slots, k]."""
    meter = block.meter
    flat = np.bincount(meter.slot * k + meter.agent, weights=meter.value * x[meter.column], minlength=slots * k)
    return np.asarray(flat.reshape(slots, k) + block.fixed_kwh)
