"""The reward of a slot of the game of set-points, and what else is told of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.records import SlotRecord
from marketsim.core.slot import Opened
from marketsim.core.units import MONEY_PER_CURRENCY, WH_PER_KWH
from marketsim.games.setpoints.params import SetpointsGameParams
from marketsim.games.setpoints.parts import SetpointParts

REWARDS = ("cost", "voltage", "stored")
"""Parts of the reward: what was paid less than on an idle day, the price of voltages, and the change of stored value; scaled."""
SCORES = ("system_cost", "violations", "depth_pu", "curtailed_kwh", "refused_kwh")
"""What is told of a slot: cost of all players [currency], stored value included; share of buses outside of the band [-]; sum of
their distances [p.u.]; PV that the players did not use, and what the gate refused of their set-points [kWh]."""


class Voltages(NamedTuple):
    """How far a market's buses are outside of the band, each [M]."""

    share: FloatArray
    """Of the buses [-]."""
    depth_pu: FloatArray
    """Sum of the distances [p.u.]."""


class SetpointReward:
    """(idle bill - bill + change of stored value) / scale - shared price of voltages, each [M, A]."""

    def __init__(self, game: SetpointsGameParams, parts: SetpointParts) -> None:
        self._game, self._rows, self._shape = game, parts.rows, parts.shape
        self._player, self._market = parts.player, parts.context.community.market[parts.rows]
        grid = parts.context.grid
        self._band = None if grid is None else grid.band
        firm = parts.player.devices
        self._idle_fleets = tuple(index for index in (firm.curtailable,) if index is not None)

    def idle_money(self, opened: Opened) -> FloatArray:
        """What each player would pay to the utility if it did nothing: all PV used, all load served [1e-9 currency] [M, A]."""
        inputs = opened.inputs
        net_wh = inputs.pv_wh - inputs.load_wh
        for fleet, reach in enumerate(opened.ranges):
            net_wh = net_wh + (reach.lo_wh if fleet in self._idle_fleets else reach.firm_wh)
        net_wh, prices = net_wh[self._rows], inputs.tariffs
        retail, feed_in = prices.retail_ticks[self._market], np.maximum(prices.feed_in_ticks[self._market], 0)
        return self._of_players(-net_wh * np.where(net_wh < 0, retail, feed_in))

    def paid_money(self, record: SlotRecord) -> FloatArray:
        """Payments, wear, fuel and discomfort [1e-9 currency] [M, A]."""
        return self._of_players((record.ledger.money.sum(axis=0) + record.wear_money)[self._rows])

    def __call__(
        self, record: SlotRecord, idle_money: FloatArray, gained: FloatArray, short_wh: IntArray
    ) -> dict[str, FloatArray]:
        """Parts of the reward [M, A] and scores [M]; ``gained``: change of stored value [currency] [M, A]."""
        paid = self.paid_money(record)
        voltages = self.voltages(record)
        game = self._game
        price = game.depth_price * voltages.depth_pu + game.outside_price * voltages.share
        curtailed = self._of_players(record.exchange.curtailed_wh[self._rows])
        return {
            "cost": (idle_money - paid) / (MONEY_PER_CURRENCY * game.scale),
            "voltage": np.repeat(-price[:, None] / (self._shape[1] * game.scale), self._shape[1], axis=1),
            "stored": gained / game.scale,
            "system_cost": paid.sum(axis=1) / MONEY_PER_CURRENCY - gained.sum(axis=1),
            "violations": voltages.share,
            "depth_pu": voltages.depth_pu,
            "curtailed_kwh": curtailed.sum(axis=1) / WH_PER_KWH,
            "refused_kwh": self._of_players(short_wh).sum(axis=1) / WH_PER_KWH,
        }

    def voltages(self, record: SlotRecord) -> Voltages:
        """How far buses are outside of the band; a market without a solution counts as wholly outside, by 1 p.u. a bus."""
        if self._band is None or record.grid.v_pu.shape[1] == 0:
            none = np.zeros(self._shape[0])
            return Voltages(none, none)
        v = record.grid.v_pu[:, 1:]  # the source is no bus of the feeder
        low, high = self._band.v_min_pu[1:], self._band.v_max_pu[1:]
        depth = np.maximum(np.maximum(low - v, v - high), 0.0)
        depth[~record.grid.converged] = 1.0
        counted = np.isfinite(depth)
        outside = (depth > 0.0) & counted
        share = outside.sum(axis=1) / np.maximum(counted.sum(axis=1), 1)
        return Voltages(share, np.where(counted, depth, 0.0).sum(axis=1))

    def _of_players(self, flat: FloatArray | IntArray) -> FloatArray:
        return np.asarray(flat, dtype=np.float64).reshape(self._shape)
