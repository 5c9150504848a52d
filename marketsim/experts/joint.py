"""All prosumers together: they pool what they have, and keep the feeder's voltages by AC power flow."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from time import process_time
from typing import Final

import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.core.expert import ExpertView, Plan, PlannedGrid
from marketsim.core.setpoints import Setpoints
from marketsim.experts.columns import prosumers, stored_path
from marketsim.experts.context import ExpertContext
from marketsim.experts.inverters import unasked_kvar
from marketsim.experts.params import JointParams
from marketsim.experts.program import DayProgram, SolvedDay, VoltageRows
from marketsim.experts.voltages import AcState, VoltageWatch, ac_state
from marketsim.optimise.quadratic import SOLVED

MOST_SOLVES: Final = 12
"""Programmes of a plan: two on most days, six on stressed ones."""


class JointExpert:
    """Plans a day for all at once; without a grid nobody minds voltages."""

    def __init__(self, context: ExpertContext, params: JointParams) -> None:
        self._own, self._grid, self._inverters = prosumers(context.models), context.grid, context.inverters
        self._params, self._hours = params, context.slot_hours
        self._pool: IntArray = np.zeros(self._own.n, dtype=np.int64)
        self._program = cache(lambda horizon: DayProgram(self._own, horizon, self._hours, self._pool))

    def plan(self, view: ExpertView) -> Setpoints:
        """See ``Expert``."""
        return self.solve(view).setpoints

    def solve(self, view: ExpertView) -> Plan:
        """See ``PlanningExpert``; ``status`` says where voltages are left outside."""
        began = process_time()
        program = self._program(view.horizon)
        found, solves, outside = program.solve(view), 1, 0
        if self._grid is not None and view.background is not None:
            again = partial(program.solve, view, weight=self._params.voltage_weight)
            found, solves, outside = self._within(self._grid, again, view, found)
        left = f"{outside} bus-slots outside the voltage band" if outside else found.status
        path = stored_path(self._own, view.stored_kwh, found.setpoints.battery_kw, view.slot_hours)
        return Plan(found.setpoints, path, left, found.objective, process_time() - began, solves, outside)

    def held(self, view: ExpertView, points: Setpoints) -> Setpoints:
        """See ``HoldingExpert``: where voltages would leave the band, the programme of this slot alone.

        Stored energy that is missing against ``points`` costs what the utility asks now, or what it is bought at when the day
        ends if that is more; what is over is worth feed-in. So batteries leave their path for voltages only.
        """
        if not self._params.recourse or self._grid is None or view.background is None:
            return points
        first = SolvedDay(points, 0.0, np.zeros(0), SOLVED, 0.0)
        return self._within(self._grid, partial(self._corrected, view, points), view, first)[0].setpoints

    def _corrected(self, view: ExpertView, points: Setpoints, rows: VoltageRows) -> SolvedDay:
        """The programme of these slots alone, from which batteries come out where ``points`` take them."""
        own = self._own
        path = stored_path(own, view.stored_kwh, points.battery_kw, view.slot_hours)[-1]
        bound = own._replace(
            stored_end_kwh=np.clip(path, own.stored_low_kwh, own.stored_high_kwh),
            missing_price=np.maximum(own.missing_price, view.buy.max() / own.efficiency_in),
            spare_price=view.sell.min() * own.efficiency_out,
        )
        program = DayProgram(bound, view.horizon, self._hours, self._pool)
        return program.solve(view, rows, self._params.voltage_weight)

    def _within(
        self, grid: PlannedGrid, again: Callable[[VoltageRows], SolvedDay], view: ExpertView, found: SolvedDay
    ) -> tuple[SolvedDay, int, int]:
        """Solve with rows where AC leaves the band until it does not, or until nothing is left that would help."""
        watch = VoltageWatch(grid, self._params.guard_pu, self._inverters)
        for solves in range(1, MOST_SOLVES + 1):
            found, state = self._state(grid, view, found)
            beyond = state.beyond(grid)
            outside = int(np.count_nonzero(beyond) + np.count_nonzero(~state.as_planned))
            new = watch.add(beyond) if outside else 0
            if not outside or solves == MOST_SOLVES:
                break
            if not new and not len(watch.broken(beyond, found.slack)):
                break
            found = again(watch.rows(view, state))
        return found, solves, outside

    def _state(self, grid: PlannedGrid, view: ExpertView, found: SolvedDay) -> tuple[SolvedDay, AcState]:
        """The plan with what inverters do in it, where that is not planned, and its AC state."""
        if self._inverters is not None:
            kvar = unasked_kvar(grid, view, found.setpoints, self._inverters)
            found = found._replace(setpoints=found.setpoints._replace(kvar=kvar))
        return found, ac_state(grid, view, found.setpoints)


def build(params: JointParams, context: ExpertContext) -> JointExpert:
    """The expert of a scenario's agents."""
    return JointExpert(context, params)
