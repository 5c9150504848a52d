"""Every engine, strategy, sharing rule and allocation at prices of either sign: what holds, or the refusal with its reason."""

from __future__ import annotations

import numpy as np
import pytest

import marketsim as ms
from marketsim.builtin import built_in_registry
from marketsim.core.errors import ScenarioError

REGISTRY = built_in_registry()
RATIO = "supply_demand_ratio"
"""The one engine that divides by a price."""
ENGINES = {
    **{name: name for name in REGISTRY.names("engine") if name != RATIO},
    "midpoint": {"double_auction": {"price_rule": "midpoint", "rounds": 3}},
    "tranches": {"double_auction": {"tranches": 4, "ties": "pro_rata"}},
    "pay_as_bid": {"call_auction": {"pricing": "pay_as_bid"}},
}
STRATEGIES = tuple(name for name in REGISTRY.names("strategy") if name != "learned")
STORAGE = ("idle", "self_consumption", "trade", "lp")
PRICES = {
    "zero feed-in": (0.30, 0.0),
    "negative feed-in": (0.20, -0.05),
    "free retail": (0.0, -0.10),
    "both zero": (0.0, 0.0),
    "negative retail": (-0.10, -0.15),
    "both the same below zero": (-0.10, -0.10),
    "far below zero": (-0.80, -1.00),
}
"""Retail and feed-in of the hours from 10 to 16; before and after 0.30 and 0.08."""


def tariff(prices):
    retail, feed_in = PRICES[prices]
    sunny = {"from_hour": 10, "to_hour": 16, "retail": retail, "feed_in": feed_in}
    return {"time_of_use": {"windows": [sunny, {"from_hour": 16, "to_hour": 10, "retail": 0.30}], "wholesale": 0.02}}


def scenario(prices, strategy, **more):
    """A summer's day of seven agents with every device, by two hours."""
    every = {"strategy": strategy, "income": 2000}
    agents = [
        {"name": "store", "kind": "prosumer", "pv_kw": 8, "load": {"peak_kw": 2}, **every,
         "battery": {"energy_kwh": 8, "power_kw": 3}},
        {"name": "roof", "kind": "prosumer", "pv_kw": 6, "load": {"peak_kw": 1}, **every},
        {"name": "flat", "kind": "consumer", "load": {"peak_kw": 4}, **every},
        {"name": "car", "kind": "consumer", "load": {"peak_kw": 2}, **every,
         "ev": {"power_kw": 7, "arrival_hour": 9.0, "departure_hour": 20.0, "daily_kwh": 12}},
        {"name": "warm", "kind": "consumer", "load": {"peak_kw": 1}, **every, "heat_pump": {"power_kw": 3}},
        {"name": "waits", "kind": "consumer", "load": {"peak_kw": 3}, **every,
         "curtailable_load": {"share": 0.4, "cost_per_kwh": 0.15}},
        {"name": "plant", "kind": "prosumer", "pv_kw": 1, "load": {"peak_kw": 1}, **every,
         "generator": {"max_kw": 4, "min_kw": 1, "ramp_kw_per_h": 4, "cost_per_kwh": 0.12}},
    ]  # fmt: skip
    return {
        "name": "sunny",
        "seed": 4,
        "clock": {"start": "2016-06-21", "slots": 12, "slot_minutes": 120},
        "tariff": tariff(prices),
        "profiles": {"source": "synthetic"},
        "agents": agents,
        **more,
    }


@pytest.fixture
def sunny_day(simulated):
    """``sunny_day(prices, strategy, **more)``: a run of the scenario, made once."""
    return lambda *chosen, **more: simulated(scenario(*chosen, **more))


def holds(run, *, gains=True):
    """Money and energy balance; trades lie within the tariffs of their slot; no PV is exported at a cost; scores are scores.

    Without ``gains`` trades may lose."""
    assert (run.summary["money_imbalance"], run.summary["energy_imbalance_wh"]) == (0, 0)
    slots, agents = run.frame("slots", raw=True).set_index("slot"), run.frame("agents", raw=True)
    traded = run.frame("trades", raw=True).join(slots[["retail_ticks", "feed_in_ticks"]], on="slot")
    assert (
        (traded.buyer_price_ticks <= traded.retail_ticks) & (traded.seller_price_ticks >= traded.feed_in_ticks)
    ).all()
    costly = agents[agents.slot.map(slots.feed_in_ticks) < 0]
    assert (costly[~costly["name"].isin(["plant", "store"])].export_wh == 0).all()
    for name in ("ftg", "fbs", "ftb", "fpp", "price_neutrality", "trade_efficiency"):
        score = run.frame("slots", raw=True)[name].dropna()
        least = -np.inf if name == "trade_efficiency" and not gains else 0.0
        assert score.between(least, 1.0 + 1e-12).all(), name
    assert (run.frame("slots", raw=True).optimal_gains_money >= 0).all()
    return run


