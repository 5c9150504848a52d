"""``map_runs`` and its store: outcomes in order, and nothing that is finished is done twice."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.analysis.execution.in_process import InProcess
from marketsim.analysis.execution.mapping import Job, map_runs
from marketsim.analysis.execution.port import JobFailure, JobOutcome
from marketsim.analysis.execution.store import FolderStore
from marketsim.core.errors import RunFolderError

JOBS = [Job(f"{x:02d}", x) for x in range(5)]


class Shuffled:
    """An executor whose jobs end in another order than they began."""

    def __init__(self, order):
        self.order = order
        self.done = []

    def run(self, function, payloads):
        for position in self.order:
            if position < len(payloads):
                self.done.append(payloads[position])
                yield position, JobOutcome(function(payloads[position]))


def square(x):
    return {"square": x * x}


def values(outcomes):
    return [outcome.value for outcome in outcomes]


@given(st.permutations(range(5)))
def test_outcomes_are_in_the_order_of_the_jobs(order):
    """Whatever the order in which they end."""
    assert values(map_runs(square, JOBS, Shuffled(order))) == [square(x) for x in range(5)]


@settings(max_examples=20)
@given(st.permutations(range(5)), st.integers(0, 5))
def test_an_interrupted_map_goes_on_where_it_stopped(tmp_path_factory, order, stop):
    """Jobs that were finished are not done again, and the outcomes are those of an unbroken one."""
    store = FolderStore(tmp_path_factory.mktemp("store"))

    def interrupt(done, total):
        if done == stop:
            raise KeyboardInterrupt

    first, second = Shuffled(order), Shuffled(range(5))
    with pytest.raises(KeyboardInterrupt):
        map_runs(square, JOBS, first, store, interrupt)
    assert values(map_runs(square, JOBS, second, store)) == [square(x) for x in range(5)]
    assert sorted(first.done + second.done) == list(range(5))
    assert len(first.done) == stop


def test_progress_counts_what_was_done_before(tmp_path):
    seen = []
    store = FolderStore(tmp_path)
    map_runs(square, JOBS[:2], InProcess(), store)
    map_runs(square, JOBS, InProcess(), store, lambda done, total: seen.append((done, total)))
    assert seen == [(2, 5), (3, 5), (4, 5), (5, 5)]


def test_preparation_is_only_for_work_that_is_left(tmp_path):
    calls = []
    for _ in range(2):
        map_runs(square, JOBS, InProcess(), FolderStore(tmp_path), prepare=lambda: calls.append(1))
    assert calls == [1]


def test_failed_jobs_are_kept_and_done_again(tmp_path):
    """A failure is written, so that it can be read, but whoever goes on tries again."""
    store = FolderStore(tmp_path)
    outcome = JobOutcome(failure=JobFailure("OSError", "no disk", "Traceback"), wall_s=0.5)
    store.save("00", outcome)
    kept = json.loads((tmp_path / "00" / "result.json").read_text("utf-8"))
    assert kept["failure"] == {"kind": "OSError", "message": "no disk", "traceback": "Traceback"}
    assert store.load("00") is None


@settings(max_examples=20)
@given(
    st.dictionaries(st.text(max_size=8), st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)),
    st.text(st.characters(codec="utf-8", exclude_characters="\r")),
)
def test_a_store_gives_back_what_it_took(tmp_path_factory, value, text):
    """To the last digit; texts in files of their own."""
    store = FolderStore(tmp_path_factory.mktemp("store"), {"words": "words.txt"})
    outcome = JobOutcome({**value, "words": text}, wall_s=1.5, attempts=2)
    store.save("a", outcome)
    assert store.load("a") == outcome


def test_texts_stand_in_files_of_their_own(tmp_path):
    FolderStore(tmp_path, {"words": "words.txt"}).save("a", JobOutcome({"words": "yes", "n": 1}))
    assert (tmp_path / "a" / "words.txt").read_text("utf-8") == "yes"
    assert json.loads((tmp_path / "a" / "result.json").read_text("utf-8"))["value"] == {"n": 1}


@pytest.mark.parametrize("text", ["", "{", '{"value": 3}', "[]", '{"failure": null}'])
def test_a_damaged_result_is_done_again(tmp_path, text):
    """A file that a crash of the machine cut off does not stop a study."""
    store = FolderStore(tmp_path)
    store.save("00", JobOutcome(square(0)))
    (tmp_path / "00" / "result.json").write_text(text)
    assert store.load("00") is None


def test_a_result_without_its_text_is_done_again(tmp_path):
    store = FolderStore(tmp_path, {"words": "words.txt"})
    store.save("a", JobOutcome({"words": "yes"}))
    (tmp_path / "a" / "words.txt").unlink()
    assert store.load("a") is None


def test_a_result_that_may_not_be_read_is_an_error(tmp_path):
    """Doing it again would hide that the folder is not as it should be."""
    store = FolderStore(tmp_path)
    (tmp_path / "00" / "result.json").mkdir(parents=True)
    with pytest.raises(RunFolderError, match=r"result\.json is a folder"):
        store.load("00")


def test_what_cannot_be_saved_is_the_callers_error(tmp_path):
    """A full disk stops the map; what was kept before stays."""
    (tmp_path / "store").mkdir()
    store = FolderStore(tmp_path / "store")
    map_runs(square, JOBS[:2], InProcess(), store)
    (tmp_path / "store" / "02").write_text("in the way")
    with pytest.raises(OSError, match="File exists|Not a directory"):
        map_runs(square, JOBS, InProcess(), store)
    assert store.load("01") is not None
