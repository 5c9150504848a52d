"""Batteries: charge and discharge with losses both ways, state of charge behind an integer meter.

Equation (Lou et al. 2025, arXiv 2507.14995, with slot length and capacity made explicit):
``stored(t+1) = stored(t) + eta_c * charge - discharge / eta_d``, energies in Wh at the meter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import Basics
from marketsim.core.fleets import FleetInfo, StoreInfo
from marketsim.core.params import Params
from marketsim.core.programme import BlockBuilder, LinearBlock, PlannedSlots, StoreRatings, put_stores
from marketsim.core.records import DeviceRange, SlotInputs
from marketsim.core.units import WH_PER_KWH, to_price, to_ticks
from marketsim.devices import battery_kernel
from marketsim.devices.fleet import column, owned, slot_wh, typed
from marketsim.devices.params import BatteryParams


def stored_after(
    stored_wh: FloatArray, energy_wh: IntArray, charge_efficiency: FloatArray, discharge_efficiency: FloatArray
) -> FloatArray:
    """Stored energy [Wh] after the net energy ``energy_wh`` at the meter (discharge positive), each [n_agents]."""
    result = np.empty(len(stored_wh))
    battery_kernel.stored_after_rows(stored_wh, energy_wh, charge_efficiency, discharge_efficiency, result)
    return result


@dataclass(slots=True)
class Battery:
    """Fleet of batteries; all columns [n_agents]. State [1, n_agents]: stored energy [Wh]."""

    power_wh: IntArray
    """Most energy a slot, either way."""
    lowest_wh: FloatArray
    highest_wh: FloatArray
    initial_wh: FloatArray
    charge_efficiency: FloatArray
    discharge_efficiency: FloatArray
    wear_ticks: IntArray
    info: FleetInfo

    def initial(self) -> FloatArray:
        """Stored energy at the start [1, n_agents]."""
        return self.initial_wh[np.newaxis].copy()

    def range(self, state: FloatArray, inputs: SlotInputs) -> DeviceRange:  # noqa: ARG002
        """What power and the room in the store allow; nothing is firm."""
        lo_wh, firm_wh, hi_wh = energies = np.empty((3, len(self.power_wh)), dtype=np.int64)
        level = np.empty(len(self.power_wh))
        efficiencies = self.charge_efficiency, self.discharge_efficiency
        battery_kernel.reach(state[0], self.lowest_wh, self.highest_wh, self.power_wh, *efficiencies, energies, level)
        return DeviceRange(lo_wh, firm_wh, hi_wh, level)

    def advance(self, state: FloatArray, inputs: SlotInputs, energy_wh: IntArray) -> tuple[FloatArray, IntArray]:  # noqa: ARG002
        """Stored energy after the slot; a battery misses no deadline."""
        after = stored_after(state[0], energy_wh, self.charge_efficiency, self.discharge_efficiency)
        return after[np.newaxis], np.zeros_like(energy_wh)

    def running_cost(self, energy_wh: IntArray, unserved_wh: IntArray) -> IntArray:  # noqa: ARG002
        """Wear of the slot [money units] [n_agents]."""
        return np.asarray(np.abs(energy_wh) * self.wear_ticks)

    def linear(self, state: FloatArray, ahead: PlannedSlots) -> LinearBlock:
        """Charge, discharge and content of each; see ``programme.put_stores``."""
        owners = np.flatnonzero(self.info.owned[ahead.agents])
        rows = ahead.agents[owners]
        ratings = StoreRatings(
            (self.highest_wh - self.lowest_wh)[rows] / WH_PER_KWH,
            self.power_wh[rows] / WH_PER_KWH,
            self.charge_efficiency[rows],
            self.discharge_efficiency[rows],
            to_price(self.wear_ticks[rows]),
        )
        stored = np.clip(state[0, owners], self.lowest_wh[rows], self.highest_wh[rows]) - self.lowest_wh[rows]
        block = BlockBuilder(ahead.slots, len(ahead.agents))
        put_stores(block, owners, ahead.slots, ratings, stored / WH_PER_KWH)
        return block.done()


def build(params: Sequence[Params | None], context: Basics) -> Battery:
    """The batteries of all agents; zero ratings for who has none."""
    own = typed(BatteryParams, params)
    power_kw = column(own, lambda row: row.power_kw)
    charge_efficiency = column(own, lambda row: row.charge_efficiency, absent=1.0)
    discharge_efficiency = column(own, lambda row: row.discharge_efficiency, absent=1.0)
    wear = column(own, lambda row: row.wear_cost)
    usable = column(own, lambda row: row.soc_max, absent=1.0) - column(own, lambda row: row.soc_min)
    capacity_kwh = column(own, lambda row: row.energy_kwh) * usable
    store = StoreInfo(capacity_kwh, charge_efficiency, discharge_efficiency, wear)
    return Battery(
        power_wh=slot_wh(power_kw, context.clock.slot_hours),
        lowest_wh=column(own, lambda row: row.soc_min * row.energy_kwh * WH_PER_KWH),
        highest_wh=column(own, lambda row: row.soc_max * row.energy_kwh * WH_PER_KWH),
        initial_wh=column(own, lambda row: row.soc_initial * row.energy_kwh * WH_PER_KWH),
        charge_efficiency=charge_efficiency,
        discharge_efficiency=discharge_efficiency,
        wear_ticks=to_ticks(wear),
        info=FleetInfo("battery", owned(own), power_kw, power_kw, store=store),
    )
