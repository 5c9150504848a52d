"""Trainings of numbers: what they write, what they refuse, and that they go on where they were stopped."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
import torch

from marketsim.builtin import built_in_registry
from marketsim.core.build import OPEN
from marketsim.core.errors import CheckpointError, MissingDependency, RunError, ScenarioError
from marketsim.core.fence import Fence
from marketsim.core.learner import Learner
from marketsim.learning import extra
from marketsim.learning.adjoint.params import AdjointParams
from marketsim.learning.curves import AGENTS, CURVES, SPEED, read_curves
from marketsim.learning.learned import load_policy
from marketsim.learning.mappo.params import MappoParams
from marketsim.learning.number_kinds import KINDS
from marketsim.learning.number_learner import NumberLearner
from marketsim.learning.numbers import loop
from marketsim.learning.numbers.checkpoint import load
from marketsim.learning.numbers.params import CloningParams
from marketsim.learning.offpolicy.params import MaddpgParams, Matd3Params, SacParams
from marketsim.testing.games import Aiming, Bandit, Favour, GuidedAiming, Remembering
from marketsim.testing.worlds import build_context

PARAMS = {
    "adjoint": AdjointParams,
    "sac": SacParams, "matd3": Matd3Params, "maddpg": MaddpgParams, "mappo": MappoParams, "cloning": CloningParams,
}  # fmt: skip
SMALL = {"hidden": (4,), "markets": 8, "episodes": 48, "checkpoint_every": 2}
OFF = {**SMALL, "critic": {"mlp": {"hidden": (5,)}}, "batch": 16, "kept": 130, "warm_up": 6, "steps_per_slot": 0.5}
START = {"start": {"cloning": {"rounds": 2, "held_out_every": 2, "steps": 3, "batch": 8}}}
LEARNERS = {
    "sac": ("sac", OFF),
    "sac with attention": ("sac", {**OFF, "critic": {"attention": {"width": 4, "heads": 2}}}),
    "sac with differential attention": ("sac", {**OFF, "critic": {"differential": {"width": 4, "heads": 1}}}),
    "sac that imitates": ("sac", {**OFF, **START, "imitation": {}, "replay": {"score": "hits", "above": 0.4}}),
    "matd3": ("matd3", OFF),
    "maddpg": ("maddpg", OFF),
    "mappo": ("mappo", {**SMALL, "epochs": 2, "minibatches": 2}),
    "mappo from a clone": ("mappo", {**SMALL, **START, "epochs": 2, "minibatches": 2, "warm_up_rounds": 1}),
    "adjoint": ("adjoint", {**SMALL, "steps": 3, "batch": 8, "kept_rounds": 2}),
    "adjoint that imitates": ("adjoint", {**SMALL, **START, "steps": 3, "batch": 8, "kept_rounds": 2, "imitation": {}}),
    "cloning": ("cloning", {**SMALL, "held_out_every": 2, "steps": 3, "batch": 8, "student": 0.4}),
}


def learner(name, params, fence=OPEN):
    return NumberLearner(name, PARAMS[name](**params), fence)


def trained(what, folder, game=None, **more):
    name, params = LEARNERS[what]
    changes = more.pop("changes", {})
    return learner(name, {**params, **changes}).trained(game or GuidedAiming(), folder, **more)


def rows(folder, name):
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def folder(tmp_path, name):
    (tmp_path / name).mkdir()
    return tmp_path / name


def bytes_of(where):
    names = sorted(path.name for path in where.iterdir() if path.is_file() and path.name != SPEED)
    return {name: (where / name).read_bytes() for name in names}


class Interrupting(GuidedAiming):
    """Someone presses Ctrl-C in the middle of an episode."""

    def __init__(self, error, slots):
        super().__init__()
        self.error, self.left = error, slots

    def step(self, actions):
        self.left -= 1
        if self.left < 0:
            raise self.error
        return super().step(actions)


@pytest.mark.parametrize("name", PARAMS)
def test_it_is_registered_with_its_parameters_and_is_a_learner(name):
    registry = built_in_registry()
    assert registry.params("learner", name) is PARAMS[name]
    built = registry.builder("learner", name)(PARAMS[name](markets=3, episodes=32), build_context())
    assert isinstance(built, Learner)
    assert (built.needs.markets, built.needs.shared, built.needs.rounds(2, 8)) == (3, False, 11)


@pytest.mark.parametrize(
    ("library", "changes", "message"),
    [
        ("torch", {}, r"Training needs torch: pip install 'marketsim\[learn\]'"),
        ("tensorboard", {"tensorboard": True}, r"sac: \{tensorboard: true\}\} needs tensorboard"),
    ],
)
def test_what_is_not_installed_is_named_with_its_extra(monkeypatch, library, changes, message):
    find = extra.find_spec
    monkeypatch.setattr(extra, "find_spec", lambda name: None if name == library else find(name))
    with pytest.raises(MissingDependency, match=message):
        learner("sac", changes)


@pytest.mark.parametrize("what", LEARNERS)
def test_curves_hold_a_row_a_round_and_agents_one_each(tmp_path, what):
    seen = []
    last = trained(what, tmp_path, progress=seen.append)
    curves = rows(tmp_path, CURVES)
    assert [int(row["update"]) for row in curves] == [1, 2, 3, 4, 5, 6]
    assert [int(row["episodes"]) for row in curves] == [8, 16, 24, 32, 40, 48]
    assert int(curves[-1]["agent_steps"]) == 6 * 8 * 8 * 2 == last.agent_steps
    assert [row["agent"] for row in rows(tmp_path, AGENTS)] == ["agent 0", "agent 1"] * 6
    assert {progress.updates for progress in seen} == {6}
    for row in curves:
        assert float(row["economic"]) + float(row["shaping"]) == pytest.approx(float(row["total"]))
        assert 0.0 <= float(row["hits"]) <= 1.0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted((CURVES, AGENTS, SPEED, "checkpoint.pt"))


@pytest.mark.parametrize("what", LEARNERS)
def test_the_seed_decides_everything(tmp_path, what):
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        trained(what, folder(tmp_path, name), seed=seed)
    one, same, other = (bytes_of(tmp_path / name) for name in ("one", "same", "other"))
    assert one == same
    assert one[CURVES] != other[CURVES]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RunError("the market broke")])
@pytest.mark.parametrize("what", LEARNERS)
def test_stopped_anywhere_and_resumed_it_ends_with_the_same_bytes(tmp_path, what, error):
    """Weights, optimisers, multipliers, what was played and curves; nothing that was learned is lost."""
    whole = folder(tmp_path, "whole")
    trained(what, whole)
    for slots in (3, 16, 29, 47):
        stopped = folder(tmp_path, f"stopped{slots}")
        with pytest.raises(type(error)):
            trained(what, stopped, Interrupting(error, slots))
        assert load(stopped / "checkpoint.pt", KINDS).episode == slots // 8
        trained(what, stopped, resume=True)
        assert bytes_of(stopped) == bytes_of(whole)


@pytest.mark.parametrize("what", ["sac that imitates", "mappo from a clone", "cloning"])
def test_stopped_while_it_learns_it_goes_back_to_the_round_before(tmp_path, what, monkeypatch):
    """In the middle of gradient steps: the replay has the new round already, and the checkpoint none of it."""
    whole, stopped = folder(tmp_path, "whole"), folder(tmp_path, "stopped")
    trained(what, whole)
    name, params = LEARNERS[what]
    calls = []

    def interrupted(*args, **more):
        calls.append(1)
        if len(calls) == 11:
            raise KeyboardInterrupt
        return step(*args, **more)

    from marketsim.learning import adam

    step = adam.step
    with monkeypatch.context() as patched:
        patched.setattr(adam, "step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            learner(name, params).trained(GuidedAiming(), stopped)
    assert 0 < load(stopped / "checkpoint.pt", KINDS).episode < 6
    trained(what, stopped, resume=True)
    assert bytes_of(stopped) == bytes_of(whole)


def test_what_the_game_remembers_is_resumed_too(tmp_path):
    """Running means of its rewards go on from the last round, not from the broken-off episode."""

    class Paying(Aiming):
        memory, recall = Remembering.memory, Remembering.recall

        def __init__(self, left=10**9):
            super().__init__()
            self.mean, self.seen_slots, self.left = np.zeros(2), np.zeros(1), left

        def earned(self, actions):
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
            economic, _ = super().earned(actions)
            shaping = self.nothing() + self.mean
            self.seen_slots += 1.0
            self.mean = self.mean + (economic.mean(axis=0) - self.mean) / self.seen_slots
            return economic, shaping

    whole, stopped = folder(tmp_path, "whole"), folder(tmp_path, "stopped")
    trained("sac", whole, Paying())
    with pytest.raises(KeyboardInterrupt):
        trained("sac", stopped, Paying(29))
    assert load(stopped / "checkpoint.pt", KINDS).memory["slots"].tolist() == [24.0]
    trained("sac", stopped, Paying(), resume=True)
    assert bytes_of(stopped) == bytes_of(whole)


def test_a_finished_training_resumes_to_itself_and_keeps_nothing_of_what_was_played(tmp_path):
    trained("sac", tmp_path)
    before = bytes_of(tmp_path)
    trained("sac", tmp_path, resume=True)
    assert bytes_of(tmp_path) == before


def test_what_was_played_lies_beside_the_checkpoint_until_the_end(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        trained("sac", tmp_path, Interrupting(KeyboardInterrupt(), 29))
    assert [path.name for path in tmp_path.glob("replay-*")] == ["replay-000003.pt"]


def broken(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        trained("sac", tmp_path, Interrupting(KeyboardInterrupt(), 29))
    return tmp_path / "replay-000003.pt"


def test_without_what_was_played_it_is_not_resumed(tmp_path):
    broken(tmp_path).unlink()
    with pytest.raises(CheckpointError, match="what this training played lately is missing\n    put back the file"):
        trained("sac", tmp_path, resume=True)


def test_another_trainings_replay_is_refused(tmp_path):
    one, other = folder(tmp_path, "one"), folder(tmp_path, "other")
    path = broken(one)
    with pytest.raises(KeyboardInterrupt):
        trained("sac", other, Interrupting(KeyboardInterrupt(), 29), seed=2)
    path.write_bytes((other / path.name).read_bytes())
    with pytest.raises(CheckpointError, match="what was played lately does not match its checkpoint"):
        trained("sac", one, resume=True)


@pytest.mark.parametrize("change", ["reward", "seen", "extra"])
def test_a_damaged_replay_is_refused(tmp_path, change):
    path = broken(tmp_path)
    content = torch.load(path, weights_only=True)
    content[change] = content[change] + 1.0 if change in content else torch.zeros(1)
    torch.save(content, path)
    with pytest.raises(CheckpointError, match="what was played lately (is damaged|does not match)"):
        trained("sac", tmp_path, resume=True)


def test_a_training_is_not_overwritten(tmp_path):
    trained("cloning", tmp_path)
    with pytest.raises(CheckpointError, match="there is a training already\n    go on with resume=True"):
        trained("cloning", tmp_path)


@pytest.mark.parametrize(
    ("what", "more", "message"),
    [
        ("sac", {"scenario_hash": "b"}, "trained on another scenario"),
        ("sac", {"seed": 2}, "trained with another seed\n    resume with --seed 1"),
        ("sac", {"changes": {"tau": 0.5}}, r"another learning.learner.sac.tau \(got 0.01\)"),
        ("matd3", {}, r"is of another learner \(got sac\)"),
        ("sac", {"game": GuidedAiming(3)}, "of a game with other n_agents: 2, here 3"),
    ],
)
def test_another_training_is_not_resumed(tmp_path, what, more, message):
    trained("sac", tmp_path)
    with pytest.raises(CheckpointError, match=message):
        trained(what, tmp_path, resume=True, **more)


@pytest.mark.parametrize("name", PARAMS)
def test_a_game_of_choices_is_refused(tmp_path, name):
    """By the learner, before anything is written."""
    with pytest.raises(
        ScenarioError, match=rf"learning.learner: {name} sets numbers, and actions of this game are choices"
    ):
        learner(name, SMALL).trained(Bandit([0, 1], 2), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("what", ["cloning", "sac that imitates", "mappo from a clone"])
def test_a_game_without_an_expert_is_refused_by_who_needs_one(tmp_path, what):
    with pytest.raises(ScenarioError, match="is to learn from an expert, and this game has none"):
        trained(what, tmp_path, Aiming())
    assert not list(tmp_path.iterdir())


def test_cloning_that_leaves_no_round_is_refused(tmp_path):
    with pytest.raises(ScenarioError, match="2 rounds are played, and 2 of them clone the expert"):
        trained("sac that imitates", tmp_path, changes={"episodes": 16})
    with pytest.raises(ScenarioError, match="1 rounds are played, of which none is held out"):
        trained("cloning", tmp_path, changes={"episodes": 8})


def test_a_score_that_the_game_has_not_is_refused(tmp_path):
    with pytest.raises(ScenarioError, match=r"replay.score: the game has no such score .*\n.*the game has: hits"):
        trained("sac", tmp_path, changes={"replay": {"score": "violations"}})


def test_policies_stand_still_while_critics_warm_up(tmp_path):
    """6 steps at 4 a round: after the first round the clone is what it was, after the second it is not."""
    weights = []
    for slots in (24, 32):
        where = folder(tmp_path, f"at{slots}")
        with pytest.raises(KeyboardInterrupt):
            trained("sac that imitates", where, Interrupting(KeyboardInterrupt(), slots))
        weights.append(load(where / "checkpoint.pt", KINDS).state)
    with pytest.raises(KeyboardInterrupt):
        trained("sac that imitates", folder(tmp_path, "clone"), Interrupting(KeyboardInterrupt(), 16))
    clone = load(tmp_path / "clone" / "checkpoint.pt", KINDS).state
    assert torch.equal(weights[0]["actor.weights"], clone["actor.weights"])
    assert not torch.equal(weights[0]["critic.weights"], clone["critic.weights"])
    assert not torch.equal(weights[1]["actor.weights"], clone["actor.weights"])


def test_policies_from_a_clone_stand_still_while_values_warm_up_on_policy_too(tmp_path):
    states = {}
    for slots in (16, 24, 32):
        where = folder(tmp_path, f"at{slots}")
        with pytest.raises(KeyboardInterrupt):
            trained("mappo from a clone", where, Interrupting(KeyboardInterrupt(), slots))
        states[slots] = load(where / "checkpoint.pt", KINDS).state
    assert torch.equal(states[16]["actor.weights"], states[24]["actor.weights"])
    assert not torch.equal(states[16]["net.weights"], states[24]["net.weights"])
    assert not torch.equal(states[24]["actor.weights"], states[32]["actor.weights"])


def clone_in(where):
    """A clone beside a scenario."""
    trained("cloning", where)
    return where / "checkpoint.pt"


@pytest.mark.parametrize("name", ["adjoint", "sac", "matd3", "maddpg", "mappo"])
def test_a_training_begins_with_the_policies_of_a_checkpoint(tmp_path, name):
    """Before its first round it acts as they do; their distance from the expert is known."""
    clone = load(clone_in(tmp_path), KINDS)
    extra_params = {"mappo": {}, "adjoint": {"imitation": {}}}.get(name, {"imitation": {}, "warm_up": 0})
    base = SMALL if name in ("mappo", "adjoint") else OFF
    params = {**base, **extra_params, "start": {"checkpoint": {"path": "checkpoint.pt"}}}
    where = folder(tmp_path, "on")
    with pytest.raises(KeyboardInterrupt):
        learner(name, params, Fence.of(tmp_path)).trained(Interrupting(KeyboardInterrupt(), 3), where)
    begun = load(where / "checkpoint.pt", KINDS).state
    assert torch.equal(begun["actor.weights"], clone.state["actor.weights"])
    assert torch.equal(begun["clone.floor"], clone.state["clone.floor"])
    learner(name, params, Fence.of(tmp_path)).trained(GuidedAiming(), where, resume=True)
    assert not torch.equal(load(where / "checkpoint.pt", KINDS).state["actor.weights"], clone.state["actor.weights"])


@pytest.mark.parametrize(
    ("changes", "game", "message"),
    [
        (
            {"hidden": (5,)},
            GuidedAiming(),
            r"its policies have other hidden layers, here \[5\].*\n    begin with hidden: \[4\]",
        ),
        ({}, GuidedAiming(3), "of a game with other n_agents: 2, here 3"),
        ({"start": {"checkpoint": {"path": "none.pt"}}}, GuidedAiming(), "there is no such checkpoint"),
        (
            {"start": {"checkpoint": {"path": "../c.pt"}}},
            GuidedAiming(),
            "the checkpoint lies outside the scenario's folder",
        ),
    ],
)
def test_what_does_not_fit_is_no_beginning(tmp_path, changes, game, message):
    clone_in(tmp_path)
    params = {**OFF, "start": {"checkpoint": {"path": "checkpoint.pt"}}, **changes}
    with pytest.raises(CheckpointError, match=message):
        learner("sac", params, Fence.of(tmp_path)).trained(game, folder(tmp_path, "on"))
    assert not list((tmp_path / "on").iterdir())


def test_imitation_does_not_begin_with_policies_whose_distance_nobody_knows(tmp_path):
    trained("sac", tmp_path)
    params = {**OFF, "imitation": {}, "start": {"checkpoint": {"path": "checkpoint.pt"}}}
    with pytest.raises(CheckpointError, match="does not say how far its policies are from an expert"):
        learner("sac", params, Fence.of(tmp_path)).trained(GuidedAiming(), folder(tmp_path, "on"))


def test_two_learners_that_clone_alike_begin_alike(tmp_path):
    """Arms that differ in what comes after start from one clone, with and without imitation, by gradients and by rounds."""
    found = []
    for name, more in (("plain", {"imitation": None, "replay": None}), ("held", {})):
        where = folder(tmp_path, name)
        with pytest.raises(KeyboardInterrupt):
            trained("sac that imitates", where, Interrupting(KeyboardInterrupt(), 16), changes=more)
        found.append(load(where / "checkpoint.pt", KINDS).state["actor.weights"])
    assert torch.equal(*found)


def test_the_expert_plays_until_the_students_share(tmp_path):
    """Its rounds hit every mark; those of an untrained clone do not. Held-out distances are known from the second round."""
    trained("cloning", tmp_path, changes={"student": 0.5})
    curves = read_curves(tmp_path)
    assert curves["hits"][:3] == [1.0, 1.0, 1.0]
    assert max(curves["hits"][3:]) < 0.9
    assert math.isnan(curves["held_out_distance"][0])
    assert not np.isnan(curves["held_out_distance"][1:]).any()


def test_kept_checkpoints_stand_beside_the_latest_and_act(tmp_path):
    trained("sac", tmp_path, changes={"keep_checkpoints": True})
    kept = sorted((tmp_path / loop.KEPT).iterdir())
    assert [path.name for path in kept] == ["round-000002.pt", "round-000004.pt", "round-000006.pt"]
    assert load_policy(kept[0]).policy.act(np.zeros((1, 1), np.float32), np.array([0])).shape == (1, 2)


def test_learning_rates_fall_to_nothing_where_they_are_annealed(tmp_path):
    trained("sac", tmp_path, changes={"anneal": True, "learning_rate": 0.6})
    assert read_curves(tmp_path)["learning_rate"] == pytest.approx([0.6 * (6 - n) / 6 for n in range(6)])


def test_a_team_learns_from_the_mean_reward(tmp_path):
    """What one pays the other is credited to neither alone: the trainings differ."""
    for credit in ("own", "team"):
        trained("mappo", folder(tmp_path, credit), Favour(), changes={"credit": credit})
    assert bytes_of(tmp_path / "own")["checkpoint.pt"] != bytes_of(tmp_path / "team")["checkpoint.pt"]


def test_a_full_disk_ends_it_with_a_reason(tmp_path, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(loop, "save", full)
    with pytest.raises(RunError, match=r"cannot write the training to .*: No space left on device"):
        trained("sac", tmp_path)


def test_agent_steps_end_a_training(tmp_path):
    trained("mappo", tmp_path, changes={"agent_steps": 129})
    assert read_curves(tmp_path)["agent_steps"] == [128.0, 256.0]
