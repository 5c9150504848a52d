"""Laws of whole runs, in scenarios drawn from all that the schema allows: parts, devices, grids, settings."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import marketsim as ms
from marketsim.app.wiring import build
from marketsim.core.records import Reason
from marketsim.core.simulation import Simulation

BUSES = {"feeder141": [48, 78, 87, 127, 59], "feeder141*2": ["48@0", "87@1", "78@1", "127@0", "59@0"]}
ENGINES = (
    {"double_auction": {"rounds": 1}},
    {"double_auction": {"rounds": 4, "price_rule": "midpoint"}},
    {"call_auction": {"pricing": "uniform"}},
    {"call_auction": {"pricing": "pay_as_bid"}},
    {"huang": {}},
    {"mid_market_rate": {}},
    {"supply_demand_ratio": {}},
    {"pro_rata": {"position": 0.3}},
)
STORAGE = ({"idle": {}}, {"self_consumption": {}}, {"trade": {}}, {"lp": {"horizon_slots": 6, "every": 3}})
REACTIVE = (
    "unity",
    {"unity": {"deferrable_power_factor": 0.9}},
    {"fixed_pf": {"power_factor": 0.9, "deferrable_power_factor": 0.95}},
    {"fixed_pf": {"absorbing": False}},
    {"fixed_q": {"q_share": 0.3}},
    "volt_var",
)
CHARGES = ("none", {"flat": {"per_kwh": 0.03, "buyer_share": 0.3}}, {"nodal": {"largest_per_kwh": 0.05}})
PAIRWISE = {"distance": {"per_kwh_ohm": 0.02}}
"""The double auction alone takes charges that differ by pair."""


def flat(retail, feed_in):
    return {"flat": {"retail": retail, "feed_in": feed_in, "wholesale": 0.05}}


def by_day(retail, feed_in):
    """Other prices from 10 to 14."""
    windows = [
        {"from_hour": 10, "to_hour": 14, "retail": retail, "feed_in": feed_in},
        {"from_hour": 14, "to_hour": 10, "retail": 0.30, "feed_in": 0.08},
    ]
    return {"time_of_use": {"windows": windows, "wholesale": 0.05}}


USUAL = flat(0.30, 0.08)
TARIFFS = (USUAL, USUAL, flat(0.30, 0.0), flat(0.1, -0.1), by_day(0.2, -0.05), by_day(-0.1, -0.15), by_day(-0.6, -0.6))
"""Prices of both signs."""


def strategies(draw):
    name = draw(st.sampled_from(["utility_only", "truthful", "zero_intelligence", "fixed_margin", "zip"]))
    return {name: {"storage": draw(st.sampled_from(STORAGE))}}


def devices(draw, scale):
    """Any of the devices, sized by ``scale`` [kW]."""
    every = {
        "battery": {"energy_kwh": 3 * scale, "power_kw": scale, "wear_cost": 0.01},
        "ev": {"power_kw": scale, "energy_kwh": 6 * scale, "daily_kwh": 2 * scale, "arrival_hour": 11.0},
        "heat_pump": {"power_kw": scale},
        "curtailable_load": {"share": 0.3, "cost_per_kwh": 0.2},
        "generator": {"max_kw": scale, "min_kw": 0.3 * scale, "ramp_kw_per_h": scale, "cost_per_kwh": 0.15},
    }
    return {name: every[name] for name in draw(st.sets(st.sampled_from(sorted(every)), max_size=3))}


@st.composite
def agents(draw, buses):
    scale = draw(st.sampled_from([1.0, 30.0, 600.0]))
    made = []
    for number in range(draw(st.integers(2, 5))):
        kind = draw(st.sampled_from(["prosumer", "prosumer", "consumer"]))
        agent = {
            "name": f"a{number}",
            "kind": kind,
            "load": {"peak_kw": scale * draw(st.sampled_from([0.0, 0.5, 1.0])), "power_factor": 0.95},
            "strategy": strategies(draw),
            **devices(draw, scale / 2),
        }
        if kind == "prosumer":
            agent |= {"pv_kw": scale * draw(st.sampled_from([0.0, 1.0, 3.0]))}
            if draw(st.booleans()):
                agent["inverter_kva"] = max(0.8 * agent["pv_kw"], 0.1)
        if draw(st.integers(0, 3)) == 0:
            agent["connection_kw"] = {"import": 1.5 * scale, "export": 0.7 * scale}
        made.append(agent if buses is None else {**agent, "bus": draw(st.sampled_from(buses))})
    return made


@st.composite
def grids(draw):
    """No grid, the feeder or two of it, with limits that often bind."""
    feeder = draw(st.sampled_from([None, "feeder141", "feeder141", "feeder141*2"]))
    if feeder is None:
        return {}
    return {
        "feeder": feeder,
        "gate": draw(st.sampled_from(["ac", "ac", "sensitivity", "observe", "none"])),
        "source_pu": draw(st.sampled_from([0.955, 1.0, 1.045])),
        "voltage_band_pu": [0.95, 1.05],
        "line_rating_a": draw(st.sampled_from(["standard", 40])),
        "untraded": draw(st.sampled_from(["withheld", "exported"])),
        "priority": draw(st.sampled_from(["peers", "equal"])),
        "allocation": draw(st.sampled_from(["arrival", "proportional", "merit"])),
        "reactive": draw(st.sampled_from(REACTIVE)),
        "retry_passes": draw(st.sampled_from([0, 3])),
        **draw(st.sampled_from([{}, {"head_kw": {"import": 200, "export": 50}}])),
        **draw(st.sampled_from([{}, {"background": True, "load_scale": 0.3}])),
    }


@st.composite
def scenarios(draw):
    grid = draw(grids())
    engine = draw(st.sampled_from(ENGINES))
    gated = grid.get("gate", "none") != "none"
    charges = [*CHARGES[: 3 if gated else 2], *([PAIRWISE] if gated and "double_auction" in engine else [])]
    return {
        "name": "drawn",
        "seed": draw(st.integers(0, 1000)),
        "clock": {"start": draw(st.sampled_from(["2016-01-19", "2016-06-21"])), "slots": 12, "slot_minutes": 120},
        "grid": grid,
        "tariff": USUAL if "supply_demand_ratio" in engine else draw(st.sampled_from(TARIFFS)),
        "market": {
            "engine": engine,
            "charges": draw(st.sampled_from(charges)),
            "gate_closure_slots": draw(st.sampled_from([0, 0, 0, 2])),
            "sharing": draw(st.sampled_from(["none", "proportional"])),
        },
        "profiles": {"source": "synthetic"},
        "agents": draw(agents(BUSES.get(grid.get("feeder")))),
    }


LAWS = settings(
    max_examples=20,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink a scenario takes minutes; what failed is shown
)


@LAWS
@given(scenarios())
def test_whatever_is_simulated_balances(scenario):
    """Energy and money to the last unit, the grid to 1 Wh, two power flows alike, prices within the owners' limits."""
    run = ms.simulate(ms.load_scenario(scenario))
    found = run.summary
    assert (found["money_imbalance"], found["energy_imbalance_wh"]) == (0, 0)
    assert (found["grid_imbalance_wh"] or 0.0) <= 1.0
    assert found.get("validation_mismatches", 0) == 0
    traded = run.frame("trades", raw=True)
    assert (traded.energy_wh > 0).all()
    assert (traded.buyer != traded.seller).all()
    prices = run.frame("slots", raw=True).set_index("slot").loc[traded.slot]
    assert (traded.buyer_price_ticks.to_numpy() <= prices.retail_ticks.to_numpy()).all()
    assert (traded.seller_price_ticks.to_numpy() >= prices.feed_in_ticks.to_numpy()).all()
    refused = run.frame("rejects", raw=True).query("reason not in ('exceeds_position', 'both_modes')")
    assert (refused.energy_wh > 0).all()
    agents_ = run.frame("agents", raw=True)
    if scenario["market"]["sharing"] == "proportional":
        assert (agents_.groupby("slot").sharing_money.sum() == 0).all()
        assert not agents_.query("slot < 11").sharing_money.any()
    assert (agents_.curtailed_wh <= agents_.surplus_wh).all() or scenario["market"]["gate_closure_slots"]


