"""The folder of a training: whose it is, and what becomes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from marketsim.core.errors import RunFolderError
from marketsim.results.folder import identity, status, write_json
from marketsim.results.session import Session
from marketsim.results.training_folder import TRAINING, TRAINING_FORMAT, is_training, read_training

FACTS = {"scenario": "pilot", "seed": 1}


def opened(path, *, resume=False):
    held = Session(path, TRAINING, resume=resume)
    held.begin(FACTS, {"scenario.yaml": "name: pilot\n"})
    return held


def manifest(path):
    return json.loads((path / "manifest.json").read_text())


def test_while_it_goes_on_the_manifest_says_so_and_at_the_end_that_it_is_complete(tmp_path):
    path = tmp_path / "runs" / "one"
    with opened(path):
        assert status(read_training(path)) == "running"
        assert manifest(path)["pid"] == os.getpid()
    found = manifest(path)
    assert (found["format"], found["status"], found["scenario"]) == (TRAINING_FORMAT, "complete", "pilot")
    assert "pid" not in found
    assert found["wall_s"] >= 0.0
    assert (path / "scenario.yaml").read_text() == "name: pilot\n"


@pytest.mark.parametrize(
    ("error", "reached", "reason"),
    [(KeyboardInterrupt(), "interrupted", None), (ValueError("broke"), "failed", "ValueError: broke")],
)
def test_how_it_ended_is_kept(tmp_path, error, reached, reason):
    with pytest.raises(type(error)), opened(tmp_path):
        raise error
    assert manifest(tmp_path)["status"] == reached
    assert manifest(tmp_path).get("error") == reason


def test_a_killed_training_counts_as_interrupted_and_can_be_resumed(tmp_path):
    """The manifest says running, but its process is gone."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    write_json(
        tmp_path / "manifest.json", {"format": TRAINING_FORMAT, "status": "running", **identity(), "pid": gone.pid}
    )
    assert status(read_training(tmp_path)) == "interrupted"
    with opened(tmp_path, resume=True):
        pass
    assert manifest(tmp_path)["status"] == "complete"


def test_a_resumed_training_keeps_its_beginning_and_adds_up_its_time(tmp_path):
    with opened(tmp_path):
        pass
    first = manifest(tmp_path)
    write_json(tmp_path / "manifest.json", {**first, "wall_s": 100.0})
    (tmp_path / "scenario.yaml").write_text("as it was")
    with opened(tmp_path, resume=True) as held:
        assert held.wall_s >= 100.0
    found = manifest(tmp_path)
    assert found["started"] == first["started"]
    assert found["wall_s"] >= 100.0
    assert (tmp_path / "scenario.yaml").read_text() == "as it was"


def killed(path, **facts):
    """A folder whose training was killed: its manifest says running, and its process is gone."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    found = {"format": TRAINING_FORMAT, "status": "running", **identity(), "pid": gone.pid, "started": "then", **facts}
    write_json(path / "manifest.json", found)


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize(
    "left",
    [(), ("manifest.json.0123456789abcdef.partial",), ("manifest.json",), ("manifest.json", "scenario.yaml")],
)
def test_what_was_ended_before_its_first_checkpoint_begins_anew(tmp_path, left, resume):
    """Wherever it was killed; with the scenario that is given now, and its own beginning."""
    for name in left:
        (tmp_path / name).write_text("as it was")
    if "manifest.json" in left:
        killed(tmp_path)
        (tmp_path / "checkpoint.pt.0123456789abcdef.partial").write_bytes(b"half")
    with opened(tmp_path, resume=resume) as held:
        assert not held.resumes
        assert held.anew == ("manifest.json" in left or resume)
        assert (tmp_path / "scenario.yaml").read_text() == "name: pilot\n"
    assert manifest(tmp_path)["status"] == "complete"
    assert manifest(tmp_path)["started"] != "then"


@pytest.mark.parametrize("name", ["checkpoint.pt", "training.csv", "summary.json", "thesis.tex"])
def test_what_has_come_further_does_not_begin_anew(tmp_path, name):
    (tmp_path / name).write_text("x")
    killed(tmp_path)
    assert "there is a training already (interrupted)" in refusal(tmp_path)
    with opened(tmp_path, resume=True) as held:
        assert held.resumes


@pytest.mark.parametrize("value", ["1", None, True, -1, [1], {}, 1e300])
def test_a_time_that_is_none_is_told(tmp_path, value):
    (tmp_path / "checkpoint.pt").write_text("x")
    killed(tmp_path, wall_s=value)
    assert "manifest.json: wall_s: " in refusal(tmp_path, resume=True)


def refusal(path, *, resume=False):
    with pytest.raises(RunFolderError) as caught, opened(path, resume=resume):
        pass
    return str(caught.value)


def test_a_training_is_never_overwritten(tmp_path):
    with opened(tmp_path):
        pass
    assert refusal(tmp_path) == (
        f"{tmp_path}: there is a training already (complete)\n    go on with it by resume=True, or choose another out"
    )


def test_a_folder_of_anything_else_is_never_touched(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    assert "the folder is not empty and holds no training" in refusal(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    assert "the folder is not empty and holds no training" in refusal(tmp_path, resume=True)


def test_a_training_that_goes_on_is_left_alone(tmp_path):
    with opened(tmp_path):
        assert f"a training is being written there (process {os.getpid()})" in refusal(tmp_path, resume=True)


def test_a_run_of_a_market_is_no_training(tmp_path):
    write_json(tmp_path / "manifest.json", {"format": "marketsim run 1"})
    assert not is_training(tmp_path)
    with pytest.raises(RunFolderError, match="there is no training in this folder\n    name the folder"):
        read_training(tmp_path)


def test_a_file_in_the_way_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    assert "there is a file of that name" in refusal(tmp_path / "file")
