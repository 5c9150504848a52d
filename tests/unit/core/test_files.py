"""Reading and writing files that may be a stranger's."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.core import files
from marketsim.core.errors import RunFolderError
from marketsim.core.plain_text import harmless


def refusal(path: Path, most: int = 100, *, links: bool = True) -> str:
    with pytest.raises(RunFolderError) as caught:
        files.read_bytes(path, most, RunFolderError, links=links)
    assert harmless(str(path)) in str(caught.value)
    return caught.value.problems[0].message


def test_a_regular_file_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 100)
    assert files.read_bytes(path, 100, RunFolderError) == b"x" * 100
    assert files.demand_regular(path, 100, RunFolderError) == 100


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "pipe" in refusal(tmp_path / "pipe")
    assert "pipe" in refusal(Path("/dev/zero"))
    assert "folder" in refusal(tmp_path)
    assert refusal(tmp_path / "nothing") == "there is no such file"
    assert "embedded null" in refusal(tmp_path / "a\0b")


def test_too_large_is_refused_before_reading(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(10**12)
    assert "953674 MiB" in refusal(tmp_path / "sparse")


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs a file that hides its size")
def test_a_file_that_hides_its_size_is_read_no_further_than_asked() -> None:
    assert "more than" in refusal(Path("/proc/self/maps"), most=10)


def test_links_are_followed_only_where_that_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "own").write_text("text")
    (tmp_path / "link").symlink_to(tmp_path / "own")
    assert files.read_text(tmp_path / "link", 10, RunFolderError) == "text"
    assert "link" in refusal(tmp_path / "link", links=False)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert "link" in refusal(tmp_path / "dangling", links=False)


def test_bytes_that_are_no_text_have_their_line(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one\ntw\xff")
    with pytest.raises(RunFolderError) as caught:
        files.read_text(tmp_path / "a", 10, RunFolderError)
    problem = caught.value.problems[0]
    assert (problem.line, problem.column, problem.value) == (2, 3, "byte 0xff")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": NaN}', "NaN is no number"),
        ('{"a": -Infinity}', "-Infinity is no number"),
        ('{"a": 1, "a": 2}', "'a' stands twice"),
        ("[" * 101 + "]" * 101, "more than 100 levels"),
        ("[" * 10**6, "more than 100 levels"),
        ("9" * 5_000, "an integer of 5000 digits"),
        ('{"a": 0010}', "delimiter"),
        ('"\t"', "control character"),
        ("", "Expecting value"),
    ],
)
def test_what_is_no_strict_json_is_refused(text: str, said: str) -> None:
    with pytest.raises(RunFolderError, match=r"f\.json:1") as caught:
        files.json_value(text, "f.json", RunFolderError)
    assert said in caught.value.problems[0].value


def test_brackets_in_texts_are_no_levels() -> None:
    value = {"a": "[" * 200 + '\\"' + "{" * 200}
    assert files.strict_json(json.dumps(value)) == value


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(_VALUES)
def test_what_json_writes_is_read_back(value: object) -> None:
    """Strictness refuses nothing that a writer of finite values makes."""
    assert files.strict_json(json.dumps(value)) == value


def test_replacing_a_link_leaves_where_it_led(tmp_path: Path) -> None:
    victim, place = tmp_path / "victim", tmp_path / "place"
    victim.write_text("precious")
    place.symlink_to(victim)
    files.replace(place, "new")
    assert (victim.read_text(), place.read_text(), place.is_symlink()) == ("precious", "new", False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["place", "victim"]


def test_a_failed_write_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.write_text("old")

    def fail(_: object) -> None:
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        files.replace(place, fail)
    assert [path.name for path in tmp_path.iterdir()] == ["place"]
    assert place.read_text() == "old"


def test_a_new_file_is_never_an_old_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        files.create(tmp_path / "link")
    with pytest.raises(OSError, match="link"):
        files.append_to(tmp_path / "link")
    assert not (tmp_path / "elsewhere").exists()
    for text in ("a\n", "b\n"):
        with files.append_to(tmp_path / "log") as file:
            file.write(text)
    assert (tmp_path / "log").read_bytes() == b"a\nb\n"


def test_names_of_partial_files_are_new_and_known(tmp_path: Path) -> None:
    names = {files.partial_path(tmp_path / "a.json").name for _ in range(100)}
    assert len(names) == 100
    assert all(files.is_partial_of(name, "a.json") for name in names)
    assert not any(files.is_partial_of(name, "b.json") for name in names)
    assert not files.is_partial_of("a.json.partial", "a.json")
    assert not files.is_partial_of("a.json.0123456789abcdeg.partial", "a.json")


def test_two_writers_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    place = tmp_path / "a"
    texts = [letter * 100_000 for letter in "ab"]
    threads = [threading.Thread(target=files.replace, args=(place, text)) for text in texts for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert place.read_text() in texts
