"""One plan for several days that may come: what devices do until the next plan is the same in all of them.

Two stages. Of S scenarios with the same devices each has the programme of a day of its own (``optimise.day``), with columns x_s,
cost c_s, need and prices. What devices draw and deliver in the ``common`` first slots is decided before it is known which of them
comes, everything later after it (recourse)::

    min  (1 - w) sum_s c_s(x_s) / S + w CVaR(c)          s.t. each scenario's rows,  M_s x_s = M_1 x_1 in the first slots

with M x the net energy of each device at its meter, and the mean of the dearest share ``tail`` of the scenarios, ::

    CVaR(c) = min_q  q + sum_s max(c_s - q, 0) / (tail S)

(Rockafellar and Uryasev 2000), which stays a linear programme. A peak is each scenario's own, and counts by its mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.programme import LinearBlock
from marketsim.optimise.day import DayProgramme, Ends, MeteredDay
from marketsim.optimise.highs import Optimum, SparseProgramme, SparseRows, optimum
from marketsim.optimise.pool import MISSED, ROOM, TIE, Aims, PlannedDay, day_for, told_plan


class DayScenario(NamedTuple):
    """A day that may come, as likely as the others."""

    blocks: Sequence[LinearBlock]
    """The same devices in all scenarios, in the same order."""
    day: MeteredDay


class Risk(NamedTuple):
    """How much the dearest scenarios count beside the mean."""

    weight: float = 0.0
    """0: the mean alone; 1: the dearest alone [-]."""
    tail: float = 0.25
    """Share of the scenarios that are the dearest [-]."""


class _Joined(NamedTuple):
    """The programme of all scenarios."""

    programme: SparseProgramme
    parts: tuple[DayProgramme, ...]
    at: IntArray
    """First column of each scenario, and the column behind the last [S + 1]."""
    constant: float
    """Mean of the scenarios' constants [currency]."""


def plan_scenarios(
    scenarios: Sequence[DayScenario],
    common: int,
    ends: Ends,
    aims: Aims,
    risk: Risk = Risk(),  # noqa: B008 - a tuple
    told: str = "plan",
) -> PlannedDay:
    """The plan that is best for all scenarios together; every number of it is the mean over them.

    Its first ``common`` slots are what devices do in any scenario; later slots tell what is to be expected. RunError if HiGHS
    finds no plan; ValueError for bad prices, for no scenario and for scenarios of different lengths or agents.
    """
    if not scenarios or len({(each.day.need_kwh.shape, len(each.day.meter_of)) for each in scenarios}) != 1:
        raise ValueError("a plan for scenarios needs at least one, all over the same slots, meters and agents")
    joined = _joined(scenarios, common, ends, aims, risk)
    slots, k = len(scenarios[0].day.need_kwh), len(scenarios[0].day.meter_of)
    found, by_cost = _reached(joined, aims, f"{told} of {k} agents over {slots} slots for {len(scenarios)} scenarios")
    plans = [
        told_plan(
            each.blocks,
            each.day,
            part,
            _of_scenario(joined, place, found),
            None if by_cost is None or risk.weight > 0.0 else _of_scenario(joined, place, by_cost),
        )
        for place, (each, part) in enumerate(zip(scenarios, joined.parts, strict=True))
    ]
    return _mean_plan(plans)


def _mean_plan(plans: Sequence[PlannedDay]) -> PlannedDay:
    return PlannedDay(
        net_kwh=np.mean([plan.net_kwh for plan in plans], axis=0),
        import_kwh=np.mean([plan.import_kwh for plan in plans], axis=0),
        export_kwh=np.mean([plan.export_kwh for plan in plans], axis=0),
        curtailed_kwh=np.mean([plan.curtailed_kwh for plan in plans], axis=0),
        missed_kwh=float(np.mean([plan.missed_kwh for plan in plans])),
        cost=float(np.mean([plan.cost for plan in plans])),
        peak_kw=float(np.mean([plan.peak_kw for plan in plans])),
        price=np.mean([plan.price for plan in plans], axis=0),
        equal_dual=np.mean([plan.equal_dual for plan in plans], axis=0),
    )


def _joined(scenarios: Sequence[DayScenario], common: int, ends: Ends, aims: Aims, risk: Risk) -> _Joined:
    """Programmes side by side, their costs by their parts of the whole, and the rows that tie them together."""
    parts = tuple(day_for(aims, each.blocks, each.day, ends) for each in scenarios)
    programmes = [part.programme for part in parts]
    at = np.concatenate(([0], np.cumsum([len(each.cost) for each in programmes])))
    equal = _beside([each.equal for each in programmes], at)
    tied = _tied(scenarios, parts, common, at)
    whole = SparseProgramme(
        cost=np.concatenate([each.cost for each in programmes]) / len(parts),
        lower=np.concatenate([each.lower for each in programmes]),
        upper=np.concatenate([each.upper for each in programmes]),
        whole=np.concatenate([each.whole for each in programmes]),
        at_most=_beside([each.at_most for each in programmes], at),
        equal=SparseRows(
            sp.vstack((equal.matrix, tied), format="csc"), np.concatenate((equal.right, np.zeros(tied.shape[0])))
        ),
    )
    constants = np.array([part.constant for part in parts])
    if risk.weight > 0.0:
        whole = _with_risk(whole, at, constants, risk)
    return _Joined(whole, parts, at, float(constants.mean()))


def _beside(rows: Sequence[SparseRows], at: IntArray) -> SparseRows:
    """Rows of programmes side by side, which share no column."""
    entries = [each.matrix.tocoo() for each in rows]
    first = np.concatenate(([0], np.cumsum([len(each.right) for each in rows])))
    return SparseRows.of(
        np.concatenate([start + each.row for start, each in zip(first, entries, strict=False)]),
        np.concatenate([start + each.col for start, each in zip(at, entries, strict=False)]),
        np.concatenate([each.data for each in entries]),
        np.concatenate([each.right for each in rows]),
        int(at[-1]),
    )


