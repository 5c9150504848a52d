"""Welfare KPIs, by hand."""

import numpy as np
import pytest

from marketsim.core.build import GridInfo, VoltageBand
from marketsim.core.fleets import FleetInfo, PriceInfo
from marketsim.metrics.params import WelfareParams
from marketsim.metrics.welfare import WelfareMetric, build
from marketsim.testing.records import Deal, Fleet, Prices, slot_record
from marketsim.testing.worlds import build_context, community

PEOPLE = community(3)
WHOLESALE = Prices(wholesale_ticks=60_000)


def record(deals=(), **options):
    return slot_record(PEOPLE, [0, 60, 0], [40, 0, 30], deals=deals, **options)


def priced(name="generator"):
    ones = np.ones(3)
    return FleetInfo(name, ones > 0, ones, ones, price=PriceInfo(ones, 0 * ones))


class Cap:
    """A feeder that lets each connection inject so much and loses a share of what all inject together."""

    def __init__(self, most_wh, lost=0.0):
        self.most_wh, self.lost = np.asarray(most_wh, dtype=float), lost
        self.opened = 0

    def open(self, record):
        self.opened += 1

    def open_at(self, firm_wh, kvar):
        raise AssertionError("a metric takes over whole records")

    def open_state(self, grid):
        raise AssertionError("a metric takes over whole records")

    def margins(self, market, net_wh):
        return (net_wh - self.most_wh) / 1e3

    def gradient(self, market, net_wh, limits):
        return np.eye(len(net_wh))[limits] / 1e3

    def drawn_wh(self, market, net_wh):
        return -net_wh.sum() + self.lost * np.maximum(net_wh, 0).sum()

    def drawn_slope(self, market, net_wh):
        return -1.0 + self.lost * (net_wh >= 0)


def run(*records, grid=None, fleets=(), **options):
    metric = WelfareMetric(PEOPLE, fleets, grid, **options)
    for seen in records:
        metric.observe(seen, None)
    return metric.summary()


def test_definitions_name_the_summary_in_order():
    metric = WelfareMetric(PEOPLE)
    row = metric.observe(record(), None)
    assert list(metric.summary()) == [kpi.name for kpi in metric.definitions]
    assert list(row) == [kpi.name for kpi in metric.columns]


def test_it_counts_the_same_whoever_buys():
    """70 Wh of surplus flow, and 10 more than demand: between peers or through the utility."""
    for deals in ((), [Deal(1, 0, 40, 90_000)], [Deal(1, 0, 40, 290_000), Deal(1, 2, 20, 290_000)]):
        summary = run(record(deals, prices=WHOLESALE))
        assert summary["welfare"] == pytest.approx(60_000 * 10 / 1e9)
        assert summary["joint_gains"] == pytest.approx(60_000 * 70 / 1e9)
        assert summary["allocative_efficiency"] == 1.0


def test_without_a_wholesale_price_the_feed_in_tariff_stands_for_it():
    assert run(record())["joint_gains"] == pytest.approx(80_000 * 70 / 1e9)


def test_what_is_curtailed_counts_nothing():
    summary = run(record([Deal(1, 0, 40, 90_000)], exports=False, prices=WHOLESALE))
    assert summary["welfare"] == pytest.approx(-60_000 * 20 / 1e9)
    assert summary["allocative_efficiency"] == pytest.approx(40 / 70)
    assert summary["joint_gains_bound"] == pytest.approx(60_000 * 70 / 1e9)


def test_where_nothing_could_move_efficiency_is_undefined():
    assert run(slot_record(PEOPLE, [0, 9, 0], [0, 0, 0]))["allocative_efficiency"] is None


def test_a_grid_that_limits_lowers_the_optimum_not_the_bound():
    grid = Cap([15.0, 0.0, 25.0])
    summary = run(record([Deal(1, 0, 10, 90_000)], exports=False), grid=grid)
    assert summary["optimal_joint_gains"] == pytest.approx(80_000 * 40 / 1e9, rel=1e-5)
    assert summary["joint_gains_bound"] == pytest.approx(80_000 * 70 / 1e9)
    assert summary["allocative_efficiency"] == pytest.approx(10 / 40, rel=1e-5)
    assert (summary["g_star_method"], summary["g_star_slp_slots"]) == ("slp", 1)


def test_losses_are_counted():
    """A tenth of the 70 Wh that flow is lost."""
    summary = run(record(), grid=Cap([1e3] * 3, lost=0.1))
    assert summary["joint_gains"] == pytest.approx(80_000 * 63 / 1e9)


