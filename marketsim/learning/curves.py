"""Learning curves: CSV always, TensorBoard if asked. What depends on the machine stands in a file of its own."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, NamedTuple, Self

from marketsim.core import files
from marketsim.core.errors import Problem, RunFolderError

CURVES: Final = "training.csv"
AGENTS: Final = "training_agents.csv"
SPEED: Final = "speed.csv"
TENSORBOARD: Final = "tensorboard"
MOST_BYTES: Final = 2**30
"""Of a file of curves."""


class Row(NamedTuple):
    """An update; returns are sums over an episode, means over agents and episodes."""

    update: int
    """From 1."""
    episodes: int
    """Played until then, of all markets."""
    agent_steps: int
    """Decisions made until then."""
    learning_rate: float
    total: float
    """Return: economic and shaping."""
    economic: float
    shaping: float
    lowest: float
    """Return of the agent that earned least."""
    ftg: float
    """Mean score over slots and markets where it is defined."""
    fbs: float
    fpp: float
    kl: float
    """Mean over agents of the divergence of this update [nat]."""
    highest_kl: float
    """Of the agent whose policy moved most [nat]."""
    entropy: float
    """Of the policies, all heads together [nat]."""
    clipped: float
    """Share of decisions beyond the clip range."""
    policy_loss: float
    """Clipped loss of the policies after the update, advantages standardised."""
    explained_variance: float
    """Of the returns by the critics before the update."""
    stopped: int
    """Agents whose update the trust region ended."""
    undone: int
    """Agents whose last epoch the trust region undid."""


class AgentRow(NamedTuple):
    """An agent in an update."""

    update: int
    agent: str
    total: float
    economic: float
    shaping: float
    kl: float
    entropy: float
    epochs: int
    """That count, undone ones left out."""
    stopped: int
    undone: int


class SpeedRow(NamedTuple):
    """How long an update took."""

    update: int
    playing_s: float
    learning_s: float
    agent_steps_per_s: float


class Progress(NamedTuple):
    """Where a training stands."""

    row: Row
    updates: int
    """In the whole training."""
    agent_steps_per_s: float
    """Of the last update, playing and learning together."""


class Curves:
    """Writes the rows of a training as it goes; a context manager.

    Rows after update ``kept`` are dropped: a resumed training writes them again.
    """

    def __init__(self, folder: Path, kept: int, *, tensorboard: bool = False) -> None:
        self._files = {
            kind: _opened(folder / name, kind._fields, kept)
            for kind, name in ((Row, CURVES), (AgentRow, AGENTS), (SpeedRow, SPEED))
        }
        self._board: Any = _board(folder / TENSORBOARD, kept) if tensorboard else None

    def add(self, row: Row, agents: Sequence[AgentRow], speed: SpeedRow) -> None:
        """Append an update."""
        for kind, rows in ((Row, [row]), (AgentRow, agents), (SpeedRow, [speed])):
            self._files[kind].write(_lines([[_text(value) for value in each] for each in rows]))
            self._files[kind].flush()
        if self._board is not None:
            for name, value in row._asdict().items():
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
    """Columns of the learning curves in a folder; NaN where undefined. RunFolderError for a file that holds none."""
    path = folder / CURVES
    rows = list(csv.reader(io.StringIO(files.read_text(path, MOST_BYTES, RunFolderError, links=False))))
    if not rows or tuple(rows[0]) != Row._fields:
        raise RunFolderError(
            [Problem("these are no learning curves", file=str(path), hint=f"a head of {len(Row._fields)} columns")]
        )
    problems = [
        Problem(
            "this row is no update",
            "",
            ", ".join(row)[:60].encode("ascii", "replace").decode(),
            file=str(path),
            line=place,
        )
        for place, row in enumerate(rows[1:], start=2)
        if len(row) != len(Row._fields) or not all(not cell or _is_finite(cell) for cell in row)
    ]
    if problems:
        raise RunFolderError(problems[:20])
    return {name: [float(row[place] or "nan") for row in rows[1:]] for place, name in enumerate(Row._fields)}


def _is_finite(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _text(value: float | int | str) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(float(value))
    return str(value)


def _lines(rows: Sequence[Sequence[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def _opened(path: Path, columns: Sequence[str], kept: int) -> IO[str]:
    """The file with its head and the rows of updates up to ``kept``, open at its end."""
    text = _lines([columns])
    if kept and (path.exists() or path.is_symlink()):
        rows = list(csv.reader(io.StringIO(files.read_text(path, MOST_BYTES, RunFolderError, links=False))))[1:]
        text += _lines([row for row in rows if len(row) == len(columns) and row[0].isdecimal() and int(row[0]) <= kept])
    files.replace(path, text, durable=False)
    return files.append_to(path)


def _board(folder: Path, kept: int) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    files.make_folder(folder)
    return SummaryWriter(str(folder), purge_step=kept + 1 if kept else None)
