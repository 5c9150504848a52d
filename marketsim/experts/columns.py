"""Models of several prosumers as columns, and what their devices do by them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import acos, tan
from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.expert import ExpertView
from marketsim.core.setpoints import Setpoints
from marketsim.experts.model import BatteryModel, GeneratorModel, ProsumerModel


class Prosumers(NamedTuple):
    """Ratings and costs of n prosumers, 0 where one has no such device; each [n]."""

    generator_low_kw: FloatArray
    generator_high_kw: FloatArray
    ramp_kw_per_h: FloatArray
    """inf: unlimited."""
    generator_cost: FloatArray
    """[currency/kWh]."""
    generator_quadratic: FloatArray
    """[currency/(kW^2 h)]."""
    battery_kw: FloatArray
    stored_low_kwh: FloatArray
    stored_high_kwh: FloatArray
    efficiency_in: FloatArray
    """1 without a battery."""
    efficiency_out: FloatArray
    wear: FloatArray
    """[currency/kWh]."""
    curtailable_share: FloatArray
    curtailed_cost: FloatArray
    """[currency/kWh]."""
    pv_kw: FloatArray
    kva: FloatArray
    kvar_per_kw: FloatArray
    """Reactive power that the least power factor allows for each kW of PV [kvar/kW]; inf: there is none."""
    stored_end_kwh: FloatArray
    missing_price: FloatArray
    """What a stored kWh that is missing at the end of the day costs [currency/kWh]."""
    spare_price: FloatArray
    """What one that is over is worth [currency/kWh]."""

    @property
    def n(self) -> int:
        """Number of prosumers."""
        return len(self.pv_kw)

    def most_kvar(self, pv_kw: FloatArray) -> FloatArray:
        """Largest reactive power of the inverters at this active power [kvar], of its shape."""
        circle = np.sqrt(np.maximum(self.kva**2 - pv_kw**2, 0.0))
        within = np.where(np.isfinite(self.kvar_per_kw), self.kvar_per_kw, 0.0) * pv_kw
        return np.where(np.isfinite(self.kvar_per_kw), np.minimum(within, circle), circle)

    def stored_gain(self, battery_kw: FloatArray, hours: float) -> FloatArray:
        """Change of stored energy at this power [kWh], discharge positive; of its shape."""
        charged, given = np.maximum(-battery_kw, 0.0), np.maximum(battery_kw, 0.0)
        return np.asarray(hours * (self.efficiency_in * charged - given / self.efficiency_out))

    def battery_for(self, gain_kwh: FloatArray, hours: float) -> FloatArray:
        """Power that changes stored energy by so much, within the rating [kW]; of its shape."""
        power = np.where(gain_kwh > 0.0, -gain_kwh / self.efficiency_in, -gain_kwh * self.efficiency_out) / hours
        return np.clip(power, -self.battery_kw, self.battery_kw)


def prosumers(models: Sequence[ProsumerModel]) -> Prosumers:
    """The columns of models, in their order."""

    def of(value: Callable[[ProsumerModel], float]) -> FloatArray:
        return np.array([value(model) for model in models], dtype=np.float64)

    def battery(value: Callable[[BatteryModel], float], absent: float = 0.0) -> FloatArray:
        return of(lambda model: absent if model.battery is None else value(model.battery))

    def generator(value: Callable[[GeneratorModel], float], absent: float = 0.0) -> FloatArray:
        return of(lambda model: absent if model.generator is None else value(model.generator))

    efficiency_in = battery(lambda own: own.efficiency, 1.0)
    efficiency_out = battery(lambda own: own.efficiency_out, 1.0)
    energy_kwh = battery(lambda own: own.energy_kwh)
    return Prosumers(
        generator_low_kw=generator(lambda own: own.min_kw),
        generator_high_kw=generator(lambda own: own.max_kw),
        ramp_kw_per_h=generator(lambda own: np.inf if own.ramp_kw_per_h is None else own.ramp_kw_per_h, np.inf),
        generator_cost=generator(lambda own: own.cost_per_kwh),
        generator_quadratic=generator(lambda own: own.quadratic_cost),
        battery_kw=battery(lambda own: own.power_kw),
        stored_low_kwh=battery(lambda own: own.min_soc * own.energy_kwh),
        stored_high_kwh=battery(lambda own: own.max_soc * own.energy_kwh),
        efficiency_in=efficiency_in,
        efficiency_out=efficiency_out,
        wear=battery(lambda own: own.wear_per_kwh),
        curtailable_share=of(lambda model: 0.0 if model.curtailable is None else model.curtailable.share),
        curtailed_cost=of(lambda model: 0.0 if model.curtailable is None else model.curtailable.cost_per_kwh),
        pv_kw=of(lambda model: model.pv_kw),
        kva=of(lambda model: model.kva),
        kvar_per_kw=of(lambda model: _kvar_per_kw(model.min_power_factor)),
        stored_end_kwh=of(lambda model: model.terminal.soc) * energy_kwh,
        missing_price=of(lambda model: model.terminal.missing_per_kwh) / efficiency_in,
        spare_price=of(lambda model: model.terminal.spare_per_kwh) * efficiency_out,
    )


def _kvar_per_kw(power_factor: float | None) -> float:
    return np.inf if power_factor is None else tan(acos(power_factor))


def stored_path(own: Prosumers, stored_kwh: FloatArray, battery_kw: FloatArray, hours: float) -> FloatArray:
    """Stored energy under powers [H, n] from what is stored at first [n]: when each slot opens, and after the last [H + 1, n]."""
    return np.concatenate((stored_kwh[None], stored_kwh + np.cumsum(own.stored_gain(battery_kw, hours), axis=0)))


class Costs(NamedTuple):
    """What set-points cost over a horizon [currency]."""

    energy: float
    """Paid to the utility, less what it pays."""
    devices: float
    """Fuel, wear and what curtailed load was worth."""
    terminal: float
    """Of stored energy that is missing at the end, less what is over."""

    @property
    def total(self) -> float:
        """The sum."""
        return self.energy + self.devices + self.terminal


def costs(own: Prosumers, view: ExpertView, points: Setpoints, net_kw: FloatArray) -> Costs:
    """What set-points cost; ``net_kw``: net injection by which the utility bills [H, groups], one group where all pool."""
    hours, power = view.slot_hours, points.battery_kw
    bought, sold = np.maximum(-net_kw, 0.0).sum(axis=1), np.maximum(net_kw, 0.0).sum(axis=1)
    fuel = own.generator_quadratic * points.generator_kw**2 + own.generator_cost * points.generator_kw
    devices = fuel + own.wear * np.abs(power) + own.curtailed_cost * points.curtailed_kw
    over = stored_path(own, view.stored_kwh, power, hours)[-1] - own.stored_end_kwh
    terminal = np.maximum(-over, 0.0) * own.missing_price - np.maximum(over, 0.0) * own.spare_price
    energy = hours * (view.buy @ bought - view.sell @ sold)
    return Costs(float(energy), float(hours * devices.sum()), float(terminal[own.battery_kw > 0.0].sum()))
