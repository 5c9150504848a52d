"""Keeps the voltages of a plan: a programme is solved again with rows where AC power flow leaves the band, until it does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.expert import ExpertView, PlannedGrid
from marketsim.experts.inverters import UnaskedInverters, unasked_kvar
from marketsim.experts.program import SolvedDay, VoltageRows
from marketsim.experts.voltages import AcState, VoltageWatch, ac_state

MOST_SOLVES: Final = 12
"""Programmes of a plan: two on most days, six on stressed ones."""


class Kept(NamedTuple):
    """A plan whose voltages were kept as far as that can be."""

    found: SolvedDay
    solves: int
    """Programmes solved for it, the first one counted."""
    outside: int
    """Bus-slots that are left outside."""


class VoltageKeeper(NamedTuple):
    """A feeder, the distance that planned voltages keep from its band [p.u.], and inverters that nobody asks, if there are."""

    grid: PlannedGrid
    guard_pu: float
    inverters: UnaskedInverters | None

    def within(self, again: Callable[[VoltageRows], SolvedDay], view: ExpertView, found: SolvedDay) -> Kept:
        """Solve with rows where AC leaves the band until it does not, or until nothing is left that would help."""
        watch = VoltageWatch(self.grid, self.guard_pu, self.inverters)
        outside, solves = 0, 0
        for solves in range(1, MOST_SOLVES + 1):
            found, state = self._state(view, found)
            beyond = state.beyond(self.grid)
            outside = int(np.count_nonzero(beyond) + np.count_nonzero(~state.as_planned))
            new = watch.add(beyond) if outside else 0
            if not outside or solves == MOST_SOLVES:
                break
            if not new and not len(watch.broken(beyond, found.slack)):
                break
            found = again(watch.rows(view, state))
        return Kept(found, solves, outside)

    def _state(self, view: ExpertView, found: SolvedDay) -> tuple[SolvedDay, AcState]:
        """The plan with what inverters do in it, where that is not planned, and its AC state."""
        if self.inverters is not None:
            kvar = unasked_kvar(self.grid, view, found.setpoints, self.inverters)
            found = found._replace(setpoints=found.setpoints._replace(kvar=kvar))
        return found, ac_state(self.grid, view, found.setpoints)
