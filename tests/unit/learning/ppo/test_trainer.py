"""The training: what it writes, and that it goes on where it was stopped."""

from __future__ import annotations

import csv
import math
import os

import numpy as np
import pytest
import torch

from marketsim.core.errors import CheckpointError, RunError, ScenarioError
from marketsim.learning.curves import AGENTS, CURVES, SPEED, read_curves
from marketsim.learning.params import LearnerParams
from marketsim.learning.ppo import trainer
from marketsim.learning.ppo.checkpoint import load
from marketsim.learning.ppo.trainer import train
from marketsim.testing.games import Aiming, ContextualBandit, Remembering, TwoTraders

PARAMS = LearnerParams(hidden=(6,), markets=8, episodes=6 * 8, checkpoint_every=2)


def game():
    return ContextualBandit(2, 3)


def rows(folder, name):
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def bytes_of(folder, *names):
    return {name: (folder / name).read_bytes() for name in (*names, CURVES, AGENTS, trainer.CHECKPOINT)}


def folder(tmp_path, name):
    (tmp_path / name).mkdir()
    return tmp_path / name


def test_curves_hold_a_row_an_update_and_agents_one_each(tmp_path):
    seen = []
    trained = train(game(), PARAMS, tmp_path, progress=seen.append)
    curves = rows(tmp_path, CURVES)
    assert [int(row["update"]) for row in curves] == [1, 2, 3, 4, 5, 6]
    assert [int(row["episodes"]) for row in curves] == [8, 16, 24, 32, 40, 48]
    assert int(curves[-1]["agent_steps"]) == 6 * 8 * 8 * 2 == trained.last.agent_steps
    agents = rows(tmp_path, AGENTS)
    assert [row["agent"] for row in agents] == ["agent 0", "agent 1"] * 6
    assert [progress.row.update for progress in seen] == [1, 2, 3, 4, 5, 6]
    assert {progress.updates for progress in seen} == {6}
    assert len(rows(tmp_path, SPEED)) == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted((CURVES, AGENTS, SPEED, trainer.CHECKPOINT))


def test_returns_are_sums_of_an_episode_in_both_parts(tmp_path):
    """Economic and shaping add to the return; agents' mean is the curve's; undefined scores are empty."""
    seen = []
    train(TwoTraders(), PARAMS, tmp_path, progress=seen.append)
    for curve in rows(tmp_path, CURVES):
        agents = [row for row in rows(tmp_path, AGENTS) if row["update"] == curve["update"]]
        assert float(curve["economic"]) + float(curve["shaping"]) == pytest.approx(float(curve["total"]))
        assert np.mean([float(row["total"]) for row in agents]) == pytest.approx(float(curve["total"]))
        assert min(float(row["total"]) for row in agents) == pytest.approx(float(curve["lowest"]))
        assert float(curve["shaping"]) <= 0.1 * 8
        assert 0.0 <= float(curve["traded"]) <= 1.0


def test_a_score_that_is_never_defined_is_empty(tmp_path):
    class Silent(TwoTraders):
        def told(self, actions):
            return {"traded": np.full(len(actions), np.nan)}

    train(Silent(), PARAMS, tmp_path)
    assert {row["traded"] for row in rows(tmp_path, CURVES)} == {""}
    assert math.isnan(read_curves(tmp_path)["traded"][0])


class Told(ContextualBandit):
    """A game whose reward has other parts than most, or none, and whose slots have other scores."""

    def __init__(self, rewards, scores):
        super().__init__(2, 3)
        self._shape = self._shape._replace(rewards=rewards, scores=scores)

    def step(self, actions):
        step = super().step(actions)
        half = {name: step.reward / max(len(self.shape.rewards), 1) for name in self.shape.rewards}
        return step._replace(parts={**half, **{name: step.reward.mean(axis=1) for name in self.shape.scores}})


