"""What is wrong with the tables of a net, by table, row, name, column and value, before pandapower calculates with them.

pandapower converts a line of negative length, skips a branch from a bus to itself and takes memory for every number up to
the largest index; what its matrices would no longer show is found here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import is_object_dtype

from marketsim.core.errors import NetworkError, Problem
from marketsim.grid.net.branch_ratings import is_missing, text_of

_LARGEST_INDEX: Final = 10_000_000
_LARGEST_TABLE: Final = 200_000
_WHOLE, _REAL = "iu", "iuf"
"""Kinds of numpy's types."""
_MOST_ROWS: Final = 5
"""Rows of a column that are shown."""


class _Rule(NamedTuple):
    """What the numbers of a column have to be."""

    fits: Callable[[float], bool]
    must: str
    default: float | None = None
    """Of a column that is not there; None: it has to be there."""
    optional: bool = False
    """Whether a value may be missing."""


_LARGEST: Final = 1e12
"""Of any number: products of a few of them are still numbers."""
_FINITE: Final = _Rule(lambda value: abs(value) <= _LARGEST, "must be a number, of at most 1e12")
_POSITIVE: Final = _Rule(lambda value: 0.0 < value <= _LARGEST, "must be above 0, and at most 1e12")
_NOT_NEGATIVE: Final = _Rule(lambda value: 0.0 <= value <= _LARGEST, "must be 0 or more, and at most 1e12")
_NOT_ZERO: Final = _Rule(lambda value: 0.0 < abs(value) <= _LARGEST, "must be a number other than 0")
_COUNT: Final = _Rule(
    lambda value: 1.0 <= value <= _LARGEST and value == int(value), "must be a whole number above 0", 1.0
)
_PERCENT: Final = _Rule(lambda value: 0.0 <= value <= 100.0, "must be between 0 and 100", 0.0)
_SHARE: Final = _Rule(lambda value: 0.0 < value <= 1.0, "must be above 0 and at most 1")
_RATING: Final = _Rule(lambda value: value > 0.0, "must be above 0; nothing stands for no rating", optional=True)
_MAYBE: Final = _FINITE._replace(optional=True, default=float("nan"))
_ZERO, _ONE = _FINITE._replace(default=0.0), _FINITE._replace(default=1.0)
_FACTOR: Final = _POSITIVE._replace(default=1.0)
_WINDINGS: Final = ("hv", "mv", "lv")

