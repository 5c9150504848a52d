"""Imbalances: zero for a lawful record, the size of the breach otherwise."""

import numpy as np
import pytest

from marketsim.core.records import LedgerLine
from marketsim.metrics.laws import LawsMetric
from marketsim.testing.records import Deal, Fleet, grid_state, slot_record
from marketsim.testing.worlds import community

PEOPLE = community(3)


def record(**options):
    battery = Fleet([-20, 0, 0], [20, 0, 0], 100_000)
    deals = [Deal(1, 2, 30, 150_000), Deal(1, 0, 10, 200_000, sells=0, buyer_ticks=210_000)]
    return slot_record(PEOPLE, [5, 80, 0], [0, 0, 40], deals=deals, fleets=[battery], **options)


def run(*records):
    metric = LawsMetric(PEOPLE)
    for seen in records:
        metric.observe(seen, None)
    return metric.summary()


def bent(seen, part, **changes):
    return seen._replace(**{part: getattr(seen, part)._replace(**changes)})


def test_lawful_records_have_no_imbalance():
    summary = run(record(), record(exports=False))
    assert summary == {"energy_imbalance_wh": 0, "money_imbalance": 0, "grid_imbalance_wh": None}
    assert list(summary) == [kpi.name for kpi in LawsMetric(PEOPLE).definitions]


def test_energy_from_nowhere_is_seen_in_both_balances():
    seen = record()
    assert (
        run(bent(seen, "exchange", export_wh=seen.exchange.export_wh + np.array([0, 3, 0])))["energy_imbalance_wh"] == 6
    )


def test_imbalances_of_two_agents_do_not_cancel():
    seen = record()
    assert run(bent(seen, "energy", net_wh=seen.energy.net_wh + np.array([4, -4, 0])))["energy_imbalance_wh"] == 8


def test_a_device_that_is_not_metered_is_seen():
    seen = record()
    assert run(bent(seen, "energy", device_wh=seen.energy.device_wh + 2))["energy_imbalance_wh"] == 6


def test_imbalances_of_two_slots_do_not_cancel():
    seen = record()
    more, less = (bent(seen, "ledger", utility=seen.ledger.utility + extra) for extra in (7, -7))
    assert run(more, less)["money_imbalance"] == 14


@pytest.mark.parametrize("line", [LedgerLine.IMPORTS, LedgerLine.EXPORTS])
def test_a_bill_that_differs_from_its_tariff_is_seen(line):
    seen = record()
    money = seen.ledger.money.copy()
    money[line, 1] += 5
    assert run(bent(seen, "ledger", money=money, utility=seen.ledger.utility - 5))["money_imbalance"] == 5


def test_the_grid_imbalance_is_the_worst_slot():
    people = community(1, 2)
    metric = LawsMetric(people)
    for slack in ([12.0, 20.5], [10.25, np.nan]):
        grid = grid_state(np.ones((2, 3)), slack_wh=np.array(slack), losses_wh=np.array([0.5, 0.5]))
        metric.observe(slot_record(people, [10, 20], [0, 0], grid=grid), None)
    assert metric.summary()["grid_imbalance_wh"] == pytest.approx(1.5)


def test_what_shunts_draw_is_own_load_of_the_feeder():
    people = community(1)
    metric = LawsMetric(people, background_wh=5)
    grid = grid_state(np.ones((1, 3)), slack_wh=np.array([18.0]), losses_wh=np.array([1.0]), shunt_wh=np.array([2.0]))
    metric.observe(slot_record(people, [10], [0], grid=grid), None)
    assert metric.summary()["grid_imbalance_wh"] == 0.0


def test_the_row_shows_the_slot_alone():
    metric = LawsMetric(PEOPLE)
    seen = record()
    metric.observe(bent(seen, "ledger", utility=seen.ledger.utility + 7), None)
    row = metric.observe(seen, None)
    assert list(row) == [kpi.name for kpi in metric.columns]
    assert row["money_imbalance"] == 0


def test_sharing_that_moves_money_between_markets_is_seen():
    """It sums to zero in all; a line that balances within each market is no imbalance."""
    people = community(2, 2)
    seen = slot_record(people, [5, 80, 7, 0], [0, 0, 0, 40])
    found = []
    for line in ([3, -3, 5, -5], [3, -1, -2, 0]):
        money = seen.ledger.money.copy()
        money[LedgerLine.SHARING] = line
        metric = LawsMetric(people)
        metric.observe(bent(seen, "ledger", money=money), None)
        found.append(metric.summary()["money_imbalance"])
    assert found == [0, 4]
