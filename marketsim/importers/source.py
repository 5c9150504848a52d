"""Files of a source, which may be a stranger's: read inside its folder alone, each with its digest."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.errors import ImportedDataError, Problem
from marketsim.core.fence import Fence
from marketsim.core.files import MIB, decoded, json_value, read_bytes
from marketsim.core.numerals import numbers
from marketsim.core.table_text import table_rows, table_text

MOST_BYTES: Final = 256 * MIB
_NAME: Final = re.compile(r"[^\w.+-]+")
_LONGEST_NAME: Final = 90


class SourceTable(NamedTuple):
    """Cells of a CSV file by column."""

    file: str
    columns: Mapping[str, Sequence[str]]
    lines: Sequence[int]
    """Line of each row [n_rows]."""

    def column(self, name: str) -> Sequence[str]:
        """Cells of a column; ImportedDataError where there is none."""
        if name not in self.columns:
            known = ", ".join(list(self.columns)[:12])
            raise refused("the file has no column of this name", self.file, value=repr(name), hint=f"it has: {known}")
        return self.columns[name]

    def numbers(self, name: str, rows: slice = slice(None)) -> FloatArray:
        """A column as finite numbers; ImportedDataError with the first cell that is none."""
        found = self.maybe_numbers(name, rows)
        wrong = np.flatnonzero(np.isnan(found))
        if len(wrong):
            row = range(len(self.lines))[rows][int(wrong[0])]
            seen = repr(self.columns[name][row][:60])
            raise refused("not a number", self.file, name, seen, line=self.lines[row])
        return found

    def maybe_numbers(self, name: str, rows: slice = slice(None)) -> FloatArray:
        """A column as numbers, NaN where a cell holds none."""
        return numbers(self.column(name)[rows])


class SourceFolder:
    """The files of a folder."""

    def __init__(self, folder: str) -> None:
        self.path = Path(folder)
        if not os.path.isdir(self.path):
            raise refused("there is no such folder", str(self.path))
        self.digests: dict[str, str] = {}
        """SHA-256 of each file that was read."""

    @property
    def name(self) -> str:
        """Its name as that of a scenario."""
        return scenario_name(self.path.resolve().name)

    def holds(self, name: str) -> bool:
        """Whether it has such a file."""
        return self._place(name).is_file()

    def bytes(self, name: str) -> bytes:
        """All of a file; ImportedDataError where it lies elsewhere, is none, or is too large."""
        data = read_bytes(self._place(name), MOST_BYTES, ImportedDataError)
        self.digests[name] = hashlib.sha256(data).hexdigest()
        return data

    def json(self, name: str) -> Any:
        """A JSON value."""
        return json_value(decoded(self.bytes(name), name, ImportedDataError), name, ImportedDataError)

    def table(self, name: str) -> SourceTable:
        """A CSV file with a header."""
        text = table_text(self.bytes(name), name, ImportedDataError)
        rows = table_rows(text, ",", name, ImportedDataError)
        if len(rows) < 2:
            raise refused("the file has no rows below a header", name)
        header = [cell.strip() for cell in rows[0].cells]
        odd = next((row for row in rows if len(row.cells) != len(header)), None)
        if odd is not None:
            raise refused(f"{len(odd.cells)} values for {len(header)} columns", name, line=odd.line)
        if len(set(header)) < len(header):
            raise refused("a column is named twice", name, value=", ".join(header)[:120], line=1)
        cells = list(zip(*(row.cells for row in rows[1:]), strict=True))
        return SourceTable(name, dict(zip(header, cells, strict=True)), [row.line for row in rows[1:]])

    def _place(self, name: str) -> Path:
        if not isinstance(name, str) or not name:
            raise refused("the name of a file has to be a text", str(self.path), value=repr(name)[:80])
        return Fence.of(self.path).file(name, ImportedDataError, "a file of the source")


def refused(
    message: str, file: str = "", path: str = "", value: str = "", hint: str = "", line: int = 0
) -> ImportedDataError:
    """The error of one problem of a source."""
    return ImportedDataError([Problem(message, path, value, hint, file, line)])


def scenario_name(text: str) -> str:
    """A text as a scenario may be called."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:_LONGEST_NAME] or "imported"


def agent_name(text: str) -> str:
    """A text as an agent may be called."""
    return _NAME.sub("_", text).strip("_.+-")[:_LONGEST_NAME] or "agent"


def mapping_at(value: Any, path: str, file: str) -> Mapping[str, Any]:
    """A mapping, where the source has to have one."""
    if not isinstance(value, Mapping):
        raise refused("has to be an object", file, path, repr(value)[:60])
    return value


def number_at(given: Mapping[str, Any], key: str, path: str, file: str, default: float | None = None) -> float:
    """A number >= 0, or the default where there is none; ImportedDataError for anything else."""
    value = given.get(key)
    value = default if value is None else value
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise refused("has to be a number of at least 0", file, f"{path}.{key}", repr(value)[:60])
    return float(value)
