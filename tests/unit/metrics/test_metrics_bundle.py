"""Several metrics as one."""

from datetime import date

import pytest

from marketsim.core.build import BuildContext
from marketsim.core.clock import Clock
from marketsim.core.errors import PluginError
from marketsim.core.rng import Streams
from marketsim.fairness import rule_critic
from marketsim.fairness.metric import FairnessMetric
from marketsim.fairness.params import RuleCriticParams
from marketsim.metrics import energy, laws, money
from marketsim.metrics.bundle import Metrics
from marketsim.metrics.efficiency import EfficiencyMetric
from marketsim.metrics.energy import EnergyMetric
from marketsim.metrics.grid import GridMetric
from marketsim.metrics.laws import LawsMetric
from marketsim.metrics.money import MoneyMetric
from marketsim.metrics.params import EnergyParams, LawsParams, MoneyParams
from marketsim.testing.records import Deal, Fleet, slot_record
from marketsim.testing.strategy_kit import ev, fleet_of
from marketsim.testing.worlds import community

PEOPLE = community(3)


def every():
    return Metrics(
        [
            EnergyMetric(),
            MoneyMetric(PEOPLE),
            FairnessMetric(PEOPLE),
            EfficiencyMetric(PEOPLE),
            GridMetric(None),
            LawsMetric(PEOPLE),
        ]
    )


def test_rows_and_summaries_stand_side_by_side():
    metrics = every()
    record = slot_record(PEOPLE, [0, 60, 0], [40, 0, 30], deals=[Deal(1, 0, 40, 90_000)])
    row = metrics.observe(record, record)
    assert list(row) == [kpi.name for kpi in metrics.columns]
    assert list(metrics.summary()) == [kpi.name for kpi in metrics.definitions]


def test_values_are_of_their_stated_type_or_undefined():
    metrics = every()
    record = slot_record(PEOPLE, [0, 60, 0], [40, 0, 30], deals=[Deal(1, 0, 40, 90_000)])
    for values, definitions in (
        (metrics.observe(record, record), metrics.columns),
        (metrics.summary(), metrics.definitions),
    ):
        for kpi in definitions:
            assert values[kpi.name] is None or type(values[kpi.name]) is kpi.kind, kpi.name


def test_an_observed_record_is_not_changed():
    record = slot_record(PEOPLE, [0, 60, 0], [40, 0, 30], deals=[Deal(1, 0, 40, 90_000)])
    for part in (record.positions, record.orders, record.trades, record.exchange, record.energy, record.ledger):
        for column in part:
            column.flags.writeable = False
    assert every().observe(record, record)["p2p_wh"] == 40


def test_factories_build_what_the_context_describes():
    cars = fleet_of("ev", [{}, {}, {"ev": ev()}])
    context = BuildContext(Clock(date(2016, 7, 12), 1, 60), Streams([1]), PEOPLE, (), fleets=(cars,))
    built = [
        energy.build(EnergyParams(), context),
        money.build(MoneyParams(), context),
        laws.build(LawsParams(), context),
    ]
    car = Fleet([0, 0, -7], [0, 0, 0], dispatch_wh=[0, 0, -7], unserved_wh=[0, 0, 3], stores=False)
    record = slot_record(PEOPLE, [0, 60, 0], [40, 0, 30], fleets=[car])
    row = Metrics(built).observe(record, None)
    assert (row["demand_wh"], row["ev_unserved_wh"]) == (67, 3)
    assert row["consumer_cost_money"] == 60 * 300_000
    assert row["energy_imbalance_wh"] == 0
    assert rule_critic.build(RuleCriticParams(), context).review(record).ftg.tolist() == [0.0]


def test_two_metrics_with_one_name_are_refused():
    with pytest.raises(PluginError, match=r"two metrics bring the KPI 'money_imbalance'"):
        Metrics([LawsMetric(PEOPLE), LawsMetric(PEOPLE)])
