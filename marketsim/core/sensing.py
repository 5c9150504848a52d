"""The beginning of a slot: metered inputs, and what each strategy sees of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.records import Decisions, DeviceRange, Observations, OrderBatch, SlotInputs, State, Tariffs
from marketsim.core.rng import mix
from marketsim.core.units import WH_PER_KWH
from marketsim.core.world import Role, World


def meter(power_kw: FloatArray, hours: float, carry_wh: FloatArray) -> tuple[IntArray, FloatArray]:
    """Whole Wh of a slot [n_agents] and the remainder to carry on, within half a Wh.

    Plain rounding of small powers would err by up to a tenth of a percent a day; carrying the remainder does not.
    """
    exact = power_kw * (hours * WH_PER_KWH) + carry_wh
    metered = np.maximum(np.rint(exact), 0.0)
    return metered.astype(np.int64), exact - metered


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
        tariffs=world.tariff.at(time),
    )
    return inputs, np.stack((load_carry, pv_carry))


def _last_price(last_ticks: IntArray, tariffs: Tariffs) -> IntArray:
    middle = (tariffs.retail_ticks + tariffs.feed_in_ticks) // 2
    return np.where(last_ticks >= 0, last_ticks, middle)


def _of_rows(reach: DeviceRange, rows: IntArray) -> DeviceRange:
    return DeviceRange(reach.lo_wh[rows], reach.firm_wh[rows], reach.hi_wh[rows], reach.level[rows])


def observe(world: World, state: State, inputs: SlotInputs, ranges: Sequence[DeviceRange], role: Role) -> Observations:
    """What the agents of ``role`` see."""
    rows = role.rows
    market = world.community.market[rows]
    keys = world.streams.keys("strategies", state.slot)
    return Observations(
        time=inputs.time,
        slots_per_day=world.clock.slots_per_day,
        agents=rows,
        market=market,
        retail_ticks=inputs.tariffs.retail_ticks[market],
        feed_in_ticks=inputs.tariffs.feed_in_ticks[market],
        load_wh=inputs.load_wh[rows],
        pv_wh=inputs.pv_wh[rows],
        ranges=tuple(_of_rows(reach, rows) for reach in ranges),
        device_names=world.device_names,
        last_price_ticks=_last_price(state.last_price_ticks, inputs.tariffs)[market],
        last_fill=state.last_fill[rows],
        last_refused=state.last_refused[rows],
        voltage_pu=state.voltage_pu[rows],
        keys=mix(keys[market], world.community.connection[rows]),
        forecast=world.profiles.forecast(inputs.time, rows),
    )


def decide(world: World, seen: Sequence[Observations]) -> Decisions:
    """Decisions of all strategies on the flat axis; orders agent by agent as submitted."""
    n_agents = world.community.n_agents
    dispatch = np.zeros((len(world.devices), n_agents), dtype=np.int64)
    marginal = np.full_like(dispatch, -1)
    absorb = np.zeros(n_agents, dtype=bool)
    batches: list[OrderBatch] = []
    for role, view in zip(world.cast, seen, strict=True):
        decided = role.strategy.decide(view)
        dispatch[:, role.rows] = decided.dispatch_wh
        marginal[:, role.rows] = decided.marginal_ticks
        absorb[role.rows] = decided.absorb
        batches.append(decided.orders._replace(agent=role.rows[decided.orders.agent]))
    return Decisions(dispatch, marginal, absorb, _joined(batches))


def _joined(batches: Sequence[OrderBatch]) -> OrderBatch:
    if len(batches) == 1:
        return batches[0]
    return OrderBatch(*(np.concatenate(columns) for columns in zip(*batches, strict=True)))
