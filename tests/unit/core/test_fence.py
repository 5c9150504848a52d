"""Where the files of a scenario may lie: nothing elsewhere is opened, or told of."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketsim.core.build import FileContext
from marketsim.core.errors import InputError, ProfileError
from marketsim.core.fence import Fence


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A scenario's folder with links out of it, beside a file that is none of its business."""
    (tmp_path / "secret.csv").write_text("secret\n", encoding="utf-8")
    inside = tmp_path / "scenario"
    (inside / "below").mkdir(parents=True)
    (inside / "own.csv").write_text("time\n", encoding="utf-8")
    (inside / "link.csv").symlink_to(tmp_path / "secret.csv")
    (inside / "way").symlink_to(tmp_path, target_is_directory=True)
    (inside / "fine.csv").symlink_to(inside / "own.csv")
    (inside / "circle.csv").symlink_to(inside / "circle.csv")
    return inside


@pytest.mark.parametrize("named", ["own.csv", "below/../own.csv", "fine.csv", "below/nothing.csv", "./own.csv"])
def test_files_in_the_folder_or_below_are_found(folder: Path, named: str) -> None:
    """Also one that is not there: whoever reads it says so."""
    assert Fence.of(folder).file(named, InputError).is_relative_to(folder.resolve())


@pytest.mark.parametrize(
    "named", ["../secret.csv", "below/../../secret.csv", "link.csv", "way/secret.csv", "/etc/passwd", "..", "/"]
)
def test_what_lies_outside_is_refused_unseen(folder: Path, named: str) -> None:
    """With a hint at trust, and in the words of whoever asks."""
    with pytest.raises(ProfileError, match=r"the table lies outside the scenario's folder\n.*--trust") as caught:
        Fence.of(folder).file(named, ProfileError, "the table")
    assert "secret\n" not in str(caught.value)


def test_a_file_there_and_one_that_is_not_are_refused_alike(folder: Path) -> None:
    """So nobody learns what lies elsewhere."""
    said = []
    for named in ("../secret.csv", "../nothing.csv"):
        with pytest.raises(InputError) as caught:
            Fence.of(folder).file(named, InputError)
        said.append(str(caught.value).replace(named, ""))
    assert said[0] == said[1]


def test_impossible_paths_are_input_errors(folder: Path) -> None:
    """Or lead to nothing, which the reader says."""
    with pytest.raises(InputError, match="cannot be opened"):
        Fence.of(folder).file("a\0b", InputError)
    assert Fence.of(folder).file("n" * 5000, InputError).parent == folder.resolve()


def test_a_folder_that_leads_out_has_no_files(folder: Path) -> None:
    """Not even those that lie where the scenario does."""
    fence = Fence(folder.parent, folder.parent, leaves="..")
    with pytest.raises(InputError, match=r"folder '..' leads out of where it lies\n.*--trust"):
        fence.file("scenario/own.csv", InputError)


def test_what_the_user_said_himself_lies_anywhere(folder: Path) -> None:
    """And nothing else does."""
    fence = Fence(folder, folder, own=frozenset({"../secret.csv"}))
    assert fence.file("../secret.csv", InputError) == (folder.parent / "secret.csv").resolve()
    with pytest.raises(InputError, match="outside"):
        fence.file("../other.csv", InputError)
    assert fence.opened_for("../secret.csv").is_open
    assert not fence.opened_for("own.csv").is_open


def test_an_open_fence_lets_everything_pass(folder: Path) -> None:
    """The scenario is the user's own."""
    assert Fence(folder, None).file("../secret.csv", InputError) == (folder.parent / "secret.csv").resolve()
    assert Fence.of(None).file(folder / "own.csv", InputError) == (folder / "own.csv").resolve()


def test_parts_that_nobody_gave_a_fence_have_an_open_one() -> None:
    """What is built without a scenario comes from the user's own code."""
    assert FileContext().fence.is_open
