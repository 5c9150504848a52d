"""KPIs of the peers' side."""

import pytest

from marketsim.metrics.efficiency import EfficiencyMetric
from marketsim.testing.records import Deal, Fleet, slot_record
from marketsim.testing.worlds import community

PEOPLE = community(3)
GAP = 220_000


def record(deals=(), **options):
    return slot_record(PEOPLE, [0, 60, 0], [40, 0, 30], deals=deals, **options)


def run(*records):
    metric = EfficiencyMetric(PEOPLE)
    for seen in records:
        metric.observe(seen, None)
    return metric.summary()


def test_definitions_name_the_summary_in_order():
    metric = EfficiencyMetric(PEOPLE)
    row = metric.observe(record(), None)
    assert list(metric.summary()) == [kpi.name for kpi in metric.definitions]
    assert list(row) == [kpi.name for kpi in metric.columns]


def test_efficiency_is_gains_over_the_most_possible():
    summary = run(record([Deal(1, 0, 40, 90_000)]), record([Deal(1, 0, 40, 290_000), Deal(1, 2, 20, 290_000)]))
    assert summary["gains_from_trade"] == pytest.approx(100 * GAP / 1e9)
    assert summary["optimal_gains"] == pytest.approx(120 * GAP / 1e9)
    assert summary["trade_efficiency"] == pytest.approx(100 / 120)


def test_without_potential_efficiency_is_undefined():
    assert run(slot_record(PEOPLE, [0, 0, 0], [1, 0, 0]))["trade_efficiency"] is None


def test_undeclared_energy_is_reported_and_earns_nothing():
    battery = Fleet([0, 0, 0], [25, 0, 0])
    summary = run(record([Deal(1, 0, 25, 90_000, sells=0)], fleets=[battery]))
    assert (summary["gains_from_trade"], summary["undeclared_kwh"]) == (0.0, 0.025)


def test_each_market_has_its_own_optimum():
    people = community(3, 2)
    row = EfficiencyMetric(people).observe(slot_record(people, [0, 60, 0, 0, 10, 0], [40, 0, 30, 10, 0, 10]), None)
    assert row["optimal_gains_money"] == (60 + 10) * GAP
