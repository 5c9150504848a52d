"""The beginning of a slot: metered inputs, and what each strategy sees of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np

from marketsim.core import columns_kernel as column
from marketsim.core import sensing_kernel
from marketsim.core.arrays import FloatArray, IntArray, joined, whole_column
from marketsim.core.clock import SlotTime
from marketsim.core.records import (
    UNDECLARED,
    Decisions,
    DeviceRange,
    Observations,
    OrderBatch,
    SlotInputs,
    State,
    Tariffs,
)
from marketsim.core.units import UNLIMITED_WH, WH_PER_KWH
from marketsim.core.world import Role, World


def meter(power_kw: FloatArray, hours: float, carry_wh: FloatArray) -> tuple[IntArray, FloatArray]:
    """Whole Wh of a slot [n_agents] and the remainder to carry on, within half a Wh.

    Plain rounding of small powers would err by up to a tenth of a percent a day; carrying the remainder does not.
    """
    metered, left = np.empty(len(power_kw), dtype=np.int64), np.empty(len(power_kw))
    sensing_kernel.meter_rows(
        np.ascontiguousarray(power_kw, dtype=np.float64), hours * WH_PER_KWH, carry_wh, metered, left
    )
    return metered, left


def take_inputs(world: World, state: State) -> tuple[SlotInputs, FloatArray]:
    """The slot's inputs, and the metering remainders after it [2, n_agents]."""
    time = world.clock.at(state.slot)
    series = world.profiles.at(time)
    carry = np.zeros_like(state.carry) if time.of_day == 0 else state.carry
    load_wh, load_carry = meter(series["load_kw"] * world.firm_share, time.hours, carry[0])
    pv_wh, pv_carry = meter(series["pv_kw"], time.hours, carry[1])
    inputs = SlotInputs(
        time=time,
        load_wh=load_wh,
        pv_wh=world.reactive.limit_pv(pv_wh, time.hours),
        series=series,
        tariffs=_whole_prices(world.tariff.at(time)),
    )
    return inputs, np.stack((load_carry, pv_carry))


def _whole_prices(prices: Tariffs) -> Tariffs:
    bulk = None if prices.wholesale_ticks is None else whole_column(prices.wholesale_ticks)
    return Tariffs(whole_column(prices.retail_ticks), whole_column(prices.feed_in_ticks), bulk)


def _of_rows(reach: DeviceRange, rows: IntArray) -> DeviceRange:
    lo_wh, firm_wh, hi_wh = np.empty((3, len(rows)), dtype=np.int64)
    seen = DeviceRange(lo_wh, firm_wh, hi_wh, np.empty(len(rows)))
    level = np.ascontiguousarray(reach.level, dtype=np.float64)
    columns = [rows, *map(whole_column, reach[:3]), level, *seen]
    sensing_kernel.pick_range(*columns)
    return seen


class _StatesOf(Sequence[FloatArray]):
    """States of fleets, picked out where somebody looks at them."""

    __slots__ = ("_devices", "_rows")

    def __init__(self, devices: Sequence[FloatArray], rows: IntArray) -> None:
        self._devices, self._rows = devices, rows

    @overload
    def __getitem__(self, fleet: int) -> FloatArray: ...
    @overload
    def __getitem__(self, fleet: slice) -> Sequence[FloatArray]: ...
    def __getitem__(self, fleet: int | slice) -> FloatArray | Sequence[FloatArray]:
        if isinstance(fleet, slice):
            return _StatesOf(self._devices[fleet], self._rows)
        return np.asarray(self._devices[fleet][:, self._rows])

    def __len__(self) -> int:
        return len(self._devices)