@LAWS
@given(scenarios())
def test_an_exact_gate_leaves_nothing_worse_than_it_was(scenario):
    """With ``ac`` and trade at delivery no bus leaves its band that was inside; ``sensitivity`` rolls back until so."""
    grid = scenario["grid"]
    if grid.get("gate") not in ("ac", "sensitivity") or scenario["market"]["gate_closure_slots"]:
        return
    found = ms.simulate(ms.load_scenario(scenario)).summary
    assert found["market_violation_rate"] in (0.0, None)
    assert found["slots_with_violation"] is None or found["slots_with_violation"] <= found["firm_violation_slots"]


@settings(LAWS, max_examples=12)
@given(scenarios())
def test_a_market_in_a_batch_is_the_market_alone(scenario):
    """Three replicas with other seeds beside it change no number of any agent."""
    ready = ms.load_scenario(scenario)
    seed = scenario["seed"]
    batch, alone = build(ready, seeds=[seed + 7, seed, seed + 1]), build(ready, seeds=[seed])
    own = batch.world.community.market == 1
    for together, single in zip(Simulation(batch.world).run(), Simulation(alone.world).run(), strict=True):
        np.testing.assert_array_equal(together.energy.net_wh[own], single.energy.net_wh)
        np.testing.assert_array_equal(together.energy.device_wh[:, own], single.energy.device_wh)
        np.testing.assert_array_equal(together.ledger.money[:, own], single.ledger.money)
        np.testing.assert_array_equal(together.grid.v_pu[1], single.grid.v_pu[0])
        np.testing.assert_array_equal(together.ledger.operator[1], single.ledger.operator[0])


@settings(LAWS, max_examples=12)
@given(scenarios())
def test_refused_energy_is_not_refused_twice(scenario):
    """Per agent and slot the grid refuses no more than the agent could have sold, or drawn, of each component."""
    ready = ms.load_scenario(scenario)
    for record in Simulation(build(ready).world).run():
        rejects, orders, place = record.rejects, record.orders, record.positions
        grid = (rejects.reason >= Reason.UNDERVOLTAGE) & (rejects.reason <= Reason.DIVERGED)
        told = np.zeros(orders.size + 1, dtype=np.int64)
        for order, other in ((rejects.buy_order, -1), (rejects.sell_order, 1)):
            mine = grid & (rejects.side != other)
            np.add.at(told, order[mine], rejects.energy_wh[mine])
        offered = np.zeros(len(place.surplus_wh), dtype=np.int64)
        np.add.at(offered, orders.agent, told[:-1])
        most = place.firm_demand_wh + place.surplus_wh + place.must_run_wh
        most = most + place.up_wh.sum(axis=0) + place.down_wh.sum(axis=0)
        assert (offered <= most).all()
