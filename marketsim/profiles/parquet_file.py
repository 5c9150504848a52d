"""Columns of a Parquet file as Python's own values."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from marketsim.core.errors import Problem, ProfileError

MOST_CELLS: Final = 100_000_000
_MOST_BYTES: Final = 4 * 2**30


def read_columns(data: bytes, file: str) -> tuple[dict[str, list[object]], int]:
    """The columns and the number of rows; ProfileError where the file cannot be read as a table.

    Columns of lists, maps and records are kept as such: no series can be made of them, and only who asks needs to know.
    """
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    try:
        opened = pq.ParquetFile(pa.BufferReader(data))
        _demand_size(opened.metadata, file)
        names = opened.schema_arrow.names
        twice = [name for name, times in Counter(names).items() if times > 1]
        if twice:
            raise ProfileError([Problem("the column stands twice", path=name, file=file, line=1) for name in twice])
        table = opened.read()
        columns = {name: _cells(pa, column) for name, column in zip(names, table.columns, strict=True)}
    except (OSError, ValueError, KeyError, OverflowError, pa.ArrowException) as error:
        said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise ProfileError([Problem(f"not a Parquet file that can be read: {said}", file=file)]) from None
    return columns, table.num_rows


def _demand_size(metadata: Any, file: str) -> None:
    """ProfileError for more than fits into memory as Python's values, whatever the file's own size."""
    cells = metadata.num_rows * metadata.num_columns
    unpacked = sum(metadata.row_group(row).total_byte_size for row in range(metadata.num_row_groups))
    if cells > MOST_CELLS or unpacked > _MOST_BYTES:
        seen = f"{metadata.num_rows} rows of {metadata.num_columns} columns"
        hint = "keep the columns and days that the run needs"
        raise ProfileError([Problem(f"the file has more than {MOST_CELLS} cells", value=seen, hint=hint, file=file)])


def _cells(pa: Any, column: Any) -> list[object]:
    if pa.types.is_timestamp(column.type):
        # nanoseconds that are no whole microseconds are refused, not cut
        column = column.cast(pa.timestamp("us", column.type.tz))
    cells: list[object] = column.to_pylist()
    return cells
