"""Heat pumps with a thermal buffer: the building draws from the buffer, the heat pump keeps it from running empty.

``buffer(t+1) = (1 - loss)^dt buffer(t) - heat + COP * electricity``, all in Wh. What must be drawn now is the
least electricity that leaves the buffer at or above zero; what may be drawn fills it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import Basics
from marketsim.core.fleets import FleetInfo
from marketsim.core.params import Params
from marketsim.core.programme import BlockBuilder, LinearBlock, PlannedSlots
from marketsim.core.records import DeviceRange, SlotInputs
from marketsim.core.units import WH_PER_KWH
from marketsim.devices.fleet import column, level, owned, series, slot_wh, typed
from marketsim.devices.params import HeatPumpParams

_LEAST_BUFFER = 2.0
"""The smallest buffer, in Wh of electricity: with less, no whole Wh would meet every demand exactly."""


@dataclass(slots=True)
class HeatPump:
    """Fleet of heat pumps; all columns [n_agents]. State [1, n_agents]: heat in the buffer [Wh thermal].

    Series: ``heat_kw``, thermal demand.
    """

    power_wh: IntArray
    cop: FloatArray
    capacity_wh: FloatArray
    """Heat in the full buffer [Wh thermal]."""
    kept: FloatArray
    """Share of the buffer's heat that is left after a slot."""
    initial_wh: FloatArray
    info: FleetInfo

    def initial(self) -> FloatArray:
        """Heat in the buffer at the start [1, n_agents]."""
        return self.initial_wh[np.newaxis].copy()

    def range(self, state: FloatArray, inputs: SlotInputs) -> DeviceRange:
        """Firm: what the heat demand of this slot leaves no choice about. Deferrable: up to the full buffer."""
        unheated = self._unheated(state, inputs)
        need = np.ceil(np.maximum(-unheated, 0.0) / self.cop).astype(np.int64)
        need += unheated + self.cop * need < 0.0  # float noise: one Wh too few
        room = np.floor((self.capacity_wh - unheated) / self.cop).astype(np.int64)
        room -= unheated + self.cop * room > self.capacity_wh
        must = np.minimum(need, self.power_wh)
        most = np.maximum(np.minimum(room, self.power_wh), must)
        return DeviceRange(-most, -must, -must, level(state[0], self.capacity_wh))

    def advance(self, state: FloatArray, inputs: SlotInputs, energy_wh: IntArray) -> tuple[FloatArray, IntArray]:
        """Heat in the buffer after the slot, and the electricity that full service would have needed [Wh]."""
        content = self._unheated(state, inputs) - self.cop * energy_wh
        missed = np.rint(np.maximum(-content, 0.0) / self.cop).astype(np.int64)
        return np.maximum(content, 0.0)[np.newaxis], missed

    def running_cost(self, energy_wh: IntArray, unserved_wh: IntArray) -> IntArray:  # noqa: ARG002
        """Heating has no cost but its energy."""
        return np.zeros_like(energy_wh)

    def linear(self, state: FloatArray, ahead: PlannedSlots) -> LinearBlock:
        """Electricity h, content q of the buffer and what is missed m: ``q_t = kept q_(t-1) + COP (h_t + m_t) - heat_t``."""
        owners = np.flatnonzero(self.capacity_wh[ahead.agents] > 0.0)
        rows, slots = ahead.agents[owners], np.arange(ahead.slots)
        shape = (len(owners), ahead.slots)
        heat_kwh = np.maximum(ahead.series("heat_kw")[:, owners].T, 0.0) * ahead.time.hours
        cop = self.cop[rows, None]
        block = BlockBuilder(ahead.slots, len(ahead.agents))
        drawn = block.columns(shape, self.power_wh[rows, None] / WH_PER_KWH)
        missed = block.columns(shape, missed=True)
        content = block.columns(shape, self.capacity_wh[rows, None] / WH_PER_KWH)
        taken = -heat_kwh
        taken[:, 0] += self.kept[rows] * state[0, owners] / WH_PER_KWH
        row = block.rows(shape, taken, taken)
        block.put(row, content, 1.0)
        block.put(row[:, 1:], content[:, :-1], -self.kept[rows, None])
        block.put(row, drawn, -cop)
        block.put(row, missed, -cop)
        block.at_meter(slots, owners[:, None], drawn, -1.0)
        block.content(content, owners, state[0, owners] / WH_PER_KWH, 1.0 / self.cop[rows])
        return block.done()

    def _unheated(self, state: FloatArray, inputs: SlotInputs) -> FloatArray:
        """Content of the buffer [Wh] at the end of the slot if the heat pump stood still; negative: heat is missing."""
        heat_wh = np.maximum(series(inputs, "heat_kw", self.info.name), 0.0) * (inputs.time.hours * WH_PER_KWH)
        return np.asarray(self.kept * state[0] - np.where(self.capacity_wh > 0, heat_wh, 0.0))


def build(params: Sequence[Params | None], context: Basics) -> HeatPump:
    """The heat pumps of all agents; zero ratings for who has none. A buffer holds at least 2 Wh of electricity."""
    own = typed(HeatPumpParams, params)
    hours = context.clock.slot_hours
    capacity = column(own, lambda row: max(row.buffer_kwh * WH_PER_KWH, _LEAST_BUFFER * row.cop))
    power_kw, heat_kwh = column(own, lambda row: row.power_kw), column(own, lambda row: row.annual_heat_kwh)
    return HeatPump(
        power_wh=slot_wh(power_kw, hours),
        cop=column(own, lambda row: row.cop, absent=1.0),
        capacity_wh=capacity,
        kept=(1.0 - column(own, lambda row: row.loss_per_h)) ** hours,
        initial_wh=capacity * column(own, lambda row: row.level_initial),
        info=FleetInfo("heat_pump", owned(own), power_kw, np.zeros(len(own)), annual_heat_kwh=heat_kwh),
    )
