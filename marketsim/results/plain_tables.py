"""Tables of numbers and texts from Parquet files that may be a stranger's, as DataFrames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from marketsim.core.errors import Problem, RunFolderError
from marketsim.core.metric import LARGEST
from marketsim.results.parquet import opened, reading

if TYPE_CHECKING:
    import pandas as pd


def read_plain(path: Path, rows: int) -> pd.DataFrame:
    """A table of exactly so many rows; RunFolderError for another, or one that holds more than numbers and texts."""
    import pandas as pd

    with reading(path):
        file = opened(path)
        if file.metadata.num_rows != rows:
            message = f"the table has {file.metadata.num_rows} rows where {rows} are due"
            raise RunFolderError([Problem(message, file=str(path))])
        table = file.read()
        table.validate(full=True)
    if len(set(table.column_names)) < len(table.column_names):
        raise RunFolderError([Problem("the table has a column twice", file=str(path))])
    return pd.DataFrame({name: _column(table[name], name, path) for name in table.column_names})


def _column(column: pa.ChunkedArray, name: str, path: Path) -> Any:
    import pandas as pd

    kind = column.type
    if pa.types.is_floating(kind):
        if (pc.max(pc.abs(pc.drop_null(pc.if_else(pc.is_nan(column), None, column)))).as_py() or 0.0) > LARGEST:
            raise RunFolderError([Problem("must hold finite numbers", name[:60], file=str(path))])
        return pd.Series(column.cast(pa.float64()).to_pandas().to_numpy(), dtype="float64")
    if pa.types.is_integer(kind):
        whole = column.cast(pa.int64(), safe=False)
        if column.null_count:
            return pd.Series(whole.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get))
        return pd.Series(whole.to_numpy(), dtype="int64")
    if kind in (pa.bool_(), pa.string(), pa.large_string(), pa.null()):
        return pd.Series(column.to_pylist(), dtype="bool" if kind == pa.bool_() and not column.null_count else "object")
    raise RunFolderError([Problem("must hold numbers or texts", name[:60], str(kind)[:60], file=str(path))])
