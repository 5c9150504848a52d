"""Reads the rows of learning curves: what a training wrote, and nothing that merely looks like it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from marketsim.core.errors import CheckpointError, Problem
from marketsim.core.files import MIB, read_text
from marketsim.core.plain_text import plain

_MOST_BYTES: Final = 2048 * MIB
_LARGEST: Final = 1e100
"""Of a return or a divergence; figures of such numbers can be drawn."""
_AGENT: Final = "agent"
_RESTORE: Final = "put back the file that the training wrote, or train anew into another --out"


def rows_of(path: Path, columns: Mapping[str, str]) -> list[list[str]]:
    """Rows of a curve's file below its head, a last one that a kill cut off left out.

    ``columns`` are its names with the types of their values (``int``, ``float``, ``str``). CheckpointError with the line
    of what is no row, for another head, and where there is no such file.
    """
    wanted = list(columns)
    return _table(path, lambda head: columns if list(head) == wanted else None)[1]


def named_rows(path: Path, counts: Sequence[str]) -> tuple[tuple[str, ...], list[list[str]]]:
    """Names and rows of a curve's file whose columns begin with ``counts``, whole numbers; the others are numbers.

    CheckpointError as for ``rows_of``.
    """

    def kinds(head: Sequence[str]) -> Mapping[str, str] | None:
        if tuple(head[: len(counts)]) != tuple(counts) or len(set(head)) < len(head):
            return None
        return {name: "int" if name in counts else "float" for name in head}

    return _table(path, kinds)


def _table(
    path: Path, kinds_of: Callable[[Sequence[str]], Mapping[str, str] | None]
) -> tuple[tuple[str, ...], list[list[str]]]:
    """Names and rows; ``kinds_of`` gives the types of the columns that a head names, None where they are others."""
    if not path.exists() and not path.is_symlink():
        message = "the learning curves of this training are missing"
        raise CheckpointError([Problem(message, file=str(path), hint=_RESTORE)])
    text = read_text(path, _MOST_BYTES, CheckpointError, links=False)
    reader = csv.reader(io.StringIO(text[: text.rfind("\n") + 1], newline=""), strict=True)  # each line has its end
    rows: list[list[str]] = []
    columns: Mapping[str, str] | None = None
    try:
        for row in reader:
            if not rows:
                columns = kinds_of(row)
            fault = "its columns are others" if columns is None else _fault(row, columns) if rows else ""
            if fault:
                raise _refusal(path, f"these are no learning curves of this version: {fault}", reader.line_num)
            rows.append(row)
    except csv.Error as error:
        raise _refusal(path, f"these are no learning curves: {plain(str(error))}", reader.line_num) from error
    if not rows:
        raise _refusal(path, "the learning curves of this training are empty", 0)
    return tuple(rows[0]), rows[1:]


def kept_rows(path: Path, columns: Mapping[str, str], kept: int, agents: Sequence[str]) -> list[list[str]]:
    """The rows of updates 1 to ``kept``; later ones are left out. CheckpointError where one of them is missing.

    Each update has one row, or where the second column is ``agent`` one for each of the ``agents``, in order.
    """
    rows = [row for row in rows_of(path, columns) if int(row[0]) <= kept]
    of_update: Sequence[str] = agents if tuple(columns)[1] == _AGENT else [""]
    if len(rows) != kept * len(of_update):
        found = f"{len(rows)} rows of {kept * len(of_update)}"
        raise _refusal(
            path, f"the learning curves do not reach the checkpoint, which stands at update {kept}", 0, found
        )
    for place, row in enumerate(rows):
        update, agent = place // len(of_update) + 1, of_update[place % len(of_update)]
        if int(row[0]) != update or (agent and row[1] != agent):
            wanted = f"update {update}" + (f" of {plain(agent, 80)}" if agent else "")
            raise _refusal(path, f"the learning curves are not in order: {wanted} should stand here", place + 2)
    return rows


def _fault(row: Sequence[str], columns: Mapping[str, str]) -> str:
    if len(row) != len(columns):
        return f"it has {len(row)} values, not {len(columns)}"
    for value, (name, kind) in zip(row, columns.items(), strict=True):
        if kind != "str" and not _is_number(value, whole=kind == "int"):
            return f"{name} is {plain(value, 40)!r}"
    return ""


def _is_number(text: str, *, whole: bool) -> bool:
    if whole:
        return text.isascii() and text.isdecimal() and len(text) < 19
    try:
        return text == "" or abs(float(text)) <= _LARGEST  # refuses NaN, too
    except ValueError:
        return False


def _refusal(path: Path, message: str, line: int, seen: str = "") -> CheckpointError:
    return CheckpointError([Problem(message, "", seen, _RESTORE, str(path), line)])


def as_csv(rows: Sequence[Sequence[str]]) -> str:
    """Rows as lines of CSV."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()
