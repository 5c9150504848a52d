"""One slot, one direction; the names are those of the figure in the design."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from marketsim.core import slot_kernel
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.exchange import Executed, exchange_residual, execute, filled_wh
from marketsim.core.inverters import asked_kvar
from marketsim.core.laws import check_inverters, check_laws
from marketsim.core.limits import hold_orders, positions, with_pv_decided
from marketsim.core.matching import arrival_rank, join_rejects, match_rounds, standing_refusals
from marketsim.core.ports import steered
from marketsim.core.records import (
    AskedKvar,
    Decisions,
    DeviceRange,
    Energy,
    Exchange,
    Observations,
    Orders,
    Positions,
    Rejects,
    SlotInputs,
    SlotRecord,
    State,
    Trades,
)
from marketsim.core.rollback import roll_back
from marketsim.core.sensing import decide, observe, take_inputs
from marketsim.core.walls import blaming
from marketsim.core.world import World

Taken = tuple[SlotInputs, FloatArray]
"""Inputs of a slot and metering remainders after it [2, n_agents]."""


class Opened(NamedTuple):
    """A slot before anybody has decided anything."""

    inputs: SlotInputs
    carry: FloatArray
    """Metering remainders after it [2, n_agents]."""
    planned: SlotInputs
    """The inputs that strategies, market and gate work on."""
    ranges: list[DeviceRange]
    """What each fleet can do."""
    seen: list[Observations]
    """What each role of the cast sees."""


def run_slot(world: World, state: State, taken: Taken | None = None) -> tuple[SlotRecord, State]:
    """Simulate the slot that comes next; returns what happened and the state after it."""
    return play_slot(world, state, open_slot(world, state, taken))


@blaming
def open_slot(world: World, state: State, taken: Taken | None = None) -> Opened:
    """What the slot that comes next brings, and what everybody sees of it.

    ``taken`` are its inputs where another world of the same series and tariffs has taken them already.
    """
    inputs, carry = taken or take_inputs(world, state)
    planned = world.delivery.plan(inputs)
    ranges = [device.range(had, inputs) for device, had in zip(world.devices, state.devices, strict=True)]
    seen = [observe(world, state, planned, ranges, role) for role in world.cast]
    return Opened(inputs, carry, planned, ranges, seen)


@blaming
def play_slot(world: World, state: State, opened: Opened) -> tuple[SlotRecord, State]:
    """Decide, trade, settle and move on from what ``open_slot`` returned for the same ``state``."""
    inputs, carry, planned, ranges, seen = opened
    decisions = decide(world, seen)
    planned = with_pv_decided(planned, decisions)
    place = positions(planned, ranges, world.stores, decisions)

    traded = trade(world, inputs, planned, place, decisions, seen)
    orders, trades = traded.orders, traded.trades
    residual, not_exchanged = exchange_residual(world.gate, inputs.tariffs, orders, trades)
    trades, residual, undone = roll_back(world.gate, orders, trades, residual)

    asked = join_rejects((traded.refused, not_exchanged, undone))

    done = execute(place, ranges, world.stores, orders, trades, residual)
    exchange = world.delivery.deliver(world.gate, inputs, planned, traded.firm_wh, done.exchange, traded.asked)
    grid = world.gate.close()
    own_kvar, voltage_pu = slot_kernel.own_grid(
        world.community.market, world.node_of, traded.kvar, grid.kvar, grid.v_pu
    )
    devices, unserved, wear = _advance_devices(world, state, inputs, done.device_wh)
    energy = _energy(inputs, done, exchange, unserved)
    if world.reactive.law.kvar_per_kw is not None and (inverters := steered(world.reactive)) is not None:
        own_kvar = traded.kvar + inverters.given_kvar(energy.net_wh, voltage_pu, inputs.time.hours)
    record = SlotRecord(
        inputs=inputs,
        positions=place,
        orders=orders,
        trades=trades,
        rejects=join_rejects((traded.excess, standing_refusals(orders, trades, residual, traded.unallotted, asked))),
        exchange=exchange,
        energy=energy,
        ledger=world.settle(world.community, trades, orders, exchange, inputs.tariffs),
        grid=grid,
        wear_money=wear,
        level=np.array([reach.level for reach in ranges]).reshape(len(ranges), world.community.n_agents),
        opened_kvar=traded.kvar,
        kvar=own_kvar,
    )
    check_laws(world.community, record, ranges)
    if traded.asked is not None:
        check_inverters(world.community, world.reactive, record, traded.asked, done.exchange)
    return record, _next_state(world, state, record, devices, carry, voltage_pu)


class Traded(NamedTuple):
    """What the market made of the orders of a slot; the gate is still open."""

    firm_wh: IntArray
    """Untraded net energy [n_agents]."""
    kvar: FloatArray
    """Reactive injection of the untraded state [n_agents]."""
    asked: AskedKvar | None
    """What strategies ask of inverters."""
    orders: Orders
    trades: Trades
    excess: Rejects
    """Beyond the positions."""
    unallotted: Rejects
    """By the allocation."""
    refused: Rejects
    """In the market."""


def trade(
    world: World,
    inputs: SlotInputs,
    planned: SlotInputs,
    place: Positions,
    decisions: Decisions,
    seen: Sequence[Observations],
) -> Traded:
    """Open the gate on the untraded state and match the orders in their order of arrival."""
    batch = decisions.orders
    firm_wh = place.must_run_wh - place.firm_demand_wh
    asked = asked_kvar(decisions, place)
    kvar = world.reactive.kvar(world.community, planned, firm_wh, asked)
    world.gate.open(firm_wh, kvar)
    charges = world.charges.at(inputs, world.gate)

    arrival = np.argsort(arrival_rank(world, inputs.time.slot, 0)[batch.agent], kind="stable")
    orders, excess = hold_orders(world.community, place, world.stores, batch, arrival)
    orders, unallotted = world.allocation.grant(orders, world.gate, inputs.tariffs)
    orders, trades, refused = match_rounds(world, inputs, seen, orders, charges)
    return Traded(firm_wh, kvar, asked, orders, trades, excess, unallotted, refused)


def _advance_devices(
    world: World, state: State, inputs: SlotInputs, device_wh: IntArray
) -> tuple[tuple[FloatArray, ...], IntArray, IntArray]:
    """States after the slot, missed energy [n_devices, n_agents] and wear [n_agents]."""
    after: list[FloatArray] = []
    unserved = np.zeros_like(device_wh)
    wear = np.zeros(world.community.n_agents, dtype=np.int64)
    for row, (device, had) in enumerate(zip(world.devices, state.devices, strict=True)):
        moved_on, unserved[row] = device.advance(had, inputs, device_wh[row])
        after.append(moved_on)
        wear += device.running_cost(device_wh[row], unserved[row])
    return tuple(after), unserved, wear


def _energy(inputs: SlotInputs, done: Executed, exchange: Exchange, unserved: IntArray) -> Energy:
    pv_used = inputs.pv_wh - exchange.curtailed_wh
    return Energy(
        device_wh=done.device_wh,
        pv_used_wh=pv_used,
        bought_wh=done.bought_wh,
        sold_wh=done.sold_wh,
        net_wh=pv_used + done.device_wh.sum(axis=0) - inputs.load_wh,
        unserved_wh=unserved,
    )


def _next_state(
    world: World,
    state: State,
    record: SlotRecord,
    devices: tuple[FloatArray, ...],
    carry: FloatArray,
    voltage_pu: FloatArray,
) -> State:
    orders, trades = record.orders, record.trades
    filled, refused, price = slot_kernel.memory(
        orders.market,
        orders.agent,
        orders.energy_wh,
        filled_wh(orders, trades),
        record.rejects[:],
        (trades.buy_order, trades.energy_wh, trades.price_ticks),
        state.last_price_ticks,
        world.community.n_agents,
    )
    return State(
        slot=state.slot + 1,
        devices=devices,
        carry=carry,
        last_price_ticks=price,
        last_fill=filled,
        last_refused=refused,
        voltage_pu=voltage_pu,
        net_wh=record.energy.net_wh,
        device_wh=record.energy.device_wh,
    )
