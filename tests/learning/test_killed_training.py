"""A training that is killed goes on to the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

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