_NUMBERS: Final[dict[str, dict[str, _Rule]]] = {
    "bus": {"vn_kv": _POSITIVE, "min_vm_pu": _MAYBE, "max_vm_pu": _MAYBE},
    "ext_grid": {"vm_pu": _POSITIVE, "va_degree": _ZERO, "slack_weight": _ONE},
    "load": {
        "p_mw": _FINITE,
        "q_mvar": _ZERO,
        "scaling": _ONE,
        **{f"const_{law}_{power}_percent": _PERCENT for law in "zi" for power in "pq"},
    },
    "asymmetric_load": {
        **{f"{power}_{phase}_{unit}": _FINITE for phase in "abc" for power, unit in (("p", "mw"), ("q", "mvar"))},
        "scaling": _ONE,
    },
    "motor": {
        "pn_mech_mw": _FINITE,
        "cos_phi": _SHARE,
        "efficiency_percent": _POSITIVE,
        "loading_percent": _FINITE,
        "scaling": _ONE,
    },
    "shunt": {"p_mw": _FINITE, "q_mvar": _FINITE, "vn_kv": _POSITIVE, "step": _NOT_NEGATIVE._replace(default=1.0)},
    "ward": dict.fromkeys(("ps_mw", "qs_mvar", "pz_mw", "qz_mvar"), _FINITE),
    "line": {
        "length_km": _POSITIVE,
        "r_ohm_per_km": _NOT_NEGATIVE,
        **dict.fromkeys(("x_ohm_per_km", "c_nf_per_km"), _FINITE),
        "g_us_per_km": _ZERO,
        "parallel": _COUNT,
        "df": _FACTOR,
        "max_i_ka": _RATING,
    },
    "trafo": {
        **dict.fromkeys(("sn_mva", "vn_hv_kv", "vn_lv_kv"), _POSITIVE),
        "vk_percent": _NOT_ZERO,
        **dict.fromkeys(("vkr_percent", "pfe_kw", "i0_percent"), _FINITE),
        "shift_degree": _ZERO,
        "parallel": _COUNT,
        "df": _FACTOR,
        **dict.fromkeys(("tap_pos", "tap_neutral", "tap_step_percent", "tap_step_degree"), _MAYBE),
    },
    "trafo3w": {
        **{f"sn_{side}_mva": _POSITIVE for side in _WINDINGS},
        **{f"vn_{side}_kv": _POSITIVE for side in _WINDINGS},
        **{f"vk_{side}_percent": _NOT_ZERO for side in _WINDINGS},
        **{f"vkr_{side}_percent": _FINITE for side in _WINDINGS},
        **dict.fromkeys(("pfe_kw", "i0_percent"), _FINITE),
        **dict.fromkeys(("shift_mv_degree", "shift_lv_degree"), _ZERO),
        **dict.fromkeys(("tap_pos", "tap_neutral", "tap_step_percent", "tap_step_degree"), _MAYBE),
    },
    "impedance": {
        **dict.fromkeys(("rft_pu", "xft_pu", "rtf_pu", "xtf_pu"), _FINITE),
        **dict.fromkeys(("gf_pu", "bf_pu", "gt_pu", "bt_pu"), _ZERO),
        "sn_mva": _POSITIVE,
    },
    "switch": {"z_ohm": _NOT_NEGATIVE._replace(default=0.0), "in_ka": _RATING._replace(default=float("nan"))},
}
_BUSES: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(("ext_grid", "load", "asymmetric_load", "motor", "shunt", "ward", "switch"), ("bus",)),
    **dict.fromkeys(("line", "impedance"), ("from_bus", "to_bus")),
    "trafo": ("hv_bus", "lv_bus"),
    "trafo3w": tuple(f"{side}_bus" for side in _WINDINGS),
}
_FLAGGED: Final = (
    *("gen", "sgen", "xward", "dcline", "storage", "asymmetric_sgen", "controller", "svc", "ssc", "vsc", "tcsc"),
    *("line_dc", "vsc_stacked", "vsc_bipolar", "b2b_vsc"),
)
"""Tables of which only what is in service matters."""
_BEHIND_SWITCH: Final = {"b": "bus", "l": "line", "t": "trafo", "t3": "trafo3w"}


def place(net: Any, table: str, row: object, column: str = "") -> str:
    """Where something stands in a net, e.g. ``village.line[3].length_km``."""
    return f"{net_name(net)}.{table}[{row}]{'.' if column else ''}{column}"


def net_name(net: Any) -> str:
    """What a net is called in messages."""
    name = text_of(net.name)[:60] or "net"
    return name if name.isprintable() else repr(name)


def called(net: Any, table: str, row: object) -> str:
    """An element's name in quotes and a space, for the head of a message; empty where it has none."""
    names = net[table].get("name")
    if names is None or not names.index.is_unique:
        return ""
    name = text_of(names.at[row])
    return f"{name[:60]!r} " if name else ""


def demand_tables(net: Any) -> None:
    """Complete columns that have a default; NetworkError for indices and columns that no table can be read without."""
    found = [*_bad_indices(net)]
    if not len(net.bus):
        found.append(Problem("the net has no buses", f"{net_name(net)}.bus"))
    if not found:
        found = [*_bad_columns(net)]
    if found:
        raise NetworkError(found)


def _tables(net: Any) -> Iterator[tuple[str, Any]]:
    for table in _NUMBERS:
        rows = net.get(table)
        if rows is not None and (len(rows) or table == "bus"):
            yield table, rows


