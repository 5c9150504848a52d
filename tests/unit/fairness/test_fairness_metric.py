"""Fairness KPIs of a run."""

from datetime import date

import numpy as np
import pytest

from marketsim.core.build import AgentSpec, BuildContext, Choice, LoadSpec
from marketsim.core.clock import Clock
from marketsim.core.params import Params
from marketsim.core.rng import Streams
from marketsim.fairness.measures_kernel import SCORE_NAMES
from marketsim.fairness.metric import SCORES, FairnessMetric, build
from marketsim.fairness.params import FairnessParams
from marketsim.testing.records import Deal, Fleet, slot_record
from marketsim.testing.worlds import community

PEOPLE = community(3)
"""Agents 0 and 2 are prosumers."""


def record(deals=(), pv_wh=(60, 0, 40), load_wh=(0, 80, 0), **options):
    return slot_record(PEOPLE, load_wh, pv_wh, deals=deals, **options)


def run(*records, reference=None):
    metric = FairnessMetric(PEOPLE)
    for seen in records:
        metric.observe(seen, reference)
    return metric.summary()


def test_definitions_name_the_summary_in_order():
    metric = FairnessMetric(PEOPLE, classes=["low", None, "high"])
    row = metric.observe(record(), record())
    assert list(metric.summary()) == [kpi.name for kpi in metric.definitions]
    assert list(row) == [kpi.name for kpi in metric.columns]
    assert tuple(kpi.name for kpi in SCORES) == SCORE_NAMES


def test_slots_weigh_by_what_could_have_been_traded():
    """FTG is 1 of 80 Wh and 0 of 20 Wh."""
    full = record([Deal(1, 0, 40, 190_000), Deal(1, 2, 40, 190_000)])
    none = record(load_wh=(0, 20, 0))
    assert run(full, none)["ftg"] == pytest.approx(0.8)


def test_slots_without_potential_are_left_out_and_counted():
    full = record([Deal(1, 0, 48, 190_000), Deal(1, 2, 32, 190_000)])
    summary = run(full, record(pv_wh=(0, 0, 0)))
    assert (summary["ftg"], summary["ftg_null_share"]) == (1.0, 0.5)
    assert (summary["fbs"], summary["fbs_null_share"]) == (1.0, 0.5)


def test_a_run_without_trade_has_undefined_scores_and_no_nan():
    summary = run(record(pv_wh=(0, 0, 0)))
    assert all(summary[name] is None for name in SCORE_NAMES)
    assert all(summary[f"{name}_null_share"] == 1.0 for name in SCORE_NAMES)


def test_an_empty_run_is_undefined():
    assert set(FairnessMetric(PEOPLE).summary().values()) == {None}


def test_the_row_of_a_slot_shows_its_scores():
    row = FairnessMetric(PEOPLE).observe(record([Deal(1, 0, 40, 190_000)]), None)
    assert (row["ftg"], row["tradable_wh"], row["price_neutrality"]) == (0.5, 80, 1.0)
    assert row["ftb"] is None


def test_savings_are_against_the_reference_run():
    """Agent 1 buys 40 of 80 Wh at 0.2 for 0.3, agent 0 sells at 0.2 for 0.08, agent 2 stays as it was."""
    summary = run(record([Deal(1, 0, 40, 200_000)]), reference=record())
    assert summary["worst_off_saving"] == 0.0
    saved = np.array([40 * 0.12, 40 * 0.1, 0.0])
    apart = 2 * ((saved[0] - saved[1]) + saved[0] + saved[1])
    assert summary["gini_saving"] == pytest.approx(apart / (2 * 2 * saved.sum()))


def test_without_a_reference_run_savings_are_undefined():
    summary = run(record([Deal(1, 0, 40, 200_000)]))
    assert (summary["worst_off_saving"], summary["gini_saving"]) == (None, None)


def test_unit_costs_are_those_of_consumers():
    people = community(4)
    metric = FairnessMetric(people)
    metric.observe(slot_record(people, [0, 100, 0, 50], [200, 0, 0, 0], deals=[Deal(1, 0, 100, 100_000)]), None)
    assert metric.summary()["gini_unit_cost"] == pytest.approx((0.3 - 0.1) / (0.3 + 0.1))


def test_unit_costs_count_what_cars_drew():
    people = community(4)
    car = Fleet([0, 0, 0, -50], [0, 0, 0, 0], dispatch_wh=[0, 0, 0, -50], stores=False)
    load, pv, deals = [0, 100, 0, 50], [400, 0, 0, 0], [Deal(1, 0, 100, 100_000), Deal(3, 0, 50, 100_000)]
    metric = FairnessMetric(people, stores=[False])
    metric.observe(slot_record(people, load, pv, deals=deals, fleets=[car]), None)
    assert metric.summary()["gini_unit_cost"] == pytest.approx((0.2 - 0.1) / (0.2 + 0.1))


def test_curtailment_of_one_owner_among_two_is_half_fair():
    summary = run(record([Deal(1, 2, 40, 100_000)], exports=False))
    assert summary["jain_curtailment"] == pytest.approx(0.5)


def test_without_curtailment_its_fairness_is_undefined():
    assert run(record())["jain_curtailment"] is None


def test_quality_of_service_is_the_share_of_a_class_that_peers_met():
    metric = FairnessMetric(PEOPLE, classes=["high", "low", "high"])
    metric.observe(record([Deal(1, 0, 20, 200_000)]), None)
    summary = metric.summary()
    assert summary["quality_of_service_low"] == pytest.approx(0.25)
    assert summary["quality_of_service_high"] is None


def test_totals_do_not_wrap_in_a_long_run():
    """Bills of 4.5e18 money units a slot: the third would exceed int64."""
    dear = slot_record(PEOPLE, (0, 15 * 10**12, 0), (0, 0, 0))
    metric = FairnessMetric(PEOPLE)
    for _ in range(5):
        metric.observe(dear, dear)
    assert metric.summary()["worst_off_saving"] == 0.0
    metric.observe(record(), dear)
    assert metric.summary()["worst_off_saving"] == pytest.approx(1 / 6)


def test_build_reads_stores_and_classes():
    people = community(2, 2)
    specs = tuple(
        AgentSpec(name, "consumer", 0, None, LoadSpec(), 0.0, None, {}, Choice("x", Params()), income_class=income)
        for name, income in (("a", "low"), ("b", None))
    )
    context = BuildContext(Clock(date(2016, 7, 12), 1, 60), Streams([1, 2]), people, specs)
    metric = build(FairnessParams(), context)
    metric.observe(slot_record(people, [0, 10, 20, 0], [10, 0, 0, 10], deals=[Deal(2, 3, 10, 100_000)]), None)
    assert metric.summary()["quality_of_service_low"] == pytest.approx(0.5)
