"""Net files of strangers: what ``to_json`` writes is read to the same net; nothing else is read, imported, opened or built."""

from __future__ import annotations

import copy
import json
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandapower
import pandapower.control
import pandapower.networks
import pandas as pd
import pytest
from pandapower.timeseries import OutputWriter
from pandapower.timeseries.data_sources.frame_data import DFData

from marketsim.core.errors import NetworkError
from marketsim.grid.net import extraction, net_file
from marketsim.grid.net.net_objects import Unbuilt, kind_of
from marketsim.grid.net.pandapower_nets import feeder
from marketsim.grid.net.quiet import quiet_pandapower

MARKER = "marker_module_of_a_net"
SMALL = "pandapower:simple_four_bus_system"

Attack = Callable[[dict[str, Any], Path], "str | None"]
"""Changes the members of a net in place, or gives the whole text of the file."""


# What was seen while ``_watch["on"]``; an audit hook cannot be taken away again.
_watch: dict[str, Any] = {"on": False, "seen": []}
_FORBIDDEN = ("import", "open", "pickle.find_class", "socket.connect", "socket.getaddrinfo", "subprocess.Popen")


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    opened_before = event == "open" and isinstance(arguments[0], int)
    if _watch["on"] and event in _FORBIDDEN and not opened_before:
        _watch["seen"].append((event, str(arguments[0])[:200] if arguments else ""))


sys.addaudithook(_audit)


@pytest.fixture
def marked(tmp_path: Path) -> Iterator[Path]:
    """A folder on ``sys.path`` whose module says that it was imported, as the working folder of a notebook is."""
    (tmp_path / f"{MARKER}.py").write_text("from pathlib import Path\nPath(__file__).with_name('ran').touch()\n")
    (tmp_path / "secret.json").write_text('{"columns":["a"],"index":[0],"data":[["secret"]]}')
    sys.path.insert(0, str(tmp_path))
    yield tmp_path
    sys.path.remove(str(tmp_path))
    assert MARKER not in sys.modules
    assert not (tmp_path / "ran").exists()


def written(net: Any) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(pandapower.to_json(net))
    return tree


@cache
def _plain() -> str:
    """A net's file; whatever is imported lazily on the way from file to feeder has been imported."""
    text = json.dumps(written(feeder(SMALL)))
    net = net_file.parse(text, Path("net.json"))
    net.version = net.format_version = "3.1.0"
    extraction.extract(net_file.parse(json.dumps(written(net)), Path("net.json")))
    return text


def evil(held: object = "{}", module: str = MARKER, kind: str = "Thing", **more: object) -> dict[str, Any]:
    return {"_module": module, "_class": kind, "_object": held, **more}


def _in_cell(value: object, table: str = "load", column: str = "name") -> Attack:
    def change(members: dict[str, Any], _: Path) -> None:
        held = json.loads(members[table]["_object"])
        held["data"][0][held["columns"].index(column)] = value
        members[table]["_object"] = json.dumps(held)

    return change


def _member(value: object, name: str = "more") -> Attack:
    return lambda members, _: members.__setitem__(name, value)


def _table(**change: object) -> Attack:
    return lambda members, _: members["load"].update(change)


def _raw(old: str, new: str) -> Attack:
    """The text of a table changed by hand, with an object of the marker's module in a cell."""

    def change(members: dict[str, Any], folder: Path) -> None:
        _in_cell(evil())(members, folder)
        text = members["load"]["_object"]
        assert old in text
        members["load"]["_object"] = text.replace(old, new, 1)

    return change


def _controller(held: object, kind: str = "ConstControl") -> Attack:
    module = "pandapower.control.controller.const_control"
    row = [evil(held, module, kind), True, 0.0, 0, False, {}, None]
    columns = ["object", "in_service", "order", "level", "initial_run", "recycle", "name"]
    text = json.dumps({"columns": columns, "index": [0], "data": [row]})
    return lambda members, _: members["controller"].update(_object=text)


