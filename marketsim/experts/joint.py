"""All prosumers together: they pool what they have, and keep the feeder's voltages by AC power flow."""

from __future__ import annotations

from functools import cache
from time import process_time
from typing import Final

import numpy as np

from marketsim.core.expert import ExpertView, Plan, PlannedGrid
from marketsim.core.setpoints import Setpoints
from marketsim.experts.columns import prosumers, stored_path
from marketsim.experts.context import ExpertContext
from marketsim.experts.params import JointParams
from marketsim.experts.program import DayProgram, SolvedDay
from marketsim.experts.voltages import VoltageWatch, ac_state

MOST_SOLVES: Final = 12
"""Programmes of a plan: two on most days, six on stressed ones."""


class JointExpert:
    """Plans a day for all at once; without a grid nobody minds voltages."""

    def __init__(self, context: ExpertContext, weight: float, guard_pu: float) -> None:
        self._own, self._grid = prosumers(context.models), context.grid
        self._weight, self._guard = weight, guard_pu
        pool = np.zeros(self._own.n, dtype=np.int64)
        self._program = cache(lambda horizon: DayProgram(self._own, horizon, context.slot_hours, pool))

    def plan(self, view: ExpertView) -> Setpoints:
        """See ``Expert``."""
        return self.solve(view).setpoints

    def solve(self, view: ExpertView) -> Plan:
        """See ``PlanningExpert``; ``status`` says where voltages are left outside."""
        began = process_time()
        program = self._program(view.horizon)
        found, solves, outside = program.solve(view), 1, 0
        if self._grid is not None and view.background is not None:
            found, solves, outside = self._within(self._grid, program, view, found)
        left = f"{outside} bus-slots outside the voltage band" if outside else found.status
        path = stored_path(self._own, view.stored_kwh, found.setpoints.battery_kw, view.slot_hours)
        return Plan(found.setpoints, path, left, found.objective, process_time() - began, solves, outside)

    def _within(
        self, grid: PlannedGrid, program: DayProgram, view: ExpertView, found: SolvedDay
    ) -> tuple[SolvedDay, int, int]:
        """Solve with rows where AC leaves the band until it does not, or until nothing is left that would help."""
        watch = VoltageWatch(grid, self._guard)
        for solves in range(1, MOST_SOLVES + 1):
            state = ac_state(grid, view, found.setpoints)
            beyond = state.beyond(grid)
            outside = int(np.count_nonzero(beyond) + np.count_nonzero(~state.as_planned))
            new = watch.add(beyond) if outside else 0
            if not outside or solves == MOST_SOLVES:
                break
            if not new and not len(watch.broken(beyond, found.slack)):
                break
            found = program.solve(view, watch.rows(state), self._weight)
        return found, solves, outside


def build(params: JointParams, context: ExpertContext) -> JointExpert:
    """The expert of a scenario's agents."""
    return JointExpert(context, params.voltage_weight, params.guard_pu)
