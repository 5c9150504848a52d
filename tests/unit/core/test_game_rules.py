"""What a plugin's game may declare and bring: each rule by a value that breaks it, and the sound one beside it."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.core import game_rules
from marketsim.core.game import Box, Categorical, Layout, Shape, Step
from marketsim.core.game_rules import DeclaredGame, Wrong
from marketsim.core.learner import GameNeeds

CHOICES = Categorical((3, 2), np.array([[True, True], [True, False]]))
NUMBERS = Box(np.zeros((2, 1)), np.ones((2, 1)))
SHAPE = Shape(3, 2, 2, 1, CHOICES, 4, ("gain", "cost"), ("fair",))
LAYOUT = Layout(("a", "b"), ("x", "y"), np.zeros((2, 2)), np.ones((2, 2)), 2.0)
STEP = Step(
    seen=np.ones((3, 2, 2), np.float32),
    state=np.zeros((3, 1), np.float32),
    reward=np.zeros((3, 2)),
    parts={"gain": np.ones((3, 2)), "cost": -np.ones((3, 2)), "fair": np.array([0.5, np.nan, 1.0])},
    ended=False,
)


def test_what_is_sound_is_taken_over_in_types_of_its_own():
    """Lists become tuples, integers of numpy plain ones, what is seen 32-bit floats; nothing is shared."""
    shape = game_rules.sound_shape(SHAPE._replace(rewards=["gain", "cost"]))
    assert (shape.rewards, shape.n_markets) == (("gain", "cost"), 3)
    assert game_rules.sound_layout(LAYOUT, shape).agents == ("a", "b")
    step = game_rules.stepped(STEP._replace(seen=STEP.seen.astype(float)), DeclaredGame(shape, LAYOUT), last=False)
    assert (step.seen.dtype, step.ended) == (np.float32, False)
    assert not np.shares_memory(step.parts["gain"], STEP.parts["gain"])
    assert game_rules.sound_shape(SHAPE._replace(actions=NUMBERS)).actions.high.tolist() == [[1.0], [1.0]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_markets": 0}, "the game declares n_markets = 0, at least 1 expected"),
        ({"n_state": -1}, "shape.n_state has to be a whole number within 0.."),
        ({"slots": 2.0}, "shape.slots has to be a whole number within 0..1000000000, not 2.0"),
        ({"n_agents": True}, "shape.n_agents has to be a whole number"),
        ({"rewards": "gain"}, "shape.rewards has to hold names, not 'gain'"),
        ({"rewards": ("gain", 3)}, "shape.rewards has to hold names"),
        ({"scores": ("fair", "fair")}, "shape.scores has to hold different names that can be printed"),
        ({"scores": ("fair\n",)}, "shape.scores has to hold different names that can be printed"),
        ({"scores": ("gain",)}, "the game declares the part 'gain' twice"),
        ({"actions": (3, 2)}, "shape.actions has to be Categorical or Box, not tuple"),
        ({"actions": Categorical([3], np.ones((2, 1), bool))}, "shape.actions has to have a tuple of heads"),
        ({"actions": Categorical((3,), np.ones((2, 1)))}, "shape.actions has to have a tuple of heads"),
        ({"actions": Categorical((0,), np.ones((2, 1), bool))}, "a head of shape.actions has to be a whole number"),
        (
            {"actions": Categorical((3,), np.ones((1, 1), bool))},
            "the game declares heads (3,), used (1, 1), for 2 agents",
        ),
        ({"actions": Box(np.zeros((2, 1)), np.full((2, 1), np.inf))}, "shape.actions.high has to be finite"),
        ({"actions": Box(np.ones((2, 1)), np.zeros((2, 1)))}, "bounds of actions that are not finite, or a low above"),
        (
            {"actions": Box(np.zeros((1, 1)), np.ones((1, 1)))},
            "the game declares bounds (1, 1) and (1, 1) for 2 agents",
        ),
    ],
)
def test_a_shape_is_refused(change, message):
    with pytest.raises(Wrong) as caught:
        game_rules.sound_shape(SHAPE._replace(**change))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"agents": ("a",)}, "layout.agents has 1 names, and the shape counts 2"),
        ({"agents": ("a", "a")}, "layout.agents has to hold different names"),
        ({"features": ("x", "y", "z")}, "layout.features has 3 names, and the shape counts 2"),
        ({"offset": np.zeros(2)}, "layout.offset has to have the shape (2, 2), not (2,)"),
        ({"factor": np.full((2, 2), np.nan)}, "layout.factor has to be finite"),
        ({"bound": 0.0}, "layout.bound has to be a positive number, not 0.0"),
        ({"bound": "2"}, "layout.bound has to be a positive number, not '2'"),
    ],
)
def test_a_layout_is_refused(change, message):
    with pytest.raises(Wrong) as caught:
        game_rules.sound_layout(LAYOUT._replace(**change), SHAPE)
    assert message in str(caught.value)
    with pytest.raises(Wrong, match="layout has to be a Layout, not NoneType"):
        game_rules.sound_layout(None, SHAPE)


@pytest.mark.parametrize(
    ("actions", "shape", "fits"),
    [
        (np.zeros((3, 2, 2), np.int64), SHAPE, True),
        (np.full((3, 2, 2), 2), SHAPE, False),
        (np.full((3, 2, 2), -1), SHAPE, False),
        (np.zeros((3, 2, 2)), SHAPE, False),
        (np.zeros((3, 2), np.int64), SHAPE, False),
        ([[[0]]], SHAPE, False),
        (np.full((3, 2, 1), 0.5), SHAPE._replace(actions=NUMBERS), True),
        (np.full((3, 2, 1), 1.5), SHAPE._replace(actions=NUMBERS), False),
        (np.full((3, 2, 1), np.nan), SHAPE._replace(actions=NUMBERS), False),
    ],
)
def test_actions_that_no_game_has_are_the_player_s_fault(actions, shape, fits):
    """ValueError, which a wall around the learner makes its own."""
    if fits:
        game_rules.demand_playable(actions, shape)
    else:
        with pytest.raises(ValueError, match="actions "):
            game_rules.demand_playable(actions, shape)


@pytest.mark.parametrize(
    ("needs", "message"),
    [
        ((1, False, max), "needs has to be GameNeeds, not tuple"),
        (GameNeeds(0, False, max), "needs.markets has to be a whole number within 1..1000000, not 0"),
        (GameNeeds(1, 0, max), "needs.shared has to be true or false, not 0"),
        (GameNeeds(1, True, max, alike=1), "needs.alike has to be true or false, not 1"),
        (GameNeeds(1, False, 3), "needs.rounds has to be callable as rounds(agents, slots)"),
    ],
)
def test_needs_are_refused(needs, message):
    with pytest.raises(Wrong) as caught:
        game_rules.sound_needs(needs)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("memory", "message"),
    [
        ([], "it has to return arrays by name, not list"),
        ({1: np.zeros(1)}, "its answer has to hold names"),
        ({"a": np.array(["x"])}, "'a' has to hold real numbers"),
        ({"a": np.array([np.inf])}, "'a' has to be finite"),
        ({str(name): np.zeros(1) for name in range(101)}, "it has to return at most 100 arrays, not 101"),
    ],
)
def test_a_memory_is_refused(memory, message):
    with pytest.raises(Wrong) as caught:
        game_rules.remembered(memory)
    assert message in str(caught.value)
    assert game_rules.remembered({"a": 3})["a"].tolist() == 3.0


def test_labels_are_numbers_within_the_bounds_of_the_actions():
    """Of each agent in each market; a game of choices has none."""
    declared = DeclaredGame(SHAPE._replace(actions=NUMBERS), LAYOUT)
    assert game_rules.labelled(np.full((3, 2, 1), 0.5), declared).tolist() == np.full((3, 2, 1), 0.5).tolist()
    for labels, message in (
        (np.full((3, 2, 1), 1.5), r"not 1.5 at \(0, 0, 0\)"),
        (np.full((3, 2), 0.5), "labels"),
        (np.full((3, 2, 1), np.nan), "labels"),
    ):
        with pytest.raises(Wrong, match=message):
            game_rules.labelled(labels, declared)
    with pytest.raises(Wrong, match="a game whose actions are choices has no labels"):
        game_rules.labelled(np.zeros((3, 2, 1)), DeclaredGame(SHAPE, LAYOUT))
