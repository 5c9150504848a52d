"""Dispatchable generators with minimum and maximum power and ramps.

``P(t) in [P_min, P_max]``, ``|P(t) - P(t-1)| <= ramp`` and the cost ``a P^2 + b P + c`` are those of the dispatchable
generator of Lou et al. 2025 (arXiv 2507.14995). What the lower bounds leave no choice about is must-run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import Basics
from marketsim.core.fleets import FleetInfo, PriceInfo
from marketsim.core.params import Params
from marketsim.core.records import DeviceRange, SlotInputs
from marketsim.core.units import WH_PER_KWH, to_ticks
from marketsim.devices.fleet import column, money, no_level, owned, slot_wh, typed, whole_wh
from marketsim.devices.params import GeneratorParams


@dataclass(slots=True)
class Generator:
    """Fleet of generators; all columns [n_agents]. State [1, n_agents]: energy of the last slot [Wh], whole."""

    least_wh: IntArray
    most_wh: IntArray
    ramp_wh: IntArray
    """Largest change of energy from one slot to the next."""
    wear_ticks: IntArray
    """Linear part of the cost."""
    quadratic_cost: FloatArray
    constant_cost: FloatArray
    hours: float
    info: FleetInfo

    def initial(self) -> FloatArray:
        """Every generator starts at its smallest power [1, n_agents]."""
        return self.least_wh[np.newaxis].astype(np.float64)

    def range(self, state: FloatArray, inputs: SlotInputs) -> DeviceRange:  # noqa: ARG002
        """Must-run is the larger of minimum power and the end of the ramp down."""
        last = state[0].astype(np.int64)
        must_run = np.maximum(self.least_wh, last - self.ramp_wh)
        return DeviceRange(must_run, must_run, np.minimum(self.most_wh, last + self.ramp_wh), no_level(len(last)))

    def advance(self, state: FloatArray, inputs: SlotInputs, energy_wh: IntArray) -> tuple[FloatArray, IntArray]:  # noqa: ARG002
        """The executed energy is what the next slot ramps from; a generator misses no deadline."""
        return energy_wh[np.newaxis].astype(np.float64), np.zeros_like(energy_wh)

    def running_cost(self, energy_wh: IntArray, unserved_wh: IntArray) -> IntArray:  # noqa: ARG002
        """Cost of the slot [money units] [n_agents]; the linear part is exact."""
        power_kw = energy_wh / (self.hours * WH_PER_KWH)
        running = energy_wh > 0
        beyond_linear = (self.quadratic_cost * power_kw**2 + self.constant_cost * running) * self.hours
        return np.asarray(energy_wh * self.wear_ticks + money(beyond_linear))


def build(params: Sequence[Params | None], context: Basics) -> Generator:
    """The generators of all agents; zero ratings for who has none. A ramp is at least 1 Wh a slot."""
    own = typed(GeneratorParams, params)
    hours = context.clock.slot_hours
    max_kw = column(own, lambda row: row.max_kw)
    cost, quadratic_cost = column(own, lambda row: row.cost_per_kwh), column(own, lambda row: row.quadratic_cost)
    price = PriceInfo(cost, quadratic_cost)
    most = slot_wh(max_kw, hours)
    ramp = column(own, lambda row: np.inf if row.ramp_kw_per_h is None else row.ramp_kw_per_h) * (hours * hours)
    return Generator(
        least_wh=np.minimum(np.ceil(column(own, lambda row: row.min_kw) * hours * WH_PER_KWH).astype(np.int64), most),
        most_wh=most,
        ramp_wh=np.clip(whole_wh(np.minimum(ramp * WH_PER_KWH, most)), np.minimum(1, most), most),
        wear_ticks=to_ticks(cost),
        quadratic_cost=quadratic_cost,
        constant_cost=column(own, lambda row: row.constant_cost),
        hours=hours,
        info=FleetInfo("generator", owned(own), np.zeros(len(own)), max_kw, price=price),
    )
