"""The port of games: what a game may declare, and what a step has to bring."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.core.errors import RunError
from marketsim.core.game import Box, Categorical, GuidedGame, Shape, Step, demand_parts, demand_sound
from marketsim.testing.games import Aiming, Favour, GuidedAiming, Saving

USED = np.ones((2, 1), dtype=np.bool_)
SHAPE = Shape(3, 2, 4, 1, Categorical((5,), USED), 8, ("bill",), ("worst",))
ONE, FULL = np.zeros((2, 1)), np.ones((2, 1))


def test_what_can_be_played_is_sound():
    demand_sound(SHAPE)
    demand_sound(SHAPE._replace(actions=Box(ONE, FULL), n_state=0, rewards=(), scores=()))
    demand_sound(SHAPE._replace(actions=Box(FULL, FULL)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_markets": 0}, "n_markets = 0"),
        ({"n_agents": 0}, "n_agents = 0"),
        ({"n_features": 0}, "n_features = 0"),
        ({"slots": 0}, "slots = 0"),
        ({"rewards": ("bill", "bill")}, "'bill' twice"),
        ({"scores": ("bill",)}, "'bill' twice"),
        ({"actions": Categorical((), USED[:, :0])}, "heads"),
        ({"actions": Categorical((0,), USED)}, "heads"),
        ({"actions": Categorical((5, 2), USED)}, "heads"),
        ({"actions": Categorical((5,), USED[:1])}, "heads"),
        ({"actions": Box(ONE[:1], FULL[:1])}, "bounds"),
        ({"actions": Box(ONE, FULL[:1])}, "bounds"),
        ({"actions": Box(ONE[:, :0], FULL[:, :0])}, "bounds"),
        ({"actions": Box(ONE[:, 0], FULL[:, 0])}, "bounds"),
        ({"actions": Box(FULL, ONE)}, "a low above its high"),
        ({"actions": Box(ONE, FULL * np.inf)}, "not finite"),
        ({"actions": Box(ONE * np.nan, FULL)}, "not finite"),
    ],
)
def test_what_nobody_can_play_is_refused(change, message):
    with pytest.raises(RunError, match=message):
        demand_sound(SHAPE._replace(**change))


def step_of(parts, reward=None):
    seen = np.zeros((3, 2, 4), dtype=np.float32)
    return Step(seen, seen[:, 0, :1], np.zeros((3, 2)) if reward is None else reward, parts, False)


def test_a_step_brings_the_declared_parts():
    demand_parts(SHAPE, step_of({"worst": np.zeros(3), "bill": np.zeros((3, 2))}))
    demand_parts(SHAPE._replace(rewards=(), scores=()), step_of({}))


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"bill": np.zeros((3, 2))},
        {"bill": np.zeros((3, 2)), "worst": np.zeros(3), "best": np.zeros(3)},
        {"bill": np.zeros((2, 3)), "worst": np.zeros(3)},
        {"bill": np.zeros((3, 2)), "worst": np.zeros((3, 1))},
        {"bill": np.zeros(3), "worst": np.zeros((3, 2))},
    ],
)
def test_other_parts_than_declared_are_refused(parts):
    with pytest.raises(RunError, match="declares the parts .*'bill': \\(3, 2\\), 'worst': \\(3,\\).* brought"):
        demand_parts(SHAPE, step_of(parts))


def test_a_reward_of_another_size_is_refused():
    with pytest.raises(RunError, match=r"reward of shape \(3,\)"):
        demand_parts(SHAPE, step_of({"bill": np.zeros((3, 2)), "worst": np.zeros(3)}, np.zeros(3)))


def test_a_game_is_guided_where_an_expert_says_what_it_would_do():
    """Labels fit the actions, and asking changes nothing."""
    game = GuidedAiming()
    assert isinstance(game, GuidedGame)
    assert not isinstance(Aiming(), GuidedGame)
    game.reset(0)
    space = game.shape.actions
    first, second = game.labels(), game.labels()
    assert np.array_equal(first, second)
    assert bool(((first >= space.low) & (first <= space.high)).all())
    assert game.step(first).reward == pytest.approx(np.broadcast_to([1.1, 1.0], (8, 2)))


def test_favours_pay_most_where_both_do_them():
    """0.25 each at 0.5, nothing for who looks after itself."""
    game = Favour()
    game.reset(0)
    for number, earned in ((0.5, 0.25), (0.0, 0.0), (1.0, 0.0)):
        assert game.step(np.full((8, 2, 1), number)).reward == pytest.approx(earned)


def test_what_is_saved_pays_twice_in_the_next_slot():
    game = Saving()
    game.reset(0)
    first = game.step(np.full((8, 1, 1), 0.75))
    second = game.step(np.full((8, 1, 1), 0.25))
    assert first.reward.ravel() == pytest.approx(-0.75)
    assert first.parts["saved"] == pytest.approx(0.75)
    assert second.reward.ravel() == pytest.approx(1.5)
    assert second.ended
