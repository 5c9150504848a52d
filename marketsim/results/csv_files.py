"""A run's tables as CSV, for programs that read no Parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from marketsim.core import files
from marketsim.core.currency import label_of, named
from marketsim.core.errors import Problem, RunFolderError
from marketsim.results.frames import shown_unit
from marketsim.results.table_columns import TABLES

if TYPE_CHECKING:
    import pandas as pd

    from marketsim.results.reader import Run

COLUMNS: Final = "columns"
"""File that says what each column of the others means."""
KPIS: Final = "summary"
_MOST_ROWS: Final = 500_000
"""Rows of the table of agents that are held at once."""
_FORM: Final[Mapping[str, Any]] = {"index": False, "lineterminator": "\n", "date_format": "%Y-%m-%d %H:%M:%S"}


def write_csv(run: Run, folder: Path, *, raw: bool, force: bool) -> Path:
    """A file for each table of the run, ``columns.csv`` with unit and meaning of each column, ``summary.csv`` with the KPIs.

    Raises RunFolderError where a file is there and ``force`` is not said, or the folder cannot be written.
    """
    import pandas as pd

    tables = [name for name in TABLES if run.has_table(name)]
    names = (*tables, COLUMNS, *([KPIS] if run.summary else []))
    for name in names:
        files.demand_new(folder / f"{name}.csv", RunFolderError, force=force, option="force=True")
    try:
        files.make_folder(folder)
        for name in tables:
            files.replace(folder / f"{name}.csv", _writer(run, name, raw=raw), durable=False)
        _put(folder / f"{COLUMNS}.csv", pd.DataFrame(_columns(run, tables, raw=raw)))
        if run.summary:
            rows = [{"kpi": kpi, "value": value} for kpi, value in run.summary.items()]
            _put(folder / f"{KPIS}.csv", pd.DataFrame(rows, dtype="object"))
    except OSError as error:
        message = f"cannot write the tables: {error.strerror or error}"
        raise RunFolderError([Problem(message, file=str(folder), hint="choose another folder")]) from error
    return folder


def _put(path: Path, frame: pd.DataFrame) -> None:
    files.replace(path, frame.to_csv(None, **_FORM), durable=False)


def _writer(run: Run, name: str, *, raw: bool) -> Callable[[IO[bytes]], None]:
    """Writes a table into an open file, some slots at a time."""

    def write(file: IO[bytes]) -> None:
        for place, piece in enumerate(_pieces(run, name, raw=raw)):
            file.write(piece.to_csv(None, header=place == 0, **_FORM).encode())

    return write


def _pieces(run: Run, name: str, *, raw: bool) -> Iterator[pd.DataFrame]:
    size = max(1, _MOST_ROWS // max(len(run.manifest["agents"]), 1))
    for begin in range(0, max(run.n_slots, 1), size):
        yield run.frame(name, raw=raw, slot=range(begin, begin + size))


def _columns(run: Run, tables: list[str], *, raw: bool) -> Iterator[dict[str, str]]:
    label = label_of(run.manifest)
    for name in tables:
        schema = run.table(name, slot=range(0)).schema
        for field in schema:
            own, unit = shown_unit(field, schema.names, raw=raw)
            text = (field.metadata or {}).get(b"text", b"").decode()
            yield {"table": name, "column": own, "unit": named(unit, label), "meaning": named(text, label)}
