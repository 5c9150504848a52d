"""A small community on a feeder, for what learns set-points from an expert."""

from __future__ import annotations

from typing import Any

SLOTS = 24
PLAYERS = ("hub", "works", "roof")
_LOAD = {"power_factor": 0.95}
_AGENTS: list[dict[str, Any]] = [
    {"name": "hub", "bus": "87", "pv_kw": 4000, "battery": {"energy_kwh": 1200, "power_kw": 400},
     "generator": {"max_kw": 250, "ramp_kw_per_h": 250, "cost_per_kwh": 0.17, "quadratic_cost": 2e-4},
     "curtailable_load": {"share": 0.1, "cost_per_kwh": 0.4}, "pv_shape": "PV1",
     "load": {"shape": "G0-A", "peak_kw": 400, **_LOAD}},
    {"name": "works", "bus": "48", "load": {"shape": "G3-A", "peak_kw": 1000, **_LOAD},
     "generator": {"max_kw": 400, "ramp_kw_per_h": 400, "cost_per_kwh": 0.17, "quadratic_cost": 2e-4}},
    {"name": "roof", "bus": "140", "pv_kw": 2000, "battery": {"energy_kwh": 400, "power_kw": 200},
     "pv_shape": "PV2",
     "load": {"shape": "H0-A", "peak_kw": 300, **_LOAD}},
    {"name": "street", "kind": "consumer", "bus": "102", "load": {"shape": "G1-A", "peak_kw": 800, **_LOAD},
     "strategy": "utility_only"},
]  # fmt: skip
FULL_DAY_RETAIL = [
    {"from_hour": 23, "to_hour": 7, "retail": 0.14},
    {"from_hour": 7, "to_hour": 17, "retail": 0.24},
    {"from_hour": 17, "to_hour": 23, "retail": 0.36},
]


def community(strategy: Any = "setpoints", expert: Any = "joint", agents: int = len(_AGENTS)) -> dict[str, Any]:
    """The scenario, with a strategy of those who have something to set, and an expert."""
    return {
        "name": "few",
        "seed": 1,
        "clock": {"start": "2016-07-12", "slots": SLOTS, "slot_minutes": 60},
        "grid": {
            "feeder": "feeder141", "source_pu": 1.0, "voltage_band_pu": [0.95, 1.02], "gate": "observe",
            "line_rating_a": None, "reactive": {"setpoint": {"base": "volt_var"}}, "load_scale": 0.3, "background": True,
        },
        "tariff": {"time_of_use": {"feed_in": 0.06, "windows": FULL_DAY_RETAIL}},
        "market": {"engine": "mid_market_rate"},
        "profiles": {
            "source": "simbench_2016", "diversification": {"shift_weeks": 0, "noise": 0.0},
            "days": {"split": {"first_days": 1, "last_days": 7}, "order": "dates"},
        },
        "agents": [{"kind": "prosumer", "strategy": strategy, **each} for each in _AGENTS[-agents:]],
        **({} if expert is None else {"expert": expert}),
        "learning": {"game": "setpoints"},
    }  # fmt: skip
