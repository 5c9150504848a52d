"""Electric vehicles: energy required until departure, deferrable until the deadline makes it firm.

With r Wh still required, at home for a share s of this slot and for k slots after it (both by the fraction), and at most
P Wh a slot, ``max(0, r - k P)`` must be taken now; everything up to ``min(r, s P)`` may be, each slot in whole Wh. A
vehicle that always takes what it must departs full whenever its stay is long enough on arrival.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.build import Basics
from marketsim.core.errors import Problem, ProfileError
from marketsim.core.fleets import FleetInfo, Sessions, StayInfo
from marketsim.core.params import Params
from marketsim.core.programme import BlockBuilder, LinearBlock, PlannedSlots
from marketsim.core.records import DeviceRange, SlotInputs
from marketsim.core.units import WH_PER_KWH
from marketsim.devices.fleet import column, no_level, owned, series, typed, whole_wh
from marketsim.devices.params import EvParams
from marketsim.devices.sessions import VehicleSessions, read_sessions, sessions_of
from marketsim.devices.stays import stays_of


@dataclass(slots=True)
class Ev:
    """Fleet of vehicles; all columns [n_agents]. State [1, n_agents]: energy still required [Wh at the meter], whole.

    Series: ``ev_connected`` share of the slot at home; ``ev_slots_left`` slots from the slot's begin until departure;
    ``ev_arrival_kwh`` energy that the vehicle's battery lacks, in the slot of its arrival and 0 in all others.
    """

    power_wh: FloatArray
    """Most energy of a whole slot, not rounded."""
    capacity_wh: FloatArray
    efficiency: FloatArray
    info: FleetInfo

    def initial(self) -> FloatArray:
        """Nothing is required before the first arrival [1, n_agents]."""
        return np.zeros((1, len(self.power_wh)))

    def range(self, state: FloatArray, inputs: SlotInputs) -> DeviceRange:
        """Firm: what the deadline demands at full power. Deferrable: the rest, as fast as power allows."""
        share, after = self._presence(inputs)
        connected = share > 0.0
        required = self._required(state, inputs, connected)
        most = np.minimum(required, whole_wh(share * self.power_wh))
        whole = np.floor(after)
        later = whole.astype(np.int64) * whole_wh(self.power_wh) + whole_wh((after - whole) * self.power_wh)
        must = np.clip(required - later, 0, most)
        return DeviceRange(-most, -must, -must, self._level(required, connected))

    def advance(self, state: FloatArray, inputs: SlotInputs, energy_wh: IntArray) -> tuple[FloatArray, IntArray]:
        """What is still required after the slot; at departure it is missed [Wh at the meter]."""
        share, after = self._presence(inputs)
        required = self._required(state, inputs, share > 0.0) + energy_wh
        stays = np.where((share > 0.0) & (after > 0.0), required, 0)
        return stays[np.newaxis].astype(np.float64), required - stays

    def running_cost(self, energy_wh: IntArray, unserved_wh: IntArray) -> IntArray:  # noqa: ARG002
        """Charging has no cost but its energy."""
        return np.zeros_like(energy_wh)

    def linear(self, state: FloatArray, ahead: PlannedSlots) -> LinearBlock:
        """What each stay charges: all that is required, of a stay that lasts beyond the slots the share that falls within.

        At least what could not be charged later, at most what is required; what cannot be had is missed.
        """
        owners = np.flatnonzero(self.capacity_wh[ahead.agents] > 0)
        rows = ahead.agents[owners]
        here, left, lacking = (
            ahead.series(name)[:, owners].T for name in ("ev_connected", "ev_slots_left", "ev_arrival_kwh")
        )
        here = np.clip(here, 0.0, 1.0)
        power = here * self.power_wh[rows, None] / WH_PER_KWH
        arrived = np.minimum(lacking, self.capacity_wh[rows, None] / WH_PER_KWH) / self.efficiency[rows, None]
        stays = stays_of(here, left, arrived, state[0, owners] / WH_PER_KWH)
        later = stays.slots_after * self.power_wh[rows[stays.owner]] / WH_PER_KWH
        least = np.maximum(stays.required_kwh - later, stays.required_kwh * stays.share_within)
        block = BlockBuilder(ahead.slots, len(ahead.agents))
        drawn = block.columns(power.shape, power)
        missed = block.columns(least.shape, missed=True)
        row = block.rows(least.shape, least, stays.required_kwh)
        inside = stays.stay_of >= 0
        block.put(row[stays.stay_of[inside]], drawn[inside], 1.0)
        block.put(row, missed, 1.0)
        block.at_meter(np.arange(ahead.slots), owners[:, None], drawn, -1.0)
        return block.done()

    def _presence(self, inputs: SlotInputs) -> tuple[FloatArray, FloatArray]:
        """Share of the slot at home, and slots at home after it."""
        here = np.clip(series(inputs, "ev_connected", self.info.name), 0.0, 1.0)
        share = np.where(self.capacity_wh > 0, here, 0.0)
        return share, np.maximum(series(inputs, "ev_slots_left", self.info.name) - 1.0, 0.0)

    def _required(self, state: FloatArray, inputs: SlotInputs, connected: BoolArray) -> IntArray:
        """Energy required [Wh at the meter], arrivals of this slot included; never more than an empty battery takes."""
        lacking = np.minimum(series(inputs, "ev_arrival_kwh", self.info.name) * WH_PER_KWH, self.capacity_wh)
        arrived = np.where(connected, np.rint(lacking / self.efficiency), 0.0)
        return np.asarray((state[0] + arrived).astype(np.int64))

    def _level(self, required_wh: IntArray, connected: BoolArray) -> FloatArray:
        share = no_level(len(required_wh))
        np.divide(required_wh * self.efficiency, self.capacity_wh, out=share, where=connected)
        return np.clip(1.0 - share, 0.0, 1.0)


def build(params: Sequence[Params | None], context: Basics) -> Ev:
    """The vehicles of all agents; zero ratings for who has none."""
    own = typed(EvParams, params)
    power_kw = column(own, lambda row: row.power_kw)
    efficiency = column(own, lambda row: row.efficiency, absent=1.0)
    stay = StayInfo(
        capacity_kwh=column(own, lambda row: row.energy_kwh),
        efficiency=efficiency,
        daily_kwh=column(own, lambda row: row.daily_kwh),
        arrival_hour=column(own, lambda row: row.arrival_hour, absent=np.nan),
        departure_hour=column(own, lambda row: row.departure_hour, absent=np.nan),
        arrival_spread_h=column(own, lambda row: row.arrival_spread_h),
        departure_spread_h=column(own, lambda row: row.departure_spread_h),
    )
    return Ev(
        power_wh=power_kw * (context.clock.slot_hours * WH_PER_KWH),
        capacity_wh=column(own, lambda row: row.energy_kwh * WH_PER_KWH),
        efficiency=efficiency,
        info=FleetInfo("ev", owned(own), power_kw, np.zeros(len(own)), stay=stay, sessions=_sessions(own, context)),
    )


def _sessions(own: Sequence[EvParams | None], context: Basics) -> tuple[Sessions | None, ...] | None:
    """Sessions of the agents whose vehicles have a file; ProfileError with everything that is wrong with all files."""
    n_own = len(context.agents)
    files = dict.fromkeys(row.file for row in own[:n_own] if row is not None and row.file is not None)
    if not files:
        return None
    problems: list[Problem] = []
    tables: dict[str, dict[str, VehicleSessions]] = {}
    for file in files:
        try:
            tables[file] = read_sessions(file, context.fence)
        except ProfileError as error:
            problems += error.problems
    made: list[Sessions | None] = [None] * n_own
    for agent, (row, spec) in enumerate(zip(own, context.agents, strict=False)):
        if row is None or row.file not in tables:
            continue
        asked_by = f"agents[{spec.group}].ev"
        try:
            table, vehicle = tables[row.file], row.vehicle or spec.name
            made[agent] = sessions_of(table, vehicle, row.energy_kwh, context.clock, row.file, asked_by)
        except ProfileError as error:
            problems += error.problems
    if problems:
        raise ProfileError(problems)
    return tuple(made) * context.community.n_markets
