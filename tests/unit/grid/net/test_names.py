from __future__ import annotations

import inspect
from pathlib import Path

import pandapower.networks
import pytest

from marketsim.core.errors import NetworkError
from marketsim.grid.net import names


@pytest.mark.parametrize(
    ("name", "source", "item"),
    [
        ("feeder141", "feeder141", ""),
        ("pandapower:mv_oberrhein", "pandapower", "mv_oberrhein"),
        ("simbench:1-LV-rural1--0-sw", "simbench", "1-LV-rural1--0-sw"),
        ("file:nets/a.json", "file", "nets/a.json"),
    ],
)
def test_a_name_has_a_source_and_an_item(name: str, source: str, item: str) -> None:
    assert names.parse(name) == (source, item)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("feeder114", "did you mean feeder141"),
        ("mv_oberrhein", "did you mean pandapower:mv_oberrhein"),
        ("pandapower:mv_oberhein", "did you mean pandapower:mv_oberrhein"),
        ("pandpower:mv_oberrhein", "did you mean pandapower:<network>"),
        ("pandapower:from_json", "pandapower has no such network"),
        ("pandapower:", "nothing follows pandapower:"),
        ("", "unknown feeder"),
    ],
)
def test_a_name_that_cannot_be_is_refused_with_a_suggestion(name: str, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        names.parse(name)


def test_the_white_list_is_what_pandapower_has() -> None:
    """Every function that pandapower.networks itself defines and that needs no argument, and nothing else."""
    found = {
        name
        for name, function in vars(pandapower.networks).items()
        if inspect.isfunction(function)
        and function.__module__.startswith("pandapower.networks")
        and not name.startswith("_")
        and all(
            p.default is not p.empty or p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
            for p in inspect.signature(function).parameters.values()
        )
    }
    assert found == set(names.PANDAPOWER_NETWORKS)


def test_a_file_outside_the_scenario_folder_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "scenario"
    inside.mkdir()
    (tmp_path / "net.json").write_text("{}")
    with pytest.raises(NetworkError, match="lies outside the scenario's folder"):
        names.net_file("../net.json", inside)
    assert names.net_file(str(tmp_path / "net.json"), None) == (tmp_path / "net.json").resolve()


def test_a_link_out_of_the_scenario_folder_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "scenario"
    inside.mkdir()
    (tmp_path / "net.json").write_text("{}")
    (inside / "net.json").symlink_to(tmp_path / "net.json")
    with pytest.raises(NetworkError, match="lies outside the scenario's folder"):
        names.net_file("net.json", inside)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="there is no such file"):
        names.net_file("net.json", tmp_path)
