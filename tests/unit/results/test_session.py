"""One way into a folder of results, whatever is written there: new, gone on with, replaced, or refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from marketsim.analysis.control.plan import CONTROLS
from marketsim.analysis.evaluation.plan import EVALUATION
from marketsim.analysis.studies.folder import STUDY
from marketsim.core.errors import RunFolderError
from marketsim.results.folder import identity, write_json
from marketsim.results.session import FolderKind, Session
from marketsim.results.training_folder import TRAINING
from marketsim.results.writer import RUN

KINDS = {kind.noun: kind for kind in (RUN, TRAINING, STUDY, EVALUATION, CONTROLS)}
FACTS = {
    "run": {"agents": ["a"], "agent_markets": [0]},
    "training": {},
    "study": {"runs": 1, "paths": ["seed"], "tables": False},
    "evaluation": {"arms": ["rule"], "seeds": [1], "weeks": 1, "part": "test", "overrides": {}},
    "evaluation of controls": {
        "arms": ["rule"],
        "seeds": [1],
        "part": "test",
        "episodes": None,
        "learners": {},
        "overrides": {},
    },
}
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def held(folder: Path, kind: FolderKind, **how: bool) -> Session:
    session = Session(folder, kind, **how)
    session.begin(FACTS[kind.noun], {"scenario.yaml": "name: pilot\n"})
    return session


def manifest(folder: Path) -> dict[str, object]:
    return json.loads((folder / "manifest.json").read_text())


def ended(folder: Path, kind: FolderKind) -> None:
    with held(folder, kind):
        (folder / "checkpoint.pt").write_text("something that has come further")


def refusal(folder: Path, kind: FolderKind, **how: bool) -> str:
    with pytest.raises(RunFolderError) as caught:
        held(folder, kind, **how)
    return str(caught.value)


@each_kind
@pytest.mark.parametrize(
    ("error", "said", "told"),
    [
        (None, "complete", None),
        (KeyboardInterrupt(), "interrupted", None),
        (ValueError("odd"), "failed", "ValueError: odd"),
    ],
)
def test_a_folder_says_what_goes_on_and_how_it_ended(kind, error, said, told, tmp_path):
    session = held(tmp_path / "new", kind)
    assert manifest(tmp_path / "new").items() >= {"status": "running", "pid": os.getpid(), **FACTS[kind.noun]}.items()
    if error is None:
        with session:
            pass
    else:
        with pytest.raises(type(error)), session:
            raise error
    found = manifest(tmp_path / "new")
    assert (found["status"], found.get("error"), "pid" in found) == (said, told, False)
    assert found["wall_s"] >= 0.0


@each_kind
@pytest.mark.parametrize("how", [{}, {"resume": True}, {"force": True}])
def test_what_goes_on_is_left_alone(kind, how, tmp_path):
    held(tmp_path, kind)
    assert f"{kind.name} is being written there (process {os.getpid()})" in refusal(tmp_path, kind, **how)


@each_kind
@pytest.mark.parametrize("how", [{}, {"resume": True}, {"force": True}])
def test_what_is_of_somebody_else_is_never_touched(kind, how, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    assert f"the folder is not empty and holds no {kind.noun} of marketsim" in refusal(tmp_path, kind, **how)
    for other in KINDS.values():
        folder = tmp_path / other.noun
        if other is not kind:
            ended(folder, other)
            assert f"holds no {kind.noun} of marketsim" in refusal(folder, kind, **how)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["thesis.tex"]


@each_kind
def test_one_that_ended_is_refused_with_the_way_on(kind, tmp_path):
    ended(tmp_path, kind)
    way = "go on with it by resume=True, or choose another out" if kind.resumable else "or replace it with force=True"
    told = refusal(tmp_path, kind)
    assert f"there is {kind.name} already (complete)\n" in told
    assert told.endswith(way)


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.resumable], ids=lambda kind: kind.noun)
def test_one_that_goes_on_keeps_when_it_began_and_adds_up_its_time(kind, tmp_path):
    ended(tmp_path, kind)
    first = {**manifest(tmp_path), "wall_s": 100.0}
    write_json(tmp_path / "manifest.json", first)
    with held(tmp_path, kind, resume=True) as session:
        assert session.resumes
    assert manifest(tmp_path)["started"] == first["started"]
    assert manifest(tmp_path)["wall_s"] >= 100.0


@pytest.mark.parametrize("kind", [RUN, STUDY, EVALUATION], ids=lambda kind: kind.noun)
def test_of_two_that_begin_at_once_one_is_refused(kind, tmp_path):
    """Whoever makes the manifest has the folder, before anything stands in it; a training that came so far begins anew."""
    Session(tmp_path, kind)
    assert f"{kind.name} ended there before it had begun" in refusal(tmp_path, kind)


@each_kind
def test_one_that_ended_before_it_had_begun_makes_room_where_that_is_asked_for(kind, tmp_path):
    (tmp_path / "manifest.json").touch()
    with held(tmp_path, kind, **({"resume": True} if kind.resumable else {"force": True})):
        assert manifest(tmp_path)["status"] == "running"


@each_kind
def test_a_folder_without_anything_to_go_on_with_is_told(kind, tmp_path):
    assert f"there is no {kind.noun} to go on with" in refusal(tmp_path / "none", kind, resume=True)
    assert not (tmp_path / "none").exists()


@each_kind
def test_a_disk_that_takes_nothing_more_is_told_and_noted(kind, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("marketsim.results.session.write_text", full)
    assert f"cannot write the {kind.noun}: No space left on device" in refusal(tmp_path / "new", kind)
    assert manifest(tmp_path / "new")["status"] == "failed"


def test_a_dead_process_does_not_keep_a_folder(tmp_path):
    """Its number may have been given to another one since."""
    ended(tmp_path, TRAINING)
    write_json(
        tmp_path / "manifest.json", {**manifest(tmp_path), "status": "running", **identity(), "process_started": 1}
    )
    with held(tmp_path, TRAINING, resume=True) as session:
        assert session.resumes


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.resumable], ids=lambda kind: kind.noun)
@pytest.mark.parametrize("resume", [False, True])
def test_files_of_somebody_beside_a_manifest_without_content_stay(kind, resume, tmp_path):
    """An empty file of that name says nothing of what else is there."""
    (tmp_path / "manifest.json").touch()
    (tmp_path / "scenario.yaml").write_text("mine")
    refusal(tmp_path, kind, resume=resume)
    assert (tmp_path / "scenario.yaml").read_text() == "mine"
