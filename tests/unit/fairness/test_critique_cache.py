"""Answers on disk: found again, shared, and never trusted when damaged."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from marketsim.fairness import critique_cache
from marketsim.fairness.critique_cache import CritiqueCache, Kept, all_kept, default_folder, question_key, read_kept

KEY = question_key("abc", {"seed": 1}, [{"role": "user", "content": "{}"}], {})


def kept(key=KEY, scores=(0.8, 0.7, 0.6)):
    return Kept(key, scores, "gemma3:4b", "abc", "{}", (0.5, 0.25))


def file_of(folder, key=KEY):
    return folder / key[:2] / f"{key}.json"


def test_what_is_kept_is_found_again(tmp_path):
    CritiqueCache(tmp_path).put(kept())
    assert CritiqueCache(tmp_path).get(KEY) == (0.8, 0.7, 0.6)
    assert list(all_kept(tmp_path)) == [kept()]
    assert [path.name for path in tmp_path.rglob("*.partial")] == []


def test_another_question_is_not_found(tmp_path):
    CritiqueCache(tmp_path).put(kept())
    assert CritiqueCache(tmp_path).get(question_key("abd", {"seed": 1}, [], {})) is None


@pytest.mark.parametrize("part", range(4))
def test_the_key_depends_on_everything(part):
    """Weights, options, prompt, form of the answer."""
    ours = ["abc", {"seed": 1}, [{"content": "a"}], {"type": "object"}]
    theirs = [*ours]
    theirs[part] = {0: "abd", 1: {"seed": 2}, 2: [{"content": "b"}], 3: {}}[part]
    assert question_key(*ours) == question_key(*ours) != question_key(*theirs)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("0.8", "0.9"),
        lambda text: "[]",
        lambda text: json.dumps({**json.loads(text), "format": "other"}),
        lambda text: json.dumps({**json.loads(text), "scores": None}),
        lambda text: "[" * 100_000,
        lambda text: "\x00\x01",
    ],
)
def test_a_damaged_answer_counts_as_absent_and_is_replaced(tmp_path, damage):
    cache = CritiqueCache(tmp_path)
    cache.put(kept())
    place = file_of(tmp_path)
    place.write_text(damage(place.read_text()))
    assert cache.get(KEY) is None
    assert list(all_kept(tmp_path)) == []
    cache.put(kept())
    assert cache.get(KEY) == (0.8, 0.7, 0.6)


def test_an_answer_under_another_name_is_not_believed(tmp_path):
    cache = CritiqueCache(tmp_path)
    cache.put(kept())
    other = question_key("other", {}, [], {})
    file_of(tmp_path, other).parent.mkdir(exist_ok=True)
    file_of(tmp_path).rename(file_of(tmp_path, other))
    assert cache.get(other) is None


def test_scores_out_of_range_are_not_believed(tmp_path):
    CritiqueCache(tmp_path).put(kept(scores=(1.5, 0.0, 0.0)))
    assert read_kept(file_of(tmp_path)) is None


def sealed(place, **changes):
    """The answer in a file, changed, with the checksum that belongs to it."""
    content = {**json.loads(place.read_text()), **changes}
    body = {name: value for name, value in content.items() if name != "check"}
    place.write_text(json.dumps({**body, "check": critique_cache._check(body)}))


@pytest.mark.parametrize(
    "changes",
    [
        {"model": ["gemma"]},
        {"model": 7},
        {"model": "x" * 201},
        {"model": "a\x1b[2J"},
        {"key": None},
        {"digest": {}},
        {"text": 1},
        {"scores": [True, 0.5, 0.5]},
        {"scores": ["0.5", 0.5, 0.5]},
        {"scores": {"0.1": 1, "0.2": 1, "0.3": 1}},
        {"scores": [0.5, 0.5]},
        {"features": None},
        {"features": "111"},
        {"features": ["0.5"]},
        {"features": [1e300]},
        {"features": [[0.5]]},
        {"format": ["marketsim critique 1"]},
        {"text": "x" * 5_000_000},
    ],
)
def test_values_of_other_types_count_as_absent(tmp_path, changes):
    """In a stranger's folder, with the right checksum."""
    cache = CritiqueCache(tmp_path)
    cache.put(kept())
    place = file_of(tmp_path)
    sealed(place)
    assert cache.get(KEY) == (0.8, 0.7, 0.6)
    sealed(place, **changes)
    assert cache.get(KEY) is None
    assert list(all_kept(tmp_path)) == []


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_only_regular_files_are_answers(tmp_path, make):
    """A pipe, a folder and a device count as absent; nobody waits for them."""
    cache = CritiqueCache(tmp_path)
    cache.put(kept())
    place = file_of(tmp_path)
    place.unlink()
    make(place)
    assert cache.get(KEY) is None
    assert list(all_kept(tmp_path)) == []


def test_a_folder_that_cannot_be_written_is_told_and_nothing_else_happens(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    cache = CritiqueCache(blocked / "cache")
    cache.put(kept())
    assert cache.get(KEY) is None
    assert "cannot be kept" in cache.fault


def test_without_a_folder_nothing_is_kept():
    cache = CritiqueCache(None)
    cache.put(kept())
    assert cache.get(KEY) is None
    assert cache.fault is None


def test_the_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("MARKETSIM_CACHE_DIR", str(tmp_path))
    assert default_folder() == tmp_path / "marketsim" / "critiques"


WRITER = """
import sys
from pathlib import Path
from marketsim.fairness.critique_cache import CritiqueCache, Kept
cache = CritiqueCache(Path(sys.argv[1]))
key = sys.argv[2]
for _ in range(200):
    cache.put(Kept(key, (0.8, 0.7, 0.6), "gemma3:4b", "abc", "{}" * 500, (0.5,) * 23))
    assert cache.get(key) == (0.8, 0.7, 0.6)
assert cache.fault is None
"""


def test_several_processes_share_a_folder(tmp_path, environment):
    """Two that write and read the same answer at once never see half of it."""
    command = [sys.executable, "-c", WRITER, str(tmp_path), KEY]
    both = [subprocess.Popen(command, env=environment(), cwd=os.getcwd()) for _ in range(2)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    assert CritiqueCache(tmp_path).get(KEY) == (0.8, 0.7, 0.6)
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".json"]