def _spline(members: dict[str, Any], _: Path) -> None:
    held = json.dumps({"index": evil(), "x_vals": [1.0], "y_vals": [1.0]})
    row = [evil(held, "pandapower.control.util.characteristic", "SplineCharacteristic")]
    text = json.dumps({"columns": ["object"], "index": [0], "data": [row]})
    members["characteristic"] = evil(text, "pandas.core.frame", "DataFrame", orient="split", dtype={})


def _path(name: str) -> Attack:
    return lambda members, folder: members["load"].update(_object=name.format(folder=folder))


def _whole(text: Callable[[dict[str, Any]], str]) -> Attack:
    return lambda members, _: text(members)


def _costs(members: dict[str, Any], _: Path) -> None:
    members["version"] = members["format_version"] = "2.0.0"
    rows = [[1.0, 3, True]] * 5_000
    held = json.dumps({"columns": ["cost_per_kw", "bus", "in_service"], "index": list(range(5_000)), "data": rows})
    members["gen"].update(_object=held, dtype={})


def _far_bus(members: dict[str, Any], _: Path) -> None:
    held = json.loads(members["bus"]["_object"])
    held["index"][-1] = 2**40
    members["bus"]["_object"] = json.dumps(held)


def _nested(levels: int) -> str:
    text = "x"
    for _ in range(levels):
        text = json.dumps([text])
    return text


