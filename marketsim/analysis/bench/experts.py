"""The day programme of experts: twenty prosumers with every device, 96 slots, against CVXPY on the same problem."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from time import process_time
from typing import Any, Final

import numpy as np

from marketsim.analysis.bench.rows import BenchFailed, BenchRow
from marketsim.analysis.bench.setpoints import SETPOINTS141
from marketsim.app.planned_days import planned_days
from marketsim.app.ready import load_scenario
from marketsim.core.arrays import IntArray
from marketsim.core.expert import ExpertView, injections
from marketsim.experts.case import DayCase
from marketsim.experts.columns import prosumers
from marketsim.experts.context import ExpertContext
from marketsim.experts.joint import JointExpert
from marketsim.experts.library.compose import code_of
from marketsim.experts.model import TerminalModel
from marketsim.experts.params import JointParams
from marketsim.experts.program import DayProgram
from marketsim.experts.sandbox.client import CodeMember
from marketsim.experts.sandbox.reviewed import ReviewedSolver

REPEATS: Final = 3
DRAWN: Final = 10
"""Days of which the sunniest is planned."""
CLOSE: Final = 2e-3
"""Of the cost: the programmes differ in how they make plans unique, and one has the inverters."""


def rows() -> list[BenchRow]:
    """A day's programme, joint and each alone, against CVXPY, and a plan that keeps voltages."""
    days = planned_days(load_scenario(SETPOINTS141), lambda agent: agent.kind == "prosumer")
    context = days.expert_context(0.95, TerminalModel())
    view = max((days.day(number) for number in range(DRAWN)), key=lambda each: float(each.pv_available_kw.sum()))
    members = _members(context, view)
    together, alone = np.zeros(len(members), dtype=np.int64), np.arange(len(members))
    return [
        _against_cvxpy("joint", context, view, together, [members]),
        _against_cvxpy("each alone", context, view, alone, [[member] for member in members]),
        _within_band(context, view),
    ]


def _members(context: ExpertContext, view: ExpertView) -> list[CodeMember]:
    """Each prosumer's reviewed code, and its day."""
    cases = [
        DayCase(
            slot_hours=view.slot_hours,
            hour=view.slot_hours * np.arange(view.horizon, dtype=np.float64),
            buy_price=view.buy,
            sell_price=view.sell,
            load_kw=view.load_kw[:, place],
            pv_available_kw=view.pv_available_kw[:, place],
            stored_kwh=float(view.stored_kwh[place]),
            generator_kw=float(view.generator_kw[place]),
        )
        for place in range(len(context.models))
    ]
    return [CodeMember(code_of(model), case.state()) for model, case in zip(context.models, cases, strict=True)]


def _against_cvxpy(
    who: str, context: ExpertContext, view: ExpertView, pool: IntArray, jobs: list[list[CodeMember]]
) -> BenchRow:
    """Processor time of the programme, built and solved, over that of CVXPY; BenchFailed where they cost different."""
    own, solver = prosumers(context.models), ReviewedSolver()
    ours_s, ours = _timed(lambda: DayProgram(own, view.horizon, view.slot_hours, pool).solve(view).objective)
    theirs_s, theirs = _timed(lambda: sum(_cost(solver, job) for job in jobs), 1)
    check_cost(who, ours, theirs)
    size = f"{own.n} prosumers x {view.horizon} slots"
    detail = f"{size}, built and solved: {ours_s:.2f} s CPU; CVXPY with Clarabel {theirs_s:.2f} s"
    return BenchRow(f"day programme of experts, {who}, over CVXPY", ours_s / theirs_s, "x", 0.5, 0.2, False, detail)


def check_cost(who: str, ours: float, theirs: float) -> None:
    """BenchFailed unless two optima cost the same."""
    if not abs(ours - theirs) <= CLOSE * max(abs(theirs), 1.0):
        raise BenchFailed(f"the day programme ({who}) costs {ours:.6g}, the same problem in CVXPY {theirs:.6g}")


def _cost(solver: ReviewedSolver, members: list[CodeMember]) -> float:
    ended = solver.solve(members)
    if ended.value is None:
        raise BenchFailed(f"CVXPY has no optimum: {ended.told}")
    return float(ended.value["objective"])


def _within_band(context: ExpertContext, view: ExpertView) -> BenchRow:
    """Processor time of a plan with voltage rows, AC power flows counted; BenchFailed where one is outside."""
    grid = context.grid
    if grid is None:
        raise BenchFailed("the scenario of this bench has a feeder")
    expert = JointExpert(context, JointParams())
    taken_s, plan = _timed(lambda: expert.solve(view))
    at = injections(view, grid.nodes, plan.setpoints)
    v_pu = grid.voltages(at.kw, at.kvar)
    outside = int(np.count_nonzero((v_pu > grid.v_max_pu + 1e-6) | (v_pu < grid.v_min_pu - 1e-6)))
    if outside or plan.outside:
        raise BenchFailed(f"the joint plan leaves {outside} bus-slots outside the band")
    size = f"{len(context.models)} prosumers x {view.horizon} slots on feeder141"
    detail = f"{size}, {plan.solves} programmes, AC power flow after each"
    return BenchRow("plan of a day within the voltage band", taken_s, "s CPU", 3.0, 0.9, False, detail)


def _timed(call: Callable[[], Any], repeats: int = REPEATS) -> tuple[float, Any]:
    """Median processor time of calls after a first one that warms caches [s], and what the last returned."""
    found, taken = call(), list[float]()
    for _ in range(repeats):
        began = process_time()
        found = call()
        taken.append(process_time() - began)
    return statistics.median(taken), found
