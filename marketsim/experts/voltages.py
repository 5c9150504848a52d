"""Voltage rows of a plan: made where the AC state of the last plan leaves the band, and corrected by it.

A row says, linear about the AC state of the last plan (net injections p', q', voltages v')::

    v'^2 + R (p - p') + X (q - q') <= (v_max - guard)^2        and  >= (v_min + guard)^2 below

so what linearised DistFlow leaves out is in the constant, and a plan that no longer moves is feasible by AC, not by DistFlow.
Where reactive power is not asked for, q - q' is what inverters answer by themselves to p - p' (``inverters.response``).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.errors import RunError
from marketsim.core.expert import ExpertView, PlannedGrid, injections, net_kw
from marketsim.core.setpoints import Setpoints
from marketsim.experts.inverters import UnaskedInverters, response
from marketsim.experts.program import VoltageRows

WORST: Final = 6
"""Buses of a slot that get a row after one AC solution."""
_HALVINGS: Final = 8


class AcState(NamedTuple):
    """AC voltages of a plan, and the injections of the planned agents to which they belong."""

    v_pu: FloatArray
    """[H, N]"""
    net_kw: FloatArray
    """[H, n]"""
    kvar: FloatArray
    """[H, n]"""
    pv_kw: FloatArray
    """PV that is used [H, n]."""
    as_planned: BoolArray
    """Whether that is the plan itself; where a plan has no solution it is half of it, or a quarter, and so on [H]."""

    def beyond(self, grid: PlannedGrid) -> FloatArray:
        """Distance outside the band, above positive and below negative [p.u.] [H, N]; the band's edge with a rounding's room."""
        above, below = self.v_pu - grid.v_max_pu, self.v_pu - grid.v_min_pu
        return np.where(above > _EDGE, above, np.where(below < -_EDGE, below, 0.0))


_EDGE: Final = 1e-9


def ac_state(grid: PlannedGrid, view: ExpertView, points: Setpoints) -> AcState:
    """The AC state of set-points in every slot at once; RunError where the feeder has none even without them."""
    share = np.ones(view.horizon)
    every = net_kw(view.load_kw, points)
    for _ in range(_HALVINGS):
        given = points._replace(kvar=points.kvar * share[:, None], pv_kw=points.pv_kw + (share[:, None] - 1.0) * every)
        at = injections(view, grid.nodes, given)
        v_pu = grid.voltages(at.kw, at.kvar)
        unsolved = ~np.isfinite(v_pu).all(axis=1)
        if not unsolved.any():
            return AcState(v_pu, share[:, None] * every, given.kvar, share[:, None] * points.pv_kw, share == 1.0)
        share[unsolved] /= 2.0
    first = view.t0 + int(np.flatnonzero(unsolved)[0])
    raise RunError(f"slot {first} of the day has no power flow solution, whatever the planned agents do")


class VoltageWatch:
    """Collects the rows of a day."""

    def __init__(self, grid: PlannedGrid, guard_pu: float, inverters: UnaskedInverters | None = None) -> None:
        """``inverters`` that are not asked, and follow their own law; None: reactive power is planned."""
        self._grid, self._inverters = grid, inverters
        self._per_kw, self._per_kvar = grid.sensitivity()
        self._low, self._high = (grid.v_min_pu + guard_pu) ** 2, (grid.v_max_pu - guard_pu) ** 2
        self._watched: dict[tuple[int, int, int], None] = {}

    def add(self, beyond: FloatArray) -> int:
        """Watch the worst buses of each slot that are not yet watched; how many there were."""
        before = len(self._watched)
        for slot in np.flatnonzero(beyond.any(axis=1)).tolist():
            worst = np.argsort(-np.abs(beyond[slot]), kind="stable")
            new = [
                (slot, node, 1 if beyond[slot, node] > 0.0 else -1)
                for node in worst[: np.count_nonzero(beyond[slot])].tolist()
            ]
            fresh = [each for each in new if each not in self._watched]
            self._watched.update(dict.fromkeys(fresh[:WORST]))
        return len(self._watched) - before

    def rows(self, view: ExpertView, state: AcState) -> VoltageRows:
        """All rows, about an AC state."""
        if not self._watched:
            return VoltageRows.none(len(self._grid.nodes))
        slot, node, side = np.array(list(self._watched), dtype=np.int64).T
        tables = self._tables(view, state, slot, node)
        per_kw, per_kvar, per_pv_kw = (side[:, None] * table for table in tables)
        bound = np.where(side > 0, self._high[node], -self._low[node])
        moved = per_kw * state.net_kw[slot] + per_kvar * state.kvar[slot] + per_pv_kw * state.pv_kw[slot]
        limit = bound - side * state.v_pu[slot, node] ** 2 + moved.sum(axis=1)
        return VoltageRows(slot, per_kw, per_kvar, per_pv_kw, limit)

    def _tables(
        self, view: ExpertView, state: AcState, slot: IntArray, node: IntArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Change of squared voltages with net injection, planned reactive power and used PV of each agent, each [m, n]."""
        per_kw, per_kvar = self._per_kw[node], self._per_kvar[node]
        none = np.zeros_like(per_kw)
        if self._inverters is None:
            return per_kw, per_kvar, none
        slots, place = np.unique(slot, return_inverse=True)
        active = state.pv_kw if self._inverters.of_pv else state.net_kw + view.load_kw
        answer = response(self._grid, self._inverters, state.v_pu, active, slots)
        by_net, by_pv = ((per_kvar[:, None, :] @ table[place])[:, 0] for table in answer)
        return per_kw + by_net, none, by_pv

    def broken(self, beyond: FloatArray, slack: FloatArray) -> IntArray:
        """Rows whose bus is outside although the programme had it within: those that another correction may help."""
        slot, node, _ = np.array(list(self._watched), dtype=np.int64).T
        return np.flatnonzero((beyond[slot, node] != 0.0) & (slack <= _SLACK))


_SLACK: Final = 1e-6
"""Of a squared voltage, below which the programme kept a row [p.u.^2]."""