DEEP = "[" * 5_000 + "]" * 5_000
ATTACKS: dict[str, Attack] = {
    "an object among the members": _member(evil()),
    "an object in a cell": _in_cell(evil()),
    "an object in a list in a cell": _in_cell([1, {"a": [evil()]}]),
    "an object as key and value of types": lambda members, _: members["std_types"].update(line={"a": evil()}),
    "an object in a text in a cell": _in_cell(json.dumps([json.dumps(evil())])),
    "an object in a text that is no JSON": _in_cell(json.dumps(evil())[:-1] + ",\t}"),
    "an object in a text with escapes": _in_cell(json.dumps(evil()).replace("_", "\\u005f")),
    "an object in a text in a text": _member(json.dumps(json.dumps(json.dumps(evil())))),
    "an object in a heading": _table(column_name=json.dumps(evil())),
    "numbers as only pandas reads them": _raw('"index": [0', '"index": [000'),
    "a tab as only pandas reads it": _raw('"columns"', '\t"columns\t"'),
    "text behind the table": lambda members, _: members["load"].update(_object=members["load"]["_object"] + "[]"),
    "the path of a file": _path("{folder}/secret.json"),
    "a relative path": _path("secret.json"),
    "an address": _path("http://127.0.0.1:9/net.json"),
    "a file's address": _path("file://{folder}/secret.json"),
    "a table that is a tree": lambda members, _: members["load"].update(_object={"a": evil()}),
    "a table of another reader": _table(engine="pyarrow", lines=True),
    "a table to be unpacked": _table(compression="zip"),
    "a table from a store": _table(storage_options={"anon": True}),
    "a table as columns": _table(orient="columns"),
    "a table of several levels": _table(is_multiindex=True, index_names=["a", "b"]),
    "columns of several levels": _table(is_multicolumn=True),
    "texts of a gigabyte each": _table(dtype={"name": "U1000000000"}),
    "a type of a plugin": _table(dtype={"name": "geometry"}),
    "a type that is evaluated": _table(dtype={"name": f"period[{MARKER}]"}),
    "a function": _member(evil("run", MARKER, "function")),
    "a method": _member(evil("run", MARKER, "method")),
    "eval": _member(evil("1", "builtins", "eval")),
    "exec": _member(evil("1", "builtins", "exec")),
    "open": _member(evil("secret.json", "builtins", "open")),
    "a system's call": _member(evil("true", "os", "system")),
    "a pickle": _member(evil("net.p", "pandas", "read_pickle")),
    "an array of a file": _member(evil("secret.json", "numpy", "fromfile")),
    "pandapower's own functions": _member(evil("net.p", "pandapower.file_io", "from_pickle")),
    "pandapower's own classes": _member(evil("{}", "pandapower.io_utils", "JSONSerializableClass")),
    "a net in the net": _member(evil("{}", *net_file.NET)),
    "a graph": _member(evil({"adjacency": []}, "networkx", "MultiGraph")),
    "a shape": _member(evil({"type": "Point"}, "shapely", "Point")),
    "a table of places": _member(evil("{}", "geopandas.geodataframe", "GeoDataFrame", crs="x", columns=[])),
    "a state": _member({"_module": MARKER, "_class": "Thing", "_state": {"a": 1}}),
    "a class alone": _member({"_class": "Thing"}),
    "an object without a module": _member({"_object": "x"}),
    "a controller among the members": _member(
        evil("{}", "pandapower.control.controller.const_control", "ConstControl")
    ),
    "a controller with an object": _controller(json.dumps({"data_source": evil()})),
    "a controller that is no JSON": _controller('{"a": 0010}'),
    "a controller without attributes": _controller(3),
    "a controller of another module's name": _controller("{}", "Controller"),
    "a characteristic with an object": _spline,
    "a number that does not fit": _member(evil(300, "numpy", "int8")),
    "a number that is text": _member(evil("nan(1)", "numpy", "float64")),
    "a set of lists": _member(evil([[1]], "builtins", "set")),
    "an inner name": _member({}, "_ppc"),
    "a method's name": _member({}, "items"),
    "no table": _member([1, 2], "bus"),
    "no name": _member(["x"], "name"),
    "no version": _member("3.0" + "." * 5_000, "format_version"),
    "a version to come": _member("99.0", "format_version"),
    "no frequency": _member(float("inf"), "f_hz"),
    "no power": _member(-1, "sn_mva"),
    "no types": _member({"line": 3}, "std_types"),
    "no options": _member([1], "user_pf_options"),
    "a place of another kind": _in_cell('{"type": "__loader__", "coordinates": [1, 2]}', "bus", "geo"),
    "a place nowhere": _in_cell('{"type": "Point", "coordinates": [NaN, 1]}', "bus", "geo"),
    "a place that is an array": _in_cell(evil([1.0, 2.0], "numpy", "array"), "bus", "geo"),
    "a set of large numbers": _member(evil([2**61 - 1, 2 * (2**61 - 1), 10**30], "builtins", "set")),
    "costs by the thousand": _costs,
    "a name that writes to the terminal": _member("\x1b[2J", "name"),
    "a place with more": _in_cell('{"type": "Point", "coordinates": [1, 2], "x": {"type": "Point"}}', "bus", "geo"),
    "lists without end": _whole(lambda m: json.dumps({"_object": m | {"more": 0}})[:-2] + f', "deep": {DEEP}}}}}'),
    "text in text without end": _in_cell(_nested(14)),
    "a place without end": _in_cell(DEEP, "bus", "geo"),
    "an integer without end": _whole(lambda m: '{"_module": ' + "1" * 10_000 + "}"),
    "a key twice": _whole(lambda m: '{"_module": "a", "_module": "b", "_class": "c"}'),
    "a key twice at the end of many": _whole(lambda m: "{" + ",".join(f'"{k}":1' for k in range(300_000)) + ',"7":1}'),
    "lists by the million": _whole(lambda m: "[" + "[]," * 9_000_000 + "1]"),
    "a text that is a net": _whole(lambda m: json.dumps(json.dumps(m))),
    "an encrypted net": _whole(lambda m: "gAAAAABn" + "A" * 1_000),
    "a net that pandapower 1 wrote": _whole(lambda m: json.dumps({"bus": {"name": {"0": "a"}}, "version": 1.2})),
    "a net without buses": lambda members, _: members.pop("bus") and None,
    "a column twice": lambda members, folder: _raw_columns(members),
    "a row that is too short": lambda members, folder: _short_row(members),
    "the index of a bus far away": _far_bus,
}


def _raw_columns(members: dict[str, Any]) -> None:
    held = json.loads(members["load"]["_object"])
    held["columns"][1] = held["columns"][0]
    members["load"]["_object"] = json.dumps(held)


def _short_row(members: dict[str, Any]) -> None:
    held = json.loads(members["load"]["_object"])
    held["data"][0].pop()
    members["load"]["_object"] = json.dumps(held)


