"""Each prosumer alone with the utility."""

from __future__ import annotations

from functools import cache
from time import process_time

import numpy as np

from marketsim.core.expert import ExpertView, Plan
from marketsim.core.setpoints import Setpoints
from marketsim.experts.columns import prosumers, stored_path
from marketsim.experts.context import ExpertContext
from marketsim.experts.params import IndividualParams
from marketsim.experts.program import DayProgram


class IndividualExpert:
    """Plans the day of each as if the others and the grid were not there; one programme, which falls apart."""

    def __init__(self, context: ExpertContext) -> None:
        self._own = prosumers(context.models)
        alone = np.arange(self._own.n)
        self._program = cache(lambda horizon: DayProgram(self._own, horizon, context.slot_hours, alone))

    def plan(self, view: ExpertView) -> Setpoints:
        """See ``Expert``."""
        return self.solve(view).setpoints

    def solve(self, view: ExpertView) -> Plan:
        """See ``PlanningExpert``."""
        began = process_time()
        found = self._program(view.horizon).solve(view)
        path = stored_path(self._own, view.stored_kwh, found.setpoints.battery_kw, view.slot_hours)
        return Plan(found.setpoints, path, found.status, found.objective, process_time() - began)


def build(params: IndividualParams, context: ExpertContext) -> IndividualExpert:  # noqa: ARG001 - of all experts
    """The expert of a scenario's agents."""
    return IndividualExpert(context)
