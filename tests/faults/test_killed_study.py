"""A ``whatif`` study that is killed half-way goes on where it stopped and ends with the bytes of an unbroken one."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

RUNS = 8
ASKED = ("--vary", f"profiles.pv_scale=1:{RUNS}:{RUNS}", "--set", "clock.slots=96", "--seeds", "1")
SAME = ("study.parquet", "study.csv", "answer.json", "figures/response.svg")
"""Files of a study that depend on the study alone; times stand in others."""


def finished(folder: Path) -> set[str]:
    """Runs whose results are on the disk."""
    return {path.parent.name for path in folder.glob("runs/*/result.json")}


@pytest.fixture
def killed(environment: Callable, root: Path, tmp_path: Path) -> tuple[Path, set[str]]:
    """A study's folder after SIGKILL between its second and its last run, and the runs that it had finished."""
    folder = tmp_path / "killed"
    command = [sys.executable, "-m", "marketsim", "whatif", str(root / "scenarios" / "pilot.yaml"), *ASKED]
    process = subprocess.Popen(
        [*command, "--workers", "1", "--out", str(folder)],
        env=environment(),
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 240  # kernels may have to be compiled
    while len(finished(folder)) < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    return folder, finished(folder)


def test_a_killed_study_resumes_to_the_bytes_of_an_unbroken_one(
    killed: tuple[Path, set[str]], cli: Callable, root: Path, tmp_path: Path
) -> None:
    """Nothing is done twice: results that were there keep their time; table, answer and figure are the same bytes."""
    folder, done = killed
    assert 2 <= len(done) < RUNS
    assert not (folder / "study.parquet").exists(), "a table is written when all runs have ended"
    before = {run: (folder / "runs" / run / "result.json").stat().st_mtime_ns for run in done}
    ended = cli("whatif", "--resume", "--out", folder, "--workers", 1, "--quiet")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert {run: (folder / "runs" / run / "result.json").stat().st_mtime_ns for run in done} == before
    pilot = root / "scenarios" / "pilot.yaml"
    assert cli("whatif", pilot, *ASKED, "--workers", 1, "--out", tmp_path / "whole", "--quiet").code == 0
    for name in SAME:
        assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