QUICK = ("an object in a cell", "the path of a file", "eval", "a place without end", "no frequency")
"""Tricks that the quick tier tries."""


@pytest.mark.parametrize(
    "trick", [each if each in QUICK else pytest.param(each, marks=pytest.mark.full) for each in ATTACKS]
)
def test_a_net_file_makes_nothing_opens_nothing_and_ends_in_a_refusal(trick: str, marked: Path) -> None:
    """Every trick is refused in seconds and little memory, with the file, what is wrong and where."""
    path = marked / "net.json"
    path.write_text(_plain())
    net_file.text_of_net(path)
    tree = json.loads(_plain())
    whole = ATTACKS[trick](tree["_object"], marked)
    path.write_text(whole if isinstance(whole, str) else json.dumps(tree))
    tracemalloc.start()
    _watch.update(on=True, seen=[])
    started = time.process_time()
    try:
        with pytest.raises(NetworkError) as caught:
            extraction.extract(feeder("file:net.json", marked))
    finally:
        _watch["on"] = False
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert [each for each in _watch["seen"] if each != ("open", str(path))] == []
    assert time.process_time() - started < 20.0
    assert peak < 50e6 + 8 * path.stat().st_size
    assert len(caught.value.problems) >= 1
    assert all(len(str(problem)) < 800 for problem in caught.value.problems), "what is shown of the file is cut"


def test_what_is_refused_is_named_with_its_class_table_row_and_column(tmp_path: Path) -> None:
    tree = written(feeder(SMALL))
    for attack in (_in_cell(evil()), _in_cell(evil(kind="Other"), "line", "geo"), _member(evil(kind="Third"))):
        attack(tree["_object"], tmp_path)
    (tmp_path / "net.json").write_text(json.dumps(tree))
    with pytest.raises(NetworkError) as caught:
        feeder("file:net.json", tmp_path)
    seen = {problem.path: problem.message for problem in caught.value.problems}
    assert seen.keys() == {"load[0].name", "line[0].geo", "more"}
    assert f"{MARKER}.Thing" in seen["load[0].name"]
    assert f"{MARKER}.Third" in seen["more"]


def same(one: Any, other: Any) -> None:
    """All tables and values of two nets are equal, with types and indices."""
    assert {key for key in one if not key.startswith("_")} == {key for key in other if not key.startswith("_")}
    for key, value in one.items():
        if key.startswith("_"):
            continue
        if isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(value, other[key], obj=key)
        else:
            assert value == other[key], key
            assert type(value) is type(other[key]), key


def test_every_net_that_pandapower_writes_is_read_as_pandapower_reads_it(
    pandapower_network: str, tmp_path: Path
) -> None:
    net = feeder(f"pandapower:{pandapower_network}")
    pandapower.to_json(net, str(tmp_path / "net.json"))
    again = feeder("file:net.json", tmp_path)
    theirs = pandapower.from_json(str(tmp_path / "net.json"))
    theirs.name = theirs.name or "net"
    same(theirs, again)