@pytest.mark.parametrize(("rewards", "scores"), [((), ()), (("comfort", "bill"), ("worst",)), (("bill",), ())])
def test_columns_are_what_the_game_declares(tmp_path, rewards, scores):
    """In its order, in both tables; the return is the same whatever its parts are called."""
    train(Told(rewards, scores), PARAMS, tmp_path)
    head = list(rows(tmp_path, CURVES)[0])
    assert head[:5] == ["update", "episodes", "agent_steps", "learning_rate", "total"]
    assert head[5:-8] == [*rewards, "lowest", *scores]
    assert list(rows(tmp_path, AGENTS)[0])[3:-5] == list(rewards)
    plain = tmp_path / "plain"
    plain.mkdir()
    train(game(), PARAMS, plain)
    assert read_curves(tmp_path)["total"] == pytest.approx(read_curves(plain)["total"])


def test_a_part_called_as_a_column_is_refused(tmp_path):
    with pytest.raises(RunError, match="calls a part 'kl', which is a column of the learning curves already"):
        train(Told(("kl",), ()), PARAMS, tmp_path)


def test_a_game_whose_actions_are_numbers_is_refused(tmp_path):
    """By the learner, before anything is written; not by an error of shapes in the middle."""
    with pytest.raises(ScenarioError, match=r"learning.learner: ppo .* actions of this game are numbers"):
        train(Aiming(), PARAMS, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_learning_rate_falls_to_nothing_unless_it_is_held(tmp_path):
    train(game(), PARAMS, folder(tmp_path, "falls"))
    train(game(), PARAMS.model_copy(update={"anneal": False}), folder(tmp_path, "held"))
    falls, held = (read_curves(tmp_path / name)["learning_rate"] for name in ("falls", "held"))
    assert falls == pytest.approx([3e-4 * (6 - update) / 6 for update in range(6)])
    assert held == [3e-4] * 6


def test_the_seed_decides_everything(tmp_path):
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        train(game(), PARAMS, folder(tmp_path, name), seed=seed)
    one, same, other = (bytes_of(tmp_path / name) for name in ("one", "same", "other"))
    assert one == same
    assert one[CURVES] != other[CURVES]


def test_rounds_per_update_share_an_update_and_the_last_takes_the_rest(tmp_path):
    train(game(), PARAMS.model_copy(update={"rounds_per_update": 4}), tmp_path)
    assert read_curves(tmp_path)["episodes"] == [32.0, 48.0]


def test_agent_steps_end_a_training(tmp_path):
    train(game(), PARAMS.model_copy(update={"agent_steps": 129}), tmp_path)
    assert read_curves(tmp_path)["agent_steps"] == [128.0, 256.0]


def test_kept_checkpoints_stand_beside_the_latest(tmp_path):
    train(game(), PARAMS.model_copy(update={"keep_checkpoints": True}), tmp_path)
    kept = sorted((tmp_path / trainer.KEPT).iterdir())
    assert [path.name for path in kept] == ["update-000002.pt", "update-000004.pt", "update-000006.pt"]
    assert kept[-1].read_bytes() == (tmp_path / trainer.CHECKPOINT).read_bytes()
    assert load(kept[0]).updates == 2


class Interrupting(ContextualBandit):
    """Someone presses Ctrl-C in the middle of an episode."""

    def __init__(self, error, slots):
        super().__init__(2, 3)
        self.error, self.left = error, slots

    def step(self, actions):
        self.left -= 1
        if self.left < 0:
            raise self.error
        return super().step(actions)


@pytest.mark.parametrize("kind", [{}, {"policies": "shared"}, {"critic": "central"}, {"normalise_observations": True}])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), RunError("the market broke")])
def test_stopped_anywhere_and_resumed_it_ends_with_the_same_bytes(tmp_path, kind, error):
    """Weights, optimiser, scales and curves; nothing that was learned is lost."""
    params = PARAMS.model_copy(update=kind)
    whole = folder(tmp_path, "whole")
    train(game(), params, whole)
    for slots in (3, 8, 29, 47):
        stopped = folder(tmp_path, f"stopped{slots}")
        with pytest.raises(type(error)):
            train(Interrupting(error, slots), params, stopped)
        assert load(stopped / trainer.CHECKPOINT).updates == slots // 8
        train(game(), params, stopped, resume=True)
        assert bytes_of(stopped) == bytes_of(whole)


