"""What every environment has to keep to; inherit, name your environment, and the contract is tested.

::

    from marketsim.testing.env_kit import MarketEnvContract

    class TestMyEnv(MarketEnvContract):
        def make_env(self):
            return marketsim.parallel_env(marketsim.load_scenario("mine.yaml"))

``EnvContract`` holds the environment of any game.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pettingzoo.test import parallel_api_test, parallel_seed_test  # type: ignore[import-untyped]

from marketsim.core.laws import energy_imbalance_wh, money_imbalance

PlayedSteps = list[tuple[Any, ...]]


class EnvContract:
    """Spaces, types, numbers and seeds, whatever is played."""

    def make_env(self) -> Any:
        """The environment to test, fresh."""
        raise AssertionError("override make_env")

    def test_it_passes_the_tests_of_pettingzoo(self) -> None:
        """Its own tests of the interface, with every warning an error."""
        parallel_api_test(self.make_env(), num_cycles=30)

    def test_it_passes_the_seed_test_of_pettingzoo(self) -> None:
        """Equal seeds give equal observations, rewards and actions."""
        parallel_seed_test(self.make_env, num_cycles=10)

    def test_each_agent_has_one_space_object_and_finite_boxes(self) -> None:
        """A space is the same object each time, and has bounds."""
        env = self.make_env()
        for agent in env.possible_agents:
            seen, acts = env.observation_space(agent), env.action_space(agent)
            assert seen is env.observation_space(agent)
            assert acts is env.action_space(agent)
            assert np.isfinite(seen.low).all()
            assert np.isfinite(seen.high).all()

    def test_what_is_seen_and_paid_is_finite_and_of_its_type(self) -> None:
        """Observations lie in their boxes, states in theirs, rewards are floats; all agents end together."""
        env = self.make_env()
        seen, _ = env.reset(seed=4)
        while env.agents:
            for agent in env.agents:
                assert seen[agent].dtype == np.float32
                assert env.observation_space(agent).contains(seen[agent])
            assert env.state_space.contains(env.state())
            seen, rewards, gone, ended, infos = env.step(_drawn(env))
            assert set(seen) == set(rewards) == set(gone) == set(ended) == set(infos) == set(env.possible_agents)
            assert all(type(reward) is float and np.isfinite(reward) for reward in rewards.values())
            assert not any(gone.values())
            assert len(set(ended.values())) == 1
            assert bool(env.agents) != next(iter(ended.values()))

    def test_equal_seeds_and_actions_give_equal_bytes(self) -> None:
        """A used environment and a fresh one play the same episode alike; another seed is another episode."""
        used = self.make_env()
        used.reset(seed=1)
        used.step(_drawn(used))
        first, again, other = (_played(env, seed) for env, seed in ((self.make_env(), 7), (used, 7), (used, 8)))
        assert first == again
        assert first != other

    def test_the_next_episode_is_another_one(self) -> None:
        """A reset without a seed goes on with other days."""
        env = self.make_env()
        first, _ = env.reset(seed=2)
        second, _ = env.reset()
        assert any((first[agent] != second[agent]).any() for agent in env.possible_agents)


class MarketEnvContract(EnvContract):
    """The same of a market, and the balances of energy and money."""

    def test_energy_and_money_balance_in_every_slot(self) -> None:
        """To the last unit, whatever the agents do."""
        env = self.make_env()
        env.reset(seed=5)
        while env.agents:
            env.step(_drawn(env))
            assert (energy_imbalance_wh(env.record) == 0).all()
            assert money_imbalance(env.record) == 0


def _drawn(env: Any) -> dict[str, Any]:
    return {agent: env.action_space(agent).sample() for agent in env.agents}


def _played(env: Any, seed: int) -> PlayedSteps:
    seen, _ = env.reset(seed=seed)
    for row, agent in enumerate(env.possible_agents):
        env.action_space(agent).seed(row)
    told: PlayedSteps = [tuple(seen[agent].tobytes() for agent in env.possible_agents)]
    while env.agents:
        seen, rewards, *_ = env.step(_drawn(env))
        told.append((*(seen[agent].tobytes() for agent in env.possible_agents), *rewards.values()))
    return told
