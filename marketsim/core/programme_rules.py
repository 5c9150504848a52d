"""What a device of a plugin may say of itself as a linear block."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.programme import BothModes, Contents, Entries, LinearBlock, MeterEntries, PlannedSlots
from marketsim.core.rule_terms import Call, array_of, demand, real, record_of, whole

_MOST: Final = 1e12
"""Largest energy [kWh], cost [currency/kWh] and coefficient of a block."""


class _Counts(NamedTuple):
    """How many there are of what a block's positions point at."""

    column: int
    row: int
    slot: int
    agent: int


def planned_block(call: Call) -> LinearBlock:
    """A fleet as a linear block, its positions within what there is."""
    found: LinearBlock = record_of(call.result, LinearBlock)
    ahead: PlannedSlots = call.given[1]
    n, rows = (_length("lower", found.lower),), (_length("row_lower", found.row_lower),)
    counts = _Counts(n[0], rows[0], ahead.slots, len(ahead.agents))
    lower, upper = _bounds("lower", "upper", found.lower, found.upper, n)
    row_lower, row_upper = _bounds("row_lower", "row_upper", found.row_lower, found.row_upper, rows)
    return LinearBlock(
        lower, upper, real("cost", found.cost, n, least=-_MOST, most=_MOST),
        array_of("whole", found.whole, "b", "truth values", n).copy(),
        array_of("missed", found.missed, "b", "truth values", n).copy(),
        row_lower, row_upper,
        Entries(**_table("entries", found.entries, Entries, counts)),
        MeterEntries(**_table("meter", found.meter, MeterEntries, counts)),
        _contents(found.contents, counts),
        BothModes(**_table("modes", found.modes, BothModes, counts)),
        real("fixed_kwh", found.fixed_kwh, (counts.slot, counts.agent), least=-_MOST, most=_MOST),
    )  # fmt: skip


def _length(name: str, value: Any) -> int:
    return len(array_of(name, value, "fiu", "real numbers", (None,)))


def _bounds(low: str, high: str, lower: Any, upper: Any, shape: tuple[int]) -> tuple[FloatArray, FloatArray]:
    """Lower and upper bounds; infinite ones are none."""
    lowest = np.array(array_of(low, lower, "fiu", "real numbers", shape), dtype=np.float64)
    highest = np.array(array_of(high, upper, "fiu", "real numbers", shape), dtype=np.float64)
    demand(low, lowest, lowest < np.inf, "below infinity, and no NaN")
    demand(high, highest, highest >= lowest, f"at least {low}")
    return lowest, highest


def _contents(value: Any, counts: _Counts) -> Contents:
    found: Contents = record_of(value, Contents, "contents of the block")
    stores = (_length("contents.agent", found.agent),)
    return Contents(
        whole("contents.column", found.column, (*stores, counts.slot), 0, counts.column - 1),
        whole("contents.agent", found.agent, stores, 0, counts.agent - 1),
        real("contents.start", found.start, stores, least=-_MOST, most=_MOST),
        real("contents.delivers", found.delivers, stores, least=1.0 / _MOST, most=_MOST),
    )


def _table(name: str, value: Any, kind: Any, counts: _Counts) -> dict[str, Any]:
    """Columns of a record of positions and numbers, by field."""
    found = record_of(value, kind, f"{name} of the block")
    length = (_length(f"{name}.{kind._fields[0]}", found[0]),)
    columns: dict[str, Any] = {}
    for field, column in zip(kind._fields, found, strict=True):
        told = f"{name}.{field}"
        if field == "value":
            columns[field] = real(told, column, length, least=-_MOST, most=_MOST)
        elif field == "below":
            columns[field] = np.array(array_of(told, column, "fiu", "real numbers", length), dtype=np.float64)
            demand(told, columns[field], columns[field] < _MOST, "a price, or minus infinity")
        else:
            most = getattr(counts, "column" if field in ("draw", "give") else field)
            columns[field] = whole(told, column, length, 0, most - 1)
    return columns
