"""Tables as text: what is none by its first bytes, and rows with their lines."""

from __future__ import annotations

import csv
import io
from typing import NamedTuple

from marketsim.core.errors import InputError, Problem
from marketsim.core.files import decoded

_KINDS = (
    ((b"\xff\xfe", b"\xfe\xff"), "the file is UTF-16, not UTF-8", "save it as UTF-8 (in Excel: 'CSV UTF-8')"),
    ((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd"), "the file is compressed", "unpack it"),
    ((b"PK\x03\x04",), "the file is a workbook or an archive, not CSV", "save the sheet as 'CSV UTF-8'"),
    ((b"PAR1",), "the file is Parquet, not CSV", "call it .parquet where one is read, or store it as CSV"),
)


class TableRow(NamedTuple):
    """Cells of a row, and the line at which it ends, from 1."""

    line: int
    cells: list[str]


def table_text(data: bytes, file: str, refused: type[InputError]) -> str:
    """The text of a CSV file; ``refused`` where it is something else."""
    for starts, message, hint in _KINDS:
        if data.startswith(starts):
            raise refused([Problem(message, hint=hint, file=file)])
    if b"\0" in data:
        line = data[: data.index(b"\0")].count(b"\n") + 1
        hint = "it is damaged, or not UTF-8: save it as UTF-8"
        raise refused([Problem("the file holds bytes that are 0, which no text has", hint=hint, file=file, line=line)])
    return decoded(data, file, refused)


def table_rows(text: str, delimiter: str, file: str, refused: type[InputError]) -> list[TableRow]:
    """The rows that hold anything; ``refused`` with the line of what is no CSV."""
    if text[:4].lower() == "sep=":
        hint = "delete this line; in a scenario: set profiles.skip_lines: 1 and the separator"
        raise refused([Problem("the first line tells a spreadsheet the separator", "", text[:5], hint, file, 1)])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return [TableRow(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        hint = "look for a quotation mark that is not closed, in this line or above"
        raise refused([Problem(f"not a CSV file: {error}", hint=hint, file=file, line=reader.line_num)]) from None
