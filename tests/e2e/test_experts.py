"""Runs whose agents follow an expert: through market, gate and settlement, as planned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import marketsim as ms
from marketsim.analysis.experts.solving import bound
from marketsim.app.game import build_game
from marketsim.core.errors import ScenarioError
from marketsim.core.learner import GameNeeds

pytest.importorskip("clarabel", reason="experts need clarabel: pip install 'marketsim[experts]'")
PRICES = [{"from_hour": 0, "to_hour": 17, "retail": 0.2}, {"from_hour": 17, "to_hour": 24, "retail": 0.36}]


def neighbours(**more: Any) -> dict[str, Any]:
    """A hub and a rural prosumer so large that the sun breaks the band at their buses, and a consumer."""
    big = {"load": {"peak_kw": 400, "power_factor": 0.95}, "kind": "prosumer", "strategy": "expert"}
    reactive = {"setpoint": {"min_power_factor": 0.95, "base": "volt_var"}}
    return {
        "name": "neighbours",
        "clock": {"start": "2016-05-08", "slots": 24, "slot_minutes": 60},
        "grid": {
            "feeder": "feeder141",
            "source_pu": 1.01,
            "voltage_band_pu": [0.95, 1.05],
            "gate": "observe",
            "reactive": reactive,
        },
        "tariff": {"time_of_use": {"feed_in": 0.06, "windows": PRICES}},
        "market": {"engine": "mid_market_rate"},
        "agents": [
            {
                "name": "hub",
                "bus": 87,
                **big,
                "pv_kw": 9000,
                "battery": {"energy_kwh": 1200, "power_kw": 400},
                "generator": {"max_kw": 250, "cost_per_kwh": 0.17, "ramp_kw_per_h": 125},
            },
            {"name": "rural", "bus": 75, **big, "pv_kw": 6000, "curtailable_load": {"share": 0.2, "cost_per_kwh": 0.4}},
            {
                "name": "flat",
                "bus": 78,
                "kind": "consumer",
                "load": {"annual_kwh": 900_000},
                "strategy": "utility_only",
            },
        ],
        **more,
    }


def test_a_plan_is_no_forecast_of_what_is_metered() -> None:
    """Where the market closes before the slot, who follows a plan would know more than others: refused, in any reactive mode."""
    early = neighbours(market={"engine": "mid_market_rate", "gate_closure_slots": 1})
    early["grid"]["reactive"] = "volt_var"
    with pytest.raises(
        ScenarioError, match=r"market\.gate_closure_slots: an expert's plan is followed with what is metered"
    ):
        ms.simulate(early)


@pytest.mark.parametrize("base", ["volt_var", "none"])
def test_a_joint_plan_is_played_as_planned(base: str) -> None:
    """No voltage outside, on a curve or without one, where idling breaks the band; all balances close; reactive power is used."""
    over = {"grid.reactive.setpoint.base": base}
    played, resting = (
        ms.simulate(ms.load_scenario(neighbours(expert=expert), over)) for expert in ("joint", "individual")
    )
    assert resting.summary["voltage_violation_rate"] > 0
    assert played.summary["voltage_violation_rate"] == 0
    assert played.summary["energy_imbalance_wh"] == played.summary["money_imbalance"] == 0
    assert played.summary["validated_slots"] == 24
    assert np.abs(played.frame("agents", raw=True).query("name == 'hub'").kvar).max() > 50


def test_the_plan_stands_beside_what_was_done() -> None:
    """With perfect information to the Wh and the var, load and curve included; nothing for who follows none, nor in other runs."""
    agents = ms.simulate(ms.load_scenario(neighbours(expert="joint"))).frame("agents", raw=True)
    followed, others = agents.query("name != 'flat'"), agents.query("name == 'flat'")
    done = {"generator": "generator_wh", "battery": "battery_wh", "curtailed": "curtailable_load_unserved_wh"}
    for name, column in {**done, "pv": "pv_used_wh"}.items():
        planned_wh = 1_000.0 * followed[f"planned_{name}_kw"]
        np.testing.assert_allclose(planned_wh, followed[column], atol=1.0)
        assert followed[column].any() == (name != "curtailed")  # which costs more than retail here
    np.testing.assert_allclose(followed.planned_kvar, followed.kvar, atol=0.1)
    assert others.filter(like="planned").isna().all(axis=None)
    plain = neighbours()
    for agent in plain["agents"]:
        agent["strategy"] = "utility_only"
    assert not [name for name in ms.simulate(ms.load_scenario(plain)).agents.columns if name.startswith("planned")]


def test_with_forecasts_the_slot_that_is_metered_is_held_within_the_band() -> None:
    """Recourse takes what errors of the forecast leave outside; what is played by itself is what the market does."""
    outside = {}
    for recourse in (True, False):
        expert = {"joint": {"information": "forecast", "recourse": recourse, "every": 4}}
        ready = ms.load_scenario(neighbours(expert=expert))
        (day,) = bound(ready, played=True).days
        outside[recourse] = day.over + day.under
        rate = ms.simulate(ready).summary["voltage_violation_rate"]
        assert rate == pytest.approx((day.over + day.under) / day.bus_slots, abs=1e-9)
        assert day.status == "played"
        assert day.solves == 6
    assert outside[True] == 0 < outside[False]


def test_a_plan_with_forecasts_is_made_anew_every_hour_and_ends_near_its_level() -> None:
    """Shrinking horizon under forecasts: the battery ends the day where the terminal value has it, though the sun was another."""
    run = ms.simulate(ms.load_scenario(neighbours(expert={"joint": {"information": "forecast"}})))
    level = run.frame("agents", raw=True).query("name == 'hub'").battery_level
    assert run.status == "complete"
    assert level.iloc[-1] == pytest.approx(0.5, abs=0.35)


def test_rules_are_played_without_a_solver() -> None:
    run = ms.simulate(ms.load_scenario(neighbours(expert="rule")))
    hub = run.frame("agents", raw=True).query("name == 'hub'")
    assert hub.battery_wh.abs().sum() > 0
    assert run.summary["money_imbalance"] == 0


def test_agents_without_a_feeder_and_with_other_devices_follow_an_expert_too() -> None:
    """Nothing of a grid is asked; a vehicle is charged as it must be."""
    scenario = {
        "name": "village",
        "clock": {"start": "2016-07-12", "slots": 48, "slot_minutes": 60},
        "tariff": {"flat": {"retail": 0.3, "feed_in": 0.08}},
        "agents": [
            {
                "kind": "prosumer",
                "pv_kw": 6,
                "load": {"annual_kwh": 3000},
                "battery": {"energy_kwh": 8, "power_kw": 4},
                "strategy": "expert",
            },
            {"kind": "consumer", "load": {"annual_kwh": 2500}, "ev": {}, "strategy": "expert"},
        ],
    }
    run = ms.simulate(ms.load_scenario(scenario))
    assert (run.status, run.summary["money_imbalance"], run.summary["energy_imbalance_wh"]) == ("complete", 0, 0)
    assert (run.frame("agents", raw=True).battery_wh != 0).any()


def test_several_markets_follow_the_plans_of_their_own_days() -> None:
    """Labels of the game of set-points: in two markets, each the plan's set-points; playing them costs what the plan costs."""
    scenario = neighbours(expert="joint", learning={"game": "setpoints"})
    for agent in scenario["agents"][:2]:
        agent["strategy"] = "setpoints"
    scenario["profiles"] = {"source": "simbench_2016", "days": {"season": "summer"}}
    needs = GameNeeds(markets=2, shared=False, rounds=lambda agents, slots: 1)
    game: Any = build_game(ms.load_scenario(scenario), needs=needs, markets=2)
    game.reset(0)
    first = game.labels()
    assert first.shape == (2, 2, 5)
    total, step = 0.0, None
    for _ in range(24):
        step = game.step(game.labels())
        total += float(step.parts["violations"].sum())
    assert step is not None
    assert step.ended
    assert total == 0.0
    game.reset(0)
    np.testing.assert_array_equal(game.labels(), first)


def test_an_expert_whose_generator_could_be_switched_off_is_refused() -> None:
    """A programme without binaries has no constant cost of running: told before the run, with what to do."""
    scenario = neighbours(expert="joint")
    scenario["agents"][0]["generator"]["constant_cost"] = 3.0
    with pytest.raises(ScenarioError, match=r"an expert cannot switch the generator of agent 'hub' off(.|\n)*min_kw"):
        ms.simulate(ms.load_scenario(scenario))


def test_a_misspelt_expert_is_told_with_the_nearest_name() -> None:
    with pytest.raises(ScenarioError, match=r"there is no expert of this name(.|\n)*did you mean joint"):
        ms.load_scenario(neighbours(expert="joynt"))


def test_a_scenario_without_an_expert_is_written_as_before() -> None:
    """The section is left out where nobody names one, so that hashes of older scenarios stay; named, it reads back."""
    from marketsim.scenario.dump import dump

    plain, named = (ms.load_scenario(neighbours(**more)) for more in ({}, {"expert": "joint"}))
    assert "expert:" not in dump(plain.model, plain.agents).replace("expert: {}", "")
    again = ms.load_scenario(dump(named.model, named.agents))
    assert again.model.expert == named.model.expert
