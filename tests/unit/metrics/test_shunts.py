"""Consumption of constant admittances."""

from __future__ import annotations

import numpy as np

from marketsim.metrics.shunts import ShuntMetric
from marketsim.testing.records import grid_state, slot_record
from marketsim.testing.worlds import community


def test_what_shunts_draw_is_summed_beside_the_reference_run():
    people, metric = community(1, 2), ShuntMetric()
    here, there = (
        slot_record(people, [1, 1], [0, 0], grid=grid_state(np.ones((2, 2)), shunt_wh=np.array(drawn)))
        for drawn in ([200.0, np.nan], [300.0, 100.0])
    )
    assert metric.observe(here, there) == {"shunt_wh": 200.0}
    metric.observe(here, there)
    assert metric.summary() == {"shunt_kwh": 0.4, "shunt_kwh_grid_only": 0.8}


def test_without_a_reference_run_there_is_none():
    people, metric = community(1), ShuntMetric()
    metric.observe(slot_record(people, [1], [0], grid=grid_state(np.ones((1, 2)))), None)
    assert metric.summary() == {"shunt_kwh": 0.0, "shunt_kwh_grid_only": None}
