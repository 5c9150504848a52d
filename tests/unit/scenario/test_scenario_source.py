"""Reading, and what extends what."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from marketsim.core.errors import Problem, ScenarioError
from marketsim.scenario.source import MAX_EXTENDS, read_source
from marketsim.scenario.tree import child, locate, plain

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def call(name: str, text: str) -> Path:
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return call


def test_extends_lays_one_scenario_over_another(write: Write) -> None:
    """The nearer file wins, key by key, over any number of files; the key itself disappears."""
    write("base.yaml", "seed: 1\nclock: {slots: 4, slot_minutes: 60}\n")
    write("sub/middle.yaml", "extends: ../base.yaml\nclock: {slots: 8}\n")
    source = read_source(write("top.yaml", "extends: sub/middle.yaml\nname: top\n"))
    assert plain(source.root) == {"seed": 1, "clock": {"slots": 8, "slot_minutes": 60}, "name": "top"}


def test_places_point_into_the_extended_file(write: Write) -> None:
    """Values keep the file in which they stand."""
    base = write("base.yaml", "seed: 1\n")
    source = read_source(write("top.yaml", "extends: base.yaml\n"))
    assert Path(locate(source.root, ("seed",))[1].place.file) == base


def test_errors_of_the_extended_file_point_into_it(
    write: Write, problems: Callable[..., list[Problem]], minimal: str
) -> None:
    """What is wrong below is reported below, together with what is wrong above."""
    base = write("base.yaml", minimal + "seed: x\n")
    top = write("top.yaml", "extends: base.yaml\nnam: 1\n")
    places = {(Path(problem.file), problem.line) for problem in problems(top)}
    assert places == {(base, 5), (top, 2)}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("top.yaml", "extends itself: top.yaml -> top.yaml"),
        ("../outside.yaml", "leaves the folder"),
        ("sub/../../outside.yaml", "leaves the folder"),
        ("/etc/passwd", "leaves the folder"),
        ("nowhere.yaml", "no such file"),
        ("[a]", "must be the path of a scenario"),
        ("''", "must be the path of a scenario"),
        (".", "is a folder"),
    ],
)
def test_bad_extends_are_explained(write: Write, name: str, message: str) -> None:
    """Every way in which ``extends`` can go wrong has its message, at the line of the key."""
    write("../outside.yaml", "seed: 1\n")
    path = write("top.yaml", f"seed: 1\nextends: {name}\n")
    with pytest.raises(ScenarioError, match=message) as caught:
        read_source(path)
    assert caught.value.problems[0].line == 2
    assert caught.value.problems[0].path == "extends"


def test_cycles_are_found(write: Write) -> None:
    """Two files that extend each other are named."""
    write("b.yaml", "extends: a.yaml\n")
    with pytest.raises(ScenarioError, match=r"extends itself: a.yaml -> b.yaml -> a.yaml"):
        read_source(write("a.yaml", "extends: b.yaml\n"))


def test_links_do_not_leave_the_folder(write: Write, tmp_path: Path) -> None:
    """A symbolic link to a file elsewhere is a path that leaves the folder."""
    outside = tmp_path / "outside.yaml"
    outside.write_text("seed: 1\n", encoding="utf-8")
    path = write("top.yaml", "extends: link.yaml\n")
    (path.parent / "link.yaml").symlink_to(outside)
    with pytest.raises(ScenarioError, match="leaves the folder"):
        read_source(path)


def test_chain_is_limited(write: Write) -> None:
    """Scenarios extend each other only so often."""
    for number in range(MAX_EXTENDS + 2):
        write(f"s{number}.yaml", f"extends: s{number + 1}.yaml\n")
    with pytest.raises(ScenarioError, match="extend each other"):
        read_source(write("top.yaml", "extends: s0.yaml\n"))


def test_syntax_errors_below_keep_their_place(write: Write) -> None:
    """A broken base file is reported at its own line."""
    base = write("base.yaml", "seed: 1\n\tx: 1\n")
    with pytest.raises(ScenarioError) as caught:
        read_source(write("top.yaml", "extends: base.yaml\n"))
    problem = caught.value.problems[0]
    assert (Path(problem.file), problem.line) == (base, 2)


def test_files_that_cannot_be_read(tmp_path: Path, write: Write) -> None:
    """Missing files, folders and impossible names are input errors; near files are offered."""
    write("pilot.yaml", "seed: 1\n")
    with pytest.raises(ScenarioError, match=r"no such file\n.*pilot.yaml"):
        read_source(tmp_path / "folder" / "pilto.yaml")
    with pytest.raises(ScenarioError, match="is a folder"):
        read_source(tmp_path)
    with pytest.raises(ScenarioError, match="cannot be read"):
        read_source("a\0b")
    with pytest.raises(ScenarioError, match="no such file"):
        read_source(tmp_path / "none" / "x.yaml")


@pytest.mark.parametrize("text", ["- 1\n", "5\n", "---\n", "'text'\n"])
def test_top_level_must_be_a_mapping(text: str, write: Write) -> None:
    """A list or a scalar is no scenario."""
    with pytest.raises(ScenarioError, match="must be a mapping"):
        read_source(write("top.yaml", text))


def test_three_forms_of_a_scenario(write: Write) -> None:
    """A path, YAML text and a mapping give the same values; only the path gives a name and a folder."""
    path = write("my case.yaml", "seed: 1\n")
    sources = [read_source(path), read_source("seed: 1\n"), read_source({"seed": 1})]
    assert [plain(source.root) for source in sources] == [{"seed": 1}] * 3
    assert [source.name for source in sources] == ["my-case", "scenario", "scenario"]
    assert sources[0].folder == path.parent
    assert plain(read_source(path, {"seed": 2}).root) == {"seed": 2}


def test_null_extends_nothing() -> None:
    """A resolved scenario may say that it extends nothing."""
    assert plain(read_source("extends: null\nseed: 1\n").root) == {"seed": 1}


def test_a_scenario_that_is_a_link_out_of_its_folder_is_not_read(write: Write, tmp_path: Path) -> None:
    """What it leads to is not told, and read only for somebody who trusts it; a link within the folder is followed."""
    outside = tmp_path / "outside.yaml"
    outside.write_text("secret: 1\n", encoding="utf-8")
    top = write("top.yaml", "seed: 1\n")
    for name, target in (("out.yaml", outside), ("gone.yaml", tmp_path / "gone"), ("in.yaml", top)):
        (top.parent / name).symlink_to(target)
    for name in ("out.yaml", "gone.yaml"):
        with pytest.raises(ScenarioError, match="is a link to a file outside of its folder") as caught:
            read_source(top.parent / name)
        assert "secret" not in str(caught.value)
    assert child(read_source(top.parent / "out.yaml", trust=True).root, "secret") is not None
    assert child(read_source(top.parent / "in.yaml").root, "seed") is not None
