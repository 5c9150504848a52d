"""Curtailable load: a share of the agent's load that is served only if somebody decides so.

The profile's load is split: the firm part (1 - share) is ``SlotInputs.load_wh``, the rest is this fleet's, metered on
its own from ``load_kw``. It declares the shares (``FleetInfo.load_share``), of which ``World.firm_share`` is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import Basics
from marketsim.core.fleets import FleetInfo, PriceInfo
from marketsim.core.params import Params
from marketsim.core.programme import BlockBuilder, LinearBlock, PlannedSlots
from marketsim.core.records import DeviceRange, SlotInputs
from marketsim.core.sensing import meter
from marketsim.core.units import to_price, to_ticks
from marketsim.devices.fleet import column, no_level, owned, series, typed
from marketsim.devices.params import CurtailableLoadParams


@dataclass(slots=True)
class CurtailableLoad:
    """Fleet of curtailable loads; all columns [n_agents]. State [1, n_agents]: metering remainder [Wh].

    Series: ``load_kw``. What is not served is lost, and counted as unserved.
    """

    share: FloatArray
    cost_ticks: IntArray
    """What a curtailed kWh is worth to its owner."""
    info: FleetInfo

    def initial(self) -> FloatArray:
        """No remainder [1, n_agents]."""
        return np.zeros((1, len(self.share)))

    def range(self, state: FloatArray, inputs: SlotInputs) -> DeviceRange:
        """Anything from nothing to the whole curtailable part of the slot's load; nothing is firm."""
        load_wh, _ = self._metered(state, inputs)
        nothing = np.zeros_like(load_wh)
        return DeviceRange(-load_wh, nothing, nothing, no_level(len(load_wh)))

    def advance(self, state: FloatArray, inputs: SlotInputs, energy_wh: IntArray) -> tuple[FloatArray, IntArray]:
        """The metering remainder, and what was curtailed [Wh]."""
        load_wh, carry_wh = self._metered(state, inputs)
        return carry_wh[np.newaxis], load_wh + energy_wh

    def running_cost(self, energy_wh: IntArray, unserved_wh: IntArray) -> IntArray:  # noqa: ARG002
        """What the curtailed energy was worth [money units] [n_agents]."""
        return np.asarray(unserved_wh * self.cost_ticks)

    def linear(self, state: FloatArray, ahead: PlannedSlots) -> LinearBlock:  # noqa: ARG002 - remainders of a Wh are left out
        """What of the load is curtailed, at its worth."""
        owners = np.flatnonzero(self.share[ahead.agents] > 0.0)
        rows = ahead.agents[owners]
        load_kwh = ahead.series("load_kw")[:, owners] * self.share[rows] * ahead.time.hours
        block = BlockBuilder(ahead.slots, len(ahead.agents))
        block.fixed_kwh[:, owners] = -load_kwh
        curtailed = block.columns(load_kwh.shape[::-1], load_kwh.T, cost=to_price(self.cost_ticks[rows])[:, None])
        block.at_meter(np.arange(ahead.slots), owners[:, None], curtailed, 1.0)
        return block.done()

    def _metered(self, state: FloatArray, inputs: SlotInputs) -> tuple[IntArray, FloatArray]:
        carry = state[0] if inputs.time.of_day else np.zeros_like(state[0])  # remainders are carried within a day
        return meter(series(inputs, "load_kw", self.info.name) * self.share, inputs.time.hours, carry)


def build(params: Sequence[Params | None], context: Basics) -> CurtailableLoad:  # noqa: ARG001
    """The curtailable loads of all agents; a share of zero for who has none.

    What a load is rated for is not known before it is metered: it counts for nothing in ratings.
    """
    own = typed(CurtailableLoadParams, params)
    share, cost = column(own, lambda row: row.share), column(own, lambda row: row.cost_per_kwh)
    none = np.zeros(len(own))
    price = PriceInfo(cost, none)
    info = FleetInfo("curtailable_load", owned(own), none, none, price=price, load_share=share)
    return CurtailableLoad(share=share, cost_ticks=to_ticks(cost), info=info)
