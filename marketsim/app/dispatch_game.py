"""The slots of a scenario as a game of plans: what every group of its agents would pay for a plan of its own."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from marketsim.app.members import MembersOfGame
from marketsim.app.parts import basics_of, chosen, devices_of
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.clock import SlotTime
from marketsim.core.errors import InputError, Problem
from marketsim.core.ports import Device, LinearDevice, Profiles
from marketsim.core.programme import LinearBlock, PlannedSlots
from marketsim.core.records import Forecast
from marketsim.core.units import to_price
from marketsim.optimise.members import PooledMembers, owned_blocks
from marketsim.sharing.dispatch import DispatchGame
from marketsim.sharing.stability import Leaving
from marketsim.sharing.worst_dispatch import worst_planning_group

MOST_LISTED: Final = 200_000
"""Members times slots of the plans of all groups, where these are all made: 10 members and a day of hours."""
_MOST_CELLS: Final = 60 * 672
"""Agents times slots of a plan."""


class PlannedPool(MembersOfGame[DispatchGame]):
    """All agents of a scenario, who know the series of its slots and plan them behind one meter.

    Each begins in the slot ``begins`` with the initial levels of its devices, and ends with as much in each store. The plan knows
    no feeder. InputError for a scenario that is too large, or at prices below zero.
    """

    def __init__(self, ready: ReadyScenario, peak_price: float = 0.0, begins: int = 0) -> None:
        _demand_small(ready)
        self.ready = ready
        known = ready.variant({"profiles.forecast": "perfect"})
        basics = basics_of(known, (known.model.seed,))
        devices = devices_of(known, basics)
        tariff = chosen(known, "tariff", known.model.tariff, basics)
        context = BuildContext.of(basics, tariff=tariff, devices=devices)
        profiles: Profiles = chosen(known, "profile", known.model.profiles, context)
        time, n = context.clock.at(begins), len(ready.agents)
        expected = profiles.forecast(time, np.arange(n))
        self.held_firm: tuple[str, ...] = tuple(
            each.info.name for each in devices if not isinstance(each, LinearDevice)
        )
        """Fleets that cannot say what they could do, and do what happens in any case."""
        self._slots = context.clock.slots - begins
        game = DispatchGame(_pooled(context, devices, expected, time, self._slots, peak_price))
        super().__init__(context, game, enumerated=self._slots * game.n << (game.n - 1) <= MOST_LISTED)

    @property
    def hours(self) -> float:
        """Length of the plan."""
        return self._slots * self.context.clock.slot_hours

    def _found(self, shares: FloatArray, seconds: float) -> Leaving | None:
        return worst_planning_group(self.game, shares, seconds)


def _demand_small(ready: ReadyScenario) -> None:
    cells = len(ready.agents) * ready.model.clock.slots
    if cells > _MOST_CELLS:
        hint = "shorten it: --set clock.slots=24, or clock.slots in the scenario"
        what = f"a plan takes at most {_MOST_CELLS:,} agents times slots"
        raise InputError([Problem(what, "clock.slots", f"{cells:,}", hint)])


def _pooled(
    context: BuildContext,
    devices: tuple[Device, ...],
    expected: Forecast,
    time: SlotTime,
    slots: int,
    peak_price: float,
) -> PooledMembers:
    hours = context.clock.slot_hours
    n = context.community.n_agents
    firm = 1.0 - sum((own.info.load_share for own in devices if own.info.load_share is not None), np.zeros(n))
    load, pv = expected.series("load_kw", slots) * firm * hours, expected.series("pv_kw", slots) * hours
    retail, feed_in = (to_price(ticks)[:, 0] for ticks in expected.tariffs(slots))
    states = [device.initial() for device in devices]
    blocks, owner = owned_blocks([_blocks_of(row, devices, states, expected, time, slots) for row in range(n)])
    return PooledMembers(blocks, owner, load - pv, np.maximum(pv - load, 0.0), retail, feed_in, hours, peak_price)


def _blocks_of(
    row: int, devices: tuple[Device, ...], states: list[FloatArray], expected: Forecast, time: SlotTime, slots: int
) -> list[LinearBlock]:
    """What the devices of one agent could do."""
    only: IntArray = np.array([row])

    def series(name: str) -> Any:
        return expected.series(name, slots)[:, only]

    ahead = PlannedSlots(only, time, slots, series)
    return [
        device.linear(state[:, only], ahead)
        for device, state in zip(devices, states, strict=True)
        if isinstance(device, LinearDevice) and device.info.owned[row]
    ]
