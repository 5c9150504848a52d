"""A pool: its plan is what happens, at the price that it was told, and as far as the grid lets it."""

from __future__ import annotations

import numpy as np
import pytest

import marketsim as ms
from marketsim.app.wiring import build
from marketsim.core.errors import InputError
from marketsim.core.simulation import Simulation

HOMES = {
    "name": "homes",
    "clock": {"start": "2016-04-12", "slots": 36, "slot_minutes": 60},
    "tariff": {"time_of_use": {"feed_in": 0.08, "windows": [
        {"from_hour": 17, "to_hour": 22, "retail": 0.4}, {"from_hour": 22, "to_hour": 17, "retail": 0.25}]}},
    "profiles": {"source": "simbench_2016", "forecast": "perfect"},
    "agents": [
        {"name": "sun", "kind": "prosumer", "pv_kw": 10, "load": {"annual_kwh": 3000},
         "shiftable_load": {"share": 0.2}},
        {"name": "store", "kind": "prosumer", "load": {"annual_kwh": 0}, "battery": {"energy_kwh": 15, "power_kw": 6}},
        {"name": "car", "kind": "consumer", "load": {"annual_kwh": 3500}, "ev": {"power_kw": 11}},
        {"name": "warm", "kind": "consumer", "load": {"annual_kwh": 4000}, "heat_pump": {"power_kw": 3},
         "appliance": {}},
        {"name": "mill", "kind": "prosumer", "load": {"annual_kwh": 6000},
         "generator": {"max_kw": 2, "cost_per_kwh": 0.3}},
    ],
}  # fmt: skip


def pooled(more=None, **params):
    """The scenario with everybody in a pool."""
    strategy = {"coordinated": {"replan_slots": 1344, **params}}
    agents = [{**agent, "strategy": strategy} for agent in HOMES["agents"]]
    return ms.load_scenario({**HOMES, "agents": agents, **(more or {})})


def followed(ready):
    """(records from noon on, plan that was made at noon)."""
    built = build(ready)
    simulation, records, plan = Simulation(built.world), [], None
    for record in simulation.run():
        if record.inputs.time.slot == 12:
            plan = built.world.cast[0].strategy.fleets.latest.markets[0]
        if record.inputs.time.slot >= 12:
            records.append(record)
    return records, plan


@pytest.mark.parametrize("objective", ["cost", "cost_then_peak", "peak_then_cost"])
def test_what_was_planned_is_what_happens(objective):
    """Import and export of all together, slot by slot, to what whole Wh leave; and the cost."""
    records, plan = followed(pooled(objective=objective))
    net = np.array([record.energy.net_wh.sum() for record in records]) / 1000
    assert len(net) == len(plan.import_kwh) == 24
    assert net == pytest.approx((plan.export_kwh - plan.import_kwh)[:, 0], abs=0.01)
    paid = sum(int(record.ledger.money.sum()) + int(record.wear_money.sum()) for record in records) / 1e9
    assert paid == pytest.approx(plan.cost, abs=0.03)
    assert plan.missed_kwh < 1e-9
    assert not any(record.energy.unserved_wh.any() for record in records)


def test_one_planner_moves_what_five_cannot():
    """The store of an agent without load serves all; the peak is less than half of everybody's own."""
    ready = pooled(objective="peak_then_cost")
    summary = ms.simulate(ready).summary
    assert summary["peak_reduction"] > 0.5
    assert summary["solar_utilisation"] > summary["solar_utilisation_grid_only"]
    assert summary["cooperation_gain"] > 0


def test_members_trade_at_the_internal_price():
    """All of it; held within the tariffs where it lies outside, a tick above the feed-in tariff at least."""
    cases = ((0.14, {140_000}), (0.02, {80_001}), (0.3, {250_000, 300_000}), (None, {165_000, 240_000}))
    for asked, paid in cases:
        trades = ms.simulate(pooled(internal_price=asked)).frame("trades", raw=True)
        assert len(trades) > 10
        assert set(trades.price_ticks) == paid


def test_a_margin_lets_members_trade_under_network_charges():
    """At one price for both, a charge keeps them apart; with room for it they trade as before."""
    charged = {"market": {"charges": {"flat": {"per_kwh": 0.02}}}}
    without, room = (ms.simulate(pooled(charged, margin=margin)).summary["p2p_kwh"] for margin in (0.0, 0.015))
    assert without == 0.0
    assert room == pytest.approx(ms.simulate(pooled()).summary["p2p_kwh"], abs=1.0)


def test_what_the_grid_refuses_stays_where_it_is():
    """A store behind a connection of 1 kW delivers no more, and the rest is bought from the utility."""
    agents = [
        {**agent, "strategy": {"coordinated": {"objective": "cost"}}}
        | ({"connection_kw": {"export": 1.0}} if agent["name"] == "store" else {})
        for agent in HOMES["agents"]
    ]
    run = ms.simulate({**HOMES, "agents": agents})
    delivered = run.frame("agents", raw=True).query("name == 'store'").sold_wh
    assert 900 < delivered.max() <= 1000
    assert run.summary["rejected_kwh"] > 0
    assert (run.summary["energy_imbalance_wh"], run.summary["unserved_kwh"]) == (0, 0)


