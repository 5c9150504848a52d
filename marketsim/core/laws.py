"""Laws that hold in every slot by construction; a run that breaks one stops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from marketsim.core import slot_kernel
from marketsim.core.arrays import BoolArray, IntArray, rows_of
from marketsim.core.errors import BY_LAW, LawBroken
from marketsim.core.inverters import room_kvar
from marketsim.core.matching_kernel import BUYER, KEPT
from marketsim.core.period import Period
from marketsim.core.ports import Reactive
from marketsim.core.records import AskedKvar, Community, DeviceRange, Exchange, LedgerLine, SlotRecord
from marketsim.core.units import WH_PER_KWH

_ROUNDING_KVAR: Final = 1e-6


def energy_imbalance_wh(record: SlotRecord) -> IntArray:
    """Generation + purchases - load - sales - storage - curtailment of every agent [Wh] [n_agents]; zero by law."""
    energy, exchange = record.energy, record.exchange
    generated = record.inputs.pv_wh - exchange.curtailed_wh
    brought = generated + energy.device_wh.sum(axis=0) + energy.bought_wh + exchange.import_wh
    return np.asarray(brought - record.inputs.load_wh - energy.sold_wh - exchange.export_wh)


def money_imbalance(record: SlotRecord) -> int:
    """Sum of all payments of the slot [1e-9 currency]; zero by law."""
    ledger = record.ledger
    return int(ledger.money.sum()) + int(ledger.utility.sum()) + int(ledger.operator.sum())


def _demand(holds: bool | np.bool_, law: str, record: SlotRecord, seen: object) -> None:
    if not holds:
        raise LawBroken(f"slot {record.inputs.time.slot}: {law} does not hold ({seen}){BY_LAW}")


def _demand_each(holds: BoolArray, law: str, record: SlotRecord, names: Sequence[str]) -> None:
    if not holds.all():
        _demand(False, law, record, "agent " + names[int(np.flatnonzero(~holds)[0])])


def _check_energy(community: Community, record: SlotRecord, ranges: Sequence[DeviceRange]) -> None:
    energy, exchange = record.energy, record.exchange
    names = community.names
    _demand_each(energy_imbalance_wh(record) == 0, "the energy balance", record, names)
    metered = exchange.export_wh + energy.sold_wh - exchange.import_wh - energy.bought_wh
    _demand_each(energy.net_wh == metered, "the balance at the meter", record, names)
    for row, reach in enumerate(ranges):
        executed = energy.device_wh[row]
        inside = (executed >= reach.lo_wh) & (executed <= reach.hi_wh)
        _demand_each(inside, f"the range of fleet {row}", record, names)
    least = np.minimum.reduce((exchange.import_wh, exchange.export_wh, exchange.curtailed_wh, energy.pv_used_wh))
    _demand_each(least >= 0, "that no energy is negative", record, names)


def _check_trades(record: SlotRecord) -> None:
    trades, orders = record.trades, record.orders
    if trades.size == 0:
        return
    buy, sell = trades.buy_order, trades.sell_order
    _demand(trades.energy_wh.min() > 0, "that trades move energy", record, "an empty trade")
    _demand((orders.agent[buy] != orders.agent[sell]).all(), "that nobody trades with itself", record, "self-trade")
    _demand((orders.market[buy] == orders.market[sell]).all(), "that markets are separate", record, "a trade between")


def check_limits(slot: int, status: int) -> None:
    """Raise LawBroken unless ``take_trades`` found the trades of a round within the limits that orders have in it."""
    if status != KEPT:
        side = "buyer" if status == BUYER else "seller"
        raise LawBroken(f"slot {slot}: a {side}'s limit price does not hold{BY_LAW}")


def check_laws(community: Community, record: SlotRecord, ranges: Sequence[DeviceRange]) -> None:
    """Raise LawBroken unless the laws of energy, money and trade hold exactly."""
    inputs, shape = record.inputs, record.energy.device_wh.shape
    lo_wh, hi_wh = rows_of((reach.lo_wh for reach in ranges), shape), rows_of((reach.hi_wh for reach in ranges), shape)
    if slot_kernel.laws_hold(
        inputs.load_wh,
        inputs.pv_wh,
        (lo_wh, hi_wh),
        record.energy[:],
        record.exchange[:3],
        record.trades[:3],
        record.orders.agent,
        record.orders.market,
        community.market,
        record.ledger[:],
    ):
        return
    _check_energy(community, record, ranges)
    _check_trades(record)
    _demand(money_imbalance(record) == 0, "the balance of money", record, money_imbalance(record))
    moved = np.zeros(community.n_markets, dtype=np.int64)
    np.add.at(moved, community.market, record.ledger.money[LedgerLine.SHARING])
    _demand(not moved.any(), "that sharing moves money within a market alone", record, moved.tolist())


def check_shares(period: Period, shares: IntArray, name: str) -> None:
    """Raise LawBroken unless shares [n_agents] sum to what was paid, to the last unit, in each market."""
    for market, (due, shared) in enumerate(zip(*map(period.of_markets, (period.paid_money, shares)), strict=True)):
        if due != shared:
            raise LawBroken(
                f"slot {period.time.slot}: the shares by the rule {name!r} in market {market} sum to {shared} x 1e-9 "
                f"currency where {due} was paid{BY_LAW}"
            )


def check_inverters(
    community: Community, reactive: Reactive, record: SlotRecord, asked: AskedKvar, planned: Exchange
) -> None:
    """Raise LawBroken unless every inverter that gives what is ``asked`` of it keeps its apparent power at its final P.

    What its mode does by itself beyond that is the mode's affair, and is taken no farther. ``planned``: the exchange before
    deviations, which tells with the trades how far the gate moved each connection.
    """
    place, energy, inputs, law = record.positions, record.energy, record.inputs, reactive.law
    out_wh = energy.sold_wh + planned.export_wh - place.must_run_wh
    into_wh = energy.bought_wh + planned.import_wh - place.firm_demand_wh
    firm_wh = energy.net_wh - out_wh + into_wh
    per_kw = 1.0 / (inputs.time.hours * WH_PER_KWH)
    granted = reactive.kvar(community, inputs, firm_wh, asked) - reactive.kvar(community, inputs, firm_wh)
    firm_kw, p_kw = ((net_wh + inputs.load_wh) * per_kw for net_wh in (firm_wh, energy.net_wh))
    own = reactive.inverter_kvar(np.asarray(firm_kw)) + law.source_kvar_per_kw * (out_wh * per_kw)
    room = np.maximum(room_kvar(law, np.asarray(p_kw)), np.abs(own))
    kept = np.abs(own + granted) <= room + _ROUNDING_KVAR
    _demand_each(kept | (law.kva == 0.0), "the apparent power of an inverter", record, community.names)
