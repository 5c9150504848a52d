"""Learning curves: CSV always, TensorBoard if asked. What depends on the machine stands in a file of its own."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from marketsim.core.errors import RunError
from marketsim.core.learner import Row

CURVES: Final = "training.csv"
AGENTS: Final = "training_agents.csv"
SPEED: Final = "speed.csv"
TENSORBOARD: Final = "tensorboard"


class Columns(NamedTuple):
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

    Rows after update ``kept`` are dropped: a resumed training writes them again. RunError for a name that stands twice.
    """

    def __init__(self, folder: Path, kept: int, columns: Columns, *, tensorboard: bool = False) -> None:
        self._columns = {
            CURVES: _heading(Row._fields[:-1], columns.updates),
            AGENTS: _heading(AgentRow._fields[:-1], columns.agents),
            SPEED: SpeedRow._fields,
        }
        self._files = {name: _opened(folder / name, names, kept) for name, names in self._columns.items()}
        self._board: Any = _board(folder / TENSORBOARD, kept) if tensorboard else None

    def add(self, row: Row, agents: Sequence[AgentRow], speed: SpeedRow) -> None:
        """Append an update."""
        update = _flat(row)
        for name, rows in ((CURVES, [update]), (AGENTS, [_flat(each) for each in agents]), (SPEED, [speed._asdict()])):
            self._files[name].write(_lines([[_text(each[column]) for column in self._columns[name]] for each in rows]))
            self._files[name].flush()
        if self._board is not None:
            for name, value in update.items():
                if name != "update" and not math.isnan(value):
                    self._board.add_scalar(name, value, row.update)

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
    """Columns of the learning curves in a folder; NaN where undefined."""
    with (folder / CURVES).open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    return {name: [float(row[name] or "nan") for row in rows] for name in reader.fieldnames or ()}


def _heading(counts: Sequence[str], values: Sequence[str]) -> tuple[str, ...]:
    """Columns of a table; a game may not call a part as a column is called already."""
    names = (*counts, *values)
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise RunError(f"the game calls a part {twice[0]!r}, which is a column of the learning curves already")
    return names


def _flat(row: Row | AgentRow) -> dict[str, Any]:
    counts = row._asdict()
    values = counts.pop("values")
    return {**counts, **values}


def _text(value: float | int | str) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(float(value))
    return str(value)


def _lines(rows: Sequence[Sequence[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def _opened(path: Path, columns: Sequence[str], kept: int) -> io.TextIOWrapper:
    """The file with its head and the rows of updates up to ``kept``, open at its end."""
    text = _lines([columns])
    if kept and path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))[1:]
        text += _lines([row for row in rows if len(row) == len(columns) and int(row[0]) <= kept])
    temporary = path.with_name(path.name + ".partial")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    os.replace(temporary, path)
    return path.open("a", encoding="utf-8", newline="\n")


def _board(folder: Path, kept: int) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=kept + 1 if kept else None)