def _tied(scenarios: Sequence[DayScenario], parts: Sequence[DayProgramme], common: int, at: IntArray) -> Any:
    """Rows by which each device of each agent has one net energy in each of the first slots: that of the first scenario."""
    slots, k = len(scenarios[0].day.need_kwh), len(scenarios[0].day.meter_of)
    found: list[tuple[IntArray, IntArray, FloatArray]] = []
    for start, each, part in zip(at.tolist(), scenarios, parts, strict=False):
        places, columns, values = [], [], []
        for place, (first, block) in enumerate(zip(part.first, each.blocks, strict=True)):
            now = block.meter.slot < common
            places.append(((place * slots + block.meter.slot) * k + block.meter.agent)[now])
            columns.append(start + first + block.meter.column[now])
            values.append(block.meter.value[now])
        nothing = np.zeros(0, dtype=np.int64)
        found.append(
            (
                np.concatenate([nothing, *places]),
                np.concatenate([nothing, *columns]),
                np.concatenate([np.zeros(0), *values]),
            )
        )
    used = np.unique(np.concatenate([places for places, _, _ in found]))
    others = range(1, len(found))
    own = [np.searchsorted(used, places) for places, _, _ in found]
    row = [own[0] + (other - 1) * len(used) for other in others] + [
        own[other] + (other - 1) * len(used) for other in others
    ]
    column = [found[0][1]] * len(others) + [found[other][1] for other in others]
    value = [found[0][2]] * len(others) + [-found[other][2] for other in others]
    shape = (len(used) * len(others), int(at[-1]))
    if not len(others):
        return sp.csc_matrix(shape)
    return sp.csc_matrix((np.concatenate(value), (np.concatenate(row), np.concatenate(column))), shape=shape)


def _with_risk(whole: SparseProgramme, at: IntArray, constants: FloatArray, risk: Risk) -> SparseProgramme:
    """The programme with a column q and one for what each scenario costs beyond it, at the end."""
    n, added = len(constants), len(constants) + 1
    cost = np.concatenate((
        (1.0 - risk.weight) * whole.cost,
        np.concatenate(([risk.weight], np.full(n, risk.weight / (risk.tail * n)))),
    ))  # fmt: skip
    own = sp.block_diag([sp.csr_matrix(n * whole.cost[np.newaxis, at[s] : at[s + 1]]) for s in range(n)])
    beyond = sp.hstack([own, sp.csr_matrix(-np.ones((n, 1))), -sp.identity(n)])
    wider = sp.csr_matrix((whole.at_most.matrix.shape[0], added))
    rows = sp.vstack([sp.hstack([whole.at_most.matrix, wider]), beyond], format="csc")
    equal = sp.hstack([whole.equal.matrix, sp.csr_matrix((whole.equal.matrix.shape[0], added))], format="csc")
    return SparseProgramme(
        cost=cost,
        lower=np.concatenate((whole.lower, [-np.inf], np.zeros(n))),
        upper=np.concatenate((whole.upper, np.full(added, np.inf))),
        whole=np.concatenate((whole.whole, np.zeros(added, dtype=np.bool_))),
        at_most=SparseRows(rows, np.concatenate((whole.at_most.right, -constants))),
        equal=SparseRows(equal, whole.equal.right),
    )


def _reached(joined: _Joined, aims: Aims, what: str) -> tuple[Optimum, Optimum | None]:
    """The solution by the aims, one after the other, and the one whose duals are prices; see ``pool.plan_day``."""
    programme = joined.programme
    least_cost = None if aims.objective.startswith("peak") else optimum(programme, what)
    if aims.objective == "cost" and least_cost is not None:
        return least_cost, least_cost
    aim = _peak_aim(joined)
    if least_cost is not None:
        most = least_cost.value + aims.slack * abs(least_cost.value + joined.constant) + ROOM
        rows = programme.at_most.with_row(programme.cost, most)
        return optimum(programme._replace(cost=aim + TIE * programme.cost, at_most=rows), what), least_cost
    found = optimum(programme._replace(cost=aim), what)
    if aims.objective == "peak":
        return found, None
    peaks = np.where(aim > 0.0, aim, 0.0)
    rows = programme.at_most.with_row(peaks, float(peaks @ found.x) * (1.0 + ROOM) + ROOM)
    found = optimum(programme._replace(at_most=rows), what)
    return found, found


def _peak_aim(joined: _Joined) -> FloatArray:
    """The mean of the scenarios' peaks, and what is missed."""
    aim = np.zeros_like(joined.programme.cost)
    for first, part in zip(joined.at, joined.parts, strict=False):
        aim[first + part.peak] = 1.0 / len(joined.parts)
        aim[first + part.missed] = MISSED / len(joined.parts)
    return aim


def _of_scenario(joined: _Joined, place: int, found: Optimum) -> Optimum:
    """A scenario's own part of a solution, its duals as of a programme of its own."""
    share = len(joined.parts)
    programmes = [part.programme for part in joined.parts]
    rows, equals = (
        np.concatenate(([0], np.cumsum([len(kind.right) for kind in kinds])))
        for kinds in ([each.at_most for each in programmes], [each.equal for each in programmes])
    )
    x = found.x[joined.at[place] : joined.at[place + 1]]
    return Optimum(
        x=x,
        value=float(joined.parts[place].programme.cost @ x),
        at_most_dual=share * found.at_most_dual[rows[place] : rows[place + 1]],
        equal_dual=share * found.equal_dual[equals[place] : equals[place + 1]],
    )
