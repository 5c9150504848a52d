"""A plan as state feedback: what it would have each device do in any state, without solving anything anew."""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.expert import Expert, ExpertView, Plan, PlanningExpert
from marketsim.core.setpoints import Setpoints
from marketsim.experts.columns import Prosumers, stored_path

SOLVED = "solved"


class Feedback:
    """Follows a plan from wherever one is.

    The battery goes to what the plan stores at the end of the slot; the generator to the plan's level, as far as its ramp
    allows; PV and curtailed load are used in the plan's shares of what there is; reactive power is the plan's, within what the
    inverter can give. On the plan's own path these are the plan's set-points.
    """

    def __init__(self, own: Prosumers, view: ExpertView, plan: Plan) -> None:
        self._own, self._view, self._plan = own, view, plan
        points = plan.setpoints
        curtailable = own.curtailable_share * view.load_kw
        self._pv_share = _share(points.pv_kw, view.pv_available_kw, 1.0)
        self._curtailed_share = _share(points.curtailed_kw, curtailable, 0.0)

    @property
    def slots(self) -> range:
        """Slots of the day for which there are labels."""
        return range(self._view.t0, self._view.t0 + self._view.horizon)

    def planned(self, slot: int) -> Setpoints:
        """The plan's own set-points of a slot of the day [n]."""
        row = slot - self._view.t0
        return Setpoints(*(column[row] for column in self._plan.setpoints))

    def label(
        self,
        slot: int,
        stored_kwh: FloatArray,
        load_kw: FloatArray,
        pv_available_kw: FloatArray,
        generator_kw: FloatArray | None = None,
    ) -> Setpoints:
        """Set-points of a slot of the day in a state that was visited; each [..., n].

        ``stored_kwh`` counts from empty; ``generator_kw`` is the power of the last slot, None: no ramp holds it. ValueError for a
        slot that the plan does not have.
        """
        if slot not in self.slots:
            raise ValueError(f"the plan has slots {self.slots.start} to {self.slots.stop - 1} of the day, not {slot}")
        own, row, hours = self._own, slot - self._view.t0, self._view.slot_hours
        pv = self._pv_share[row] * pv_available_kw
        most = own.most_kvar(pv)
        gain = self._plan.stored_kwh[row + 1] - stored_kwh
        return Setpoints(
            generator_kw=self._generator(row, stored_kwh, generator_kw),
            battery_kw=own.battery_for(gain, hours),
            curtailed_kw=self._curtailed_share[row] * own.curtailable_share * load_kw,
            pv_kw=pv,
            kvar=np.clip(self._plan.setpoints.kvar[row], -most, most),
        )

    def _generator(self, row: int, like: FloatArray, last_kw: FloatArray | None) -> FloatArray:
        planned = np.broadcast_to(self._plan.setpoints.generator_kw[row], like.shape)
        if last_kw is None:
            return np.array(planned)
        step = self._own.ramp_kw_per_h * self._view.slot_hours
        least, most = (np.where(np.isnan(last_kw), planned, last_kw + way * step) for way in (-1.0, 1.0))
        held = np.clip(np.clip(planned, least, most), self._own.generator_low_kw, self._own.generator_high_kw)
        return np.asarray(held)


def _share(part: FloatArray, whole: FloatArray, absent: float) -> FloatArray:
    """Part of a whole; ``absent`` where there is no whole."""
    return np.asarray(np.clip(np.divide(part, whole, out=np.full(whole.shape, absent), where=whole > 0.0), 0.0, 1.0))


def plan_of(expert: Expert, own: Prosumers, view: ExpertView) -> Plan:
    """The plan of any expert; of one that returns set-points alone, what they store is worked out from the devices."""
    if isinstance(expert, PlanningExpert):
        return expert.solve(view)
    points = expert.plan(view)
    path = stored_path(own, view.stored_kwh, points.battery_kw, view.slot_hours)
    inside = np.clip(path, own.stored_low_kwh, own.stored_high_kwh)
    return Plan(points, inside, SOLVED, float("nan"), 0.0)
