"""What a plan is worth, by nobody's word but the model's: its limits and its cost, worked out again from the set-points.

An expert's own code says what its objective is; what comes back from it is compared with this.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.experts.case import DayCase
from marketsim.experts.model import BatteryModel, ProsumerModel
from marketsim.experts.preferences import Preference

_SLACK: Final = 1e-4
"""By which a solver may leave a limit, as a share of it and in kW or kWh."""


class JudgedDay(NamedTuple):
    """Set-points of one prosumer [kW] [H]; generation, discharge and purchases from peers positive."""

    generator_kw: FloatArray
    battery_kw: FloatArray
    curtailed_kw: FloatArray
    pv_kw: FloatArray
    p2p_kw: FloatArray

    @classmethod
    def of(cls, member: Mapping[str, Any]) -> JudgedDay:
        """From what a sandbox returned of a prosumer."""
        return cls(*(np.array(member[name], dtype=np.float64) for name in cls._fields))

    def grid_kw(self, case: DayCase) -> FloatArray:
        """What is drawn from the utility, negative where it is fed in [kW] [H]."""
        own = self.generator_kw + self.battery_kw + self.curtailed_kw + self.pv_kw
        return np.asarray(case.load_kw - own - self.p2p_kw)

    def stored_kwh(self, own: BatteryModel, case: DayCase) -> FloatArray:
        """In the battery when each slot opens, and after the last [kWh] [H + 1]."""
        charge, discharge = np.maximum(-self.battery_kw, 0.0), np.maximum(self.battery_kw, 0.0)
        gains = case.slot_hours * (own.efficiency * charge - discharge / own.efficiency_out)
        return case.stored_kwh + np.concatenate(([0.0], np.cumsum(gains)))


def scale_of(model: ProsumerModel, case: DayCase) -> float:
    """What all energy that a prosumer could move is worth at the retail price [currency]: costs are compared on this scale."""
    most = case.load_kw + case.pv_available_kw
    most = most + (0.0 if model.battery is None else model.battery.power_kw)
    most = most + (0.0 if model.generator is None else model.generator.max_kw)
    return case.slot_hours * float((case.buy_price * most).sum())


def broken_limits(model: ProsumerModel, case: DayCase, plan: JudgedDay) -> list[str]:
    """Limits of a model that a plan leaves, in words, each with its worst slot; empty: none."""
    return [text for name, value, low, high in _limits(model, case, plan) if (text := _worst(name, value, low, high))]


def _limits(
    model: ProsumerModel, case: DayCase, plan: JudgedDay
) -> Iterator[tuple[str, FloatArray, FloatArray, FloatArray]]:
    """Name, values, lowest and highest."""
    none = np.zeros_like(case.load_kw)
    generator, battery, curtailable = model.generator, model.battery, model.curtailable
    least, most = (0.0, 0.0) if generator is None else (generator.min_kw, generator.max_kw)
    yield "generator_kw", plan.generator_kw, none + least, none + most
    if generator is not None and generator.ramp_kw_per_h is not None:
        steps = np.diff(plan.generator_kw, prepend=case.generator_kw)
        step = none + generator.ramp_kw_per_h * case.slot_hours
        yield "the generator's ramp", steps, -step, step
    power = none if battery is None else none + battery.power_kw
    yield "battery_kw", plan.battery_kw, -power, power
    if battery is not None:
        stored = plan.stored_kwh(battery, case)[1:]
        low, high = (none + share * battery.energy_kwh for share in (battery.min_soc, battery.max_soc))
        yield "the stored energy", stored, low, high
    yield "curtailed_kw", plan.curtailed_kw, none, (0.0 if curtailable is None else curtailable.share) * case.load_kw
    yield "pv_kw", plan.pv_kw, none, case.pv_available_kw


def _worst(name: str, value: FloatArray, low: FloatArray, high: FloatArray) -> str:
    beyond = np.maximum(low - value, value - high) - _SLACK * (1.0 + np.maximum(np.abs(low), np.abs(high)))
    slot = int(np.argmax(beyond))
    if beyond[slot] <= 0.0:
        return ""
    return f"{name} of slot {slot} is {value[slot]:.6g}, outside {low[slot]:.6g} to {high[slot]:.6g}"


def cost_of(model: ProsumerModel, case: DayCase, plan: JudgedDay, preferences: Sequence[Preference] = ()) -> float:
    """What a plan costs: energy of the utility, devices, stored energy at the end, and missed wishes [currency].

    Trade between peers costs nothing together, and is left out.
    """
    grid, hours = plan.grid_kw(case), case.slot_hours
    energy = case.buy_price * np.maximum(grid, 0.0) - case.sell_price * np.maximum(-grid, 0.0)
    cost = hours * float(energy.sum())
    if model.generator is not None:
        own = model.generator
        cost += hours * float((own.quadratic_cost * plan.generator_kw**2 + own.cost_per_kwh * plan.generator_kw).sum())
    if model.curtailable is not None:
        cost += hours * model.curtailable.cost_per_kwh * float(plan.curtailed_kw.sum())
    if model.battery is not None:
        cost += _storing_cost(model, model.battery, case, plan)
    return cost + sum(_missed_cost(each, model, case, plan) for each in preferences)


def _storing_cost(model: ProsumerModel, own: BatteryModel, case: DayCase, plan: JudgedDay) -> float:
    end = model.terminal
    over = float(plan.stored_kwh(own, case)[-1]) - end.soc * own.energy_kwh
    price = end.spare_per_kwh * own.efficiency_out if over > 0.0 else end.missing_per_kwh / own.efficiency
    return own.wear_per_kwh * case.slot_hours * float(np.abs(plan.battery_kw).sum()) - price * over


def _missed_cost(wish: Preference, model: ProsumerModel, case: DayCase, plan: JudgedDay) -> float:
    grid = plan.grid_kw(case)
    values = {
        "generator_kw": plan.generator_kw,
        "curtailed_kw": plan.curtailed_kw,
        "import_kw": np.maximum(grid, 0.0),
        "export_kw": np.maximum(-grid, 0.0),
    }
    if model.battery is not None:
        values["stored_kwh"] = plan.stored_kwh(model.battery, case)[:-1]
    missed = wish.missed(values[wish.quantity]) * wish.holds_at(case.hour)
    return wish.weight * case.slot_hours * float(missed.sum())
