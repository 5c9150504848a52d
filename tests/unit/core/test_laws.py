"""A record that breaks a law stops the run, and the message says which law, slot and agent."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.core.errors import LawBroken
from marketsim.core.laws import check_inverters, check_laws, energy_imbalance_wh, money_imbalance
from marketsim.core.records import AskedKvar, DeviceRange
from marketsim.testing.records import Deal, Fleet, slot_record
from marketsim.testing.worlds import UnityReactive, community

PEOPLE = community(2, 2)
FLEET = Fleet(lo_wh=[-300] * 4, hi_wh=[300] * 4, dispatch_wh=[0, -100, 0, 0])


def lawful():
    """Two markets with a deal each in slot 3, a battery that charges, export, import and curtailment."""
    deals = [Deal(1, 0, 300, 150_000), Deal(3, 2, 200, 150_000)]
    return slot_record(PEOPLE, [0, 500, 100, 400], [800, 0, 400, 0], deals=deals, fleets=[FLEET], slot=3)


def ranges(record):
    zero = np.zeros(4, dtype=np.int64)
    return [DeviceRange(zero - 300, zero, zero + 300, record.level[0])]


def tampered(record, part, field, index, change):
    """The record with one number changed."""
    values = np.array(getattr(getattr(record, part), field), copy=True)
    values[index] += change
    return record._replace(**{part: getattr(record, part)._replace(**{field: values})})


def test_a_lawful_record_passes():
    """The record that the tests below tamper with keeps every law."""
    record = lawful()
    check_laws(PEOPLE, record, ranges(record))
    assert not energy_imbalance_wh(record).any()
    assert money_imbalance(record) == 0


@pytest.mark.parametrize(
    ("part", "field", "index", "change", "message"),
    [
        ("exchange", "import_wh", 3, 1, "slot 3: the energy balance does not hold (agent a3)"),
        ("exchange", "export_wh", 0, -1, "slot 3: the energy balance does not hold (agent a0)"),
        ("exchange", "curtailed_wh", 2, 1, "slot 3: the energy balance does not hold (agent a2)"),
        ("energy", "bought_wh", 1, 1, "slot 3: the energy balance does not hold (agent a1)"),
        ("energy", "device_wh", (0, 1), 1, "slot 3: the energy balance does not hold (agent a1)"),
        ("inputs", "load_wh", 2, -1, "slot 3: the energy balance does not hold (agent a2)"),
        ("energy", "net_wh", 2, 1, "slot 3: the balance at the meter does not hold (agent a2)"),
        ("energy", "pv_used_wh", 1, -1, "slot 3: that no energy is negative does not hold (agent a1)"),
        ("trades", "energy_wh", 0, -300, "slot 3: that trades move energy does not hold (an empty trade)"),
        ("ledger", "money", (0, 1), 1, "slot 3: the balance of money does not hold (1)"),
        ("ledger", "utility", 1, -7, "slot 3: the balance of money does not hold (-7)"),
        ("ledger", "operator", 0, 2, "slot 3: the balance of money does not hold (2)"),
    ],
)
def test_one_wrong_number_is_found(part, field, index, change, message):
    """A single unit of energy or money anywhere breaks its law, by name."""
    record = tampered(lawful(), part, field, index, change)
    with pytest.raises(LawBroken) as caught:
        check_laws(PEOPLE, record, ranges(record))
    assert str(caught.value).startswith(message)


def test_a_negative_exchange_is_found_though_it_balances():
    """Import and export shifted by the same amount balance, but one of them is negative."""
    record = tampered(lawful(), "exchange", "import_wh", 0, -5)
    record = tampered(record, "exchange", "export_wh", 0, -5)
    with pytest.raises(LawBroken, match=r"that no energy is negative does not hold \(agent a0\)"):
        check_laws(PEOPLE, record, ranges(record))


def test_a_fleet_out_of_range_is_found():
    """A device that did more than it could names the fleet and its owner."""
    record = lawful()
    reach = ranges(record)[0]
    with pytest.raises(LawBroken, match=r"the range of fleet 0 does not hold \(agent a1\)"):
        check_laws(PEOPLE, record, [reach._replace(lo_wh=reach.lo_wh + 250)])


@pytest.mark.parametrize(("field", "law"), [("agent", "nobody trades with itself"), ("market", "markets are separate")])
def test_trades_with_oneself_or_between_markets_are_found(field, law):
    """Both ends of a trade are two agents of one market."""
    record = lawful()
    buy, sell = int(record.trades.buy_order[0]), int(record.trades.sell_order[0])
    values = getattr(record.orders, field).copy()
    values[buy] = values[sell] if field == "agent" else 1
    record = record._replace(orders=record.orders._replace(**{field: values}))
    with pytest.raises(LawBroken, match=law):
        check_laws(PEOPLE, record, ranges(record))


def test_a_slot_without_trades_is_checked_too():
    """The money law holds also where nobody trades."""
    record = slot_record(PEOPLE, [1] * 4, [0] * 4)
    check_laws(PEOPLE, record, [])
    with pytest.raises(LawBroken, match="the balance of money"):
        check_laws(PEOPLE, tampered(record, "ledger", "money", (3, 0), 1), [])


class Generous(UnityReactive):
    """Inverters of 1 kVA that give all that is asked, whatever they inject."""

    def __init__(self):
        super().__init__(4)
        self.law = self.law._replace(kva=np.array([1.0, 1.0, 1.0, 0.0]))

    def kvar(self, community, inputs, firm_wh, decided=None):
        return np.zeros(4) if decided is None else decided.kvar


@pytest.mark.parametrize(
    ("asked", "broken"),
    [
        ([0.59, 0.0, 0.91, 5.0], None),
        ([-0.61, 0.0, 0.0, 0.0], "a0"),
        ([0.0, 0.0, 0.96, 0.0], "a2"),
        ([0.0, 1.01, 0.0, 0.0], "a1"),
    ],
)
def test_an_inverter_keeps_its_apparent_power(asked, broken):
    """Beside 0.8, 0.1, 0.4 and 0 kW, and of S = 1 kVA; who has no rating breaks none."""
    record = slot_record(PEOPLE, [0, 500, 100, 400], [800, 0, 400, 0], fleets=[FLEET], slot=3)
    hours = record.inputs.time.hours
    p_kw = (record.energy.net_wh + record.inputs.load_wh) / hours / 1_000.0
    assert np.abs(p_kw).tolist() == pytest.approx([0.8, 0.1, 0.4, 0.0])
    zero = np.zeros(4, dtype=np.int64)
    given = AskedKvar(np.array(asked), zero, zero)
    if broken is None:
        check_inverters(PEOPLE, Generous(), record, given, record.exchange)
        return
    with pytest.raises(LawBroken, match=rf"slot 3: the apparent power of an inverter does not hold \(agent {broken}\)"):
        check_inverters(PEOPLE, Generous(), record, given, record.exchange)