def test_what_the_game_remembers_is_resumed_too(tmp_path):
    """Running means of its rewards go on from the last update, not from the broken-off episode."""

    class Broken(Remembering):
        left = 29

        def step(self, actions):
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
            return super().step(actions)

    whole, stopped = folder(tmp_path, "whole"), folder(tmp_path, "stopped")
    train(Remembering([0, 2], 3), PARAMS, whole)
    with pytest.raises(KeyboardInterrupt):
        train(Broken([0, 2], 3), PARAMS, stopped)
    assert load(stopped / trainer.CHECKPOINT).memory["slots"].tolist() == [24.0]
    train(Remembering([0, 2], 3), PARAMS, stopped, resume=True)
    assert bytes_of(stopped) == bytes_of(whole)


def test_curves_past_the_checkpoint_are_written_again(tmp_path):
    """After a kill the curves may be further than the checkpoint."""
    whole, killed = folder(tmp_path, "whole"), folder(tmp_path, "killed")
    train(game(), PARAMS, whole)
    with pytest.raises(KeyboardInterrupt):
        train(Interrupting(KeyboardInterrupt(), 16), PARAMS, killed)
    early = (killed / trainer.CHECKPOINT).read_bytes()
    train(game(), PARAMS, killed, resume=True)
    (killed / trainer.CHECKPOINT).write_bytes(early)
    with (killed / CURVES).open("a") as file:
        file.write("7,half a row")
    train(game(), PARAMS, killed, resume=True)
    assert bytes_of(killed) == bytes_of(whole)


def lines_of(path):
    return path.read_text().splitlines(keepends=True)


DAMAGES = {
    "missing": (lambda path: path.unlink(), "the learning curves of this training are missing"),
    "empty": (lambda path: path.write_text(""), "are empty"),
    "head alone": (lambda path: path.write_text(lines_of(path)[0]), "do not reach the checkpoint"),
    "first row missing": (
        lambda path: path.write_text("".join(lines_of(path)[:1] + lines_of(path)[3:])),
        "do not reach",
    ),
    "cut": (lambda path: path.write_text(path.read_text()[:-9]), "do not reach the checkpoint"),
    "other columns": (lambda path: path.write_text(path.read_text().replace("update", "day", 1)), "columns are others"),
    "a column more": (lambda path: path.write_text(path.read_text().replace("\n", ",1\n")), "columns are others"),
    "foreign": (lambda path: path.write_text("time,price\n1,2\n"), "columns are others"),
    "text": (lambda path: path.write_text("".join([*lines_of(path)[:1], "a" + lines_of(path)[1]])), "update is 'a1'"),
    "a value more": (lambda path: path.write_text(path.read_text().rstrip("\n") + ",1\n"), "values, not"),
    "infinite": (lambda path: path.write_text(path.read_text()[: path.read_text().rfind(",")] + ",inf\n"), "is 'inf'"),
    "a row twice": (lambda path: path.write_text("".join([*lines_of(path), lines_of(path)[1]])), "do not reach"),
    "out of order": (
        lambda path: path.write_text("".join([lines_of(path)[0], *reversed(lines_of(path)[1:])])),
        "are not in order: update 1",
    ),
    "quotes": (lambda path: path.write_text(lines_of(path)[0] + '"1'), "do not reach"),
    "no UTF-8": (lambda path: path.write_bytes(path.read_bytes() + b"\xff\n"), "not UTF-8"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "is a folder"),
    "a pipe": (lambda path: (path.unlink(), os.mkfifo(path)), "is a pipe"),
}


