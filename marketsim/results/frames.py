"""DataFrames that people can read: each quantity in one unit, names beside indices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]

from marketsim.core.arrays import IntArray
from marketsim.core.units import MONEY_PER_CURRENCY, TICKS_PER_CURRENCY, WH_PER_KWH
from marketsim.results.table_columns import MONEY, TICKS, WH

if TYPE_CHECKING:
    import pandas as pd


class _Daily(NamedTuple):
    """How a counted quantity is shown: its suffix replaced, its value divided."""

    suffix: str
    shown: str
    unit: str
    per_unit: int


_DAILY: Final[Mapping[str, _Daily]] = {
    WH: _Daily("_wh", "_kwh", "kWh", WH_PER_KWH),
    TICKS: _Daily("_ticks", "", "currency/kWh", TICKS_PER_CURRENCY),
    MONEY: _Daily("_money", "", "currency", MONEY_PER_CURRENCY),
}


def agent_names(manifest: Mapping[str, Any]) -> list[list[str]]:
    """Names of the agents of each market, by their index in it."""
    names: list[list[str]] = [[] for _ in range(max(manifest["agent_markets"], default=-1) + 1)]
    for name, market in zip(manifest["agents"], manifest["agent_markets"], strict=True):
        names[market].append(name)
    return names


def frame(
    table: pa.Table, names: Sequence[Sequence[str]], named: Sequence[str] = (), *, raw: bool = False
) -> pd.DataFrame:
    """A table as a DataFrame.

    Columns counted in Wh, ticks or money are shown in kWh, currency/kWh and currency, under names that say so
    (``load_wh`` becomes ``load_kwh``, ``price_ticks`` ``price``, ``paid_money`` ``paid``); with ``raw`` they stay the
    integers that they are. Behind each agent's index in ``named`` stands its name. Integers that may be null are pandas'
    nullable integers; categories are those that occur.
    """
    import pandas as pd

    columns: dict[str, Any] = {}
    for field in table.schema:
        name, column = field.name, _series(table[field.name], field)
        daily = None if raw else _daily(field, table.column_names)
        if daily is None:
            columns[name] = column
        else:
            columns[_renamed(name, daily)] = column.astype("float64") / daily.per_unit
        if name in named:
            columns[f"{name}_name"] = _names(column, table["market"].to_numpy(), names)
    return pd.DataFrame(columns)


def shown_unit(field: pa.Field, taken: Sequence[str], *, raw: bool = False) -> tuple[str, str]:
    """Name and unit that ``frame`` shows a column with; ``taken`` are the names of all columns."""
    daily = None if raw else _daily(field, taken)
    return (field.name, _unit(field)) if daily is None else (_renamed(field.name, daily), daily.unit)


def _renamed(name: str, daily: _Daily) -> str:
    return name.removesuffix(daily.suffix) + daily.shown


def _unit(field: pa.Field) -> str:
    return str((field.metadata or {}).get(b"unit", b"").decode())


def _daily(field: pa.Field, taken: Sequence[str]) -> _Daily | None:
    """How a column is shown in daily units; None where it is not counted, or a metric's column has the name already."""
    daily = _DAILY.get(_unit(field))
    if daily is None or not field.name.endswith(daily.suffix):
        return None
    return None if _renamed(field.name, daily) in taken else daily


def _series(column: pa.ChunkedArray, field: pa.Field) -> pd.Series[Any]:
    import pandas as pd

    if field.nullable and pa.types.is_integer(field.type):
        mapper = {pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype()}.get
        return cast("pd.Series[Any]", column.to_pandas(types_mapper=mapper))
    made = cast("pd.Series[Any]", column.to_pandas())
    return made.cat.remove_unused_categories() if isinstance(made.dtype, pd.CategoricalDtype) else made


def _names(index: pd.Series[Any], market: np.ndarray, names: Sequence[Sequence[str]]) -> Any:
    import pandas as pd

    begins = np.cumsum([0, *(len(own) for own in names)])
    flat = [name for own in names for name in own]
    categories = list(dict.fromkeys(flat))
    code_of = {name: code for code, name in enumerate(categories)}
    codes = np.array([code_of[name] for name in flat] + [-1], dtype=np.int64)
    known = index.fillna(-1).to_numpy(dtype=np.int64)
    code: IntArray = codes[np.where(known >= 0, begins[market] + known, -1)]
    return pd.Categorical.from_codes(code, pd.Index(categories)).remove_unused_categories()