def test_it_is_not_clamped():
    """What broke the limits is no optimum, and may earn more."""
    summary = run(record(), grid=Cap([15.0, 0.0, 25.0]))
    assert summary["allocative_efficiency"] == pytest.approx(70 / 40, rel=1e-5)


def test_without_steps_the_optimum_is_an_upper_bound():
    summary = run(record(exports=False), grid=Cap([15.0, 0.0, 25.0]), slp_steps=0)
    assert summary["optimal_joint_gains"] == pytest.approx(80_000 * 70 / 1e9)


def test_a_priced_device_is_worth_running_below_the_price_upstream_alone():
    """At 0.05 it saves 0.03 a kWh; at 0.2 to have run it costs 0.12."""
    for ticks, gained, possible in ((50_000, 30_000 * 25, 30_000 * 25), (200_000, -120_000 * 25, 0)):
        fleet = Fleet([0, 0, 0], [25, 0, 0], marginal_ticks=ticks, stores=False)
        sold = slot_record(PEOPLE, [0, 60, 0], [0, 0, 0], deals=[Deal(1, 0, 25, 250_000, sells=0)], fleets=[fleet])
        summary = run(sold, fleets=[priced()])
        assert summary["joint_gains"] == pytest.approx(gained / 1e9)
        assert summary["optimal_joint_gains"] == pytest.approx(possible / 1e9)


def test_stores_stand_on_both_sides_as_they_ran():
    fleet = Fleet([0, 0, 0], [25, 0, 0], marginal_ticks=200_000)
    sold = record([Deal(1, 0, 25, 250_000, sells=0)], fleets=[fleet])
    store = FleetInfo("battery", np.ones(3) > 0, np.ones(3), np.ones(3))
    assert run(sold, fleets=[store])["joint_gains"] == pytest.approx(80_000 * 70 / 1e9)


def test_at_a_price_below_zero_the_most_is_to_hold_back():
    summary = run(record(prices=Prices(wholesale_ticks=-10_000)))
    assert summary["joint_gains"] == pytest.approx(-10_000 * 70 / 1e9)
    assert summary["optimal_joint_gains"] == 0.0
    assert summary["joint_gains_bound"] is None


def test_the_reference_run_has_its_own_welfare():
    metric = WelfareMetric(PEOPLE)
    metric.observe(record(), record(exports=False))
    assert metric.summary()["welfare_grid_only"] == pytest.approx(-80_000 * 60 / 1e9)
    assert WelfareMetric(PEOPLE).summary()["welfare_grid_only"] is None


def test_markets_add_up():
    people = community(3, 2)
    metric = WelfareMetric(people, (), Cap([15.0, 0.0, 25.0]))
    row = metric.observe(slot_record(people, [0, 60, 0, 0, 10, 0], [40, 0, 30, 10, 0, 10], exports=False), None)
    assert row["optimal_joint_gains_money"] == pytest.approx((40 + 20) * 80_000, rel=1e-5)
    assert row["g_star_slp"] == 1


def test_build_takes_the_model_of_the_grid():
    grid = Cap([0.0, 0.0, 0.0])
    band = VoltageBand(np.array([0.9]), np.array([1.1]))
    build(WelfareParams(), build_context(community=PEOPLE, grid=GridInfo(band, grid))).observe(record(), None)
    assert grid.opened == 1
    assert build(WelfareParams(), build_context(community=PEOPLE)).observe(record(), None)["g_star_slp"] == 0


@pytest.mark.parametrize("background", [False, True])
def test_the_bound_counts_what_is_lost_and_no_load_of_strangers(simulated, background):
    """Load that belongs to no agent is no loss that a relaxation could save; what it loses is."""
    scenario = {
        "name": "four-roofs",
        "clock": {"start": "2016-06-06", "slots": 24, "slot_minutes": 60},
        "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08, "wholesale": 0.06}},
        "grid": {"feeder": "feeder141", "gate": "ac", "background": background},
        "agents": [
            {"kind": "prosumer", "name": f"roof {bus}", "bus": bus, "pv_kw": 4000, "load": {"peak_kw": 300}}
            for bus in (40, 41, 42, 43)
        ],
    }
    found = simulated(scenario).summary
    idle = simulated({**scenario, "agents": [{**each, "pv_kw": 0, "kind": "consumer"} for each in scenario["agents"]]})
    spare = found["joint_gains_bound"] - found["optimal_joint_gains"]
    assert 0.0 < spare < 1.5 * 0.06 * max(idle.summary["losses_kwh"], found["losses_kwh"])
