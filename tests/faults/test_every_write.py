"""A run's folder at each of its writes: whatever fails, and whenever it is cut off, what is left can be told."""

from __future__ import annotations

import errno
import os
import resource
from contextlib import contextmanager
from pathlib import Path

import pytest

import marketsim as ms
from marketsim.core.errors import RunFolderError

SLOTS = 72
PILOT = {"clock.slots": SLOTS}


@pytest.fixture
def run_to(simulated, root, cli):
    """``run_to(folder)``: the pilot for three days through the command line, kernels compiled before."""
    simulated("scenarios/pilot.yaml", PILOT)

    def run(folder, *options):
        return cli("run", root / "scenarios" / "pilot.yaml", "--set", f"clock.slots={SLOTS}", "--out", folder, *options)

    return run


@contextmanager
def largest_file(size):
    """No file of this process may grow beyond ``size`` bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def check_left(folder, expected=("failed", "interrupted")):
    """The folder opens, says how it ended, and its tables agree on how far it got."""
    run = ms.open_run(folder)
    assert run.status in expected
    assert run.summary == {}
    days, rest = divmod(run.n_slots, 24)
    assert rest == 0
    assert len(run.frame("agents", raw=True)) == 8 * 24 * days
    assert (
        run.frame("trades", raw=True).energy_wh.sum() == run.frame("agents", raw=True).bought_wh.sum()
        if days
        else len(run.frame("trades", raw=True)) == 0
    )
    assert all(critique["slot"] < SLOTS for critique in run.critiques)


@pytest.mark.parametrize("size", [0, 1, 300, 1_500, 4_000, 9_000, 15_000, 22_000])
def test_a_disk_may_be_full_at_any_byte(run_to, tmp_path, size):
    """Exit code 1 or 2 and a message without a traceback; where a manifest could be written the folder opens."""
    folder = tmp_path / "run"
    with largest_file(size):
        ended = run_to(folder, "--quiet")
    if ended.code == 0:
        assert ms.open_run(folder).status == "complete"
        return
    assert ended.code in (1, 2)
    assert "Traceback" not in ended.err
    assert "fault of marketsim" not in ended.err
    assert str(folder) in ended.err
    assert "File too large" in ended.err
    if began(folder):
        check_left(folder)
    assert run_to(folder, "--force", "--quiet").code == 0
    assert ms.open_run(folder).status == "complete"


def began(folder):
    """Whether there is a manifest; a run that ended before it could write one says so when it is opened."""
    manifest = folder / "manifest.json"
    if manifest.exists() and manifest.stat().st_size == 0:
        with pytest.raises(RunFolderError, match="this run ended before its first slot"):
            ms.open_run(folder)
        return False
    return manifest.exists()


class Broken:
    """Counts the steps by which files get their names; the one numbered ``at`` fails."""

    def __init__(self, monkeypatch, at, error):
        self.calls, self._at, self._error = 0, at, error
        for owner, name in ((Path, "replace"), (os, "fsync"), (Path, "unlink")):
            monkeypatch.setattr(owner, name, self._counted(getattr(owner, name)))

    def _counted(self, function):
        def call(*arguments, **options):
            self.calls += 1
            if self.calls == self._at:
                raise self._error
            return function(*arguments, **options)

        return call


def test_a_disk_may_be_full_at_any_step_of_its_files(run_to, monkeypatch, tmp_path):
    """At each rename, sync and removal: complete and whole, or a folder that says that it is not; then replaced."""
    error = OSError(errno.ENOSPC, "No space left on device")
    with monkeypatch.context() as patched:
        steps = Broken(patched, -1, error)
        assert run_to(tmp_path / "whole", "--quiet").code == 0
    tables = {path.name: path.read_bytes() for path in (tmp_path / "whole").glob("*.parquet")}
    assert steps.calls >= 6
    for at in range(1, steps.calls + 1):
        folder = tmp_path / f"run{at}"
        with monkeypatch.context() as patched:
            Broken(patched, at, error)
            ended = run_to(folder, "--quiet")
        assert "Traceback" not in ended.err
        assert "fault of marketsim" not in ended.err
        run = ms.open_run(folder) if began(folder) else None
        if run is not None and run.status == "complete":
            assert {path.name: path.read_bytes() for path in folder.glob("*.parquet")} == tables
            assert run.summary["slots"] == SLOTS
            continue
        assert ended.code in (1, 2)
        if run is not None:
            check_left(folder)
        assert run_to(folder, "--force", "--quiet").code == 0
