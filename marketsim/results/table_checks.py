"""Whether a table of a run from a folder is one: its columns, their types, and that its rows fit the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from marketsim.core.errors import Problem, RunFolderError
from marketsim.core.metric import LARGEST
from marketsim.results.json_checks import MOST_SLOTS, refuse
from marketsim.results.table_columns import BOOK_LEVELS, PLANNED, SHARING, no_rows
from marketsim.results.table_columns import schema as schema_of

GRIDS: Final = {"agents": "agent", "book": "level", "voltages": "node"}
"""Tables with the same rows in every slot, and the column that counts them within a market."""
_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 1_440 * _MINUTE_MS
_YEARS_MS: Final = (-62_135_596_800_000, 253_370_764_800_000)
"""Of the years 1 to 9998, from 1970."""
_MOST_NAMES: Final = 2_000_000
_SOMETIMES: Final = {"agents": schema_of((SHARING, *PLANNED))}
"""Columns that a table has in some runs."""


class RowCounts(NamedTuple):
    """What the rows of a run's tables count."""

    n_slots: int
    sizes: tuple[int, ...]
    """Agents of each market."""

    @property
    def n_agents(self) -> int:
        """Of all markets."""
        return sum(self.sizes)


def demand_schema(name: str, schema: pa.Schema, path: Path) -> None:
    """RunFolderError unless a table has the columns that it has in every run, each of its type, and others of theirs."""
    problems = []
    if len(set(schema.names)) < len(schema.names):
        raise RunFolderError([Problem("the table has a column twice", file=str(path))])
    due = no_rows(name).schema
    for field in (*due, *(each for each in _sometimes(name) if each.name in schema.names)):
        if field.name not in schema.names:
            problems.append(Problem(f"the table of {name} has no such column", field.name, file=str(path)))
        elif schema.field(field.name).type != field.type:
            seen = str(schema.field(field.name).type)[:60]
            problems.append(Problem(f"this column must be of type {field.type}", field.name, seen, file=str(path)))
    for field in schema:
        try:
            (field.metadata or {}).get(b"unit", b"").decode()
        except UnicodeDecodeError:
            problems.append(Problem("the unit of this column is no text", field.name[:60], file=str(path)))
        if field.name not in due.names and field.type not in (pa.int64(), pa.float64(), pa.string()):
            seen = str(field.type)[:60]
            problems.append(Problem("this column must hold numbers or texts", field.name[:60], seen, file=str(path)))
    refuse(problems)


def _sometimes(name: str) -> pa.Schema:
    return _SOMETIMES.get(name, pa.schema([]))


def demand_keys(name: str, keys: pa.Table, rows: RowCounts, path: Path) -> None:
    """RunFolderError unless the rows of a table, by its key columns, are those of the run's slots, markets and agents."""
    if name == "slots":
        if not np.array_equal(_ints(keys, "slot"), np.arange(len(keys))):
            raise _wrong(path, "slot", "slots must be numbered from 0, each once and in order")
        _demand_times(keys, path)
    elif name in GRIDS:
        _demand_grid(name, keys, rows, path)
    else:
        _demand_order(keys, rows, path)


def _demand_times(keys: pa.Table, path: Path) -> None:
    """Slots begin one after the other, at equal distances of minutes up to a day, in the years that dates know."""
    begins = pc.fill_null(keys.column("begins").cast(pa.int64()), _YEARS_MS[1]).to_numpy()
    steps = np.diff(begins)
    if len(begins) and not _YEARS_MS[0] <= begins.min() <= begins.max() < _YEARS_MS[1]:
        raise _wrong(path, "begins", "slots must begin between the years 1 and 9999")
    if len(steps) and not (
        _MINUTE_MS <= steps[0] <= _DAY_MS and steps[0] % _MINUTE_MS == 0 and (steps == steps[0]).all()
    ):
        raise _wrong(path, "begins", "slots must begin at equal distances of whole minutes, up to a day")


def _ints(table: pa.Table, name: str) -> np.ndarray:
    column = table.column(name)
    return column.to_numpy() if not column.null_count else np.full(len(column), -1)


def _demand_grid(name: str, keys: pa.Table, rows: RowCounts, path: Path) -> None:
    sizes = np.array(_sizes(name, len(keys), rows), dtype=np.int64)
    per_slot = int(sizes.sum())
    if len(keys) != rows.n_slots * per_slot:
        message = f"the table has {len(keys)} rows, {rows.n_slots} slots need {rows.n_slots * per_slot or 'a multiple of them'}"
        raise _wrong(path, "slot", message)
    if not len(keys):
        return
    market = np.repeat(np.arange(len(sizes)), sizes)
    within = np.concatenate([np.arange(size) for size in sizes])
    shape = (rows.n_slots, per_slot)
    if name == "agents":  # in the order of the manifest, where markets may be mixed
        order_ok = _agents_fit(keys, rows, shape)
    else:
        order_ok = bool(
            (_ints(keys, "market").reshape(shape) == market).all()
            and (_ints(keys, GRIDS[name]).reshape(shape) == within).all()
        )
    if not order_ok:
        raise _wrong(path, GRIDS[name], "every slot must have each of them once, in order")
    if not (_ints(keys, "slot").reshape(shape) == np.arange(rows.n_slots)[:, None]).all():
        raise _wrong(path, "slot", "slots must stand in order, each with all of its rows")