@pytest.mark.parametrize("prices", PRICES)
@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_keeps_the_tariffs_whatever_their_sign(sunny_day, engine, prices):
    run = holds(sunny_day(prices, "truthful", market={"engine": ENGINES[engine]}))
    assert run.summary["gains_from_trade"] >= -1e-9


@pytest.mark.parametrize("prices", PRICES)
def test_the_engine_that_divides_by_the_feed_in_tariff_says_so(sunny_day, prices):
    with pytest.raises(ScenarioError, match="divides by the feed-in tariff") as caught:
        sunny_day(prices, "truthful", market={"engine": RATIO})
    assert f"feed_in {PRICES[prices][1]:g} in slot 5 (2016-06-21 10:00)" in str(caught.value)


@pytest.mark.parametrize("prices", PRICES)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_keeps_the_tariffs_whatever_their_sign(sunny_day, strategy, prices):
    gains = strategy != "setpoints"  # they are executed at any price
    holds(sunny_day(prices, strategy, market={"engine": {"double_auction": {"rounds": 3}}}), gains=gains)


@pytest.mark.parametrize("prices", PRICES)
@pytest.mark.parametrize("storage", STORAGE)
def test_every_plan_of_a_store(sunny_day, storage, prices):
    """Only the plan that looks ahead draws from the grid for a store, and only it may give away what it holds."""
    run = holds(sunny_day(prices, {"truthful": {"storage": storage}}, market={"engine": "call_auction"}))
    at_noon = run.frame("agents", raw=True).query("name == 'store' and slot >= 5 and slot < 8")
    beyond_own = -at_noon.battery_wh - at_noon.pv_used_wh - at_noon.bought_wh
    if storage != "lp":
        assert (beyond_own <= 0).all()
        assert not (at_noon.export_wh > 0).any() or PRICES[prices][1] >= 0


@pytest.mark.parametrize("prices", ["zero feed-in", "negative feed-in", "negative retail"])
@pytest.mark.parametrize("sharing", REGISTRY.names("sharing"))
def test_every_sharing_rule(simulated, sharing, prices):
    day = scenario(prices, "truthful", market={"engine": "mid_market_rate", "sharing": sharing})
    if "dividends" in REGISTRY.traits("sharing", sharing):
        day["agents"][-1]["owners"] = "equal"
    run = holds(simulated(day))
    agents = run.frame("agents", raw=True)
    assert agents.sharing_money.sum() == 0 if "sharing_money" in agents else sharing == "none"


@pytest.mark.parametrize("prices", ["zero feed-in", "negative feed-in", "negative retail"])
@pytest.mark.parametrize("charges", [{"flat": {"per_kwh": 0.03}}])
def test_network_charges(sunny_day, charges, prices):
    """A charge larger than the room between the tariffs leaves no trade, and never a price beyond them."""
    holds(sunny_day(prices, "zero_intelligence", market={"engine": "double_auction", "charges": charges}))


@pytest.mark.parametrize("prices", ["negative feed-in", "negative retail", "far below zero"])
@pytest.mark.parametrize("grid", [{"untraded": "exported"}, {"priority": "equal"}, {"allocation": "planned"}])
def test_surplus_has_no_right_that_costs(sunny_day, grid, prices):
    """Whatever may flow by right, or is planned to: nothing of PV is exported where that costs."""
    run = holds(sunny_day(prices, "truthful", grid=grid))
    assert run.summary["curtailed_kwh"] > 0


@pytest.mark.parametrize("prices", PRICES)
def test_a_learner_sees_acts_and_is_rewarded_at_prices_of_both_signs(prices):
    """Random actions over a day: features within their bounds, rewards finite."""
    pytest.importorskip("pettingzoo")
    env = ms.parallel_env(ms.load_scenario(scenario(prices, "truthful")))
    rng = np.random.default_rng(3)
    seen, _ = env.reset(seed=3)
    while env.agents:
        assert all(np.isfinite(own).all() and np.abs(own).max() <= 2.0 for own in seen.values())
        acts = {agent: rng.integers(env.action_space(agent).nvec) for agent in env.agents}
        seen, rewards, *_ = env.step(acts)
        assert np.isfinite(list(rewards.values())).all()
