"""A pool on real feeders, under the exact gate: no slot outside limits, and the independent power flow agrees."""

from __future__ import annotations

import pytest

import marketsim as ms

FEEDERS = {
    "kerber suburb": ("pandapower:create_kerber_vorstadtnetz_kabel_1", [0.95, 1.05]),
    "kerber overhead line": ("pandapower:create_kerber_landnetz_freileitung_1", [0.97, 1.03]),
}
SUMMER = "2016-07-12"
WINTER = "2016-01-12"


def pool(feeder, start, objective):
    """13 homes with large plants, stores and vehicles of one pool, a day and a half in half-hours."""
    name, band = FEEDERS[feeder]
    strategy = {"coordinated": {"objective": objective, "replan_slots": 48}}
    home = {"load": {"annual_kwh": 4500, "power_factor": 0.97}, "buses": {"sample": "loads"}, "strategy": strategy}
    return {
        "name": "pool",
        "clock": {"start": start, "slots": 72, "slot_minutes": 30},
        "grid": {"feeder": name, "voltage_band_pu": band, "gate": "ac"},
        "tariff": {"flat": {"retail": 0.3, "feed_in": 0.08}},
        "profiles": {"source": "simbench_2016", "forecast": "perfect"},
        "agents": [
            {"kind": "prosumer", "count": 5, "pv_kw": 30, "battery": {"energy_kwh": 20, "power_kw": 10}, **home},
            {"kind": "consumer", "count": 5, "ev": {"power_kw": 22, "daily_kwh": 20}, **home},
            {"kind": "consumer", "count": 3, "heat_pump": {"power_kw": 6, "buffer_kwh": 20, "annual_heat_kwh": 15000}, **home},
        ],
    }  # fmt: skip


@pytest.mark.parametrize("start", [SUMMER, WINTER])
@pytest.mark.parametrize("feeder", FEEDERS)
def test_a_pool_keeps_every_limit(feeder, start):
    """All slots are confirmed by another power flow, none is outside, and what the gate refused is told."""
    summary = ms.simulate(pool(feeder, start, "peak_then_cost")).summary
    assert summary["validated_slots"] == summary["slots"] == 72
    assert (summary["slots_with_violation"], summary["market_violation_rate"]) == (0, 0.0)
    assert summary["loading_max_percent"] < 100
    assert (summary["money_imbalance"], summary["energy_imbalance_wh"]) == (0, 0)
    assert summary["rejected_kwh"] is not None


def test_the_gate_cuts_what_the_plan_does_not_know():
    """On the overhead line the sun of 300 kW does not fit: the plan would break the band, the run does not."""
    scenario = pool("kerber overhead line", SUMMER, "cost")
    scenario["agents"][0]["pv_kw"] = 60
    free = ms.simulate({**scenario, "grid": {**scenario["grid"], "gate": "observe"}}).summary
    held = ms.simulate(scenario).summary
    assert free["slots_with_violation"] > 0
    assert held["slots_with_violation"] == 0
    assert held["rejected_kwh"] > 0
