"""Appliances that run once a day, from begin to end without a stop.

A machine of power P and cycle energy E may begin from its earliest hour on, begins at its usual hour unless somebody decides
otherwise, and has to in the last slot from which it ends in time. Once it has begun, its energy is firm. Where less than P is
drawn in its first slot, it began within that slot, and ends that much later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.build import Basics
from marketsim.core.clock import SlotTime
from marketsim.core.fleets import FleetInfo
from marketsim.core.params import Params
from marketsim.core.programme import BlockBuilder, LinearBlock, PlannedSlots
from marketsim.core.records import DeviceRange, SlotInputs
from marketsim.core.units import WH_PER_KWH
from marketsim.devices.fleet import column, no_level, owned, slot_wh, typed
from marketsim.devices.params import ApplianceParams

_EXACT: Final = 1e-9
"""Hours that miss each other by float noise alone are the same."""


class _Chances(NamedTuple):
    """What an idle machine may do in a slot [n_agents]."""

    may: BoolArray
    usual: BoolArray
    """It begins unless somebody decides otherwise."""
    must: BoolArray


@dataclass(slots=True)
class Appliance:
    """Fleet of appliances; all columns [n_agents].

    State [2, n_agents]: energy that the cycle in progress still takes [Wh], and whether today's has begun (0 or 1).
    """

    power_wh: IntArray
    """Energy of a whole slot."""
    cycle_wh: IntArray
    earliest_hour: FloatArray
    usual_hour: FloatArray
    latest_hour: FloatArray
    info: FleetInfo

    def initial(self) -> FloatArray:
        """Nothing runs [2, n_agents]."""
        return np.zeros((2, len(self.power_wh)))

    def range(self, state: FloatArray, inputs: SlotInputs) -> DeviceRange:
        """All or what is left of the power while it runs; from nothing to that where it may begin."""
        left, begun = self._at(state, inputs.time)
        chances = self._chances(inputs.time)
        draw = np.minimum(self.power_wh, np.where(left > 0, left, self.cycle_wh))
        runs, idle = left > 0, (left == 0) & ~begun
        most, usual, least = (
            np.where(runs | (idle & each), draw, 0) for each in (chances.may, chances.usual, chances.must)
        )
        return DeviceRange(-most, -usual, -least, no_level(len(draw)))

    def advance(self, state: FloatArray, inputs: SlotInputs, energy_wh: IntArray) -> tuple[FloatArray, IntArray]:
        """What the cycle still takes; a machine misses nothing, since it begins in time."""
        left, begun = self._at(state, inputs.time)
        begins = (left == 0) & ~begun & (energy_wh < 0)
        after = np.where(begins, self.cycle_wh, left) + energy_wh
        return np.stack((after, begun | begins)).astype(np.float64), np.zeros_like(energy_wh)

    def running_cost(self, energy_wh: IntArray, unserved_wh: IntArray) -> IntArray:  # noqa: ARG002
        """Running has no cost but its energy."""
        return np.zeros_like(energy_wh)

    def linear(self, state: FloatArray, ahead: PlannedSlots) -> LinearBlock:
        """A yes or no for each slot in which a cycle may begin, one of them a yes; what runs is fixed.

        A cycle that may still begin beyond these slots may be left to them.
        """
        block = BlockBuilder(ahead.slots, len(ahead.agents))
        left, begun = (column[ahead.agents] for column in self._spread(state, ahead))
        for owner in np.flatnonzero(self.cycle_wh[ahead.agents] > 0).tolist():
            row = int(ahead.agents[owner])
            running = self._course(row, int(left[owner]))[: ahead.slots]
            block.fixed_kwh[: len(running), owner] -= running
            for starts, left_to_later in self._windows(row, ahead, begun=bool(begun[owner]), free=len(running)):
                self._put_cycle(block, row, owner, starts, left_to_later=left_to_later, slots=ahead.slots)
        return block.done()

    def _spread(self, state: FloatArray, ahead: PlannedSlots) -> tuple[IntArray, BoolArray]:
        """Energy left and whether today's cycle has begun, on the flat axis; 0 for who does not plan."""
        every = np.zeros((2, len(self.power_wh)))
        every[:, ahead.agents] = state
        return self._at(every, ahead.time)

    def _windows(self, row: int, ahead: PlannedSlots, *, begun: bool, free: int) -> list[tuple[IntArray, bool]]:
        """Slots in which each cycle may begin, from the slot ``free`` on, and whether it may also begin beyond them."""
        hours, per_day = ahead.time.hours, round(24.0 / ahead.time.hours)
        takes = len(self._course(row, int(self.cycle_wh[row])))
        first = int(np.ceil(self.earliest_hour[row] / hours - _EXACT))
        last = int(np.floor(self.latest_hour[row] / hours + _EXACT)) - takes
        found = []
        for day in range(-(-(ahead.slots + ahead.time.of_day) // per_day)):
            if day == 0 and begun:
                continue
            begin = day * per_day - ahead.time.of_day
            earliest = max(begin + first, free)
            latest = max(begin + last, earliest)
            if earliest < ahead.slots:
                found.append((np.arange(earliest, min(latest + 1, ahead.slots)), latest >= ahead.slots))
        return found

    def _put_cycle(
        self, block: BlockBuilder, row: int, owner: int, starts: IntArray, *, left_to_later: bool, slots: int
    ) -> None:
        begins = block.columns((len(starts) + left_to_later,), 1.0, whole=True)
        block.put(block.rows((1,), 1.0, 1.0), begins, 1.0)
        course = self._course(row, int(self.cycle_wh[row]))
        slot = starts[:, None] + np.arange(len(course))
        inside = slot < slots
        drawn = np.broadcast_to(-course, slot.shape)[inside]
        column_of = np.broadcast_to(begins[: len(starts), None], slot.shape)[inside]
        block.at_meter(slot[inside], np.full(len(drawn), owner), column_of, drawn)

    def _course(self, row: int, energy_wh: int) -> FloatArray:
        """Energy of each slot [kWh] until a cycle with so much left has ended."""
        power = int(self.power_wh[row])
        whole, rest = divmod(energy_wh, power) if power else (0, 0)
        return np.array([power] * whole + [rest] * (rest > 0), dtype=np.float64) / WH_PER_KWH

    def _at(self, state: FloatArray, time: SlotTime) -> tuple[IntArray, BoolArray]:
        """Energy left [Wh] and whether today's cycle has begun; a new day has a new one."""
        return state[0].astype(np.int64), (state[1] > 0) & (time.of_day > 0)

    def _chances(self, time: SlotTime) -> _Chances:
        takes = -(-self.cycle_wh // np.maximum(self.power_wh, 1))
        may, usual = (time.hour >= hour - _EXACT for hour in (self.earliest_hour, self.usual_hour))
        must = time.hour + (takes + 1) * time.hours > self.latest_hour + _EXACT
        has = self.cycle_wh > 0
        return _Chances(has & (may | must), has & (usual | must), has & must)


def build(params: Sequence[Params | None], context: Basics) -> Appliance:
    """The appliances of all agents; zero ratings for who has none."""
    own = typed(ApplianceParams, params)
    power_kw = column(own, lambda row: row.power_kw)
    energy_wh = np.rint(power_kw * column(own, lambda row: row.cycle_h) * WH_PER_KWH).astype(np.int64)
    return Appliance(
        power_wh=np.maximum(slot_wh(power_kw, context.clock.slot_hours), power_kw > 0),
        cycle_wh=energy_wh,
        earliest_hour=column(own, lambda row: row.earliest_hour),
        usual_hour=column(own, lambda row: row.usual_hour),
        latest_hour=column(own, lambda row: row.latest_hour, absent=24.0),
        info=FleetInfo("appliance", owned(own), power_kw, np.zeros(len(own))),
    )
