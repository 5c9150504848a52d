"""Dispatchable generators with minimum and maximum power and ramps.

``P(t) in [P_min, P_max]``, ``|P(t) - P(t-1)| <= ramp`` and the cost ``a P^2 + b P + c`` are those of the dispatchable
generator of Lou et al. 2025 (arXiv 2507.14995). What the lower bounds leave no choice about is must-run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import Basics
from marketsim.core.fleets import FleetInfo, PriceInfo
from marketsim.core.params import Params
from marketsim.core.programme import BlockBuilder, LinearBlock, PlannedSlots
from marketsim.core.records import DeviceRange, SlotInputs
from marketsim.core.units import WH_PER_KWH, to_price, to_ticks
from marketsim.devices.fleet import column, money, no_level, owned, slot_wh, typed, whole_wh
from marketsim.devices.params import GeneratorParams

_PIECES: Final = 4
"""Of the quadratic cost between least and most power, where it is planned in linear terms."""


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

    def linear(self, state: FloatArray, ahead: PlannedSlots) -> LinearBlock:
        """Power between its bounds and ramps. A quadratic cost is one of four straight pieces; where standing still saves the
        constant cost, whether it runs is a yes or no.
        """
        owners = np.flatnonzero(self.most_wh[ahead.agents] > 0)
        rows, slots = ahead.agents[owners], np.arange(ahead.slots)
        shape = (len(owners), ahead.slots)
        least, most = (energy[rows, None] / WH_PER_KWH for energy in (self.least_wh, self.most_wh))
        block = BlockBuilder(ahead.slots, len(ahead.agents))
        power = block.columns(shape, most, lower=least)
        block.at_meter(slots, owners[:, None], power, 1.0)
        self._cost_in_pieces(block, power, rows)
        self._ramps(block, power, rows, state[0, owners] / WH_PER_KWH)
        stands = np.flatnonzero((self.constant_cost[rows] > 0.0) & (self.least_wh[rows] == 0))
        runs = block.columns(
            (len(stands), ahead.slots), 1.0, cost=self.constant_cost[rows[stands], None] * self.hours, whole=True
        )
        row = block.rows(runs.shape, -np.inf, 0.0)
        block.put(row, power[stands], 1.0)
        block.put(row, runs, -most[stands])
        return block.done()

    def _cost_in_pieces(self, block: BlockBuilder, power: IntArray, rows: IntArray) -> None:
        """Power is least plus the pieces, each at its mean marginal cost, a rising sequence."""
        least, most = (energy[rows, None, None] / WH_PER_KWH for energy in (self.least_wh, self.most_wh))
        piece = (most - least) / _PIECES
        middle_kw = (least + piece * (np.arange(_PIECES) + 0.5)) / self.hours
        cost = to_price(self.wear_ticks[rows])[:, None, None] + 2.0 * self.quadratic_cost[rows, None, None] * middle_kw
        pieces = block.columns((*power.shape, _PIECES), piece, cost=cost)
        row = block.rows(power.shape, least[:, 0], least[:, 0])
        block.put(row, power, 1.0)
        block.put(row[..., None], pieces, -1.0)

    def _ramps(self, block: BlockBuilder, power: IntArray, rows: IntArray, last_kwh: FloatArray) -> None:
        ramp = self.ramp_wh[rows, None] / WH_PER_KWH
        before = np.zeros(power.shape)
        before[:, 0] = last_kwh
        row = block.rows(power.shape, before - ramp, before + ramp)
        block.put(row, power, 1.0)
        block.put(row[:, 1:], power[:, :-1], -1.0)


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
