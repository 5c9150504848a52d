"""Money KPIs."""

import numpy as np
import pytest

from marketsim.core.records import LedgerLine
from marketsim.metrics.money import MoneyMetric
from marketsim.testing.records import Deal, Prices, grid_state, slot_record
from marketsim.testing.worlds import community

PEOPLE = community(2)
"""Agent 0 is a prosumer, agent 1 a consumer."""
WHOLESALE = Prices(wholesale_ticks=50_000)


def record(deals=(), load_wh=(0, 1000), pv_wh=(800, 0), **options):
    return slot_record(PEOPLE, load_wh, pv_wh, deals=deals, **options)


def run(*records, reference=None):
    metric = MoneyMetric(PEOPLE)
    for seen in records:
        metric.observe(seen, reference)
    return metric.summary()


def test_definitions_name_the_summary_in_order():
    metric = MoneyMetric(PEOPLE)
    row = metric.observe(record(), None)
    assert list(metric.summary()) == [kpi.name for kpi in metric.definitions]
    assert list(row) == [kpi.name for kpi in metric.columns]


def test_bills_are_net_payments():
    summary = run(record([Deal(1, 0, 500, 200_000)]))
    assert summary["consumer_cost"] == pytest.approx(0.5 * 0.2 + 0.5 * 0.3)
    assert summary["prosumer_cost"] == pytest.approx(-(0.5 * 0.2 + 0.3 * 0.08))


def test_network_charges_are_on_the_bill():
    summary = run(record([Deal(1, 0, 500, 200_000, buyer_ticks=210_000, seller_ticks=190_000)]))
    assert summary["consumer_cost"] == pytest.approx(0.5 * 0.21 + 0.5 * 0.3)
    assert summary["utility_revenue"] == pytest.approx(0.5 * 0.3 - 0.3 * 0.08 + 0.5 * 0.02)
    assert summary["mean_price"] == pytest.approx(0.2)


def test_the_saving_is_against_the_reference_run():
    summary = run(record([Deal(1, 0, 500, 200_000)]), reference=record())
    assert summary["consumer_cost_grid_only"] == pytest.approx(0.3)
    assert summary["consumer_saving"] == pytest.approx(1 - 0.25 / 0.3)
    assert summary["prosumer_cost_grid_only"] == pytest.approx(-0.064)


def test_without_a_reference_run_its_kpis_are_undefined():
    summary = run(record())
    only = [name for name in summary if name.endswith("_grid_only")] + ["consumer_saving"]
    assert [summary[name] for name in only] == [None] * 5


def test_the_saving_of_nothing_is_undefined():
    idle = record(load_wh=(0, 0))
    assert run(idle, reference=idle)["consumer_saving"] is None


def test_the_mean_price_is_weighted_by_energy():
    summary = run(record([Deal(1, 0, 300, 100_000)]), record([Deal(1, 0, 100, 200_000)]))
    assert summary["mean_price"] == pytest.approx(0.125)
    assert run(record())["mean_price"] is None


def test_the_margin_is_revenue_less_wholesale_cost_of_import_and_losses():
    grid = grid_state(np.ones((1, 2)), losses_wh=np.array([20.0]))
    summary = run(record(prices=WHOLESALE, grid=grid), reference=record(prices=WHOLESALE))
    revenue = 1.0 * 0.3 - 0.8 * 0.08
    assert summary["utility_revenue"] == pytest.approx(revenue)
    assert summary["utility_margin"] == pytest.approx(revenue - 0.05 * (1.0 - 0.8 + 0.02))
    assert summary["utility_margin_grid_only"] == pytest.approx(revenue - 0.05 * 0.2)


def test_without_a_wholesale_price_the_margin_is_undefined():
    summary = run(record(prices=WHOLESALE), record())
    assert (summary["utility_margin"], summary["utility_margin_grid_only"]) == (None, None)


def test_losses_without_solution_cost_nothing():
    grid = grid_state(np.ones((1, 2)), losses_wh=np.array([np.nan]))
    assert run(record(prices=WHOLESALE, grid=grid))["utility_margin"] == run(record(prices=WHOLESALE))["utility_margin"]


def test_totals_do_not_wrap_in_a_long_run():
    """Each slot moves 6e18 money units; numpy would wrap at the second."""
    dear = record(load_wh=(0, 2 * 10**13))
    assert run(*[dear] * 10)["consumer_cost"] == pytest.approx(6e10)


def test_the_row_of_a_slot_is_exact():
    row = MoneyMetric(PEOPLE).observe(record([Deal(1, 0, 500, 200_000)]), None)
    assert row["consumer_cost_money"] == 500 * 200_000 + 500 * 300_000
    assert row["prosumer_cost_money"] == -(500 * 200_000 + 300 * 80_000)
    assert row["utility_revenue_money"] == 500 * 300_000 - 300 * 80_000


def test_the_line_of_sharing_is_on_the_bills_and_not_the_utility_s():
    """The consumer pays 0.04 more and the prosumer as much less; prices, revenue and the reference know nothing of it."""
    plain = record([Deal(1, 0, 500, 200_000)])
    money = plain.ledger.money.copy()
    money[LedgerLine.SHARING] = [-40_000_000, 40_000_000]
    shared = plain._replace(ledger=plain.ledger._replace(money=money))
    without, summary = run(plain, reference=record()), run(shared, reference=record())
    assert summary["consumer_cost"] == pytest.approx(without["consumer_cost"] + 0.04)
    assert summary["prosumer_cost"] == pytest.approx(without["prosumer_cost"] - 0.04)
    assert summary["consumer_saving"] == pytest.approx(1 - (without["consumer_cost"] + 0.04) / 0.3)
    changed = {"consumer_cost", "prosumer_cost", "consumer_saving"}
    assert {name for name in summary if summary[name] != without[name]} == changed
