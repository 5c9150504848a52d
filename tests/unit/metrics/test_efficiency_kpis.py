"""Efficiency KPIs."""

import numpy as np
import pytest

from marketsim.core.build import GridInfo, VoltageBand
from marketsim.metrics.efficiency import EfficiencyMetric, build
from marketsim.metrics.params import EfficiencyParams
from marketsim.testing.records import Deal, Fleet, slot_record
from marketsim.testing.worlds import build_context, community

PEOPLE = community(3)
GAP = 220_000


def record(deals=(), **options):
    return slot_record(PEOPLE, [0, 60, 0], [40, 0, 30], deals=deals, **options)


class Cap:
    """A feeder that lets each connection inject so much."""

    def __init__(self, most_wh):
        self.most_wh = np.asarray(most_wh, dtype=float)
        self.opened = 0

    def open(self, record):
        self.opened += 1

    def open_at(self, firm_wh, kvar):
        raise AssertionError("a metric takes over whole records")

    def open_state(self, grid):
        raise AssertionError("a metric takes over whole records")

    def surely_admits(self, market, net_wh):
        return False

    def margins(self, market, net_wh):
        return (net_wh - self.most_wh) / 1e3

    def gradient(self, market, net_wh, limits):
        return np.eye(len(net_wh))[limits] / 1e3


def run(*records, grid=None, **options):
    metric = EfficiencyMetric(PEOPLE, grid, **options)
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
    assert summary["allocative_efficiency"] == pytest.approx(100 / 120)
    assert summary["g_star_method"] == "merit_order"


def test_without_potential_efficiency_is_undefined():
    assert run(slot_record(PEOPLE, [0, 0, 0], [1, 0, 0]))["allocative_efficiency"] is None


def test_undeclared_energy_is_reported_and_earns_nothing():
    battery = Fleet([0, 0, 0], [25, 0, 0])
    summary = run(record([Deal(1, 0, 25, 90_000, sells=0)], fleets=[battery]))
    assert (summary["gains_from_trade"], summary["undeclared_kwh"]) == (0.0, 0.025)


def test_a_grid_that_limits_lowers_the_optimum():
    grid = Cap([15.0, 0.0, 25.0])
    summary = run(record([Deal(1, 0, 15, 90_000)]), grid=grid)
    assert summary["optimal_gains"] == pytest.approx(40 * GAP / 1e9, rel=1e-5)
    assert (summary["g_star_method"], summary["g_star_slp_slots"]) == ("slp", 1)


def test_a_grid_that_does_not_limit_leaves_the_merit_order():
    summary = run(record([Deal(1, 0, 15, 90_000)]), grid=Cap([50.0, 50.0, 50.0]))
    assert summary["optimal_gains"] == pytest.approx(60 * GAP / 1e9)
    assert summary["g_star_method"] == "merit_order"


def test_the_grid_is_not_asked_where_trade_earned_the_optimum():
    grid = Cap([50.0, 50.0, 50.0])
    run(record([Deal(1, 0, 40, 90_000), Deal(1, 2, 20, 90_000)]), grid=grid)
    assert grid.opened == 0


def test_without_steps_the_optimum_is_an_upper_bound():
    summary = run(record(), grid=Cap([15.0, 0.0, 25.0]), slp_steps=0)
    assert summary["optimal_gains"] == pytest.approx(60 * GAP / 1e9)


def test_trades_that_happened_were_possible():
    """The feeder of the gate took more than the model of the metric would."""
    summary = run(record([Deal(1, 0, 40, 90_000)]), grid=Cap([15.0, 0.0, 0.0]))
    assert summary["allocative_efficiency"] == 1.0


def test_each_market_has_its_own_optimum():
    people = community(3, 2)
    metric = EfficiencyMetric(people, Cap([15.0, 0.0, 25.0]))
    row = metric.observe(slot_record(people, [0, 60, 0, 0, 10, 0], [40, 0, 30, 10, 0, 10]), None)
    assert row["optimal_gains_money"] == pytest.approx((40 + 10) * GAP, rel=1e-5)
    assert row["g_star_slp"] == 1


def test_build_takes_the_model_of_the_grid():
    grid = Cap([0.0, 0.0, 0.0])
    band = VoltageBand(np.array([0.9]), np.array([1.1]))
    build(EfficiencyParams(), build_context(community=PEOPLE, grid=GridInfo(band, grid))).observe(record(), None)
    assert grid.opened == 1
    assert build(EfficiencyParams(), build_context(community=PEOPLE)).observe(record(), None)["g_star_slp"] == 0
