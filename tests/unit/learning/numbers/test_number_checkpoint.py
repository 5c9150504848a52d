"""Checkpoints of learners of numbers come back as they were; anybody's file is a checkpoint or a sentence."""

from __future__ import annotations

import contextlib
import json
import random

import numpy as np
import pytest
import torch

from marketsim.core.errors import CheckpointError
from marketsim.core.game import Layout
from marketsim.core.learner import NumberPolicy
from marketsim.learning import envelope
from marketsim.learning.learned import load_policy
from marketsim.learning.number_kinds import KINDS, algorithm_of
from marketsim.learning.numbers.checkpoint import NumberCheckpoint, load, save
from marketsim.learning.numbers.shape import number_shape_of
from marketsim.learning.params import LearnerParams
from marketsim.learning.ppo import checkpoint as of_choices
from marketsim.learning.ppo.trainer import train
from marketsim.testing.games import Aiming, Bandit, GuidedAiming

LAYOUT = Layout(("Ann", "Bob"), ("mark",), np.full((2, 1), 0.1), np.ones((2, 1)), 5.0, "aiming")
SMALL = {"hidden": (4,), "markets": 8, "episodes": 80}


def made(name="sac"):
    game = GuidedAiming()
    shape = number_shape_of(game.shape, name)
    params = KINDS[name].params(**SMALL)
    state = algorithm_of(name, params, shape, game).initial(torch.Generator().manual_seed(1), None)
    memory = {"means": np.arange(3.0), "past": np.array([1.5], dtype=np.float32)}
    return NumberCheckpoint(name, params, shape, LAYOUT, "a" * 64, 3, 7, 280, state, memory, "f" * 64)


@pytest.fixture
def saved(tmp_path):
    """A checkpoint's file and its contents."""
    save(tmp_path / "c.pt", made())
    return tmp_path / "c.pt", torch.load(tmp_path / "c.pt", weights_only=True)


def sealed(content):
    """With the checksum that belongs to it, if there is one that can be made."""
    body = {key: value for key, value in content.items() if key != "sha256"}
    try:
        return {**body, "sha256": envelope.digest(body)}
    except (AttributeError, TypeError, RuntimeError, ValueError):
        return {**body, "sha256": "0" * 64}


def refusal(path):
    with pytest.raises(CheckpointError) as caught:
        load(path, KINDS)
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.mark.parametrize("name", KINDS)
def test_a_checkpoint_comes_back_as_it_was_and_with_the_same_bytes(tmp_path, name):
    whole = made(name)
    save(tmp_path / "c.pt", whole)
    found = load(tmp_path / "c.pt", KINDS)
    assert found.params == whole.params
    assert (found.learner, found.seed, found.episode, found.agent_steps, found.replay) == (name, 3, 7, 280, "f" * 64)
    assert {key: value.tolist() for key, value in found.state.items()} == {
        key: value.tolist() for key, value in whole.state.items()
    }
    assert np.array_equal(found.shape.low, whole.shape.low)
    assert found.layout.game == "aiming"
    assert found.memory["past"].dtype == np.float32
    save(tmp_path / "other.pt", found)
    assert (tmp_path / "c.pt").read_bytes() == (tmp_path / "other.pt").read_bytes()


@pytest.mark.parametrize("name", KINDS)
def test_shapes_are_known_without_making_what_has_them(name):
    """What a file is held against is what an algorithm makes."""
    whole = made(name)
    sizes = KINDS[name].sizes(whole.params, whole.shape)
    assert dict(sizes) == {key: tuple(value.shape) for key, value in whole.state.items()}


@pytest.mark.parametrize("name", KINDS)
def test_its_policies_act_without_their_learner(tmp_path, name):
    save(tmp_path / "c.pt", made(name))
    learned = load_policy(tmp_path / "c.pt")
    assert isinstance(learned.policy, NumberPolicy)
    assert (learned.layout.agents, learned.scenario_hash) == (("Ann", "Bob"), "a" * 64)
    acted = learned.policy.act(np.zeros((2, 1), np.float32), np.array([0, 1]))
    space = Aiming().shape.actions
    assert bool(((acted >= space.low) & (acted <= space.high)).all())


def test_one_door_reads_the_checkpoints_of_all_learners(tmp_path):
    """And each learner refuses those of others by name."""
    params = LearnerParams(hidden=(4,), markets=8, episodes=8)
    path = train(Bandit([0, 1], 2), params, tmp_path).checkpoint
    assert load_policy(path).policy.heads == (2,)
    assert "not of a learner of numbers (got ppo)" in refusal(path)
    save(tmp_path / "c.pt", made())
    with pytest.raises(CheckpointError, match=r"not of the learner ppo \(got sac\)"):
        of_choices.load(tmp_path / "c.pt")


