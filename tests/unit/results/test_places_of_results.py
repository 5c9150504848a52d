"""A folder that results are written into holds files and folders alone, each where it belongs."""

from __future__ import annotations

import os

import pytest

from marketsim.core.errors import RunFolderError
from marketsim.results.folder import demand_own


def test_what_is_in_its_place_is_left_alone(tmp_path):
    """Files, folders and what a user keeps beside them."""
    (tmp_path / "runs" / "0000").mkdir(parents=True)
    (tmp_path / "runs" / "0000" / "summary.json").write_text("{}")
    (tmp_path / "my notes").mkdir()
    (tmp_path / "plugin.py").write_text("")
    demand_own(tmp_path, ("runs", "figures"))


@pytest.mark.parametrize(
    "name", ["summary.json", "study.csv", "runs/0001/slots.parquet", "curves.svg", "checkpoint.pt"]
)
@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_what_cannot_be_written_is_refused_before_anything_is_computed(tmp_path, name, kind):
    """A link, a folder or a pipe where a file is to be put is named, at any depth."""
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    elif kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    with pytest.raises(RunFolderError, match=f"{path}: is a {kind}"):
        demand_own(tmp_path)


def test_a_file_where_a_folder_belongs_is_refused(tmp_path):
    """Only at the top, and only of the names that the caller says."""
    (tmp_path / "runs").write_text("")
    demand_own(tmp_path)
    with pytest.raises(RunFolderError, match="runs: is a file, where a folder belongs"):
        demand_own(tmp_path, ("runs",))
