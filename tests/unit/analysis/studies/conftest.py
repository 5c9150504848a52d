"""A street without a grid, whose simulation takes a moment; and tables as studies make them."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import marketsim as ms

STREET: dict[str, Any] = {
    "name": "street",
    "seed": 3,
    "clock": {"start": "2016-06-06", "slots": 6, "slot_minutes": 240},
    "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
    "profiles": {"source": "simbench_2016"},
    "agents": [
        {"kind": "prosumer", "count": 2, "pv_kw": {"uniform": [4, 9]}, "load": {"annual_kwh": 3000}},
        {"kind": "consumer", "count": 2, "load": {"annual_kwh": 3500}, "strategy": {"zero_intelligence": {}}},
    ],
}


@pytest.fixture(scope="session")
def street():
    """A scenario that is ready to run."""
    return ms.load_scenario(STREET)


@pytest.fixture
def rows():
    """``rows(gate=..., values=..., **kpis)``: a study's table over ``x``, one seed, everything successful."""

    def make(values, *, seeds=(1,), **columns):
        numbers = [(value, seed) for value in values for seed in seeds]
        table = pd.DataFrame(
            {
                "run": range(len(numbers)),
                "point": [values.index(value) for value, _ in numbers],
                "x": [float(value) for value, _ in numbers],
                "seed": [seed for _, seed in numbers],
                "status": "ok",
                "error": None,
                "slots": 96,
            }
        )
        for name, column in columns.items():
            table[name] = column
        return table

    return make
