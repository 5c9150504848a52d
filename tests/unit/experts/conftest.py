"""A stressed feeder with twenty prosumers of five kinds, as experts plan it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

TIME_OF_USE = [
    {"from_hour": 23, "to_hour": 7, "retail": 0.14},
    {"from_hour": 7, "to_hour": 17, "retail": 0.24},
    {"from_hour": 17, "to_hour": 21, "retail": 0.36},
    {"from_hour": 21, "to_hour": 23, "retail": 0.24},
]
DEMAND, PV = 0.85, 1.62
"""Background of nominal, and PV beyond the shapes, whose highest value lies below the rating."""
GENERATOR = {"cost_per_kwh": 0.17, "quadratic_cost": 2.0e-4}
KINDS: list[tuple[str, list[int], list[str], float, float, tuple[float, float] | None, float | None, float]] = [
    ("commercial", [48, 78, 102, 127], ["G1-A", "G3-A", "G6-A", "G4-A"], 600, 2100, (150, 300), None, 0.15),
    ("rural", [59, 109, 130, 140], ["L0-A", "L1-A", "L2-A", "lv_rural1"], 240, 3150, (150, 450), None, 0.10),
    ("industrial", [67, 95, 133, 136], ["G0-M", "G3-M", "G1-C", "G4-M"], 1000, 1050, None, 400, 0.20),
    (
        "residential",
        [62, 86, 106, 138],
        ["lv_semiurb4", "lv_semiurb5", "lv_rural2", "lv_rural3"],
        500,
        1750,
        (200, 400),
        None,
        0.10,
    ),
    ("hub", [74, 100, 116, 134], ["lv_urban6", "lv_semiurb4", "G0-M", "lv_urban6"], 400, 2800, (400, 1200), 250, 0.10),
]


def prosumers(strategy: str) -> list[dict[str, Any]]:
    agents = []
    for kind, buses, shapes, peak, pv, store, generator, share in KINDS:
        for bus, shape in zip(buses, shapes, strict=True):
            one: dict[str, Any] = {
                "name": f"{kind} {bus}",
                "kind": "prosumer",
                "bus": bus,
                "load": {"shape": shape, "peak_kw": peak / DEMAND, "power_factor": 0.95},
                "pv_kw": pv,
                "curtailable_load": {"share": share, "cost_per_kwh": 0.40},
                "strategy": strategy,
            }
            if store is not None:
                one["battery"] = {"power_kw": store[0], "energy_kwh": store[1], "wear_cost": 0.01}
            if generator is not None:
                one["generator"] = {"max_kw": generator, "ramp_kw_per_h": generator, **GENERATOR}
            agents.append(one)
    return agents


def _p2p141(strategy: str = "utility_only") -> dict[str, Any]:
    """The community of twenty on the 141-bus feeder, on a day in July."""
    others = {
        "kind": "consumer",
        "count": 84,
        "buses": "loads",
        "load": {
            "shape": {"choice": ["lv_rural1", "lv_rural2", "lv_semiurb4", "lv_semiurb5", "lv_urban6", "G0-M"]},
            "peak_kw": "feeder",
            "power_factor": "feeder",
        },
        "strategy": "utility_only",
    }
    return {
        "name": "p2p141",
        "seed": 1,
        "clock": {"start": "2016-07-12", "slots": 96, "slot_minutes": 15},
        "grid": {"feeder": "feeder141", "source_pu": 1.0, "voltage_band_pu": [0.95, 1.05], "gate": "observe"},
        "tariff": {"time_of_use": {"feed_in": 0.06, "windows": TIME_OF_USE}},
        "market": {"engine": "mid_market_rate"},
        "profiles": {
            "source": "simbench_2016",
            "demand_scale": DEMAND,
            "pv_scale": PV,
            "diversification": {"shift_weeks": 0, "noise": 0.0},
        },
        "agents": [*prosumers(strategy), others],
    }


@pytest.fixture(scope="session")
def p2p141() -> Callable[..., dict[str, Any]]:
    """Makes the scenario; ``strategy`` of the twenty."""
    return _p2p141
