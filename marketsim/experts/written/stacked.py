"""Codes of several prosumers as one programme of a day: solved where they are run, with rows on what all inject together."""

from __future__ import annotations

from collections.abc import Sequence
from time import process_time

import numpy as np

from marketsim.core.errors import RunError
from marketsim.core.expert import ExpertView
from marketsim.core.setpoints import Setpoints
from marketsim.experts.case import DayCase
from marketsim.experts.columns import Prosumers
from marketsim.experts.program import SolvedDay, VoltageRows
from marketsim.experts.sandbox.client import CodeMember, Coupling
from marketsim.experts.workflow.acceptance import CaseSolver


class StackedCodes:
    """The programme of some prosumers whose codes are stacked; what they buy from each other sums to zero."""

    def __init__(self, names: Sequence[str], codes: Sequence[str], own: Prosumers, solver: CaseSolver) -> None:
        """``own``: the devices that there are, whatever codes think of them; each as many as prosumers [n]."""
        self._names, self._codes, self._own, self._solver = tuple(names), tuple(codes), own, solver

    def solve(self, view: ExpertView, rows: VoltageRows | None = None, weight: float = 0.0) -> SolvedDay:
        """As of a ``DayProgram``; RunError with the reason where the codes have no plan of this day."""
        began = process_time()
        members = [CodeMember(code, self._case(view, place).state()) for place, code in enumerate(self._codes)]
        rows = VoltageRows.none(self._own.n) if rows is None else rows
        size = rows.size
        ended = self._solver.solve(members, coupling=_coupling(rows.scaled(1.0 / size), weight * size))
        if ended.value is None:
            raise RunError(f"experts from words ({', '.join(dict.fromkeys(self._names))}) have no plan: {ended.told}")
        slack = np.array(ended.value.get("slack", ()), dtype=np.float64) * size
        took = process_time() - began + ended.cpu_s
        return SolvedDay(self._setpoints(ended.value["members"], view), ended.value["objective"], slack, "solved", took)

    def _case(self, view: ExpertView, place: int) -> DayCase:
        own, hours = self._own, view.slot_hours
        stored = np.clip(view.stored_kwh[place], own.stored_low_kwh[place], own.stored_high_kwh[place])
        last = np.nan_to_num(view.generator_kw[place], nan=own.generator_low_kw[place])
        return DayCase(
            slot_hours=hours,
            hour=np.asarray(hours * np.arange(view.t0, view.t0 + view.horizon), dtype=np.float64),
            buy_price=view.buy,
            sell_price=view.sell,
            load_kw=view.load_kw[:, place],
            pv_available_kw=view.pv_available_kw[:, place],
            stored_kwh=float(stored),
            generator_kw=float(last),
        )

    def _setpoints(self, members: Sequence[dict[str, list[float]]], view: ExpertView) -> Setpoints:
        """What was planned, within what the devices can do that there are."""
        own = self._own
        generator, battery, curtailed, pv = (
            np.array([member[name] for member in members], dtype=np.float64).T
            for name in ("generator_kw", "battery_kw", "curtailed_kw", "pv_kw")
        )
        return Setpoints(
            generator_kw=np.clip(generator, own.generator_low_kw, own.generator_high_kw),
            battery_kw=np.clip(battery, -own.battery_kw, own.battery_kw),
            curtailed_kw=np.clip(curtailed, 0.0, own.curtailable_share * view.load_kw),
            pv_kw=np.clip(pv, 0.0, view.pv_available_kw),
            kvar=np.zeros_like(pv),
        )


def _coupling(rows: VoltageRows, weight: np.ndarray) -> Coupling | None:
    if not len(rows.slot):
        return None
    return Coupling(*(each.tolist() for each in (rows.slot, rows.per_kw, rows.per_pv_kw, rows.limit, weight)))