def _bad_indices(net: Any) -> Iterator[Problem]:
    """Indices that are no numbers, too large for a lookup table, or stand twice; tables larger than any net's."""
    for table, rows in _tables(net):
        if len(rows) > _LARGEST_TABLE:
            yield Problem(f"a table has at most {_LARGEST_TABLE} rows", f"{net_name(net)}.{table}", str(len(rows)))
            continue
        for row in rows.index:
            if not isinstance(row, int | np.integer) or not 0 <= row < _LARGEST_INDEX:
                must = f"an index must be a whole number from 0 to {_LARGEST_INDEX - 1}"
                yield Problem(must, f"{net_name(net)}.{table}", str(row)[:60], "renumber the table")
                break
        for row in rows.index[rows.index.duplicated()].unique()[:_MOST_ROWS]:
            yield Problem("an index stands twice", f"{net_name(net)}.{table}", str(row)[:60], "renumber the table")


def _bad_columns(net: Any) -> Iterator[Problem]:
    """Columns that have to be there, and are not; what has a default is put in."""
    for table, rows in _tables(net):
        if "name" not in rows:
            rows["name"] = None
        if table != "switch" and "in_service" not in rows:
            rows["in_service"] = True
        defaults = {name: rule.default for name, rule in _NUMBERS[table].items() if not rule.optional or rule.default}
        missing = [name for name, default in defaults.items() if name not in rows and default is None]
        missing += [name for name in _BUSES.get(table, ()) if name not in rows]
        if table == "switch":
            missing += [name for name in ("element", "et", "closed") if name not in rows]
        for name in missing:
            yield Problem(f"the table has no column {name}", f"{net_name(net)}.{table}")
        for name, default in defaults.items():
            if default is not None and default == default and name not in rows:
                rows[name] = default


def bad_values(net: Any) -> Iterator[Problem]:
    """Values of elements in service that cannot be calculated with, and buses and elements that are not there."""
    for table in (*_NUMBERS, *_FLAGGED):
        rows = net.get(table)
        flag = "closed" if table == "switch" else "in_service"
        if not isinstance(rows, pd.DataFrame) or flag not in rows or not len(rows):
            continue
        bad = [] if rows[flag].dtype == np.bool_ else [row for row, held in rows[flag].items() if not _is_flag(held)]
        yield from _shown(net, table, flag, bad, "must be true or false")
        if not bad and table in _NUMBERS:
            yield from _bad_rows(net, table, rows if table == "switch" else _in_service(rows))


def settle_types(net: Any) -> None:
    """Numbers and flags of sound tables that stand in columns of objects get columns of their own type."""
    for table in (*_NUMBERS, *_FLAGGED):
        rows = net.get(table)
        if not isinstance(rows, pd.DataFrame):
            continue
        flag = "closed" if table == "switch" else "in_service"
        if flag in rows and rows[flag].dtype != np.bool_:
            rows[flag] = rows[flag].to_numpy(dtype=bool)
        if not len(rows):
            continue
        objects = {name for name, kind in rows.dtypes.items() if is_object_dtype(kind)}
        settled = [name for name in (*_NUMBERS.get(table, ()), *_BUSES.get(table, ())) if name in objects]
        if not settled or len(_in_service(rows)) < len(rows):  # what is out of service may hold anything
            continue
        for name in settled:
            rows[name] = pd.to_numeric(rows[name])


def _in_service(rows: Any) -> Any:
    """The rows that are in service; the table itself where all are."""
    if "in_service" not in rows:
        return rows
    used = rows["in_service"].to_numpy(dtype=bool)
    return rows if used.all() else rows[used]


