"""Grid KPIs."""

import math

import numpy as np
import pytest

from marketsim.core.build import GridInfo
from marketsim.metrics.grid import GridMetric, VoltageBand, build
from marketsim.metrics.params import GridParams
from marketsim.testing.records import grid_state, slot_record
from marketsim.testing.worlds import build_context, community

BAND = VoltageBand(np.full(4, 0.95), np.full(4, 1.05))
"""Node 0 is the source."""


def record(v, firm_v=None, loading=((0.2, math.nan),), firm_loading=None, minutes=60):
    """One market unless ``v`` has more rows."""
    tables = [None if table is None else np.array(table, dtype=float) for table in (v, firm_v, loading, firm_loading)]
    n_markets = len(v)
    if len(tables[2]) != n_markets:
        tables[2] = np.tile(tables[2], (n_markets, 1))
    grid = grid_state(tables[0], firm_v_pu=tables[1], loading=tables[2], firm_loading=tables[3])
    return slot_record(community(1, n_markets), [5] * n_markets, [0] * n_markets, grid=grid, slot_minutes=minutes)


def run(*records, reference=None, band=BAND):
    metric = GridMetric(band)
    for seen in records:
        metric.observe(seen, reference)
    return metric.summary()


GOOD = [[1.02, 1.0, 0.99, 0.98]]
LOW = [[1.02, 0.96, 0.94, 0.93]]


def test_definitions_name_the_summary_in_order():
    metric = GridMetric(BAND)
    row = metric.observe(record(GOOD), record(GOOD))
    assert list(metric.summary()) == [kpi.name for kpi in metric.definitions]
    assert list(row) == [kpi.name for kpi in metric.columns]


def test_extremes_leave_out_the_source():
    summary = run(record(GOOD), record([[1.02, 1.01, 0.97, 0.99]]))
    assert (summary["voltage_min_pu"], summary["voltage_max_pu"]) == (0.97, 1.01)


def test_violations_are_shares_of_bus_slots():
    summary = run(record(LOW), record(GOOD))
    assert summary["voltage_violation_rate"] == pytest.approx(2 / 6)
    assert summary["slots_with_violation"] == 1


def test_a_source_out_of_band_is_no_violation():
    summary = run(record([[1.2, 1.0, 1.0, 1.0]]))
    assert (summary["voltage_violation_rate"], summary["slots_with_violation"]) == (0.0, 0)


def test_the_market_answers_for_what_was_in_band_before():
    summary = run(record(LOW, firm_v=[[1.02, 0.96, 0.951, 0.94]]))
    assert summary["market_violation_rate"] == pytest.approx(1 / 3)
    assert summary["firm_violation_slots"] == 1


def test_depth_is_distance_times_hours():
    summary = run(record(LOW, minutes=15), record([[1.0, 1.06, 1.0, 1.0]], minutes=15))
    assert summary["voltage_violation_depth"] == pytest.approx((0.01 + 0.02 + 0.01) / 4)


def test_isolated_buses_are_no_bus_slots():
    summary = run(record([[1.02, 0.94, math.nan, 1.0]]))
    assert summary["voltage_violation_rate"] == pytest.approx(0.5)
    assert (summary["voltage_min_pu"], summary["voltage_max_pu"]) == (0.94, 1.0)


def test_an_overload_is_a_violation():
    summary = run(record(GOOD, loading=[[0.4, 1.01]], firm_loading=[[0.4, 0.9]]))
    assert (summary["slots_with_violation"], summary["firm_violation_slots"]) == (1, 0)
    assert summary["loading_max_percent"] == pytest.approx(101.0)
    assert run(record(GOOD, loading=[[0.4, 1.01]]))["firm_violation_slots"] == 1


def test_without_ratings_the_loading_is_undefined():
    assert run(record(GOOD, loading=[[math.nan, math.nan]]))["loading_max_percent"] is None


def test_markets_count_one_by_one():
    summary = run(record(LOW + GOOD))
    assert summary["slots_with_violation"] == 1
    assert summary["voltage_violation_rate"] == pytest.approx(2 / 6)


def test_the_reference_run_stands_beside():
    summary = run(record(LOW), reference=record(GOOD))
    assert summary["voltage_min_pu_grid_only"] == 0.98
    assert summary["slots_with_violation_grid_only"] == 0
    assert run(record(LOW))["voltage_min_pu_grid_only"] is None


def test_without_a_feeder_everything_is_undefined():
    people = community(2)
    metric = GridMetric(None)
    row = metric.observe(slot_record(people, [1, 1], [0, 0]), None)
    assert set(row.values()) == set(metric.summary().values()) == {None}


def test_an_unsolved_slot_has_no_extremes():
    row = GridMetric(BAND).observe(record([[math.nan] * 4]), None)
    assert (row["voltage_min_pu"], row["voltage_max_pu"]) == (None, None)


def test_the_row_of_a_slot_counts_buses():
    row = GridMetric(BAND).observe(record(LOW, firm_v=GOOD), None)
    assert (row["voltage_violations"], row["market_violations"]) == (2, 2)
    assert row["loading_max_percent"] == pytest.approx(20.0)


def test_build_takes_the_band_of_the_grid():
    metric = build(GridParams(), build_context(grid=GridInfo(BAND)))
    assert metric.observe(record(LOW), None)["voltage_violations"] == 2
    assert build(GridParams(), build_context()).observe(record(LOW), None)["voltage_violations"] is None
