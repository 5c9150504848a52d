"""Energy KPIs."""

import numpy as np
import pytest

from marketsim.core.records import Reason
from marketsim.metrics.energy import EnergyMetric
from marketsim.testing.records import Deal, Fleet, Refusal, grid_state, slot_record
from marketsim.testing.strategy_kit import battery, ev, fleet_of, heat_pump
from marketsim.testing.worlds import community

PEOPLE = community(3)
LOAD, PV = (0, 80, 10), (60, 0, 40)


def record(deals=(), load_wh=LOAD, pv_wh=PV, **options):
    return slot_record(PEOPLE, load_wh, pv_wh, deals=deals, **options)


EVERYTHING = {"ev": ev(), "battery": battery(), "heat_pump": heat_pump()}


def run(*records, reference=None, names=()):
    metric = EnergyMetric([fleet_of(name, [EVERYTHING] * 3) for name in names])
    for seen in records:
        metric.observe(seen, reference)
    return metric.summary()


def test_definitions_name_the_summary_in_order():
    metric = EnergyMetric()
    row = metric.observe(record(), None)
    assert list(metric.summary()) == [kpi.name for kpi in metric.definitions]
    assert list(row) == [kpi.name for kpi in metric.columns]


def test_energies_are_sums_over_slots():
    summary = run(record([Deal(1, 0, 50, 100_000)]), record())
    assert summary["demand_kwh"] == pytest.approx(0.18)
    assert summary["pv_kwh"] == pytest.approx(0.2)
    assert summary["p2p_kwh"] == pytest.approx(0.05)
    assert summary["import_kwh"] == pytest.approx(0.03 + 0.08)
    assert summary["export_kwh"] == pytest.approx(0.04 + 0.09)


def test_curtailed_energy_is_not_generated():
    summary = run(record(exports=False))
    assert summary["curtailed_kwh"] == pytest.approx(0.09)
    assert summary["pv_kwh"] == pytest.approx(0.01)


def test_cars_consume_and_batteries_do_not():
    fleets = [
        Fleet([-7, 0, 0], [0, 0, 0], dispatch_wh=[-7, 0, 0], stores=False),
        Fleet([-5, 0, 0], [5, 0, 0], 0, [-5, 0, 0]),
    ]
    summary = run(record(fleets=fleets), names=["ev", "battery"])
    assert summary["demand_kwh"] == pytest.approx(0.097)


def test_what_cars_missed_is_told_from_other_devices():
    fleets = [Fleet([0] * 3, [0] * 3, unserved_wh=[3, 0, 4]), Fleet([0] * 3, [0] * 3, unserved_wh=[0, 1, 0])]
    summary = run(record(fleets=fleets), names=["ev", "heat_pump"])
    assert summary["ev_unserved_kwh"] == pytest.approx(0.007)
    assert summary["unserved_kwh"] == pytest.approx(0.008)


def test_refusals_of_the_grid_are_told_from_those_of_orders():
    refusals = [
        Refusal(1, 0, 5, Reason.LINE_LOADING),
        Refusal(None, 0, 2, Reason.OVERVOLTAGE),
        Refusal(None, 2, 1, Reason.ALLOCATION),
        Refusal(1, 0, 9, Reason.ROLLED_BACK),
        Refusal(1, None, 70, Reason.PRICE_ABOVE_RETAIL),
        Refusal(1, None, 70, Reason.EXCEEDS_POSITION),
    ]
    summary = run(record(refusals=refusals))
    assert summary["rejected_kwh"] == pytest.approx(0.008)
    assert summary["rolled_back_kwh"] == pytest.approx(0.009)


def test_losses_below_a_watt_hour_add_up():
    grid = grid_state(np.ones((1, 2)), losses_wh=np.array([0.25]))
    summary = run(*[record(grid=grid)] * 8, reference=record(grid=grid))
    assert summary["losses_kwh"] == summary["losses_kwh_grid_only"] == pytest.approx(0.002)


def test_losses_of_an_unsolved_market_are_left_out():
    people = community(1, 2)
    grid = grid_state(np.ones((2, 2)), losses_wh=np.array([np.nan, 3.0]))
    metric = EnergyMetric()
    assert metric.observe(slot_record(people, [1, 1], [0, 0], grid=grid), None)["losses_wh"] == 3.0


def test_the_reference_run_stands_beside():
    summary = run(record([Deal(1, 0, 50, 100_000)]), reference=record())
    assert summary["import_kwh_grid_only"] == pytest.approx(0.08)
    assert summary["export_kwh_grid_only"] == pytest.approx(0.09)
    assert run(record())["import_kwh_grid_only"] is None


def test_the_share_of_peers_is_of_final_consumption():
    assert run(record([Deal(1, 0, 45, 100_000)]))["p2p_share"] == pytest.approx(45 / 90)


def test_energy_bought_for_a_battery_is_no_consumption():
    battery = Fleet([0, 0, -30], [0, 0, 0])
    summary = run(record([Deal(2, 0, 30, 100_000, buys=0)], fleets=[battery]), names=["battery"])
    assert (summary["p2p_kwh"], summary["p2p_share"]) == (0.03, 0.0)


def test_trade_to_and_fro_between_batteries_adds_nothing_to_the_share():
    batteries = Fleet([0, 0, -30], [30, 0, 0])
    once, more = [Deal(1, 0, 40, 100_000)], [Deal(2, 0, 30, 100_000, buys=0, sells=0)]
    first, second = (run(record(deals, fleets=[batteries]), names=["battery"]) for deals in (once, once + more))
    assert first["p2p_share"] == second["p2p_share"] == pytest.approx(40 / 90)
    assert second["p2p_kwh"] > first["p2p_kwh"]


def test_a_purchase_beside_own_generation_adds_nothing_to_the_share():
    """Agent 2 covers its 10 Wh itself, whatever its battery buys and sells beside."""
    battery = Fleet([-30, 0, 0], [0, 0, 30])
    deals = [Deal(0, 2, 30, 100_000, buys=0, sells=0), Deal(0, 2, 20, 100_000, buys=0)]
    with_battery = run(record(deals, fleets=[battery._replace(lo_wh=[-60, 0, 0])]), names=["battery"])
    assert with_battery["p2p_share"] == 0.0


def test_without_demand_the_share_is_undefined():
    assert run(record(load_wh=(0, 0, 0)))["p2p_share"] is None
