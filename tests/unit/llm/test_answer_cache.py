"""Answers on disk: found again, shared, and never trusted when damaged."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from marketsim.core.language_model import Identity
from marketsim.llm import answer_cache
from marketsim.llm.answer_cache import AnswerCache, all_kept, default_folder, question_key
from marketsim.llm.question import Question

KIND = "a number 1"
WHO = Identity("gemma3:4b", "abc", "0.12.3", thinks=False)


def number(kept):
    """A whole number, or ValueError."""
    if type(kept.get("number")) is not int:
        raise ValueError("no number")
    return kept["number"]


def question(text="{}", kind=KIND, form=()):
    """A question whose answer is a number."""
    message = {"role": "user", "content": text}
    return Question(kind, [message], dict(form), int, lambda value: {"number": value}, number)


KEY = question_key(question(), "abc", {"seed": 1})


def put(cache, key=KEY, value=8):
    cache.put(key, question(), value, WHO)


def get(cache, key=KEY):
    return cache.get(key, question())


def file_of(folder, key=KEY):
    return folder / key[:2] / f"{key}.json"


def test_what_is_kept_is_found_again(tmp_path):
    put(AnswerCache(tmp_path))
    assert get(AnswerCache(tmp_path)) == 8
    assert list(all_kept(tmp_path, KIND, number)) == [8]
    assert [path.name for path in tmp_path.rglob("*.partial")] == []


def test_another_question_is_not_found(tmp_path):
    put(AnswerCache(tmp_path))
    assert get(AnswerCache(tmp_path), question_key(question(), "abd", {"seed": 1})) is None


@pytest.mark.parametrize(
    "theirs",
    [
        (question(kind="a number 2"), "abc", {"seed": 1}),
        (question("[]"), "abc", {"seed": 1}),
        (question(form={"type": "object"}), "abc", {"seed": 1}),
        (question(), "abd", {"seed": 1}),
        (question(), "abc", {"seed": 2}),
    ],
)
def test_the_key_depends_on_everything(theirs):
    """Kind, prompt, form of the answer, weights, options."""
    assert question_key(question(), "abc", {"seed": 1}) == KEY != question_key(*theirs)


def test_answers_of_another_kind_are_not_read(tmp_path):
    put(AnswerCache(tmp_path))
    assert AnswerCache(tmp_path).get(KEY, question(kind="a number 2")) is None
    assert list(all_kept(tmp_path, "a number 2", number)) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: text.replace(": 8", ": 9"),
        lambda text: "[]",
        lambda text: json.dumps({**json.loads(text), "format": "other"}),
        lambda text: json.dumps({**json.loads(text), "number": None}),
        lambda text: "[" * 100_000,
        lambda text: "\x00\x01",
    ],
)
def test_a_damaged_answer_counts_as_absent_and_is_replaced(tmp_path, damage):
    cache = AnswerCache(tmp_path)
    put(cache)
    place = file_of(tmp_path)
    place.write_text(damage(place.read_text()))
    assert get(cache) is None
    assert list(all_kept(tmp_path, KIND, number)) == []
    put(cache)
    assert get(cache) == 8


def test_an_answer_under_another_name_is_not_believed(tmp_path):
    cache = AnswerCache(tmp_path)
    put(cache)
    other = question_key(question("other"), "abc", {})
    file_of(tmp_path, other).parent.mkdir(exist_ok=True)
    file_of(tmp_path).rename(file_of(tmp_path, other))
    assert get(cache, other) is None


def sealed(place, **changes):
    """The answer in a file, changed, with the checksum that belongs to it."""
    content = {**json.loads(place.read_text()), **changes}
    body = {name: value for name, value in content.items() if name != "check"}
    place.write_text(json.dumps({**body, "check": answer_cache._check(body)}))


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
        {"number": "8"},
        {"number": None},
        {"format": ["a number 1"]},
        {"text": "x" * 5_000_000},
    ],
)
def test_values_of_other_types_count_as_absent(tmp_path, changes):
    """In a stranger's folder, with the right checksum."""
    cache = AnswerCache(tmp_path)
    put(cache)
    place = file_of(tmp_path)
    sealed(place)
    assert get(cache) == 8
    sealed(place, **changes)
    assert get(cache) is None
    assert list(all_kept(tmp_path, KIND, number)) == []


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_only_regular_files_are_answers(tmp_path, make):
    """A pipe, a folder and a device count as absent; nobody waits for them."""
    cache = AnswerCache(tmp_path)
    put(cache)
    place = file_of(tmp_path)
    place.unlink()
    make(place)
    assert get(cache) is None
    assert list(all_kept(tmp_path, KIND, number)) == []


def test_a_folder_that_cannot_be_written_is_told_and_nothing_else_happens(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    cache = AnswerCache(blocked / "cache")
    put(cache)
    assert get(cache) is None
    assert "cannot be kept" in cache.fault


def test_without_a_folder_nothing_is_kept():
    cache = AnswerCache(None)
    put(cache)
    assert get(cache) is None
    assert cache.fault is None


def test_the_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("MARKETSIM_CACHE_DIR", str(tmp_path))
    assert default_folder("answers") == tmp_path / "marketsim" / "answers"


WRITER = """
import sys
from pathlib import Path
from marketsim.core.language_model import Identity
from marketsim.llm.answer_cache import AnswerCache
from marketsim.llm.question import Question
cache, key = AnswerCache(Path(sys.argv[1])), sys.argv[2]
message = {"role": "user", "content": "{}" * 500}
question = Question("a number 1", [message], {}, int, lambda value: {"number": value}, lambda kept: kept["number"])
for _ in range(200):
    cache.put(key, question, 8, Identity("gemma3:4b", "abc", "0.12.3", False))
    assert cache.get(key, question) == 8
assert cache.fault is None
"""


def test_several_processes_share_a_folder(tmp_path, environment):
    """Two that write and read the same answer at once never see half of it."""
    command = [sys.executable, "-c", WRITER, str(tmp_path), KEY]
    both = [subprocess.Popen(command, env=environment(), cwd=os.getcwd()) for _ in range(2)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    assert get(AnswerCache(tmp_path)) == 8
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".json"]
