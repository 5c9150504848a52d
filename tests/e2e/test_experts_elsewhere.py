"""The experts of ``p2p141`` on other feeders and with more prosumers: nothing of them is made for one scenario."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Any

import pytest
import yaml

import marketsim as ms
from marketsim.analysis.experts.solving import bound

pytest.importorskip("clarabel", reason="experts need clarabel: pip install 'marketsim[experts]'")
P2P141 = Path(__file__).parents[2] / "scenarios" / "p2p141.yaml"
HUNDRED = P2P141.with_name("p2p141_100.yaml")


def p2p141() -> dict[str, Any]:
    return yaml.safe_load(P2P141.read_text("utf-8"))


def in_fifths(device: Any) -> Any:
    """Parameters of a device of a fifth of the size."""
    scaled = {
        name: value / 5
        for name, value in device.model_dump().items()
        if value is not None and name.endswith(("_kw", "_kwh", "_kw_per_h")) and "cost" not in name
    }
    if "quadratic_cost" in type(device).model_fields:
        scaled["quadratic_cost"] = device.quadratic_cost * 5
    return device.model_copy(update=scaled)


def village(expert: str | dict[str, Any]) -> dict[str, Any]:
    """The tariff, inverters and one of each kind of ``p2p141`` at households' sizes, on a low-voltage net of Kerber."""
    scenario = p2p141()
    kinds = [agent for agent in scenario["agents"] if agent["kind"] == "prosumer"][::4]
    for place, agent in enumerate(kinds):
        del agent["bus"]
        agent.update({"count": 4, "buses": "loads", "pv_kw": 24.0, "inverter_kva": 26.4, "strategy": "expert"})
        agent["load"].update({"peak_kw": 6.0, "shape": f"lv_rural{1 + place % 3}"})
        if "battery" in agent:
            agent["battery"].update({"energy_kwh": 12.0, "power_kw": 6.0})
        if "generator" in agent:
            agent["generator"].update({"max_kw": 5.0, "ramp_kw_per_h": 5.0})
    grid = {
        "feeder": "pandapower:create_kerber_dorfnetz",
        "voltage_band_pu": [0.95, 1.05],
        "gate": "observe",
        "reactive": scenario["grid"]["reactive"],
    }
    clock = {"start": "2016-05-28", "slots": 24, "slot_minutes": 60}
    profiles = {"source": "simbench_2016", "pv_scale": 1.6}
    return {
        **scenario,
        "name": "village",
        "clock": clock,
        "grid": grid,
        "profiles": profiles,
        "agents": kinds,
        "expert": expert,
    }


def test_experts_run_unchanged_on_a_low_voltage_net() -> None:
    """Played through the market: without a grid in mind voltages leave the band, under the joint plan none does, and it costs less."""
    outside, cost = {}, {}
    alone = {"individual": {"reactive": "planned"}}
    for expert, choice in {"individual": alone, "rule": "rule", "joint": "joint"}.items():
        run = ms.simulate(ms.load_scenario(village(choice)))
        assert (run.status, run.summary["money_imbalance"], run.summary["energy_imbalance_wh"]) == ("complete", 0, 0)
        outside[expert] = run.summary["voltage_violation_rate"]
        (day,) = bound(ms.load_scenario(village(choice))).days
        cost[expert] = day.cost
    assert outside["individual"] > 0.0
    assert outside["joint"] == 0.0
    assert cost["joint"] < min(cost["individual"], cost["rule"])


def test_a_hundred_prosumers_are_twenty_in_fifths() -> None:
    """All that is in kW, kWh and kVA sums to the same, at the same buses; the cost of a generator at a fifth of the power, too."""
    few, many = ms.load_scenario(P2P141).agents, ms.load_scenario(HUNDRED).agents
    assert (len(few), len(many)) == (104, 184)
    assert many[100:] == few[20:]
    for place, one in enumerate(few[:20]):
        parts = many[5 * place : 5 * place + 5]
        assert [part.bus for part in parts] == [one.bus] * 5
        assert [part.pv_kw for part in parts] == [one.pv_kw / 5] * 5
        assert [part.inverter_kva for part in parts] == [one.inverter_kva / 5] * 5
        assert [part.load.peak_kw for part in parts] == [one.load.peak_kw / 5] * 5
        assert [part.pv_shape for part in parts] == [one.pv_shape] * 5
        for part in parts:
            assert part.devices == {name: in_fifths(device) for name, device in one.devices.items()}


@pytest.mark.full
def test_a_hundred_prosumers_cost_what_twenty_of_five_times_the_size_do() -> None:
    """The same feeder and day, up to the noise of loads: five share what one does, so the optimum costs the same, voltages kept."""
    few, many = (bound(ms.load_scenario(scenario), "validation", 3) for scenario in (P2P141, HUNDRED))
    assert (len(few.agents), len(many.agents)) == (20, 100)
    one, other = few.days[2], many.days[2]
    assert (one.over, one.under, other.over, other.under) == (0, 0, 0, 0)
    assert other.idle_cost == pytest.approx(one.idle_cost, rel=0.01)
    assert other.cost == pytest.approx(one.cost, rel=0.01)
    assert other.idle_over > 0


def played_as_a_game(scenario: dict[str, Any]) -> dict[str, Any]:
    """The days of ``p2p141``'s trainings, on which its prosumers say what they set."""
    for agent in scenario["agents"]:
        agent["strategy"] = "setpoints" if agent["kind"] == "prosumer" else "utility_only"
    return {**scenario, "profiles": p2p141()["profiles"], "expert": p2p141()["expert"]}


TINY = {"markets": 2, "hidden": [8], "episodes": 4}
LEARNERS: dict[str, dict[str, Any]] = {
    "sac": {"critic": "differential", "imitation": {}, "warm_up": 20},
    "matd3": {"critic": "attention", "warm_up": 20},
    "mappo": {},
}


@pytest.mark.full
def test_learners_train_unchanged_elsewhere(tmp_path: Path) -> None:
    """A clone of the joint expert; from it critics of every kind; and a day through the market by what was learned."""
    pytest.importorskip("torch", reason="learning is an extra")
    from marketsim.app.training import train_scenario

    def trained(learner: dict[str, Any]) -> Any:
        (name,) = learner
        ready = ms.load_scenario(played_as_a_game(village("joint")), {"learning.learner": learner})
        return train_scenario(ready, tmp_path / name)

    clone = trained({"cloning": {**TINY, "episodes": 8, "steps": 40}})
    start = {"checkpoint": {"path": str(clone.checkpoint)}}
    for name, more in LEARNERS.items():
        done = trained({name: {**TINY, **more, "start": start}})
        assert (done.summary["updates"], done.game) == (2, "setpoints")
        assert isfinite(done.summary["total_last"])
    scenario = played_as_a_game(village("joint"))
    players = [agent for agent in scenario["agents"] if agent["strategy"] == "setpoints"]
    for agent in players:
        agent["strategy"] = {"learned": {"checkpoint": str(tmp_path / "sac" / "checkpoint.pt")}}
    run = ms.simulate(ms.load_scenario(scenario))
    assert sum(agent.get("count", 1) for agent in players) == 20
    assert (run.status, run.summary["money_imbalance"], run.summary["energy_imbalance_wh"]) == ("complete", 0, 0)
