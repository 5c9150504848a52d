"""Playing: what is kept, in which order, and what a game may not do."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from marketsim.core.errors import RunError
from marketsim.core.rng import Streams
from marketsim.learning.params import LearnerParams
from marketsim.learning.ppo.networks import make_networks
from marketsim.learning.ppo.policy import FrozenPolicy
from marketsim.learning.ppo.rollout import decision_keys, play
from marketsim.learning.ppo.shape import shape_of
from marketsim.testing.games import ContextualBandit, TwoSteps


def policy_for(game, **params):
    networks = make_networks(shape_of(game.shape), LearnerParams(hidden=(4,), **params))
    return FrozenPolicy(networks.tables(networks.initial(torch.Generator().manual_seed(1))))


def test_what_is_kept_is_what_the_game_showed_and_paid():
    """Replayed by hand from the choices."""
    game = ContextualBandit(3, 4)
    played = play(game, policy_for(game), 1, [5, 6])
    t = 0
    for episode in (5, 6):
        seen, state = game.reset(episode)
        for _ in range(game.shape.slots):
            assert np.array_equal(played.seen[t], seen)
            assert np.array_equal(played.state[t], state)
            step = game.step(played.choices[t])
            assert np.array_equal(played.reward[t], step.reward)
            for name, part in played.rewards.items():
                assert np.array_equal(part[t], step.parts[name])
            assert played.ended[t] == step.ended
            seen, state = step.seen, step.state
            t += 1
    assert t == len(played.ended)
    assert list(played.rewards) == ["economic", "shaping"]
    assert np.array_equal(played.reward, sum(played.rewards.values()))


def test_a_joint_head_plays_the_same_game():
    """Its choices are kept, its actions played: the game checks that they lie in their heads."""
    game = ContextualBandit(3, 4)
    played = play(game, policy_for(game, joint_head=True), 1, [0])
    assert played.choices.shape[-1] == 1
    assert played.choices.max() > 3


def test_an_episode_is_played_alike_whatever_was_played_before():
    game = ContextualBandit(2, 3)
    policy = policy_for(game)
    both, second = play(game, policy, 1, [0, 1]), play(game, policy, 1, [1])
    assert np.array_equal(both.choices[game.shape.slots :], second.choices)
    assert not np.array_equal(play(game, policy, 2, [1]).choices, second.choices)


def test_keys_of_a_decision_do_not_depend_on_the_number_of_markets():
    streams = Streams((1,))
    assert np.array_equal(decision_keys(streams, 3, 2, 50)[:7], decision_keys(streams, 3, 2, 7))


@pytest.mark.parametrize(
    ("part", "place"), [("seen", ", agent 0"), ("economic", ", agent 0"), ("reward", ", agent 0"), ("state", "")]
)
def test_what_is_no_number_ends_the_training(part, place):
    class Broken(TwoSteps):
        def step(self, actions):
            step = super().step(actions)
            {**step._asdict(), **step.parts}[part][3] = np.nan
            return step

    slot = 1 if part in ("seen", "state") else 0
    with pytest.raises(RunError, match=f"no number for '{part}' in slot {slot}, market 3{place}"):
        play(Broken(), policy_for(TwoSteps()), 1, [0])


def test_a_game_that_ends_too_late_or_early_is_refused():
    class Endless(TwoSteps):
        def step(self, actions):
            return super().step(actions)._replace(ended=False)

    class Hasty(TwoSteps):
        def step(self, actions):
            return super().step(actions)._replace(ended=True)

    with pytest.raises(RunError, match="slot 1 of 2 did not end it"):
        play(Endless(), policy_for(TwoSteps()), 1, [0])
    with pytest.raises(RunError, match="slot 0 of 2 ended it"):
        play(Hasty(), policy_for(TwoSteps()), 1, [0])