@pytest.mark.parametrize("name", [CURVES, AGENTS])
@pytest.mark.parametrize("what", DAMAGES)
def test_curves_that_were_not_left_so_are_refused_with_what_to_do(tmp_path, what, name):
    """And nothing is written over."""
    with pytest.raises(KeyboardInterrupt):
        train(Interrupting(KeyboardInterrupt(), 24), PARAMS, tmp_path)
    damage, message = DAMAGES[what]
    damage(tmp_path / name)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    with pytest.raises(CheckpointError, match=message) as caught:
        train(game(), PARAMS, tmp_path, resume=True)
    assert caught.value.problems[0].file == str(tmp_path / name)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def test_speeds_may_be_missing(tmp_path):
    """Nothing depends on them."""
    whole, stopped = folder(tmp_path, "whole"), folder(tmp_path, "stopped")
    train(game(), PARAMS, whole)
    with pytest.raises(KeyboardInterrupt):
        train(Interrupting(KeyboardInterrupt(), 24), PARAMS, stopped)
    (stopped / SPEED).unlink()
    train(game(), PARAMS, stopped, resume=True)
    assert bytes_of(stopped) == bytes_of(whole)


def test_an_interrupt_while_a_row_is_written_loses_no_row(tmp_path, monkeypatch):
    """The checkpoint does not count an update whose rows are not there."""
    whole, stopped = folder(tmp_path, "whole"), folder(tmp_path, "stopped")
    train(game(), PARAMS, whole)
    add = trainer.Curves.add
    with monkeypatch.context() as patched:

        def interrupted(self, row, agents, speed):
            if row.update == 3:
                raise KeyboardInterrupt
            add(self, row, agents, speed)

        patched.setattr(trainer.Curves, "add", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(game(), PARAMS, stopped)
    assert load(stopped / trainer.CHECKPOINT).updates == 2
    train(game(), PARAMS, stopped, resume=True)
    assert bytes_of(stopped) == bytes_of(whole)


def test_a_finished_training_resumes_to_itself(tmp_path):
    train(game(), PARAMS, tmp_path)
    before = bytes_of(tmp_path)
    train(game(), PARAMS, tmp_path, resume=True)
    assert bytes_of(tmp_path) == before


def test_a_training_is_not_overwritten(tmp_path):
    train(game(), PARAMS, tmp_path)
    with pytest.raises(CheckpointError, match="there is a training already\n    go on with resume=True"):
        train(game(), PARAMS, tmp_path)


def test_there_must_be_something_to_resume(tmp_path):
    with pytest.raises(CheckpointError, match="there is no such checkpoint"):
        train(game(), PARAMS, tmp_path, resume=True)


def test_another_scenario_is_not_resumed(tmp_path):
    train(game(), PARAMS, tmp_path, scenario_hash="a")
    with pytest.raises(CheckpointError, match="trained on another scenario"):
        train(game(), PARAMS, tmp_path, scenario_hash="b", resume=True)


def test_a_full_disk_ends_it_with_a_reason(tmp_path, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trainer, "save", full)
    with pytest.raises(RunError, match=r"cannot write the training to .*: No space left on device"):
        train(game(), PARAMS, tmp_path)


def test_tensorboard_gets_the_same_curves(tmp_path):
    pytest.importorskip("tensorboard")
    train(game(), PARAMS.model_copy(update={"tensorboard": True}), tmp_path)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    found = [event.value for event in events.Scalars("total")]
    assert found == pytest.approx(read_curves(tmp_path)["total"], rel=1e-6)
    assert set(events.Tags()["scalars"]) < set(read_curves(tmp_path))


def test_the_trust_region_holds_what_is_written(tmp_path):
    """A learning rate of 1: every update is undone, the weights stay, the curves say so."""
    train(game(), PARAMS.model_copy(update={"learning_rate": 1.0, "anneal": False}), tmp_path)
    curves = read_curves(tmp_path)
    assert curves["undone"] == [2.0] * 6
    assert max(curves["highest_kl"]) < 1e-6
    first = trainer._beginning(game(), PARAMS, 1, "").state.weights
    assert torch.equal(load(tmp_path / trainer.CHECKPOINT).state.weights, first)
