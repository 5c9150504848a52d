"""How a slot of set-points answers to small changes of what is set: for learners that follow slopes through the game.

Slopes are those at the point that was played, for what all players earn together. A kWh more of the pool saves retail where the
pool buys and earns the feed-in tariff where it sells; fuel, wear and discomfort are the devices'; voltages follow the feeder's
linear answer, and a bus counts from ``slope_width_pu`` before the edge of the band on, as if the price of being outside were
spread over that width. What a device was kept from by its limits answers to nothing but what moves the limit. Not counted are
losses, how the curves of inverters answer within their range, and what others make of public features.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from marketsim.agents.setpoints.devices import Steerable
from marketsim.agents.setpoints.features import NAMES, SetpointScaling
from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.game import Slopes
from marketsim.core.inverters import curve_share
from marketsim.core.ports import ReactiveLaw
from marketsim.core.records import Observations, SlotRecord
from marketsim.core.setpoints import ACTIONS, Setpoints, kvar_limit, to_setpoints
from marketsim.core.units import WH_PER_KWH, to_price
from marketsim.games.setpoints.params import SetpointsGameParams
from marketsim.games.setpoints.parts import SetpointParts

GENERATOR, BATTERY, CURTAILED, PV, KVAR = range(len(ACTIONS))
CARRIED = ("charge_level", "generator_kw")
"""Features that actions carry from slot to slot."""
STORED, RUNNING = range(len(CARRIED))
_TINY = 1e-9


class PlayedSlot(NamedTuple):
    """A slot and what was done in it; players in rows [M * A]."""

    seen: Observations
    """What the players saw before."""
    actions: FloatArray
    """[M * A, 5]"""
    dispatch_wh: IntArray
    """What devices did of it [n_devices, M * A]."""
    record: SlotRecord
    stored_kwh: FloatArray
    """When the slot opened."""
    start_kwh: FloatArray
    """When the day began."""


class _Worth(NamedTuple):
    """What more injection of a player is worth to all of them together [currency for the slot] [M * A]."""

    kw: FloatArray
    kvar: FloatArray


class SlotSlopes:
    """Slopes of the slots of a game."""

    def __init__(self, game: SetpointsGameParams, parts: SetpointParts, scaling: SetpointScaling) -> None:
        self._game, self._shape, self._rows = game, parts.shape, parts.rows
        context = parts.context
        self._devices: Steerable = parts.player.devices
        self._fleets, self._law = context.fleets, context.law
        self._pool = parts.world().traders
        self._market = context.community.market[parts.rows]
        self._band = None if context.grid is None else context.grid.band
        self._node: IntArray = context.world.node_of[parts.rows]
        self._by_bus = None if context.bus_slopes is None else context.bus_slopes(parts.connections)
        factors = scaling.factor[:, [NAMES.index(name) for name in CARRIED]]
        self._factor = np.tile(factors, (self._shape[0], 1)).T
        self.carried = tuple(NAMES.index(name) for name in CARRIED)

    def __call__(self, played: PlayedSlot) -> Slopes:
        """Slopes of a slot."""
        n, d, k = len(self._rows), len(ACTIONS), len(CARRIED)
        found = Slopes(np.zeros((n, d)), np.zeros((n, k)), np.zeros((n, k, d)), np.zeros((n, k)))
        worth = self._worth(played)
        self._of_generator(played, worth, found)
        self._of_battery(played, worth, found)
        self._of_load_and_sun(played, worth, found.reward)
        m, a = self._shape
        scale = self._game.scale
        return Slopes(
            (found.reward / scale).reshape(m, a, d),
            (found.reward_by_carried / scale).reshape(m, a, k),
            found.moved.reshape(m, a, k, d),
            found.kept.reshape(m, a, k),
        )

    def _worth(self, played: PlayedSlot) -> _Worth:
        record, inputs = played.record, played.record.inputs
        net_wh = record.energy.net_wh
        members = np.arange(len(net_wh)).reshape(self._shape[0], -1) if self._pool is None else self._pool
        buys = net_wh[members].sum(axis=1) < 0
        prices = inputs.tariffs
        ticks = np.where(buys, prices.retail_ticks, np.maximum(prices.feed_in_ticks, 0))
        kw = to_price(ticks)[self._market] * inputs.time.hours
        kvar = np.zeros(len(kw))
        if self._band is not None and self._by_bus is not None:
            by_kw, by_kvar = (self._voltage_cost(record) @ by_bus for by_bus in self._by_bus)
            kw, kvar = kw - by_kw.reshape(-1), kvar - by_kvar.reshape(-1)
        return _Worth(kw, kvar)

    def _voltage_cost(self, record: SlotRecord) -> FloatArray:
        """What a higher squared voltage of a bus costs all players [currency/p.u.^2] [M, N]."""
        assert self._band is not None
        game, v, width = self._game, record.grid.v_pu, self._game.slope_width_pu
        price = game.depth_price + game.outside_price / ((v.shape[1] - 1) * width)
        with np.errstate(invalid="ignore"):
            way = (v > self._band.v_max_pu - width).astype(np.float64) - (v < self._band.v_min_pu + width)
        way[:, 0] = 0.0
        return np.where(np.isfinite(v), price * way / (2.0 * np.maximum(v, 0.1)), 0.0)

    def _of_generator(self, played: PlayedSlot, worth: _Worth, into: Slopes) -> None:
        """A ramp that holds the generator carries its power of the slot before on."""
        fleet = self._devices.generator
        if fleet is None:
            return
        price, hours = self._fleets[fleet].price, played.seen.time.hours
        assert price is not None
        done, (free, below, above) = self._done(played, fleet, self._wanted(played).generator_kw)
        cost = price.cost[self._rows] + 2.0 * price.quadratic_cost[self._rows] * done / hours
        slope = worth.kw - cost * hours
        half = 0.5 * self._devices.ratings.generator_kw
        rated = done / hours
        held = (below | above) & (rated > _TINY) & (rated < self._devices.ratings.generator_kw - _TINY)
        into.reward[:, GENERATOR] = slope * half * free
        into.reward_by_carried[:, RUNNING] = np.divide(slope * held, self._factor[RUNNING])
        into.moved[:, RUNNING, GENERATOR] = half * free * self._factor[RUNNING]
        into.kept[:, RUNNING] = held

    def _of_battery(self, played: PlayedSlot, worth: _Worth, into: Slopes) -> None:
        """What is stored is worth what the end of the day pays for it; a full or an empty store gives what it has."""
        fleet = self._devices.battery
        if fleet is None:
            return
        store, hours, ratings = self._fleets[fleet].store, played.seen.time.hours, self._devices.ratings
        assert store is not None
        gain, give, wear, size = (
            column[self._rows]
            for column in (store.charge_efficiency, store.discharge_efficiency, store.wear, store.capacity_kwh)
        )
        wanted = self._wanted(played).battery_kw
        done, (free, below, above) = self._done(played, fleet, wanted)
        stored_by_kwh = np.where(done > 0.0, -1.0 / give, -gain)
        after = played.stored_kwh + stored_by_kwh * done
        missing, spare = self._game.missing_per_kwh / gain, self._game.spare_per_kwh * give
        value, before = (np.where(kwh < played.start_kwh, missing, spare) for kwh in (after, played.stored_kwh))
        slope = worth.kw / hours - wear * np.sign(done) + value * stored_by_kwh
        kwh = np.where(played.actions[:, BATTERY] > 0.0, ratings.discharge_kw, ratings.charge_kw) * hours
        full = below & (-done < ratings.charge_kw * hours * (1.0 - 1e-6))
        empty = above & (done < ratings.discharge_kw * hours * (1.0 - 1e-6))
        by_stored = np.where(full, 1.0 / gain, 0.0) + np.where(empty, give, 0.0)
        there = size > 0.0
        per_feature = np.divide(size, self._factor[STORED], out=np.zeros_like(size), where=there)
        into.reward[:, BATTERY] = slope * kwh * free
        into.reward_by_carried[:, STORED] = (slope * by_stored + value - before) * per_feature
        by_level = np.divide(self._factor[STORED], size, out=np.zeros_like(size), where=there)
        into.moved[:, STORED, BATTERY] = stored_by_kwh * kwh * free * by_level
        into.kept[:, STORED] = (1.0 + stored_by_kwh * by_stored) * there

    def _of_load_and_sun(self, played: PlayedSlot, worth: _Worth, reward: FloatArray) -> None:
        devices, seen = self._devices, played.seen
        available, hours = devices.available(seen), seen.time.hours
        if devices.curtailable is not None:
            price = self._fleets[devices.curtailable].price
            assert price is not None
            reward[:, CURTAILED] = (worth.kw - price.cost[self._rows] * hours) * 0.5 * available.curtailable_kw
        pv_kw = self._wanted(played).pv_kw
        limit = kvar_limit(pv_kw, devices.ratings)
        at_limit, way = self._at_limit(played, limit)
        per_kw = np.where(np.isfinite(devices.ratings.kvar_per_kw), devices.ratings.kvar_per_kw, 0.0)
        reward[:, PV] = (worth.kw + np.where(at_limit, way * per_kw, 0.0) * worth.kvar) * 0.5 * available.pv_kw
        reward[:, KVAR] = np.where(at_limit, 0.0, worth.kvar * limit)

    def _at_limit(self, played: PlayedSlot, limit: FloatArray) -> tuple[BoolArray, FloatArray]:
        """Whether an inverter gives all that it may, and which way."""
        total = played.actions[:, KVAR] * limit
        law = self._law
        if isinstance(law, ReactiveLaw) and len(law.curve_pu):
            v = played.record.grid.v_pu[self._market, self._node]
            total = total + law.curve_kvar[self._rows] * curve_share(np.nan_to_num(v, nan=1.0), law.curve_pu)
        return np.abs(total) >= limit, np.sign(total)

    def _wanted(self, played: PlayedSlot) -> Setpoints:
        return to_setpoints(played.actions, self._devices.ratings, self._devices.available(played.seen))

    def _done(
        self, played: PlayedSlot, fleet: int, wanted_kw: FloatArray
    ) -> tuple[FloatArray, tuple[BoolArray, BoolArray, BoolArray]]:
        """What a fleet did [kWh], and whether it was free, held from below, or from above."""
        low, high = self._devices.reach(fleet, played.seen)
        wanted = wanted_kw * played.seen.time.hours * WH_PER_KWH
        below, above = wanted <= low, wanted >= high
        return played.dispatch_wh[fleet] / WH_PER_KWH, (~(below | above), below, above)
