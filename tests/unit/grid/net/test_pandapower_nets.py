from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import numpy as np
import pandapower
import pytest

from marketsim.core.errors import MissingDependency, NetworkError
from marketsim.grid.net import net_file, pandapower_nets
from marketsim.grid.net.pandapower_nets import feeder

SMALL = "pandapower:simple_four_bus_system"
DRAWN = "create_kerber_vorstadtnetz_kabel_1"


def test_a_feeder_is_a_fresh_net_each_time() -> None:
    first = feeder(SMALL)
    first.load["p_mw"] = 99.0
    assert feeder(SMALL).load.p_mw.max() < 1.0


@pytest.mark.full
def test_drawn_networks_are_the_same_in_every_call_and_leave_the_global_generators_alone() -> None:
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002 - the global generator is what this is about
    states = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    first = pandapower_nets._from_pandapower(DRAWN)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states  # noqa: NPY002
    random.seed(6)
    second = pandapower_nets._from_pandapower(DRAWN)
    assert first.line.std_type.tolist() == second.line.std_type.tolist()
    assert first.line.std_type.nunique() > 1, "cables are drawn"


def test_a_net_survives_its_file(tmp_path: Path) -> None:
    net = feeder("feeder141")
    pandapower.to_json(net, str(tmp_path / "net.json"))
    again = feeder("file:net.json", tmp_path)
    np.testing.assert_array_equal(again.line.r_ohm_per_km, net.line.r_ohm_per_km)
    assert again.name == "feeder141"


def test_a_net_without_a_name_is_called_after_its_file(tmp_path: Path) -> None:
    net = feeder(SMALL)
    net.name = ""
    pandapower.to_json(net, str(tmp_path / "village.json"))
    assert feeder("file:village.json", tmp_path).name == "village"


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '{"a": 1}', "null", '"text"'])
def test_a_file_that_is_no_net_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "net.json").write_text(text)
    with pytest.raises(NetworkError, match="no pandapower net"):
        feeder("file:net.json", tmp_path)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NetworkError, match="not UTF-8"):
        feeder("file:net.json", tmp_path)


def test_a_file_nested_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.json").write_text("[" * 100_000)
    with pytest.raises(NetworkError, match="no pandapower net"):
        feeder("file:net.json", tmp_path)


def test_a_file_larger_than_any_net_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(net_file, "LARGEST", 10)
    (tmp_path / "net.json").write_text(" " * 11)
    with pytest.raises(NetworkError, match="has 11 bytes, at most 10 bytes are read"):
        feeder("file:net.json", tmp_path)


def test_another_pandapower_object_is_no_net(tmp_path: Path) -> None:
    table = {"_module": "pandas.core.frame", "_class": "DataFrame", "_object": '{"columns":[],"index":[],"data":[]}'}
    (tmp_path / "net.json").write_text(json.dumps(table | {"dtype": {}, "orient": "split"}))
    with pytest.raises(NetworkError, match="no pandapower net"):
        feeder("file:net.json", tmp_path)


@pytest.mark.parametrize("levels", [0, 1, 2])
def test_a_net_never_imports_a_module_of_the_files_choice(levels: int, tmp_path: Path) -> None:
    (tmp_path / "evil_module_of_a_net.py").write_text("raise SystemExit('ran')")
    net = json.loads(pandapower.to_json(feeder(SMALL)))
    evil: object = {"_module": "evil_module_of_a_net", "_class": "Thing", "_object": "{}"}
    for _ in range(levels):
        evil = json.dumps([evil])
    net["_object"]["evil"] = evil
    (tmp_path / "net.json").write_text(json.dumps(net).replace("_module_of", "\\u005fmodule_of"))
    sys.path.insert(0, str(tmp_path))
    try:
        with pytest.raises(NetworkError, match="contains objects of evil_module_of_a_net"):
            feeder("file:net.json", tmp_path)
    finally:
        sys.path.remove(str(tmp_path))


def test_simbench_missing_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "simbench", None)
    with pytest.raises(MissingDependency, match=r"marketsim\[simbench\]"):
        feeder("simbench:no-such-code-cached")


def test_an_unknown_simbench_code_gets_a_suggestion() -> None:
    pytest.importorskip("simbench")
    with pytest.raises(NetworkError, match="did you mean simbench:1-LV-rural"):
        feeder("simbench:1-LV-rurall--0-sw")
