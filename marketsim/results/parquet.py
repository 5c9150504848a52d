"""Parquet files and Arrow streams that may be a stranger's: regular files, bounded before they are read, checked as read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from marketsim.core.errors import Problem, RunFolderError
from marketsim.core.files import demand_regular
from marketsim.results.json_checks import named

MOST_BYTES: Final = 2**40
"""Of a file; it is read piece by piece."""
ALWAYS_TAKEN: Final = 2**28
"""Bytes that any file may grow to when it is read."""
MOST_GROWTH: Final = 1_000
"""How often its own size a larger file may grow to; tables of runs stay below a hundred times."""
_MOST_COLUMNS: Final = 10_000
_MOST_FOOTER: Final = 2**27


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Whatever is wrong with a file, or too large for memory, ends in a RunFolderError that names it."""
    try:
        yield
    except (OSError, pa.ArrowException, MemoryError, ValueError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0] or type(error).__name__
        message = f"cannot read {path.name}: {reason[:300]}"
        raise RunFolderError([Problem(message, file=str(path), hint="run the scenario again")]) from error


def demand_file(path: Path) -> int:
    """Size of a table's file; RunFolderError for a link and for what is no file."""
    try:
        return demand_regular(path, MOST_BYTES, RunFolderError, links=False)
    except RunFolderError as error:
        raise RunFolderError([named(problem, path) for problem in error.problems]) from error


def opened(path: Path) -> Any:
    """A Parquet file whose footer says that it can be read in bounded memory; RunFolderError for one that does not.

    To be used inside of ``reading``.
    """
    size = demand_file(path)
    file = pq.ParquetFile(path, thrift_string_size_limit=_MOST_FOOTER, thrift_container_size_limit=1_000_000)
    footer = file.metadata
    groups = [footer.row_group(place) for place in range(footer.num_row_groups)]
    width = sum(group.total_byte_size for group in groups)
    rows = sum(group.num_rows for group in groups)
    sizes = [group.column(place).total_uncompressed_size for group in groups for place in range(group.num_columns)]
    if footer.num_columns > _MOST_COLUMNS or rows != footer.num_rows or min((rows, width, *sizes)) < 0:
        raise RunFolderError([Problem(f"cannot read {path.name}: its footer contradicts itself", file=str(path))])
    _demand_growth(path, size, max(width, sum(sizes), rows * 8))
    return file


def _demand_growth(path: Path, size: int, grown: int) -> None:
    if grown > max(ALWAYS_TAKEN, MOST_GROWTH * size):
        message = f"cannot read {path.name}: {size} bytes that would grow to {grown / 2**20:.0f} MiB"
        raise RunFolderError([Problem(message, file=str(path), hint="no table of a run is packed like this")])


def demand_memory(path: Path, rows: int, columns: int) -> None:
    """RunFolderError where so many values, 8 bytes each, cannot come from a file of its size."""
    _demand_growth(path, demand_file(path), rows * columns * 8)
