"""A training that is killed goes on to the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from marketsim.learning.params import LearnerParams
from marketsim.learning.ppo.trainer import train
from marketsim.testing.games import ContextualBandit

PARAMS = LearnerParams(hidden=(6,), markets=8, episodes=30 * 8, checkpoint_every=3)
SLOW = """
import sys, time
from pathlib import Path
from marketsim.learning.params import LearnerParams
from marketsim.learning.ppo.trainer import train
from marketsim.testing.games import ContextualBandit

params = LearnerParams.model_validate_json(sys.argv[2])
train(ContextualBandit(2, 3), params, Path(sys.argv[1]), progress=lambda progress: time.sleep(0.1))
"""
COMPARED = ("checkpoint.pt", "training.csv", "training_agents.csv")


def updates(folder: Path) -> int:
    path = folder / "training.csv"
    return max(path.read_text().count("\n") - 1, 0) if path.exists() else 0


def test_killed_and_resumed_it_ends_as_if_unbroken(tmp_path):
    """kill -9 between two checkpoints, in another process: what came after the last one is played again."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    process = subprocess.Popen([sys.executable, "-c", SLOW, str(killed), PARAMS.model_dump_json()])
    try:
        train(ContextualBandit(2, 3), PARAMS, whole)
        until = time.monotonic() + 60.0
        while updates(killed) < 4:
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < until
            time.sleep(0.01)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert 3 < updates(killed) < 30
    train(ContextualBandit(2, 3), PARAMS, killed, resume=True)
    for name in COMPARED:
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name


@pytest.mark.parametrize("at", [0, 2, 11])
def test_killed_again_and_again_it_ends_as_if_unbroken(tmp_path, at):
    """kill -9 after so many updates, at whatever step of the next one; and once more after as many again."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    train(ContextualBandit(2, 3), PARAMS, whole)
    for _ in range(2):
        resume = ["resume"] if (killed / "checkpoint.pt").exists() else []
        before = updates(killed)
        process = subprocess.Popen([sys.executable, "-c", QUICK, str(killed), PARAMS.model_dump_json(), *resume])
        try:
            until = time.monotonic() + 60.0
            while process.poll() is None and (updates(killed) < before + at or not (killed / "training.csv").exists()):
                assert time.monotonic() < until
                time.sleep(0.001)
        finally:
            process.kill()
            process.wait()
        if updates(killed) >= 30:
            break
    train(ContextualBandit(2, 3), PARAMS, killed, resume=True)
    for name in COMPARED:
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name


QUICK = SLOW.replace("time.sleep(0.1)", "time.sleep(0.01)").replace(
    "progress=", 'resume="resume" in sys.argv, progress='
)


@pytest.mark.parametrize("again", [(), ("--resume",)])
def test_killed_before_its_first_checkpoint_it_begins_anew(cli, environment, root, tmp_path, again):
    """As soon as there is a manifest; what it ends with is what an unbroken training ends with."""
    command = ("train", str(root / "scenarios/pilot.yaml"), "--set", SMALL, "--quiet", "--out")
    assert cli(*command, str(tmp_path / "whole")).code == 0
    killed = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-m", "marketsim", *command, str(killed)], env=environment())
    try:
        while process.poll() is None and not (killed / "manifest.json").exists():
            time.sleep(0.001)
    finally:
        process.kill()
        process.wait()
    assert not (killed / "checkpoint.pt").exists()
    ended = cli(*command, str(killed), *again)
    assert ended.code == 0, ended.err
    for name in COMPARED:
        assert (killed / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


SMALL = "learning.learner={ppo: {markets: 2, episodes: 4, hidden: [4]}}"

NUMBERS = {
    "sac": """{"hidden": [4], "markets": 8, "episodes": 240, "checkpoint_every": 3, "critic": {"mlp": {"hidden": [5]}},
               "batch": 16, "kept": 200, "warm_up": 6, "imitation": {},
               "start": {"cloning": {"rounds": 4, "held_out_every": 2, "steps": 5, "batch": 8}}}""",
    "mappo": """{"hidden": [4], "markets": 8, "episodes": 240, "checkpoint_every": 3,
                 "start": {"cloning": {"rounds": 4, "held_out_every": 2, "steps": 5, "batch": 8}}}""",
}
OF_NUMBERS = """
import sys, time
from pathlib import Path
from marketsim.builtin import built_in_registry
from marketsim.testing.games import GuidedAiming
from marketsim.testing.worlds import build_context

registry = built_in_registry()
params = registry.params("learner", sys.argv[2]).model_validate_json(sys.argv[3])
learner = registry.builder("learner", sys.argv[2])(params, build_context())
learner.train(
    GuidedAiming(), Path(sys.argv[1]), seed=1, scenario_hash="", resume="resume" in sys.argv,
    progress=lambda progress: time.sleep(float(sys.argv[4])),
)
"""


def of_numbers(folder: Path, name: str, pause: float, *more: str) -> subprocess.Popen[bytes]:
    """A training of numbers in a process of its own."""
    command = [sys.executable, "-c", OF_NUMBERS, str(folder), name, NUMBERS[name], str(pause), *more]
    return subprocess.Popen(command)


@pytest.mark.full
@pytest.mark.parametrize("name", NUMBERS)
def test_a_training_of_numbers_that_is_killed_twice_ends_as_if_unbroken(tmp_path, name):
    """kill -9 while it clones and again while it learns: what was played lately lies beside the checkpoint."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    assert of_numbers(whole, name, 0.0).wait() == 0
    for until_row in (2, 13):
        resume = ["resume"] if (killed / "checkpoint.pt").exists() else []
        process = of_numbers(killed, name, 0.05, *resume)
        try:
            until = time.monotonic() + 120.0
            while updates(killed) < until_row:
                assert process.poll() is None, "it ended before it could be killed"
                assert time.monotonic() < until
                time.sleep(0.005)
        finally:
            process.kill()
            process.wait()
        assert updates(killed) < 30
    assert of_numbers(killed, name, 0.0, "resume").wait() == 0
    for name_of in COMPARED:
        assert (killed / name_of).read_bytes() == (whole / name_of).read_bytes(), name_of
    assert not list(killed.glob("replay-*"))
