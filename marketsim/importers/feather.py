"""Feather tables of a source, read as columns of numbers."""

from __future__ import annotations

from typing import Final

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.importers.source import refused

_MOST_CELLS: Final = 100_000_000


def numeric_columns(data: bytes, file: str) -> dict[str, FloatArray]:
    """The columns of numbers and times of a Feather file (version 2), times as seconds since 1970 [n_rows].

    ImportedDataError where it is none, or too large.
    """
    import pyarrow as pa  # type: ignore[import-untyped]

    try:
        with pa.ipc.open_file(pa.BufferReader(data)) as opened:
            batches, cells = [], 0
            for place in range(opened.num_record_batches):
                batches.append(opened.get_batch(place))
                cells += batches[-1].num_rows * batches[-1].num_columns
                if cells > _MOST_CELLS:
                    raise refused(f"the table has more than {_MOST_CELLS} cells", file)
            table = pa.Table.from_batches(batches, opened.schema)
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        hint = "tables of HAMLET are Feather files of version 2"
        raise refused("this is no Feather table", file, value=str(error)[:120], hint=hint) from error
    return {
        name: values
        for name, column in zip(table.column_names, table.columns, strict=True)
        if (values := _numbers(column)) is not None
    }


def _numbers(column: object) -> FloatArray | None:
    """A column as numbers, NaN for missing ones; None where it holds something else."""
    import pyarrow as pa

    assert isinstance(column, pa.ChunkedArray)
    kind = column.type
    if pa.types.is_timestamp(kind):
        seconds = column.cast(pa.timestamp("s", tz=kind.tz), safe=False).cast(pa.int64())
        return np.asarray(seconds.to_numpy(), dtype=np.float64)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
    return None
