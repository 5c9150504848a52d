"""The environment keeps the contract of PettingZoo and ours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from gymnasium.spaces import Box, MultiDiscrete

import marketsim as ms
from marketsim.core.errors import RunError
from marketsim.testing.env_kit import MarketEnvContract

SCENARIOS = Path(__file__).resolve().parents[3] / "scenarios"


def env_of(name: str = "pilot.yaml", overrides: Mapping[str, object] | None = None):
    return ms.parallel_env(ms.load_scenario(SCENARIOS / name, overrides))


class TestPilot(MarketEnvContract):
    """The pilot's market."""

    def make_env(self):
        return env_of()


class TestMixedAssets(MarketEnvContract):
    """Stores, vehicles and heat pumps."""

    def make_env(self):
        return env_of("mixed_assets.yaml", {"clock.slot_minutes": 60, "clock.slots": 24})


def test_spaces_hold_what_means_something_to_an_agent():
    """Price and quantity for all; a charge level for owners of a store alone."""
    env = env_of("mixed_assets.yaml", {"clock.slot_minutes": 60, "clock.slots": 24})
    stores = {
        agent.name for agent in ms.load_scenario(SCENARIOS / "mixed_assets.yaml").agents if "battery" in agent.devices
    }
    assert stores
    for agent in env.possible_agents:
        assert env.action_space(agent) == MultiDiscrete([11, 4, 5] if agent in stores else [11, 4])
        assert isinstance(env.observation_space(agent), Box)


def test_rewards_are_the_sum_of_both_parts_and_scores_stand_beside():
    env = env_of()
    env.reset(seed=3)
    shaped, scored = 0, 0
    while env.agents:
        _, rewards, _, _, infos = env.step({agent: env.action_space(agent).sample() for agent in env.agents})
        for agent, info in infos.items():
            assert rewards[agent] == info["economic"] + info["shaping"]
            shaped += info["shaping"] != 0.0
            scored += info["ftg"] is not None
            assert all(info[name] is None or 0.0 <= info[name] <= 1.0 for name in ("ftg", "fbs", "fpp"))
    assert shaped
    assert 0 < scored < 24 * 8


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ([11, 0], "outside"),
        ([0], "outside"),
        ([0.5, 0], "outside"),
        (["a", "b"], "outside"),
        (None, "no action for agent"),
    ],
)
def test_a_wrong_action_is_named(action, message):
    env = env_of()
    env.reset()
    actions = {agent: env.action_space(agent).sample() for agent in env.agents}
    if action is None:
        del actions["house"]
    else:
        actions["house"] = np.array(action)
    with pytest.raises(RunError, match=f"{message}|house"):
        env.step(actions)


def test_nothing_is_played_before_the_reset_and_after_the_end():
    env = env_of()
    with pytest.raises(RunError, match="reset"):
        env.step({})