def observe(world: World, state: State, inputs: SlotInputs, ranges: Sequence[DeviceRange], role: Role) -> Observations:
    """What the agents of ``role`` see."""
    rows, tariffs = role.rows, inputs.tariffs
    counts, floats = np.empty((column.N_SEEN, len(rows)), dtype=np.int64), np.empty((column.N_KNOWN, len(rows)))
    sensing_kernel.look(
        rows,
        (world.community.market, world.community.connection),
        (inputs.load_wh, inputs.pv_wh),
        (tariffs.retail_ticks, tariffs.feed_in_ticks, state.last_price_ticks),
        (state.last_fill, state.last_refused, state.voltage_pu),
        counts,
        floats,
    )
    market, connection = counts[column.SEEN_MARKET], counts[column.SEEN_CONNECTION]
    return Observations(
        time=inputs.time,
        slots_per_day=world.clock.slots_per_day,
        agents=rows,
        market=market,
        retail_ticks=counts[column.SEEN_RETAIL_TICKS],
        feed_in_ticks=counts[column.SEEN_FEED_IN_TICKS],
        load_wh=counts[column.SEEN_LOAD_WH],
        pv_wh=counts[column.SEEN_PV_WH],
        ranges=tuple(_of_rows(reach, rows) for reach in ranges),
        device_names=world.device_names,
        last_price_ticks=counts[column.SEEN_LAST_PRICE_TICKS],
        last_fill=floats[column.KNOWN_LAST_FILL],
        last_refused=floats[column.KNOWN_LAST_REFUSED],
        voltage_pu=floats[column.KNOWN_VOLTAGE_PU],
        keys=world.streams.agent_keys("strategies", (state.slot,), market, connection),
        forecast=world.profiles.forecast(inputs.time, rows),
        states=_StatesOf(state.devices, rows),
        last_device_wh=state.device_wh[:, rows],
        pool=Pool(world, state, inputs.time),
    )


class Pool:
    """What is public of those who trade in each market: a ``records.PoolNews``."""

    def __init__(self, world: World, state: State, time: SlotTime) -> None:
        self._world, self._state, self._time = world, state, time

    def balance_wh(self) -> IntArray:
        """See ``PoolNews``."""
        return np.asarray(self._state.net_wh[self._traders()].sum(axis=1))

    def series(self, name: str, horizon: int) -> FloatArray:
        """See ``PoolNews``."""
        rows = self._traders()
        expected = self._world.profiles.forecast(self._time, rows.ravel()).series(name, horizon)
        return np.asarray(expected.reshape(horizon, *rows.shape).sum(axis=2))

    def _traders(self) -> IntArray:
        traders, community = self._world.traders, self._world.community
        return np.arange(community.n_agents).reshape(community.n_markets, -1) if traders is None else traders


def decide(world: World, seen: Sequence[Observations]) -> Decisions:
    """Decisions of all strategies on the flat axis; orders agent by agent as submitted.

    ``kvar`` is 0 for agents of strategies that ask for none, and None where no strategy asks; ``pv_wh`` is all for those of
    strategies that withhold none, and None where no strategy does.
    """
    n_agents = world.community.n_agents
    dispatch = np.zeros((len(world.devices), n_agents), dtype=np.int64)
    marginal = np.full_like(dispatch, UNDECLARED)
    absorb = np.zeros(n_agents, dtype=bool)
    kvar: FloatArray | None = None
    pv_wh: IntArray | None = None
    batches: list[OrderBatch] = []
    for role, view in zip(world.cast, seen, strict=True):
        decided = role.strategy.decide(view)
        dispatch[:, role.rows] = decided.dispatch_wh
        marginal[:, role.rows] = decided.marginal_ticks
        absorb[role.rows] = decided.absorb
        if decided.kvar is not None:
            kvar = np.zeros(n_agents) if kvar is None else kvar
            kvar[role.rows] = decided.kvar
        if decided.pv_wh is not None:
            pv_wh = np.full(n_agents, UNLIMITED_WH) if pv_wh is None else pv_wh
            pv_wh[role.rows] = decided.pv_wh
        batches.append(decided.orders._replace(agent=role.rows[decided.orders.agent]))
    return Decisions(dispatch, marginal, absorb, joined(batches), kvar, pv_wh)
