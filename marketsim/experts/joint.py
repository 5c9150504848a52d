"""All prosumers together: they pool what they have, and keep the feeder's voltages by AC power flow."""

from __future__ import annotations

from functools import cache, partial
from time import process_time

import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.core.expert import ExpertView, Plan
from marketsim.core.setpoints import Setpoints
from marketsim.experts.columns import prosumers, stored_path
from marketsim.experts.context import ExpertContext
from marketsim.experts.keeping import VoltageKeeper
from marketsim.experts.params import JointParams
from marketsim.experts.program import DayProgram, SolvedDay, VoltageRows
from marketsim.optimise.quadratic import SOLVED


class JointExpert:
    """Plans a day for all at once; without a grid nobody minds voltages."""

    def __init__(self, context: ExpertContext, params: JointParams) -> None:
        self._own, self._params, self._hours = prosumers(context.models), params, context.slot_hours
        self._keeper = None if context.grid is None else VoltageKeeper(context.grid, params.guard_pu, context.inverters)
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
        if self._keeper is not None and view.background is not None:
            again = partial(program.solve, view, weight=self._params.voltage_weight)
            found, solves, outside = self._keeper.within(again, view, found)
        left = f"{outside} bus-slots outside the voltage band" if outside else found.status
        path = stored_path(self._own, view.stored_kwh, found.setpoints.battery_kw, view.slot_hours)
        return Plan(found.setpoints, path, left, found.objective, process_time() - began, solves, outside)

    def held(self, view: ExpertView, points: Setpoints) -> Setpoints:
        """See ``HoldingExpert``: where voltages would leave the band, the programme of this slot alone.

        Stored energy that is missing against ``points`` costs what the utility asks now, or what it is bought at when the day
        ends if that is more; what is over is worth feed-in. So batteries leave their path for voltages only.
        """
        if not self._params.recourse or self._keeper is None or view.background is None:
            return points
        first = SolvedDay(points, 0.0, np.zeros(0), SOLVED, 0.0)
        return self._keeper.within(partial(self._corrected, view, points), view, first).found.setpoints

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


def build(params: JointParams, context: ExpertContext) -> JointExpert:
    """The expert of a scenario's agents."""
    return JointExpert(context, params)
