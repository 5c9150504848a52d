"""Shiftable load: a share of the agent's load that may be served up to so many hours later.

Load that arises in slot t has to be served by slot t + n. What waits is kept by its deadline, the most urgent is served first;
so what must be drawn now is what has waited n slots, and what may be drawn is all that waits. Nobody's decision means as it
comes. The profile's load is split as for a curtailable load (``FleetInfo.load_share``), and metered on its own.
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
from marketsim.core.sensing import meter
from marketsim.core.units import WH_PER_KWH
from marketsim.devices.fleet import column, no_level, owned, series, typed
from marketsim.devices.params import ShiftableLoadParams


@dataclass(slots=True)
class ShiftableLoad:
    """Fleet of shiftable loads; all columns [n_agents].

    State [1 + most slots, n_agents]: metering remainder [Wh], then the load [Wh] that is due in this slot, in the next, ...
    Series: ``load_kw``.
    """

    share: FloatArray
    delay_slots: IntArray
    info: FleetInfo

    def initial(self) -> FloatArray:
        """Nothing waits [1 + most slots, n_agents]."""
        return np.zeros((1 + int(self.delay_slots.max(initial=1)), len(self.share)))

    def range(self, state: FloatArray, inputs: SlotInputs) -> DeviceRange:
        """At least what is due, at most all that waits; as it comes, that is all."""
        arising_wh, _ = self._metered(state, inputs)
        all_wh = arising_wh + state[1:].sum(axis=0).astype(np.int64)
        return DeviceRange(-all_wh, -all_wh, -state[1].astype(np.int64), no_level(len(all_wh)))

    def advance(self, state: FloatArray, inputs: SlotInputs, energy_wh: IntArray) -> tuple[FloatArray, IntArray]:
        """What still waits, a slot nearer to its deadline; what was due and was not drawn is missed [Wh]."""
        arising_wh, carry_wh = self._metered(state, inputs)
        waiting = np.concatenate((state[1:], np.zeros((1, len(carry_wh)))))
        waiting[self.delay_slots, np.arange(len(carry_wh))] += arising_wh
        served_before = np.cumsum(waiting, axis=0) - waiting
        left = waiting - np.clip(-energy_wh - served_before, 0.0, waiting)
        return np.concatenate((carry_wh[np.newaxis], left[1:])), left[0].astype(np.int64)

    def running_cost(self, energy_wh: IntArray, unserved_wh: IntArray) -> IntArray:  # noqa: ARG002
        """Waiting has no cost."""
        return np.zeros_like(energy_wh)

    def linear(self, state: FloatArray, ahead: PlannedSlots) -> LinearBlock:
        """Energy u that is served and energy b that waits: ``b_t = b_(t-1) + load_t - u_t``, nothing waits at the end.

        What waits after a slot is at most what is due later.
        """
        owners = np.flatnonzero(self.share[ahead.agents] > 0.0)
        rows = ahead.agents[owners]
        load = ahead.series("load_kw")[:, owners].T * self.share[rows, None] * ahead.time.hours
        due = state[1:, owners].T / WH_PER_KWH
        arising = load.copy()
        arising[:, :1] += due.sum(axis=1, keepdims=True)
        block = BlockBuilder(ahead.slots, len(ahead.agents))
        served = block.columns(load.shape)
        waits = block.columns(load.shape, _may_wait(load, due, self.delay_slots[rows]))
        row = block.rows(load.shape, arising, arising)
        block.put(row, waits, 1.0)
        block.put(row[:, 1:], waits[:, :-1], -1.0)
        block.put(row, served, 1.0)
        block.at_meter(np.arange(ahead.slots), owners[:, None], served, -1.0)
        return block.done()

    def _metered(self, state: FloatArray, inputs: SlotInputs) -> tuple[IntArray, FloatArray]:
        carry = state[0] if inputs.time.of_day else np.zeros_like(state[0])  # remainders are carried within a day
        return meter(series(inputs, "load_kw", self.info.name) * self.share, inputs.time.hours, carry)


def _may_wait(load: FloatArray, due: FloatArray, delay_slots: IntArray) -> FloatArray:
    """Load that is due after each slot [n_owners, slots]: of ``load``, and of ``due`` [n_owners, ...] from before."""
    slots = load.shape[1]
    so_far = np.concatenate((np.zeros((len(load), 1)), np.cumsum(load, axis=1)), axis=1)
    overdue = np.maximum(np.arange(1, slots + 1) - delay_slots[:, None], 0)
    most = so_far[:, 1:] - np.take_along_axis(so_far, overdue, axis=1)
    later = due.sum(axis=1, keepdims=True) - np.cumsum(due, axis=1)
    before = min(slots, due.shape[1])
    most[:, :before] += later[:, :before]
    most[:, -1:] = 0.0
    return np.maximum(most, 0.0)


def build(params: Sequence[Params | None], context: Basics) -> ShiftableLoad:
    """The shiftable loads of all agents; a share of zero for who has none."""
    own = typed(ShiftableLoadParams, params)
    share, none = column(own, lambda row: row.share), np.zeros(len(own))
    delay = np.rint(column(own, lambda row: row.delay_h) / context.clock.slot_hours).astype(np.int64)
    info = FleetInfo("shiftable_load", owned(own), none, none, load_share=share)
    return ShiftableLoad(share=share, delay_slots=np.maximum(delay, 1), info=info)
