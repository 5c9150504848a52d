"""Net files, which may be a stranger's: what ``pandapower.to_json`` wrote, read as data and checked before pandapower sees it.

The file is read whole and parsed strictly; its tables are made by ``net_objects`` from a closed list of classes. pandapower
is asked for an empty net to put them into, and, where an older version wrote the file, to convert it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any, Final

import pandapower  # type: ignore[import-untyped]
import pandas as pd
from pandapower.convert_format import convert_format  # type: ignore[import-untyped]

from marketsim.core.errors import NetworkError, Problem
from marketsim.core.files import MIB, read_text, strict_json
from marketsim.grid.net.net_objects import Reader
from marketsim.grid.net.quiet import quiet_pandapower

LARGEST: Final = 64 * MIB
NET: Final = ("pandapower.auxiliary", "pandapowerNet")
_LONGEST_NAME: Final = 200
_MOST_COSTS: Final = 1_000
"""Rows whose costs are converted: pandapower does it one by one."""
_MOST_BRACKETS: Final = 8_000_000
_GEO_TABLES: Final = ("bus", "bus_dc", "line", "line_dc")
_VERSION: Final = re.compile(r"\d{1,4}(\.\d{1,4}){0,3}(\.?(dev|rc|a|b|post)\d{0,4})?")
_HINT: Final = "write the file with pandapower.to_json(net, path)"


def text_of_net(path: Path) -> str:
    """The text of a net file; NetworkError for anything but a regular file of at most ``LARGEST`` bytes in UTF-8."""
    return read_text(path, LARGEST, NetworkError)


def parse(text: str, path: Path) -> Any:
    """The pandapower net that a file's text describes; NetworkError with everything in it that is not read."""
    reader = Reader(str(path))
    net = _filled(_members(text, path), reader, path)
    if reader.problems:
        reader.stop()
    return _converted(net, path)


def _members(text: str, path: Path) -> dict[str, Any]:
    """Name and tree of everything in the net."""
    tree = _tree(text, path)
    held = tree.get("_object") if isinstance(tree, dict) and (tree.get("_module"), tree.get("_class")) == NET else None
    if isinstance(held, str):  # as pandapower wrote it before 2.0
        held = _tree(held, path)
    if isinstance(held, dict):
        return held
    if isinstance(tree, dict) and "bus" in tree:
        hint = "open it with pandapower.from_json and save it again with pandapower.to_json"
        raise NetworkError([Problem("a net of a pandapower before 2.0 is not read", hint=hint, file=str(path))])
    if isinstance(tree, dict) and "_class" in tree:
        raise _not_a_net(path, f"it holds a {str(tree.get('_module'))[:60]}.{str(tree['_class'])[:60]}")
    raise _not_a_net(path, f"it holds a {type(tree).__name__}")


def _tree(text: str, path: Path) -> Any:
    if text.count("[") + text.count("{") > _MOST_BRACKETS:
        raise _not_a_net(path, f"more than {_MOST_BRACKETS} lists and objects")
    try:
        return strict_json(text, constants=True)
    except json.JSONDecodeError as error:
        raise _not_a_net(path, error.msg, error.lineno, error.colno) from error
    except (ValueError, RecursionError) as error:
        raise _not_a_net(path, str(error)) from error


def _not_a_net(path: Path, why: str, line: int = 0, column: int = 0) -> NetworkError:
    return NetworkError([Problem("this is no pandapower net", "", why[:200], _HINT, str(path), line, column)])


def _filled(members: dict[str, Any], reader: Reader, path: Path) -> Any:
    """An empty net with the file's tables and values in it; what is refused is noted."""
    with quiet_pandapower():
        net = pandapower.create_empty_network(add_stdtypes=False)
    taken = frozenset(dir(pandapower.pandapowerNet))
    for name, tree in members.items():
        if name.startswith("_") or name in taken:
            reader.refuse("no name for a part of a net", name)
            continue
        value = reader.value(tree, name)
        if name in _GEO_TABLES and isinstance(value, pd.DataFrame) and "geo" in value:
            value["geo"] = pd.Series(
                [reader.geometry(cell, f"{name}[{row}].geo") for row, cell in value["geo"].items()],
                index=value.index,
                dtype=object,
            )
        said = _unfit(name, value, net)
        if said and value is not None:
            reader.refuse(said, name, value if isinstance(value, str | int | float) else type(value).__name__)
        net[name] = value
    if "bus" not in members:
        raise _not_a_net(path, "it has no buses")
    return net


def _unfit(name: str, value: Any, net: Any) -> str:
    """What is wrong with a part of a net as a whole."""
    if isinstance(net.get(name), pd.DataFrame):
        return "" if isinstance(value, pd.DataFrame) else "this has to be a table"
    if name == "name":
        fits = isinstance(value, str) and len(value) <= _LONGEST_NAME and value.isprintable()
        return "" if fits else f"this has to be a text of at most {_LONGEST_NAME} letters"
    if name in ("version", "format_version"):
        return "" if _VERSION.fullmatch(str(value)) else "this is no version"
    if name in ("f_hz", "sn_mva"):
        return "" if _is_positive(value) else "this has to be a number above 0"
    if name == "std_types":
        return "" if _are_types(value) else "this has to be types by table and name"
    if name == "user_pf_options":
        return "" if isinstance(value, dict) else "this has to be options by name"
    return ""


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and value > 0.0


def _are_types(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(types, dict) and all(isinstance(each, dict) for each in types.values()) for types in value.values()
    )


def _converted(net: Any, path: Path) -> Any:
    """The net in the format of the pandapower that is installed."""
    written = str(net.version)
    if any(len(rows) > _MOST_COSTS for rows in _with_costs(net)):
        hint = "remove the costs, which are not used here"
        raise NetworkError(
            [Problem(f"costs of more than {_MOST_COSTS} elements are not converted", "", "", hint, str(path))]
        )
    try:
        with quiet_pandapower():
            convert_format(net)
    except Exception as error:  # whatever it meets in tables of an older format, to the user all of it means the same
        hint = "open it with pandapower.from_json and save it again with pandapower.to_json"
        said = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        message = f"pandapower cannot convert the net, which version {written} wrote"
        raise NetworkError([Problem(message, "", said[:200], hint, str(path))]) from error
    return net


def _with_costs(net: Any) -> Iterator[Any]:
    """Tables whose costs an older format holds in its own way."""
    for name, rows in net.items():
        old = isinstance(rows, pd.DataFrame) and (name.endswith("_cost") and name not in ("pwl_cost", "poly_cost"))
        if old or (isinstance(rows, pd.DataFrame) and {"cost_per_kw", "cost_per_kvar"} & set(map(str, rows.columns))):
            yield rows