def parts_without(content, at, name):
    changed = dict(content)
    changed[at] = {key: value for key, value in content[at].items() if key != name}
    return changed


def with_part(content, at, name, value):
    return {**content, at: {**content[at], name: value}}


DAMAGES = {
    "a part is missing": (lambda c: {k: v for k, v in c.items() if k != "state"}, "state is missing"),
    "a part too many": (lambda c: {**c, "more": 1}, "more is nothing that a checkpoint has"),
    "no weights": (lambda c: parts_without(c, "state", "actor.weights"), "state.actor.weights is missing"),
    "more weights": (lambda c: with_part(c, "state", "x", torch.zeros(1)), "state.x is nothing"),
    "other weights": (lambda c: with_part(c, "state", "actor.weights", torch.zeros(2, 3)), "where the networks need"),
    "doubles": (
        lambda c: with_part(c, "state", "critic.weights", c["state"]["critic.weights"].double()),
        "where the networks need",
    ),
    "no numbers": (
        lambda c: with_part(c, "state", "critic.weights", c["state"]["critic.weights"] * torch.nan),
        "state.critic.weights has numbers that are not finite",
    ),
    "negative squares": (
        lambda c: with_part(c, "state", "actor.square", c["state"]["actor.square"] - 1.0),
        "state.actor.square has numbers below 0",
    ),
    "a text for a tensor": (lambda c: with_part(c, "state", "actor.mean", "x"), "state.actor.mean is not a tensor"),
    "a number as a name": (lambda c: with_part(c, "state", 3, torch.zeros(1)), "state has names that are none"),
    "another learner": (lambda c: {**c, "learner": "dqn"}, "not of a learner of numbers (got dqn)"),
    "no learner": (lambda c: {**c, "learner": 3}, "not of a learner of numbers (got 3)"),
    "other parameters": (lambda c: {**c, "params": json.dumps({"hidden": [5]})}, "where the networks need"),
    "unknown parameters": (lambda c: {**c, "params": json.dumps({"x": 5})}, "this checkpoint is damaged"),
    "a huge network": (
        lambda c: {**c, "params": json.dumps({"hidden": [4096] * 8, "critics": 16})},
        "larger than any that was trained",
    ),
    "agents of another number": (lambda c: with_part(c, "shape", "n_agents", 3), "layout names other agents"),
    "no agents": (lambda c: with_part(c, "shape", "n_agents", 0), "shape.n_agents is 0"),
    "bounds of others": (lambda c: with_part(c, "shape", "low", torch.zeros(3, 2).double()), "shape.low is"),
    "flat bounds": (lambda c: with_part(c, "shape", "low", torch.zeros(2).double()), "no numbers of an action"),
    "bounds upside down": (
        lambda c: with_part(c, "shape", "low", c["shape"]["high"] + 1.0),
        "shape.low is above shape.high",
    ),
    "infinite bounds": (
        lambda c: with_part(c, "shape", "high", c["shape"]["high"] * torch.inf),
        "shape.high has numbers that are not finite",
    ),
    "a round before the first": (lambda c: {**c, "episode": -1}, "episode is -1"),
    "a memory of no numbers": (
        lambda c: with_part(c, "memory", "means", torch.full((3,), torch.nan).double()),
        "memory.means has what is no number",
    ),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_what_is_no_checkpoint_is_told_with_what_is_wrong(saved, what):
    """With a checksum that fits, as who damages on purpose would make it."""
    path, content = saved
    damage, message = DAMAGES[what]
    torch.save(sealed(damage(content)), path)
    assert message in refusal(path)


def test_no_changed_number_passes(saved):
    path, content = saved
    for change in ({"seed": 4}, {"scenario_hash": "b" * 64}, {"replay": ""}):
        torch.save({**content, **change}, path)
        assert "contents do not match their checksum" in refusal(path)


@pytest.mark.full
def test_whatever_is_put_in_a_place_it_is_a_checkpoint_or_a_sentence(saved):
    """Each part replaced by each of what files may hold."""
    path, content = saved
    rng = random.Random(1)
    odd = [None, True, -1, 10**30, 1.5, "x", b"x", [], {}, [1], {"a": 1}, torch.zeros(0), torch.zeros(2).half(), (1, 2)]
    places = [(None, key) for key in content if key not in ("sha256", "format")]
    places += [(at, name) for at in ("shape", "layout", "state", "memory") for name in content[at]]
    for at, name in places:
        for value in rng.sample(odd, 5 if at is None else 2):
            changed = {**content, name: value} if at is None else with_part(content, at, name, value)
            torch.save(sealed(changed), path)
            with contextlib.suppress(CheckpointError):
                assert load(path, KINDS).learner == "sac"
