"""DataFrames that people can read: units of daily life beside the integers, names beside indices."""

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
    per_unit: int


_DAILY: Final[Mapping[str, _Daily]] = {
    WH: _Daily("_wh", "_kwh", WH_PER_KWH),
    TICKS: _Daily("_ticks", "", TICKS_PER_CURRENCY),
    MONEY: _Daily("_money", "", MONEY_PER_CURRENCY),
}


def agent_names(manifest: Mapping[str, Any]) -> list[list[str]]:
    """Names of the agents of each market, by their index in it."""
    names: list[list[str]] = [[] for _ in range(max(manifest["agent_markets"], default=-1) + 1)]
    for name, market in zip(manifest["agents"], manifest["agent_markets"], strict=True):
        names[market].append(name)
    return names


def frame(table: pa.Table, names: Sequence[Sequence[str]], named: Sequence[str] = ()) -> pd.DataFrame:
    """A table as a DataFrame.

    Behind each column counted in Wh, ticks or money stands the same in kWh, currency/kWh or currency (``load_wh``,
    ``load_kwh``; ``price_ticks``, ``price``; ``paid_money``, ``paid``), behind each agent's index in ``named`` its
    name. Integers that may be null are pandas' nullable integers.
    """
    import pandas as pd

    columns: dict[str, Any] = {}
    for field in table.schema:
        column = _series(table[field.name], field)
        columns[field.name] = column
        unit = (field.metadata or {}).get(b"unit", b"").decode()
        daily = _DAILY.get(unit)
        if daily and field.name.endswith(daily.suffix):
            shown = field.name.removesuffix(daily.suffix) + daily.shown
            if shown not in table.column_names:  # a metric's column may have that name already
                columns[shown] = column.astype("float64") / daily.per_unit
        elif field.name in named:
            columns[f"{field.name}_name"] = _names(column, table["market"].to_numpy(), names)
    return pd.DataFrame(columns)


def _series(column: pa.ChunkedArray, field: pa.Field) -> pd.Series[Any]:
    import pandas as pd

    if field.nullable and pa.types.is_integer(field.type):
        mapper = {pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype()}.get
        return cast("pd.Series[Any]", column.to_pandas(types_mapper=mapper))
    return cast("pd.Series[Any]", column.to_pandas())


def _names(index: pd.Series[Any], market: np.ndarray, names: Sequence[Sequence[str]]) -> Any:
    import pandas as pd

    begins = np.cumsum([0, *(len(own) for own in names)])
    flat = [name for own in names for name in own]
    categories = list(dict.fromkeys(flat))
    code_of = {name: code for code, name in enumerate(categories)}
    codes = np.array([code_of[name] for name in flat] + [-1], dtype=np.int64)
    known = index.fillna(-1).to_numpy(dtype=np.int64)
    code: IntArray = codes[np.where(known >= 0, begins[market] + known, -1)]
    return pd.Categorical.from_codes(code, pd.Index(categories))
