"""Experts from words for the agents of a scenario: their codes stacked, their voltages kept as the joint expert keeps them."""

from __future__ import annotations

import re
import weakref
from collections.abc import Mapping, Sequence
from functools import partial
from time import process_time
from typing import Final

from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.expert import ExpertView, Plan
from marketsim.core.setpoints import Setpoints
from marketsim.experts.columns import prosumers, stored_path
from marketsim.experts.context import ExpertContext
from marketsim.experts.keeping import VoltageKeeper
from marketsim.experts.library.compose import code_of, resting_code
from marketsim.experts.model import ProsumerModel
from marketsim.experts.params import WrittenParams
from marketsim.experts.sandbox import client
from marketsim.experts.sandbox.lock import JobLimits
from marketsim.experts.sandbox.reviewed import ReviewedSolver
from marketsim.experts.workflow.acceptance import CaseSolver
from marketsim.experts.written.files import WrittenFile, read_written
from marketsim.experts.written.stacked import StackedCodes

_NUMBERED: Final = re.compile(r"-\d+$")


class StackedExpert:
    """Plans a day by the codes of all agents as one problem."""

    def __init__(self, context: ExpertContext, params: WrittenParams, codes: Sequence[str], solver: CaseSolver) -> None:
        self._own, self._params = prosumers(context.models), params
        self._codes = StackedCodes(context.names, codes, self._own, solver)
        self._keeper = None if context.grid is None else VoltageKeeper(context.grid, params.guard_pu, context.inverters)

    def plan(self, view: ExpertView) -> Setpoints:
        """See ``Expert``; RunError where the codes have no plan."""
        return self.solve(view).setpoints

    def solve(self, view: ExpertView) -> Plan:
        """See ``PlanningExpert``; ``status`` says where voltages are left outside."""
        began = process_time()
        found, solves, outside = self._codes.solve(view), 1, 0
        if self._keeper is not None and view.background is not None:
            again = partial(self._codes.solve, view, weight=self._params.voltage_weight)
            found, solves, outside = self._keeper.within(again, view, found)
        left = f"{outside} bus-slots outside the voltage band" if outside else found.status
        path = stored_path(self._own, view.stored_kwh, found.setpoints.battery_kw, view.slot_hours)
        return Plan(found.setpoints, path, left, found.objective, process_time() - began, solves, outside)


def codes_of(params: WrittenParams, context: ExpertContext) -> list[str]:
    """The code of each agent, by its folder or as ``others`` says; ScenarioError for a folder that is of no use, or nobody's."""
    files = {
        name: read_written(context.fence, folder, f"expert.written.experts.{name}")
        for name, folder in params.experts.items()
    }
    owners = [_owner(name, files) for name in context.names]
    for name in files:
        if name not in owners:
            hint = f"agents are {', '.join(context.names[:5])}, ..."
            what = "no agent that is planned has this name, or this before its number"
            raise ScenarioError([Problem(what, "expert.written.experts", name, hint)])
    return [
        _unwritten(model, params) if owner is None else files[owner].code
        for owner, model in zip(owners, context.models, strict=True)
    ]


def _owner(name: str, files: Mapping[str, WrittenFile]) -> str | None:
    group = _NUMBERED.sub("", name)
    return name if name in files else group if group in files else None


def _unwritten(model: ProsumerModel, params: WrittenParams) -> str:
    return resting_code(model) if params.others == "rest" else code_of(model)


def _solver(params: WrittenParams, context: ExpertContext, codes: Sequence[str]) -> CaseSolver:
    """The sandbox; where this machine has none, this process, for codes of the library alone."""
    library = {code for model in context.models for code in (code_of(model), resting_code(model))}
    if client.refusal() is not None and library.issuperset(codes):
        return ReviewedSolver()
    return client.Sandbox(JobLimits(deadline_s=params.deadline_s))


def build(params: WrittenParams, context: ExpertContext) -> StackedExpert:
    """The expert of a scenario's agents; ScenarioError for a folder that is of no use. The sandbox ends with it."""
    codes = codes_of(params, context)
    solver = _solver(params, context, codes)
    expert = StackedExpert(context, params, codes, solver)
    if isinstance(solver, client.Sandbox):
        weakref.finalize(expert, solver.close)
    return expert
