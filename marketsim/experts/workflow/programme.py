"""The day programme as the reference that experts from words are compared with: the same optimum by another author and solver."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from marketsim.core.expert import ExpertView
from marketsim.experts.case import DayCase
from marketsim.experts.columns import prosumers
from marketsim.experts.judging import JudgedDay, cost_of
from marketsim.experts.model import ProsumerModel
from marketsim.experts.preferences import Preference
from marketsim.experts.program import DayProgram
from marketsim.experts.workflow.acceptance import LibraryReference, ReferenceCost


class ProgrammeReference:
    """Port ``ReferenceCost``: ``DayProgram``, which knows no wishes; with wishes the reviewed expert of ``library``."""

    def __init__(self, library: LibraryReference) -> None:
        self._library: ReferenceCost = library

    def __call__(self, model: ProsumerModel, case: DayCase, preferences: Sequence[Preference]) -> float:
        """See the port; MissingDependency without the solver of day programmes."""
        if preferences:
            return self._library(model, case, preferences)
        return cost_of(model, case, programmed(model, case))


def programmed(model: ProsumerModel, case: DayCase) -> JudgedDay:
    """The optimum of a case by the day programme."""
    program = DayProgram(prosumers([model]), len(case.load_kw), case.slot_hours, np.zeros(1, dtype=np.int64))
    points = program.solve(view_of(case)).setpoints
    return JudgedDay(
        generator_kw=points.generator_kw[:, 0],
        battery_kw=points.battery_kw[:, 0],
        curtailed_kw=points.curtailed_kw[:, 0],
        pv_kw=points.pv_kw[:, 0],
        p2p_kw=np.zeros_like(case.load_kw),
    )


def view_of(case: DayCase) -> ExpertView:
    """A case as the port of experts has it: one agent, no grid."""
    return ExpertView(
        t0=0,
        slot_hours=case.slot_hours,
        buy=case.buy_price,
        sell=case.sell_price,
        load_kw=case.load_kw[:, None],
        pv_available_kw=case.pv_available_kw[:, None],
        stored_kwh=np.array([case.stored_kwh]),
        generator_kw=np.array([case.generator_kw]),
        background=None,
    )