def _agents_fit(keys: pa.Table, rows: RowCounts, shape: tuple[int, int]) -> bool:
    market, agent = (_ints(keys, name).reshape(shape) for name in ("market", "agent"))
    if not ((market == market[0]).all() and (agent == agent[0]).all()):
        return False
    listed = sorted(zip(market[0].tolist(), agent[0].tolist(), strict=True))
    return listed == [(place, own) for place, size in enumerate(rows.sizes) for own in range(size)]


def _sizes(name: str, n_rows: int, rows: RowCounts) -> Sequence[int]:
    """Rows of each market in a slot."""
    if name == "agents":
        return rows.sizes
    n_markets = len(rows.sizes)
    if name == "book":
        return (BOOK_LEVELS,) * n_markets
    nodes = n_rows // (rows.n_slots * n_markets) if rows.n_slots and n_markets else 0
    return (nodes,) * n_markets


def _demand_order(keys: pa.Table, rows: RowCounts, path: Path) -> None:
    """Trades and refusals: slots in order, markets and agents that there are."""
    slot, market = _ints(keys, "slot"), _ints(keys, "market")
    if not len(slot):
        return
    if slot.min() < 0 or slot.max() >= rows.n_slots or (np.diff(slot) < 0).any():
        raise _wrong(path, "slot", f"slots must lie between 0 and {rows.n_slots - 1}, in order")
    if market.min() < 0 or market.max() >= len(rows.sizes):
        raise _wrong(path, "market", f"must be below {len(rows.sizes)}")
    most = np.array(rows.sizes, dtype=np.int64)[market]
    for name in ("buyer", "seller"):
        index = keys.column(name)
        given = pc.is_valid(index).to_numpy()
        agent = pc.fill_null(index, 0).to_numpy()
        if ((agent < 0) | (agent >= most)).any() or not (given.all() or path.name.startswith("rejects")):
            raise _wrong(path, name, "there is no such agent in the market")


def demand_values(name: str, table: pa.Table, path: Path) -> None:
    """RunFolderError for nulls, NaN and numbers where the columns that were read cannot hold any."""
    due = {field.name: field for field in (*no_rows(name).schema, *_sometimes(name))}
    problems: list[Problem] = []
    for field in table.schema:
        column, known = table.column(field.name), due.get(field.name)
        if known is not None and not known.nullable and column.null_count:
            problems.append(Problem("must not be undefined", field.name, file=str(path)))
        elif said := _fault(field, column, fixed=known is not None):
            problems.append(Problem(said, field.name[:60], file=str(path)))
    refuse(problems)


def _fault(field: pa.Field, column: pa.ChunkedArray, *, fixed: bool) -> str:
    if pa.types.is_floating(field.type):
        sizes = pc.max(pc.abs(column)).as_py()
        if (sizes is not None and not sizes <= LARGEST) or pc.any(pc.is_nan(column)).as_py():
            return "must hold finite numbers"
    elif pa.types.is_dictionary(field.type):
        return _names_fault(column)
    elif field.type == pa.int32() and fixed:  # counts and indices; energies and money may be negative
        least = pc.min(column).as_py()
        if least is not None and least < 0:
            return "must not be negative"
    return ""


def _names_fault(column: pa.ChunkedArray) -> str:
    for chunk in column.chunks:
        indices = chunk.indices
        ends = pc.min_max(indices).as_py()
        if ends["min"] is not None and not 0 <= ends["min"] <= ends["max"] < len(chunk.dictionary):
            return "names a text that is not in its dictionary"
        if len(chunk.dictionary) > _MOST_NAMES or chunk.dictionary.null_count:
            return "has a dictionary that cannot be one of names"
        if len(chunk.dictionary.unique()) < len(chunk.dictionary):
            return "has a dictionary in which a name stands twice"
    return ""


def demand_slots(n_slots: int, path: Path) -> None:
    """RunFolderError for more slots than a run can have."""
    if n_slots > MOST_SLOTS:
        raise _wrong(path, "slot", f"a run has at most {MOST_SLOTS:,} slots")


def _wrong(path: Path, column: str, message: str) -> RunFolderError:
    return RunFolderError([Problem(message, column, file=str(path), hint="this is no table that a run wrote")])


def key_columns(name: str) -> list[str]:
    """Columns by which the rows of a table are told apart."""
    if name == "slots":
        return ["slot", "begins"]
    return ["slot", "market", *([GRIDS[name]] if name in GRIDS else ["buyer", "seller"])]


def market_sizes(manifest: Mapping[str, Any]) -> tuple[int, ...]:
    """Agents of each market of a manifest that was checked."""
    markets = manifest["agent_markets"]
    return tuple(np.bincount(np.array(markets, dtype=np.int64)).tolist()) if markets else ()
