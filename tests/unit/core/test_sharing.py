"""Periods: what a rule is shown, when, and what becomes of its answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from marketsim.core.errors import LawBroken, RunError
from marketsim.core.laws import check_laws, money_imbalance
from marketsim.core.records import LedgerLine
from marketsim.core.sharing import Periods
from marketsim.core.simulation import Simulation
from marketsim.core.world import Role, SharedPeriods
from marketsim.sharing.rules import ProportionalSharing
from marketsim.testing.plain_world import plain_world
from marketsim.testing.records import Deal, slot_record
from marketsim.testing.worlds import ConstantProfiles, Scripted, clock, community, plain_decisions

PEOPLE = community(2, 2)


class Listening:
    """The first of each market pays a unit more than it did, the last one less; and what was seen is kept."""

    def __init__(self, off=0):
        self.seen, self.off = [], off

    def share(self, period):
        self.seen.append(period)
        shares = period.paid_money
        shares[[0, 2]] += 1
        shares[[1, 3]] -= 1
        shares[0] += self.off
        return shares


def day_of(slots):
    """Records of so many slots of hours, in each a deal in the first market and other loads."""
    return [
        slot_record(PEOPLE, [0, 500 + slot, 100, 400], [800, 0, 0, 200], deals=[Deal(1, 0, 300, 150_000)], slot=slot)
        for slot in range(slots)
    ]


def taken(rule, slots, period):
    """What becomes of these slots."""
    periods = Periods(SharedPeriods("mine", rule, period), PEOPLE, clock(slots))
    return [periods.take(record) for record in day_of(slots)]


def test_the_line_stands_in_the_last_slot_of_each_period_and_of_the_run():
    """Periods of three slots in a run of eight: the last one is short."""
    rule = Listening()
    records = taken(rule, 8, 3)
    lines = np.array([record.ledger.money[LedgerLine.SHARING] for record in records])
    assert np.flatnonzero(lines.any(axis=1)).tolist() == [2, 5, 7]
    assert lines[[2, 5, 7]].tolist() == [[1, -1, 1, -1]] * 3
    assert [period.n_slots for period in rule.seen] == [3, 3, 2]
    assert [period.time.slot for period in rule.seen] == [2, 5, 7]


def test_a_record_within_a_period_is_the_record_itself():
    """Nothing is copied, and of the last slot nothing but the line is another."""
    records = day_of(3)
    periods = Periods(SharedPeriods("mine", Listening(), 3), PEOPLE, clock(3))
    results = [periods.take(record) for record in records]
    assert [result is record for result, record in zip(results, records, strict=True)] == [True, True, False]
    before, after = records[-1].ledger, results[-1].ledger
    assert not before.money[LedgerLine.SHARING].any()
    assert np.array_equal(before.money[: LedgerLine.SHARING], after.money[: LedgerLine.SHARING])
    assert (after.utility is before.utility, after.operator is before.operator) == (True, True)


def test_a_period_is_what_happened_in_its_slots():
    """Energies slot by slot, prices by market, payments in all by line; and each period by itself."""
    rule, records = Listening(), day_of(5)
    taken(rule, 5, 2)
    for period, own in zip(rule.seen, (records[:2], records[2:4], records[4:]), strict=True):
        assert np.array_equal(period.load_wh, [record.inputs.load_wh for record in own])
        assert np.array_equal(period.pv_wh, [record.energy.pv_used_wh for record in own])
        assert np.array_equal(period.net_wh, [record.energy.net_wh for record in own])
        assert np.array_equal(period.retail_ticks, [record.inputs.tariffs.retail_ticks for record in own])
        assert np.array_equal(period.feed_in_ticks, [record.inputs.tariffs.feed_in_ticks for record in own])
        assert np.array_equal(period.bill_money, sum(record.ledger.money[:5] for record in own))
        assert period.of_markets(period.paid_money) == [
            sum(int(record.ledger.money[:, PEOPLE.market == market].sum()) for record in own) for market in (0, 1)
        ]
        with pytest.raises(ValueError, match="read-only"):
            period.net_wh[:] = 0


@pytest.mark.parametrize("off", [1, -7])
def test_a_rule_that_does_not_sum_to_what_was_paid_is_named(off):
    """By its name, with slot, market and both sums."""
    with pytest.raises(
        LawBroken, match=r"slot 1: the shares by the rule 'mine' in market 0 sum to (\d+) .* where (\d+)"
    ) as error:
        taken(Listening(off), 4, 2)
    assert "this is a fault of the program" in str(error.value)


def test_money_beyond_64_bits_is_refused_and_never_wraps():
    """Payments of 2^60 in each slot: with the fourth slot sums could reach 2^62."""
    periods = Periods(SharedPeriods("mine", Listening(), 10), PEOPLE, clock(10))
    record = day_of(1)[0]
    money = np.zeros_like(record.ledger.money)
    money[LedgerLine.IMPORTS, 0] = 2**60
    huge = record._replace(ledger=record.ledger._replace(money=money))
    for _ in range(3):
        periods.take(huge)
    with pytest.raises(RunError, match=r"64 bits cannot count the money of the 4 slots so far .*sharing_period: day"):
        periods.take(huge)


def test_the_line_moves_money_within_a_market_alone():
    """A record whose line takes a unit from one market to the other balances in all, and breaks the law."""
    record = taken(Listening(), 1, 1)[0]
    check_laws(PEOPLE, record, [])
    assert money_imbalance(record) == 0
    money = record.ledger.money.copy()
    money[LedgerLine.SHARING] += [1, 0, -1, 0]
    bent = record._replace(ledger=record.ledger._replace(money=money))
    with pytest.raises(LawBroken, match=r"slot 0: that sharing moves money within a market alone .*\[1, -1\]"):
        check_laws(PEOPLE, bent, [])


def test_a_simulation_shares_what_its_world_says():
    """With a rule the bills of the last slot have their line, and everything else is as without it."""
    idle = Scripted(lambda seen: plain_decisions(2, [], len(seen.ranges)))
    world = plain_world(community(2), ConstantProfiles([1.0, 2.0], [3.0, 0.0]), [Role(idle, np.arange(2))], slots=4)
    shared = replace(world, sharing=SharedPeriods("proportional", ProportionalSharing(), 2))
    lines = []
    for own, plain in zip(Simulation(shared).run(), Simulation(world).run(), strict=True):
        lines.append(own.ledger.money[LedgerLine.SHARING].tolist())
        assert np.array_equal(own.ledger.money[:5], plain.ledger.money[:5])
        assert np.array_equal(own.energy.net_wh, plain.energy.net_wh)
        check_laws(world.community, own, [])
    assert lines == [[0, 0]] * 4  # nobody trades, so everybody pays what it would alone
