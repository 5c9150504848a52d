"""Values of a net file: tables, lists, numbers and texts of the JSON that pandapower writes, made by this module alone.

pandapower's own reader imports whatever module a file names, hands tables to a parser that reads more than JSON is, and
opens paths. Here a file is a tree of data: each ``_module`` and ``_class`` is looked up in a closed list before anything
is made, and nothing is imported, called, opened or parsed but what this module parses itself, strictly.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from math import isfinite
from typing import Any, Final, NoReturn, TypeAlias

import numpy as np
import pandas as pd

from marketsim.core.errors import NetworkError, Problem
from marketsim.core.files import strict_json
from marketsim.grid.net.net_columns import DTYPES, column_of

JsonClass: TypeAlias = tuple[str, str]
"""Module and class."""
TABLES: Final = frozenset({("pandas.core.frame", "DataFrame"), ("pandas", "DataFrame")})
_TUPLE: Final = ("builtins", "tuple")
_ARRAY: Final = ("numpy", "array")
_COLLECTIONS: Final[dict[JsonClass, Callable[[Any], Any]]] = {
    _TUPLE: tuple,
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    _ARRAY: np.array,
}
_NUMBERS: Final[dict[JsonClass, type[np.generic]]] = {
    ("numpy", name): getattr(np, name)
    for name in (*("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"), "float32", "float64")
}
_BOOLS: Final = frozenset({("numpy", "bool"), ("numpy", "bool_")})
_CONTROL, _SERIES = "pandapower.control", "pandapower.timeseries"
_KEPT_CLASSES: Final[dict[str, tuple[str, ...]]] = {
    f"{_CONTROL}.basic_controller": ("BasicCtrl", "Controller"),
    f"{_CONTROL}.controller.DERController.der_control": ("DERController",),
    f"{_CONTROL}.controller.characteristic_control": ("CharacteristicControl",),
    f"{_CONTROL}.controller.const_control": ("ConstControl",),
    f"{_CONTROL}.controller.dmr_control": ("DmrControl",),
    f"{_CONTROL}.controller.pq_control": ("PQController",),
    f"{_CONTROL}.controller.shunt_control": ("DiscreteShuntController", "ShuntController"),
    f"{_CONTROL}.controller.station_control": ("BinarySearchControl", "DroopControl", "VDroopControl_local"),
    f"{_CONTROL}.controller.trafo.ContinuousTapControl": ("ContinuousTapControl",),
    f"{_CONTROL}.controller.trafo.DiscreteTapControl": ("DiscreteTapControl",),
    f"{_CONTROL}.controller.trafo.TapDependentImpedance": ("TapDependentImpedance",),
    f"{_CONTROL}.controller.trafo.VmSetTapControl": ("VmSetTapControl",),
    f"{_CONTROL}.controller.trafo_control": ("TrafoController",),
    f"{_CONTROL}.util.characteristic": ("Characteristic", "LogSplineCharacteristic", "SplineCharacteristic"),
    f"{_SERIES}.data_source": ("DataSource",),
    f"{_SERIES}.data_sources.frame_data": ("DFData",),
    f"{_SERIES}.output_writer": ("OutputWriter",),
}
KEPT: Final = frozenset((module, name) for module, names in _KEPT_CLASSES.items() for name in names)
"""Objects that nets may hold and that are kept by name alone."""
_MARKS: Final = ("_module", "_class", "_object", "_state", "_init")
_TABLE_KEYS: Final = frozenset({"orient", "dtype", "is_multiindex", "is_multicolumn", "index_name", "column_name"})
_MOST_PROBLEMS: Final = 20
_DEEPEST_TEXT: Final = 12
_SCALARS: Final = frozenset({type(None), bool, int, float})


class Unbuilt:
    """A controller, characteristic or the like of a net file: its name, and nothing that could run."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __str__(self) -> str:
        return f"{self.kind} of a file, not built"


def kind_of(value: object) -> str:
    """Name of the class of a controller, built or not."""
    return value.kind if isinstance(value, Unbuilt) else type(value).__name__


