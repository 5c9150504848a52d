"""The environment of set-points: numbers within bounds, and the balances of a market."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

import marketsim as ms
from marketsim.testing.env_kit import EnvContract

SCENARIO: dict[str, Any] = {
    "name": "set",
    "clock": {"start": "2016-05-19", "slots": 24, "slot_minutes": 60},
    "grid": {"feeder": "feeder141", "gate": "observe", "reactive": {"setpoint": {"base": "volt_var"}}},
    "tariff": {"flat": {"retail": 0.24, "feed_in": 0.06}},
    "market": {"engine": "mid_market_rate"},
    "profiles": {"source": "simbench_2016", "days": {"split": {"first_days": 1, "last_days": 7}, "order": "dates"}},
    "agents": [
        {"name": "hub", "kind": "prosumer", "bus": 48, "pv_kw": 800, "load": {"peak_kw": 200}, "strategy": "setpoints",
         "battery": {"energy_kwh": 400, "power_kw": 100}},
        {"name": "works", "kind": "prosumer", "bus": 87, "generator": {"max_kw": 100}, "load": {"peak_kw": 300},
         "strategy": "setpoints"},
    ],
    "learning": {"game": "setpoints"},
}  # fmt: skip


class TestSetpoints(EnvContract):
    """Two players of different devices."""

    def make_env(self) -> Any:
        return ms.parallel_env(SCENARIO)


def test_actions_are_boxes_and_idle_numbers_have_one_value() -> None:
    """Five numbers from -1 to 1; what an agent has nothing for lies between equal bounds."""
    env = ms.parallel_env(SCENARIO)
    hub, works = (env.action_space(name) for name in ("hub", "works"))
    assert isinstance(hub, gymnasium.spaces.Box)
    assert hub.low.tolist() == [-1, -1, -1, -1, -1]
    assert hub.high.tolist() == [-1, 1, -1, 1, 1]
    assert works.low.tolist() == [-1, 0, -1, 1, 0]
    assert works.high.tolist() == [1, 0, -1, 1, 0]


def test_infos_hold_parts_of_the_reward_and_scores() -> None:
    """By the names that the game declares; the parts add up to the reward."""
    env = ms.parallel_env(SCENARIO)
    env.reset(seed=1)
    _, rewards, _, _, infos = env.step({name: env.action_space(name).sample() for name in env.agents})
    for name, reward in rewards.items():
        parts = [infos[name][part] for part in ("cost", "voltage", "stored")]
        np.testing.assert_allclose(sum(parts), reward)
        assert {"system_cost", "violations", "depth_pu", "curtailed_kwh", "refused_kwh"} < set(infos[name])
