"""Learning curves: CSV always, TensorBoard if asked. What depends on the machine stands in a file of its own."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, NamedTuple, Self

from marketsim.core import files
from marketsim.core.errors import CheckpointError, RunError
from marketsim.core.learner import Row
from marketsim.learning.curve_rows import as_csv, kept_rows, named_rows, rows_of

CURVES: Final = "training.csv"
AGENTS: Final = "training_agents.csv"
SPEED: Final = "speed.csv"
TENSORBOARD: Final = "tensorboard"
COUNTS: Final = Row._fields[:-1]
"""Columns that every learner's updates begin with."""


class CurveColumns(NamedTuple):
    """Names of the values of an update, and of those of an agent in it, as game and learner declare them."""

    updates: tuple[str, ...]
    agents: tuple[str, ...]


class AgentRow(NamedTuple):
    """An agent in an update."""

    update: int
    agent: str
    values: Mapping[str, float]


class SpeedRow(NamedTuple):
    """How long an update took."""

    update: int
    playing_s: float
    learning_s: float
    agent_steps_per_s: float


class Curves:
    """Writes the rows of a training as it goes; a context manager.

    Rows after update ``kept`` are dropped: a resumed training writes them again. CheckpointError where one until then is
    missing, before anything is written; the file of speeds may be missing, since nothing depends on it. RunError where the
    game calls a part as a column is called already.
    """

    def __init__(
        self, folder: Path, kept: int, columns: CurveColumns, agents: Sequence[str], *, tensorboard: bool = False
    ) -> None:
        self._columns = {
            CURVES: _heading(dict.fromkeys(COUNTS, "int"), columns.updates),
            AGENTS: _heading({"update": "int", "agent": "str"}, columns.agents),
            SPEED: _heading({"update": "int"}, SpeedRow._fields[1:]),
        }
        earlier = {name: _earlier(folder / name, kinds, kept, agents) for name, kinds in self._columns.items()}
        self._files = {name: _opened(folder / name, self._columns[name], rows) for name, rows in earlier.items()}
        self._board: Any = _board(folder / TENSORBOARD, kept) if tensorboard else None

    def add(self, row: Row, agents: Sequence[AgentRow], speed: SpeedRow) -> None:
        """Append an update."""
        update = _flat(row)
        for name, rows in ((CURVES, [update]), (AGENTS, [_flat(each) for each in agents]), (SPEED, [speed._asdict()])):
            self._files[name].write(as_csv([[_text(each[column]) for column in self._columns[name]] for each in rows]))
            self._files[name].flush()
        if self._board is not None:
            for name, value in update.items():
                if name != "update" and not math.isnan(value):
                    self._board.add_scalar(name, value, row.update)

    def sync(self) -> None:
        """Put what was added down to the disk: a checkpoint must not be there without its rows."""
        for file in self._files.values():
            os.fsync(file.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for file in self._files.values():
            with suppress(OSError):  # each line was flushed when it was written, or that failed already
                file.close()
        if self._board is not None:
            self._board.close()


def read_curves(folder: Path) -> dict[str, list[float]]:
    """Columns of the learning curves in a folder, NaN where undefined; CheckpointError where there are none."""
    names, rows = named_rows(folder / CURVES, COUNTS)
    return {name: [float(row[place] or "nan") for row in rows] for place, name in enumerate(names)}


def read_seconds(folder: Path, updates: int) -> list[float]:
    """What playing and learning took in each of so many updates [s]; NaN throughout where the file of speeds is not whole."""
    columns = _heading({"update": "int"}, SpeedRow._fields[1:])
    try:
        rows = rows_of(folder / SPEED, columns)
    except CheckpointError:
        rows = []
    if [int(row[0]) for row in rows[:updates]] != list(range(1, updates + 1)):
        return [math.nan] * updates
    return [float(row[1]) + float(row[2]) for row in rows[:updates]]


def _heading(first: Mapping[str, str], values: Sequence[str]) -> dict[str, str]:
    """Columns of a table with the types of their values; a game may not call a part as a column is called already."""
    names = (*first, *values)
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise RunError(f"the game calls a part {twice[0]!r}, which is a column of the learning curves already")
    return {**first, **dict.fromkeys(values, "float")}


def _flat(row: Row | AgentRow) -> dict[str, Any]:
    counts = row._asdict()
    values = counts.pop("values")
    return {**counts, **values}


def _text(value: float | int | str) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(float(value))
    return str(value)


def _earlier(path: Path, columns: Mapping[str, str], kept: int, agents: Sequence[str]) -> list[list[str]]:
    """Rows of a resumed training that stay."""
    if not kept:
        return []
    if path.name != SPEED:
        return kept_rows(path, columns, kept, agents)
    try:
        return [row for row in rows_of(path, columns) if int(row[0]) <= kept]
    except CheckpointError:
        return []


def _opened(path: Path, columns: Mapping[str, str], rows: Sequence[Sequence[str]]) -> IO[str]:
    """The file with its head and ``rows``, open at its end."""
    files.replace(path, as_csv([list(columns), *rows]), durable=False)
    return files.append_to(path)


def _board(folder: Path, kept: int) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    files.make_folder(folder)
    return SummaryWriter(str(folder), purge_step=kept + 1 if kept else None)