class Reader:
    """Makes values of a parsed file and notes what it refuses, with the place."""

    def __init__(self, file: str) -> None:
        self._file = file
        self.problems: list[Problem] = []

    def refuse(self, message: str, where: str, value: object = "", hint: str = "") -> None:
        """Note a problem; NetworkError with all of them once there are many."""
        seen = value if isinstance(value, str) else json.dumps(value, default=str)
        self.problems.append(Problem(message, _short(where), _short(seen), hint, self._file))
        if len(self.problems) >= _MOST_PROBLEMS:
            self.stop()

    def stop(self) -> NoReturn:
        """NetworkError with what was found so far."""
        raise NetworkError(self.problems)

    def value(self, tree: Any, where: str, *, cell: bool = False) -> Any:
        """What a tree stands for; None where it is refused. ``cell``: of a table, where controllers may stand."""
        if isinstance(tree, str):
            self._look_into(tree, where)
            return tree
        if isinstance(tree, list):
            return [self.value(item, f"{where}[{place}]") for place, item in enumerate(tree)]
        if not isinstance(tree, dict):
            return tree
        if any(mark in tree for mark in _MARKS):
            return self._object(tree, where, cell=cell)
        return {self.value(key, where): self.value(item, f"{where}.{key}") for key, item in tree.items()}

    def _object(self, tree: dict[str, Any], where: str, *, cell: bool) -> Any:
        kind = tree.get("_module"), tree.get("_class")
        if not all(isinstance(part, str | None) for part in kind):
            self.refuse("this names no class", where, kind)
            return None
        if kind in TABLES:
            return self.table(tree, where)
        held = tree.get("_object")
        if kind in _NUMBERS or kind in _BOOLS:
            return self._number(kind, held, where)
        if kind in _COLLECTIONS and isinstance(held, list):
            return self._collection(kind, self.value(held, where), where)
        if kind in KEPT and cell:
            self._data(held, where)
            return Unbuilt(str(kind[1]))
        named = ".".join(str(part) for part in kind if part is not None) or "an object without a class"
        hint = "save the net again with pandapower.to_json after removing it"
        message = "the net contains objects of " if kind not in KEPT else "no place in a net for "
        self.refuse(f"{message}{_short(named)}, which are not read", where, hint=hint)
        return None

    def _number(self, kind: Any, held: Any, where: str) -> Any:
        if kind in _BOOLS and held in (True, False, "true", "false"):
            return held in (True, "true")
        made = _NUMBERS.get(kind)
        if made is not None and issubclass(made, np.integer):
            if type(held) is int and np.iinfo(made).min <= held <= np.iinfo(made).max:
                return made(held)
        elif made is not None and (type(held) is float or held in ("nan", "inf", "-inf")):
            return made(held)
        self.refuse(f"this is no {kind[1]}", where, held)
        return None

    def _collection(self, kind: Any, items: list[Any], where: str) -> Any:
        plain = all(type(item) in _SCALARS or isinstance(item, str) for item in items)
        small = all(type(item) is not int or abs(item) < 2**63 for item in items)
        if kind == _ARRAY:
            return self._array(items, where)
        if kind != _TUPLE and not (plain and small):  # texts and small numbers are found by their hashes in no time
            self.refuse(f"a {kind[1]} of other things than texts and numbers", where)
            return None
        return _COLLECTIONS[kind](items)

    def _array(self, items: list[Any], where: str) -> Any:
        """An array of numbers, of any shape, or of objects in a row: one of texts takes the longest for each."""
        if not _are_numbers(items):
            made = np.empty(len(items), dtype=object)
            made[:] = [item if type(item) in _SCALARS or isinstance(item, str) else str(item)[:80] for item in items]
            return made
        try:
            return np.array(items, dtype=None if items else np.float64)
        except (ValueError, OverflowError) as error:
            self.refuse(f"this is no array: {error}", where)
            return None

    def _data(self, held: Any, where: str) -> None:
        """What an object that is not built would have been made of: looked through, and dropped."""
        tree = self.parsed(held, where, constants=True) if isinstance(held, str) else held
        if not isinstance(tree, dict):
            return self.refuse("an object without its attributes", where)
        for key, item in tree.items():
            self.value(item, f"{where}.{key}", cell=True)
        return None

    def _look_into(self, text: str, where: str, depth: int = 0) -> None:
        """Refuse text that is JSON with objects in it: whoever reads the net after us might make them."""
        head = text.lstrip()[:1]
        if not head or head not in '{["':
            return
        try:
            tree = strict_json(text, constants=True)
        except (ValueError, RecursionError):
            if any(mark in text for mark in (*_MARKS[:3], "\\u")):
                self.refuse("text with an object in it, which is no JSON", where, text)
            return
        if depth >= _DEEPEST_TEXT:
            self.refuse("text in text in text without end", where)
        else:
            self._look_around(tree, where, depth + 1)

    def _look_around(self, tree: Any, where: str, depth: int) -> None:
        if isinstance(tree, str):
            self._look_into(tree, where, depth)
        elif isinstance(tree, list):
            for item in tree:
                self._look_around(item, where, depth)
        elif isinstance(tree, dict):
            if any(mark in tree for mark in _MARKS):
                named = ".".join(str(tree[mark]) for mark in _MARKS[:2] if mark in tree)
                self.refuse(f"the net contains objects of {_short(named)} in a text, which are not read", where)
            for key, item in tree.items():
                self._look_around(key, where, depth)
                self._look_around(item, where, depth)

    def parsed(self, text: str, where: str, *, constants: bool = False) -> Any:
        """A JSON text of the file as a tree; None where it is none."""
        try:
            return strict_json(text, constants=constants)
        except json.JSONDecodeError as error:
            self.refuse(
                f"this is no JSON: {error.msg} at letter {error.pos + 1}", where, text[max(0, error.pos - 10) :]
            )
        except (ValueError, RecursionError) as error:
            self.refuse(f"this is no JSON: {error}", where)
        return None

    def table(self, tree: dict[str, Any], where: str) -> Any:
        """A table; None where it is refused."""
        found = len(self.problems)
        decoded, dtypes = self._split(tree, where), tree.get("dtype", {})
        if len(self.problems) > found:
            return None
        columns, index, data = decoded["columns"], decoded["index"], decoded["data"]
        cells = list(zip(*data, strict=True)) if data else [()] * len(columns)
        made = {
            place: self._column(where, str(name), index, cells[place], dtypes.get(str(name), ""))
            for place, name in enumerate(columns)
        }
        frame = pd.DataFrame(made, index=_index(index))
        frame.columns = pd.Index(columns, name=tree.get("column_name"), dtype=None if columns else object)
        frame.index.name = tree.get("index_name")
        return frame

    def _split(self, tree: dict[str, Any], where: str) -> dict[str, Any]:
        """Columns, index and data of a table, all of the right shape, or a note of what is wrong."""
        said = self._table_keys(tree, where)
        held = tree.get("_object")
        if said or not isinstance(held, str):
            self.refuse(said or "a table that is not given as text", where, "" if said else held)
            return {}
        decoded = self.parsed(held, where)
        if decoded is not None and _is_split(decoded):
            self._headings(decoded["columns"], decoded["index"], where)
            return decoded  # type: ignore[no-any-return]
        if decoded is not None:
            self.refuse("a table without columns, index and rows that fit them", where, held)
        return {}

    def _table_keys(self, tree: dict[str, Any], where: str) -> str:
        unknown = tree.keys() - _TABLE_KEYS - {"_module", "_class", "_object"}
        dtypes = tree.get("dtype", {})
        if unknown:
            return f"a table with the unknown option {_short(min(unknown))}"
        if tree.get("is_multiindex") or tree.get("is_multicolumn"):
            return "a table with an index of several levels"
        if tree.get("orient") != "split":
            return f"a table written as {_short(str(tree.get('orient')))}, not split"
        if not isinstance(dtypes, dict) or not all(isinstance(each, str) for each in dtypes.values()):
            return "a table without types of its columns"
        if strange := sorted(set(dtypes.values()) - DTYPES):
            return f"a table with columns of the type {_short(strange[0])}"
        for name in ("index_name", "column_name"):
            self.value(tree.get(name), where)
            if not isinstance(tree.get(name), str | None):
                return f"a table whose {name} is no text"
        return ""

    def _headings(self, columns: list[Any], index: list[Any], where: str) -> None:
        if len(set(columns)) < len(columns):
            twice = next(name for place, name in enumerate(columns) if name in columns[:place])
            self.refuse("a column stands twice", where, twice)
        for name in (*columns, *index):
            if isinstance(name, str):
                self._look_into(name, where)

    def _column(self, table: str, name: str, index: list[Any], cells: Iterable[Any], dtype: str) -> Any:
        """The values of a column, of its type where all of them are of it."""
        made = list(cells)
        for place, cell in enumerate(made) if not set(map(type, made)) <= _SCALARS else ():
            if type(cell) not in _SCALARS:
                made[place] = self.value(cell, f"{table}[{index[place]}].{name}", cell=True)
        return column_of(made, dtype, _index(index))

    def geometry(self, tree: Any, where: str) -> str | None:
        """GeoJSON of a bus or line as text; None where there is none."""
        if tree is None or (isinstance(tree, str) and not tree):
            return None
        held = self.parsed(tree, where) if isinstance(tree, str) else tree
        if held is not None and not _is_geometry(held):
            self.refuse("this is no GeoJSON of a place or a line", where, tree, "set it to None")
            return None
        return tree if isinstance(tree, str) else json.dumps(held)


