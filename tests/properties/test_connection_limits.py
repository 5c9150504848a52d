"""Limits of connections hold without a feeder, whichever engine matches; firm demand is never cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import marketsim as ms

ENGINES = (
    "double_auction", "call_auction", "huang", "mid_market_rate", "supply_demand_ratio", "pro_rata", "central_optimum",
)  # fmt: skip
N = 4
LIMIT_KW = st.one_of(st.none(), st.integers(0, 8).map(lambda k: k / 4))


def scenario(engine: str, limits: Any, seed: int, untraded: str, grid: dict[str, Any]) -> dict[str, Any]:
    agents = [
        {
            "name": f"a{k}",
            "kind": "prosumer",
            "load": {"annual_kwh": 6000.0},
            "pv_kw": 5.0 * (k % 2),
            "battery": {"energy_kwh": 6.0, "power_kw": 4.0},
            "connection_kw": {"import": drawn, "export": fed},
            **({"bus": str(5 + k)} if grid else {}),
        }
        for k, (drawn, fed) in enumerate(limits)
    ]
    return {
        "name": "limits",
        "seed": seed,
        "clock": {"start": "2016-07-12", "slots": 12, "slot_minutes": 120},
        "grid": {**grid, "untraded": untraded},
        "tariff": {"flat": {"retail": 0.3, "feed_in": 0.08}},
        "market": {"engine": engine},
        "profiles": {"source": "synthetic"},
        "agents": agents,
    }


@pytest.mark.parametrize("grid", [{}, {"feeder": "feeder141", "gate": "none"}], ids=["no feeder", "gate none"])
@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=3)
@given(
    limits=st.lists(st.tuples(LIMIT_KW, LIMIT_KW), min_size=N, max_size=N),
    seed=st.integers(0, 1000),
    untraded=st.sampled_from(["withheld", "exported"]),
)
def test_no_connection_passes_more_than_its_limit(
    engine: str, grid: dict[str, Any], limits: Any, seed: int, untraded: str
) -> None:
    run = ms.simulate(scenario(engine, limits, seed, untraded, grid))
    table = run.frame("agents", raw=True)
    for k, (drawn, fed) in enumerate(limits):
        own = table[table.name == f"a{k}"]
        most_in = np.inf if drawn is None else drawn * 2_000
        most_out = np.inf if fed is None else fed * 2_000
        assert (-own.net_wh <= np.maximum(most_in, own.firm_demand_wh)).all()
        assert (own.net_wh <= np.maximum(most_out, own.must_run_wh)).all()
        assert (own.load_wh - own.pv_used_wh - own.battery_wh == -own.net_wh).all()
    binding = run.frame("rejects", raw=True)[
        run.frame("rejects", raw=True).reason.isin(["connection_import", "connection_export"])
    ]
    limited = {f"a{k}" for k, (drawn, fed) in enumerate(limits) if drawn is not None or fed is not None}
    assert set(binding.element_name.dropna().astype(str)) <= limited
    assert run.summary["energy_imbalance_wh"] == 0


@pytest.mark.parametrize(
    "grid",
    [{}, {"feeder": "pandapower:create_kerber_landnetz_kabel_1", "voltage_band_pu": [0.5, 1.5]}],
    ids=["no feeder", "ac"],
)
@pytest.mark.parametrize("engine", ENGINES)
def test_agents_that_have_nothing_to_trade_are_no_obstacle(engine: str, grid: dict[str, Any]) -> None:
    """The last agents of a market without any order, as after sunset, at a limited connection."""
    made = scenario(engine, [(2.0, 1.0)] * N, 1, "withheld", grid)
    for agent in made["agents"][2:]:
        agent |= {"kind": "consumer", "load": {"annual_kwh": 0.0}}
        del agent["battery"], agent["pv_kw"]
    run = ms.simulate(made)
    assert (run.frame("agents", raw=True)[run.frame("agents", raw=True).name.isin(["a2", "a3"])].net_wh == 0).all()
    assert run.frame("trades", raw=True).energy_wh.sum() > 0
    assert run.summary["energy_imbalance_wh"] == 0
