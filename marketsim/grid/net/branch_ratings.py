"""Names and current ratings of the branches of a pandapower net, by pandapower's own definition of loading.

A line is rated by ``max_i_ka * df * parallel`` at both ends, a transformer by its rated current at each side
(``trafo_loading="current"``), a winding of a three-winding transformer at its bus, a switch by ``in_ka``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import inf, sqrt
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.grid.net.network import BranchKind


def branch_ratings(
    net: Any, n_rows: int, ranges: Mapping[str, tuple[int, int]]
) -> tuple[list[str], IntArray, FloatArray, FloatArray]:
    """Unique name, kind and ratings at both ends [kA] of every row of the branch matrix.

    ``ranges``: rows of the matrix that belong to each element table.
    """
    names, kind = [""] * n_rows, np.zeros(n_rows, dtype=np.int64)
    from_ka, to_ka = _unrated(n_rows), _unrated(n_rows)
    for element in ranges.keys() & _READERS.keys():  # tables without a reader are out of service, or were refused
        start, stop = ranges[element]
        table = net.switch[net._impedance_bb_switches] if element == "switch" else net[element]
        ratings = _READERS[element](table)
        names[start:stop] = ratings.names
        kind[start:stop] = ratings.kind
        from_ka[start:stop], to_ka[start:stop] = ratings.from_ka, ratings.to_ka
    return _unique(names), kind, from_ka, to_ka


def element_of(net: Any, name: str) -> tuple[str, Any]:
    """Table and index of a branch by its unique name, in a net that was converted; empty and None where it is none."""
    ranges = dict(net._pd2ppc_lookups["branch"])
    names, *_ = branch_ratings(net, max(stop for _, stop in ranges.values()), ranges)
    row = names.index(name) if name in names else -1
    for table, (start, stop) in ranges.items():
        if start <= row < stop and table in ("line", "trafo"):
            return table, net[table].index[row - start]
    return "", None


def _unique(names: list[str]) -> list[str]:
    """Names that stand several times get the number of their row, and one more where even that is a name."""
    times, taken = Counter(names), set(names)
    made = []
    for row, name in enumerate(names):
        while times[name] > 1 or (name != names[row] and name in taken):
            name = f"{name} #{row}"
        taken.add(name)
        made.append(name)
    return made


def text_of(value: object) -> str:
    """A cell of a table as text; empty where there is nothing."""
    return "" if is_missing(value) else str(value).strip()


def is_missing(value: object) -> bool:
    """Whether a cell of a table has nothing in it."""
    return value is None or value is pd.NA or (isinstance(value, float | np.floating) and bool(np.isnan(value)))


class _Ratings(NamedTuple):
    """Name, kind and ratings of the rows of the branch matrix that belong to one table."""

    names: list[str]
    kind: BranchKind
    from_ka: FloatArray
    """Largest current at the from end [kA]; inf: none."""
    to_ka: FloatArray


def _unrated(rows: int) -> FloatArray:
    return np.full(rows, inf)


def _column(table: Any, name: str, default: float) -> FloatArray:
    if name not in table:
        return np.full(len(table), default)
    return np.asarray(pd.to_numeric(table[name]).fillna(default), dtype=np.float64)


def _line_ratings(table: Any) -> _Ratings:
    ka = _column(table, "max_i_ka", inf) * _column(table, "df", 1.0) * _column(table, "parallel", 1.0)
    return _Ratings(labels(table, "line"), BranchKind.LINE, ka, ka)


def _trafo_ratings(table: Any) -> _Ratings:
    mva = _column(table, "sn_mva", inf) * _column(table, "df", 1.0) * _column(table, "parallel", 1.0)
    sides = [mva / (sqrt(3.0) * _column(table, f"vn_{side}_kv", 1.0)) for side in ("hv", "lv")]
    return _Ratings(labels(table, "trafo"), BranchKind.TRAFO, sides[0], sides[1])


def _trafo3w_ratings(table: Any) -> _Ratings:
    """Rows: all high-voltage windings (bus to star), all medium, all low (star to bus); rated at the bus."""
    windings = ("hv", "mv", "lv")
    hv, mv, lv = (
        _column(table, f"sn_{w}_mva", inf) / (sqrt(3.0) * _column(table, f"vn_{w}_kv", 1.0)) for w in windings
    )
    names = [f"{name} {winding}" for winding in windings for name in labels(table, "trafo3w")]
    none = _unrated(len(table))
    return _Ratings(names, BranchKind.TRAFO, np.concatenate([hv, none, none]), np.concatenate([none, mv, lv]))


def _switch_ratings(table: Any) -> _Ratings:
    ka = _column(table, "in_ka", inf)
    return _Ratings(labels(table, "switch"), BranchKind.LINE, ka, ka)


def _impedance_ratings(table: Any) -> _Ratings:
    none = _unrated(len(table))
    return _Ratings(labels(table, "impedance"), BranchKind.LINE, none, none)


def labels(table: Any, element: str) -> list[str]:
    """Names of elements where all of a table have a unique one, else element and index."""
    names = [text_of(name) for name in table["name"]] if "name" in table else []
    if names and all(names) and len(set(names)) == len(names):
        return names
    return [f"{element} {row}" for row in table.index]


_READERS = {
    "line": _line_ratings,
    "trafo": _trafo_ratings,
    "trafo3w": _trafo3w_ratings,
    "impedance": _impedance_ratings,
    "switch": _switch_ratings,
}