def _bad_rows(net: Any, table: str, used: Any) -> Iterator[Problem]:
    """What is wrong with the rows of a table that are in service."""
    sound = True
    for column, rule in _NUMBERS[table].items():
        bad = _misfits(used[column], rule) if column in used else []
        sound &= not bad
        yield from _shown(net, table, column, bad, rule.must)
    known = set(net.bus.index)
    for column in _BUSES.get(table, ()):
        bad = _not_among(used[column], known)
        sound &= not bad
        yield from _shown(net, table, column, bad, "there is no such bus")
    if sound and table == "bus":
        yield from _bad_bands(net, used)
    elif sound and table == "switch":
        yield from _bad_switches(net, used)
    elif sound:
        yield from _bad_ends(net, table, used)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool | np.bool_) or (isinstance(value, int | float | np.number) and value in (0, 1))


def _not_among(values: Any, known: set[int]) -> list[Any]:
    """Rows whose value is none of some indices."""
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in _WHOLE:
        return [values.index[k] for k, held in enumerate(values.to_list()) if held not in known]
    return [row for row, held in values.items() if not _is_in(held, known)]


def _is_in(bus: object, known: set[int]) -> bool:
    return isinstance(bus, int | float | np.number) and not isinstance(bus, bool) and bus in known


def _misfits(values: Any, rule: _Rule) -> list[Any]:
    """Rows whose value breaks a rule."""
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in _REAL:
        held = enumerate(values.to_list())
        return [values.index[k] for k, value in held if not (rule.optional if value != value else rule.fits(value))]
    bad = []
    for row, value in values.items():
        if is_missing(value):
            if not rule.optional:
                bad.append(row)
        elif not isinstance(value, int | float | np.number) or isinstance(value, bool) or not rule.fits(float(value)):
            bad.append(row)
    return bad


def _bad_ends(net: Any, table: str, used: Any) -> Iterator[Problem]:
    """Branches from a bus to itself."""
    ends = _BUSES.get(table, ())
    if len(ends) > 1:
        each = enumerate(zip(*(used[end].to_list() for end in ends), strict=True))
        bad = [used.index[row] for row, at in each if len(set(at)) < len(at)]
        yield from _shown(net, table, ends[1], bad, "a branch has both ends at one bus")


def _bad_switches(net: Any, used: Any) -> Iterator[Problem]:
    """Switches at what is not there."""
    bad = [row for row, kind in used["et"].items() if not isinstance(kind, str) or kind not in _BEHIND_SWITCH]
    yield from _shown(net, "switch", "et", bad, f"must be one of {', '.join(_BEHIND_SWITCH)}")
    for kind, behind in _BEHIND_SWITCH.items() if not bad else ():
        known, elements = set(net[behind].index), used["element"][used["et"] == kind]
        bad_rows = _not_among(elements, known)
        yield from _shown(net, "switch", "element", bad_rows, f"there is no such {behind}")


def _bad_bands(net: Any, used: Any) -> Iterator[Problem]:
    if {"min_vm_pu", "max_vm_pu"} <= set(used.columns):
        low, high = (used[column].astype(np.float64) for column in ("min_vm_pu", "max_vm_pu"))
        yield from _shown(net, "bus", "min_vm_pu", list(used.index[low > high]), "must not be above max_vm_pu")


def _printable(text: str) -> str:
    return text if text.isprintable() else repr(text)


def _shown(net: Any, table: str, column: str, rows: list[Any], must: str) -> Iterator[Problem]:
    """A problem a row; of many rows the first, which say how many there are."""
    for row in rows[:_MOST_ROWS]:
        more = (
            f" (so are {len(rows) - _MOST_ROWS} more)" if len(rows) > _MOST_ROWS and row == rows[_MOST_ROWS - 1] else ""
        )
        value = net[table][column].at[row]
        seen = "nothing" if is_missing(value) else _printable(str(value)[:60]) or "an empty text"
        hint = "correct it, or take the element out of service" if table not in ("switch", "bus") else ""
        yield Problem(f"{called(net, table, row)}{must}{more}", place(net, table, row, column), seen, hint)