def test_with_own_forecasts_it_is_planned_again_and_again():
    """What is expected is not what comes; vehicles and heat are served, and it still pays."""
    profiles = {"source": "simbench_2016", "forecast": "climatology"}
    summary = ms.simulate(pooled({"profiles": profiles}, replan_slots=1)).summary
    assert summary["unserved_kwh"] == 0
    assert summary["cooperation_gain"] > 0


def test_a_device_that_says_nothing_is_held_firm_and_named(tmp_path):
    """Its owner is told; the others are planned."""
    plugin = tmp_path / "heater.py"
    plugin.write_text(HEATER)
    agents = [{**HOMES["agents"][0], "heater": {}, "strategy": "coordinated"}, *HOMES["agents"][1:]]
    path = tmp_path / "s.yaml"
    import yaml

    path.write_text(yaml.safe_dump({**HOMES, "agents": agents, "plugins": ["heater.py"]}))
    built = build(ms.load_scenario(path))
    assert any("cannot plan heater" in note for note in built.notes)


HEATER = """
import numpy as np
import marketsim as ms
from marketsim.core.fleets import FleetInfo
from marketsim.core.records import DeviceRange


class Heater:
    def __init__(self, owned):
        none = np.zeros(len(owned))
        self.info = FleetInfo("heater", owned, none + owned, none)

    def initial(self):
        return np.zeros((0, len(self.info.owned)))

    def range(self, state, inputs):
        none = np.zeros(len(self.info.owned), dtype=np.int64)
        return DeviceRange(none, none, none, none + np.nan)

    def advance(self, state, inputs, energy_wh):
        return state, np.zeros_like(energy_wh)

    def running_cost(self, energy_wh, unserved_wh):
        return np.zeros_like(energy_wh)


@ms.hookimpl
def marketsim_parts():
    build = lambda params, context: Heater(np.array([own is not None for own in params]))
    yield ms.Entry(kind="device", name="heater", build=build, summary="nothing")
"""


CONTEXTUAL = {"source": "simbench_2016", "forecast": {"contextual": {"context": "shared"}}}


def nets(ready):
    """Net energy of all in each slot [Wh]."""
    return np.array([record.energy.net_wh for record in Simulation(build(ready).world).run()])


@pytest.mark.parametrize("objective", ["cost", "cost_then_peak", "peak_then_cost"])
def test_with_scenarios_it_is_planned_for_several_days_at_once(objective):
    """With every device, and slots until the next plan in common: vehicles and heat are served, it pays, and a run is like the last."""
    agents = [
        agent if agent["name"] != "warm" else {k: v for k, v in agent.items() if k != "appliance"}
        for agent in HOMES["agents"]
    ]
    params = {"objective": objective, "replan_slots": 3, "scenarios": 3}
    strategy = {
        "coordinated": params | ({"peak_price": 0.2, "risk": 0.5, "peak_period": "day"} if objective == "cost" else {})
    }
    ready = ms.load_scenario(
        {**HOMES, "profiles": CONTEXTUAL, "agents": [{**agent, "strategy": strategy} for agent in agents]}
    )
    summary = ms.simulate(ready).summary
    assert summary["unserved_kwh"] == 0
    assert summary["cooperation_gain"] > 0
    assert (nets(ready) == nets(ready)).all()


def test_scenarios_move_what_is_done():
    """More than one, and another context: another schedule. One scenario is the plan of what is expected."""
    runs = [
        nets(pooled({"profiles": profiles}, objective="cost", peak_price=0.3, replan_slots=1, **more))
        for profiles, more in (
            (CONTEXTUAL, {}),
            (CONTEXTUAL, {"scenarios": 1}),
            (CONTEXTUAL, {"scenarios": 3}),
            ({"source": "simbench_2016", "forecast": {"contextual": {"context": "none"}}}, {"scenarios": 3}),
        )
    ]
    assert (runs[0] == runs[1]).all()
    assert (runs[1] != runs[2]).any()
    assert (runs[2] != runs[3]).any()


def test_under_a_gate_closure_scenarios_are_those_of_when_it_closed():
    """Two slots before: they run, and nothing is missed beyond what deviations settle."""
    market = {"profiles": CONTEXTUAL, "market": {"gate_closure_slots": 2}}
    run = ms.simulate(pooled(market, objective="cost", replan_slots=2, scenarios=3))
    assert run.summary["energy_imbalance_wh"] == 0


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"scenarios": 3, "by": "consensus", "objective": "cost"}, "by: consensus goes with scenarios: 1"),
        ({"risk": 0.5}, "risk is about scenarios"),
        ({"peak_period": "day"}, "with objective: cost alone"),
        ({"scenarios": 33}, "scenarios"),
        ({"scenarios": 2, "risk": 0.5, "tail": 0}, "tail"),
    ],
)
def test_what_does_not_go_together_is_refused(params, said):
    """Before a run."""
    with pytest.raises(InputError, match=said):
        pooled({"profiles": CONTEXTUAL}, **params)


def test_a_forecast_without_scenarios_is_refused():
    """With what to do."""
    with pytest.raises(InputError, match=r"the forecast has no scenarios \(got 3\)\n.*contextual"):
        ms.simulate(pooled(scenarios=3))