def _is_split(decoded: Any) -> bool:
    if not isinstance(decoded, dict) or decoded.keys() != {"columns", "index", "data"}:
        return False
    columns, index, data = decoded["columns"], decoded["index"], decoded["data"]
    if not all(isinstance(each, list) for each in (columns, index, data)) or len(data) != len(index):
        return False
    names = all(isinstance(each, str) or (type(each) is int and abs(each) < 2**63) for each in columns) and all(
        isinstance(each, str | float) or (type(each) is int and abs(each) < 2**63) for each in index
    )
    return names and all(isinstance(row, list) and len(row) == len(columns) for row in data)


def _index(labels: list[Any]) -> Any:
    if all(type(label) is int for label in labels):
        return pd.Index(labels, dtype=np.int64)
    return pd.Index(labels, dtype=object)


_GEOMETRIES: Final = ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon")


def _is_geometry(held: Any) -> bool:
    if not isinstance(held, dict) or held.keys() != {"type", "coordinates"} or held["type"] not in _GEOMETRIES:
        return False
    return isinstance(held["coordinates"], list) and _are_numbers(held["coordinates"])


def _are_numbers(tree: Any) -> bool:
    if isinstance(tree, list):
        return all(_are_numbers(item) for item in tree)
    return isinstance(tree, int | float) and not isinstance(tree, bool) and isfinite(tree)


def _short(text: str, most: int = 80) -> str:
    short = text if len(text) <= most else f"{text[: most - 3]}..."
    return short if short.isprintable() else repr(short)
