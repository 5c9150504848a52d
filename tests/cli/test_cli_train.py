"""``marketsim train``: what it prints, and how it says what to do next."""

from __future__ import annotations

import json
import math
import shlex

from marketsim.cli.options import AskedScenario
from marketsim.cli.train import _again, line
from marketsim.core.learner import Progress, Row

PILOT = "scenarios/pilot.yaml"
SMALL = ("--set", "learning.learner={ppo: {markets: 2, episodes: 4, hidden: [4]}}")


def test_it_sums_up_and_says_what_next_and_is_not_overwritten(cli, root, tmp_path):
    """A finished training is refused, and resumes to itself."""
    folder = tmp_path / "t"
    command = ("train", str(root / PILOT), *SMALL, "--out", str(folder))
    ended = cli(*command)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("pilot: 4 episodes in 2 updates, seed 1\n")
    for text in ("return of an episode", "fairness between sellers (FBS)", "The trust region ended"):
        assert text in ended.out
    assert f"Written to {folder}: checkpoint.pt" in ended.out
    assert f"  marketsim evaluate {folder}\n" in ended.out
    assert f"strategy: {{learned: {{checkpoint: {folder / 'checkpoint.pt'}}}}}" in ended.out
    before = (folder / "checkpoint.pt").read_bytes()
    ended = cli(*command)
    assert ended.code == 2
    assert ended.err == (
        f"error: {folder}: there is a training already (complete)\n    go on with it by --resume, or choose another --out\n"
    )
    ended = cli(*command, "--resume", "--json")
    assert ended.code == 0
    assert json.loads(ended.out)["folder"] == str(folder)
    assert json.loads(ended.out)["updates"] == 2
    assert (folder / "checkpoint.pt").read_bytes() == before


def test_quiet_prints_nothing(cli, root, tmp_path):
    assert cli("train", str(root / PILOT), *SMALL, "--out", str(tmp_path / "t"), "--quiet") == (0, "", "")


def test_there_must_be_something_to_resume(cli, root, tmp_path):
    ended = cli("train", str(root / PILOT), "--out", str(tmp_path / "none"), "--resume")
    assert ended.code == 2
    assert "there is no training to go on with" in ended.err
    assert not (tmp_path / "none").exists()


def test_wrong_parameters_are_told_with_their_place(cli, root):
    ended = cli("train", str(root / PILOT), "--set", "learning.learner.ppo.epoch=3")
    assert ended.code == 2
    assert "epoch" in ended.err
    assert "did you mean epochs?" in ended.err


def test_the_command_that_resumes_can_be_pasted():
    """Overrides, seed and odd paths included."""
    overrides = ("a.b=[1, 2]", "name=x")
    words = shlex.split(_again(AskedScenario("my scenario.yaml", overrides, 3, True), "runs/a b"))
    assert words == [
        "marketsim", "train", "my scenario.yaml", "--set", "a.b=[1, 2]", "--set", "name=x", "--seed", "3",
        "--trust", "--out", "runs/a b", "--resume",
    ]  # fmt: skip


def test_progress_tells_return_fairness_movement_and_speed():
    values = {"total": 1.5, "ftg": 0.5, "fbs": math.nan, "fpp": 0.75, "kl": 0.0042, "stopped": 2}
    row = Row(3, 48, 9216, values)
    shown = line(Progress(row, ("ftg", "fbs", "fpp"), 10, 31_400.0))
    assert shown == "return +1.500  FTG FBS FPP 0.50 - 0.75  KL 0.0042 (2 held)  31.4k agent-steps/s"


def test_progress_of_a_game_and_learner_that_say_less_is_shorter():
    assert line(Progress(Row(3, 48, 9216, {"total": 1.5}), (), 10, 31_400.0)) == "return +1.500  31.4k agent-steps/s"
