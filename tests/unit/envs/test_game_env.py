"""Any game as an environment: choices and numbers, parts and scores as the game names them."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.spaces import Box, MultiDiscrete

from marketsim.core.errors import RunError
from marketsim.envs.game_env import GameEnv
from marketsim.testing.env_kit import EnvContract
from marketsim.testing.games import Aiming, TwoTraders


class Seeded(Aiming):
    """Its marks depend on a seed, too."""

    def __init__(self, seed):
        super().__init__(2, n_markets=1)
        self.seed = seed

    def reset(self, episode):
        return super().reset(1000 * self.seed + episode)


def aiming():
    return GameEnv(Seeded, 1)


class TestAiming(EnvContract):
    """A game whose actions are numbers."""

    def make_env(self):
        return aiming()


def one_trade():
    """Two traders in one market."""
    game = TwoTraders()
    game._shape = game._shape._replace(n_markets=1)
    game.last = game.last[:1]
    return game


def test_bounds_of_numbers_are_a_box_of_each_agent():
    env = aiming()
    assert env.action_space("agent 0") == Box(np.array([-1.0, 0.0]), np.array([1.0, 0.1]), dtype=np.float64)
    assert env.action_space("agent 1") == Box(np.array([-2.0, 0.0]), np.array([2.0, 0.0]), dtype=np.float64)


def test_the_known_answer_earns_the_optimum():
    """Who plays what it sees is paid 1 a slot, and what it adds as a second number; a miss costs its square."""
    env = aiming()
    seen, _ = env.reset(seed=3)
    while env.agents:
        exact = {"agent 0": [float(seen["agent 0"][0]), 0.1], "agent 1": [float(seen["agent 1"][0]) - 0.5, 0.0]}
        seen, rewards, _, _, infos = env.step({agent: np.array(action) for agent, action in exact.items()})
        assert rewards["agent 0"] == pytest.approx(1.1, abs=1e-6)
        assert rewards["agent 1"] == pytest.approx(0.75, abs=1e-6)
        assert infos["agent 0"]["shaping"] == 0.1
        assert {info["hits"] for info in infos.values()} == {0.5}
        assert list(infos["agent 1"]) == ["economic", "shaping", "hits"]


@pytest.mark.parametrize("edge", [[1.0, 0.1], [-1.0, 0.0], np.array([1, 0])])
def test_bounds_belong_to_the_box(edge):
    env = aiming()
    env.reset()
    env.step({"agent 0": np.array(edge), "agent 1": np.array([2.0, 0.0])})


@pytest.mark.parametrize(
    "action",
    [
        [1.001, 0.0],
        [0.0, -1e-12],
        [0.0],
        [[0.0, 0.0]],
        [np.nan, 0.0],
        [np.inf, 0.0],
        ["a", "b"],
        [0j, 0j],
        [None, None],
    ],
)
def test_a_number_beyond_its_bounds_is_named(action):
    env = aiming()
    env.reset()
    with pytest.raises(RunError, match="of agent 'agent 0' lies outside"):
        env.step({"agent 0": np.array(action), "agent 1": np.zeros(2)})


def test_choices_are_discrete_and_undefined_scores_none():
    """Of the seller only the head that means something is asked; a bid below the ask has no score."""
    env = GameEnv(lambda _: one_trade(), 0)
    assert env.action_space("agent 0") == MultiDiscrete([3])
    assert env.action_space("agent 1") == MultiDiscrete([5, 3])
    env.reset()
    _, rewards, _, _, infos = env.step({"agent 0": np.array([2]), "agent 1": np.array([2, 2])})
    assert rewards == {"agent 0": 0.6, "agent 1": 0.6}
    assert infos["agent 0"] == {"economic": 0.5, "shaping": 0.1, "traded": 1.0}
    infos = env.step({"agent 0": np.array([2]), "agent 1": np.array([1, 2])})[-1]
    assert infos["agent 0"]["traded"] is None


def test_a_game_of_several_markets_is_no_environment():
    with pytest.raises(RunError, match="one market, this one has 8"):
        GameEnv(lambda _: TwoTraders(), 0)


def test_parts_that_the_game_does_not_declare_are_refused():
    class Boasting(Seeded):
        def told(self, actions):
            return {**super().told(actions), "fame": np.ones(1)}

    env = GameEnv(Boasting, 1)
    env.reset()
    with pytest.raises(RunError, match="fame"):
        env.step({agent: np.zeros(2) for agent in env.agents})