def _solve(net: Any) -> None:
    with quiet_pandapower(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of tables of pandapower 2
        pandapower.runpp(net, numba=False)


@pytest.mark.parametrize("name", ["mv_oberrhein", "create_cigre_network_lv", "create_kerber_dorfnetz", "case33bw"])
def test_a_net_that_was_read_has_the_power_flow_of_the_net_that_was_written(name: str, tmp_path: Path) -> None:
    """As pandapower reads it: of numbers its files keep 15 digits."""
    pandapower.to_json(feeder(f"pandapower:{name}"), str(tmp_path / "net.json"))
    net = pandapower.from_json(str(tmp_path / "net.json"))
    again = feeder("file:net.json", tmp_path)
    for each in (net, again):
        _solve(each)
    np.testing.assert_allclose(again.res_bus.vm_pu, net.res_bus.vm_pu, rtol=0.0, atol=1e-12)
    np.testing.assert_allclose(again.res_line.loading_percent, net.res_line.loading_percent, rtol=1e-12)


@pytest.mark.parametrize("file", ["mv_oberrhein.json", "lv_schutterwald.json", "IEEE_European_LV_Off_Peak_1.json"])
def test_a_net_of_an_older_format_is_converted_as_pandapower_converts_it(file: str, tmp_path: Path) -> None:
    shipped = Path(pandapower.networks.__file__).parent / file
    (tmp_path / "net.json").write_text(shipped.read_text())
    theirs = pandapower.from_json(str(shipped))
    theirs.name = theirs.name or "net"
    same(theirs, feeder("file:net.json", tmp_path))


def test_taps_of_a_net_that_pandapower_2_wrote_count(tmp_path: Path) -> None:
    """Without the conversion pandapower 3 leaves taps aside that have no type of changer."""
    net = pandapower.networks.create_cigre_network_mv()
    net.trafo["tap_pos"] = 2
    expected = copy.deepcopy(net)
    net.trafo = net.trafo.drop(columns=["tap_changer_type"])
    net.trafo["tap_phase_shifter"] = False
    net.version = net.format_version = "2.14.0"
    pandapower.to_json(net, str(tmp_path / "net.json"))
    again = feeder("file:net.json", tmp_path)
    for each in (expected, again):
        _solve(each)
    np.testing.assert_allclose(again.res_bus.vm_pu, expected.res_bus.vm_pu, rtol=0.0, atol=1e-12)


def test_places_types_and_missing_values_survive(tmp_path: Path) -> None:
    net = feeder(SMALL)
    net.bus["geo"] = ['{"type": "Point", "coordinates": [1.5, 2]}', None, None, None]
    pandapower.create_std_type(
        net, {"r_ohm_per_km": 0.1, "x_ohm_per_km": float("nan"), "c_nf_per_km": 0.0, "max_i_ka": 0.1}, "own", "line"
    )
    net.line.loc[0, "max_i_ka"] = float("nan")
    net["more"] = {"a": (1, 2), "b": np.array([1.0, 2.0]), "c": {1, 2}, "d": np.float64(2.5), "e": np.True_}
    pandapower.to_json(net, str(tmp_path / "net.json"))
    again = feeder("file:net.json", tmp_path)
    assert extraction.extract(copy.deepcopy(again)).coordinates is not None
    assert np.isnan(again.std_types["line"]["own"]["x_ohm_per_km"])
    assert np.isnan(again.line.max_i_ka[0])
    assert again.more["a"] == (1, 2)
    assert again.more["b"].tolist() == [1.0, 2.0]
    assert (again.more["c"], again.more["d"], again.more["e"]) == ({1, 2}, 2.5, True)


def test_controllers_are_kept_by_name_and_never_built(tmp_path: Path) -> None:
    net = feeder(SMALL)
    source = DFData(pd.DataFrame({"a": [1.0]}))
    pandapower.control.ConstControl(net, "load", "p_mw", [0], profile_name=["a"], data_source=source)
    pandapower.control.ContinuousTapControl(net, net.trafo.index[0], 1.0)
    OutputWriter(net, output_path=None)
    pandapower.to_json(net, str(tmp_path / "net.json"))
    again = feeder("file:net.json", tmp_path)
    assert all(isinstance(each, Unbuilt) for each in again.controller.object)
    assert [kind_of(each) for each in again.controller.object] == ["ConstControl", "ContinuousTapControl"]
    assert [kind_of(each) for each in net.controller.object] == ["ConstControl", "ContinuousTapControl"]
    assert "not built" in pandapower.to_json(again), "and it can be written again"


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [("line", "parallel", 1.5), ("line", "from_bus", -1), ("load", "in_service", "false"), ("line", "length_km", True)],
)
def test_a_value_that_its_type_would_change_stays_as_it_is_written(
    table: str, column: str, value: object, tmp_path: Path
) -> None:
    tree = written(feeder(SMALL))
    _in_cell(value, table, column)(tree["_object"], tmp_path)
    (tmp_path / "net.json").write_text(json.dumps(tree))
    seen = feeder("file:net.json", tmp_path)[table][column].iloc[0]
    assert seen == value
    assert isinstance(seen, bool) == isinstance(value, bool)
