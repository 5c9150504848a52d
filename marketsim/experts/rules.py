"""Rules as an expert: what good practice does without a forecast or a programme, for comparison and imitation.

- The battery takes own surplus, and serves own need where retail is at least its mean over the slots that are left; at the lowest
  price it is charged to the level with which the day has to end.
- The generator serves own need at the power at which another kWh costs what the utility asks, at most.
- Inverters follow a volt-var curve, solved within the slot: Q(V) and the power flow agree.
"""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.expert import ExpertView, PlannedGrid
from marketsim.core.ports import ReactiveLaw
from marketsim.core.setpoints import Setpoints
from marketsim.experts.columns import Prosumers, prosumers
from marketsim.experts.context import ExpertContext
from marketsim.experts.inverters import UnaskedInverters, unasked_kvar
from marketsim.experts.params import RuleParams


class RuleExpert:
    """Battery and generator by rules, reactive power by a curve."""

    def __init__(self, params: RuleParams, context: ExpertContext) -> None:
        self._params, self._own, self._grid = params, prosumers(context.models), context.grid

    def plan(self, view: ExpertView) -> Setpoints:
        """See ``Expert``."""
        points = self._active(view)
        if self._params.volt_var and self._grid is not None and view.background is not None:
            return points._replace(kvar=self._follow(self._grid, view, points))
        return points

    def _active(self, view: ExpertView) -> Setpoints:
        own, none = self._own, np.zeros_like(view.load_kw)
        need = view.load_kw - view.pv_available_kw
        generator, battery = none.copy(), none.copy()
        worth = _pays_up_to(own, view.buy)
        last, stored = np.nan_to_num(view.generator_kw, nan=0.0), view.stored_kwh
        step = own.ramp_kw_per_h * view.slot_hours
        for slot in range(view.horizon):
            wanted = np.clip(np.minimum(need[slot], worth[slot]), own.generator_low_kw, own.generator_high_kw)
            last = generator[slot] = np.clip(wanted, last - step, last + step)
            battery[slot] = self._battery(view, slot, need[slot] - last, stored)
            stored = stored + own.stored_gain(battery[slot], view.slot_hours)
        return Setpoints(generator, battery, none, view.pv_available_kw.copy(), none)

    def _battery(self, view: ExpertView, slot: int, need_kw: FloatArray, stored: FloatArray) -> FloatArray:
        own, dear = self._own, view.buy[slot] >= view.buy[slot:].mean()
        least = np.where(need_kw < 0.0, need_kw, 0.0)
        wanted = np.maximum(need_kw, 0.0) if dear else np.zeros_like(need_kw)
        power = wanted + least
        if self._params.charge_cheap and view.buy[slot] <= view.buy.min() < view.buy.max():
            fill = own.battery_for(np.maximum(own.stored_end_kwh - stored, 0.0), view.slot_hours)
            power = np.where(power > 0.0, 0.0, np.minimum(power, fill))
        room = own.battery_for(own.stored_high_kwh - stored, view.slot_hours)
        gives = own.battery_for(own.stored_low_kwh - stored, view.slot_hours)
        return np.clip(power, np.minimum(room, 0.0), np.maximum(gives, 0.0))

    def _follow(self, grid: PlannedGrid, view: ExpertView, points: Setpoints) -> FloatArray:
        """Reactive power by the curve at the voltages that it brings about [H, n]; where there is no solution, none."""
        own, none = self._own, np.zeros(self._own.n)
        law = ReactiveLaw(none, none, own.kva, np.array(self._params.curve_pu), own.kva, own.kvar_per_kw)
        return unasked_kvar(grid, view, points, UnaskedInverters(law, none))


def _pays_up_to(own: Prosumers, price: FloatArray) -> FloatArray:
    """Power at which a kWh more costs the price of each slot, from b + 2 a P = price [kW] [H, n]."""
    spare, rises = price[:, None] - own.generator_cost, own.generator_quadratic > 0.0
    steady = np.where(spare >= 0.0, np.inf, 0.0)
    return np.where(rises, np.maximum(spare, 0.0) / np.where(rises, 2.0 * own.generator_quadratic, 1.0), steady)


def build(params: RuleParams, context: ExpertContext) -> RuleExpert:
    """The expert of a scenario's agents."""
    return RuleExpert(params, context)
