"""Learning curves: CSV always, TensorBoard if asked. What depends on the machine stands in a file of its own."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, NamedTuple, Self, get_type_hints

from marketsim.core import files
from marketsim.core.errors import CheckpointError
from marketsim.learning.curve_rows import as_csv, kept_rows, rows_of

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

    Rows after update ``kept`` are dropped: a resumed training writes them again. CheckpointError where one until then is
    missing, before anything is written; the file of speeds may be missing, since nothing depends on it.
    """

    def __init__(self, folder: Path, kept: int, agents: Sequence[str], *, tensorboard: bool = False) -> None:
        earlier = {name: _earlier(folder / name, kind, kept, agents) for kind, name in _FILES.items()}
        self._files = {kind: _opened(folder / name, kind, earlier[name]) for kind, name in _FILES.items()}
        self._board: Any = _board(folder / TENSORBOARD, kept) if tensorboard else None

    def add(self, row: Row, agents: Sequence[AgentRow], speed: SpeedRow) -> None:
        """Append an update."""
        for kind, rows in ((Row, [row]), (AgentRow, agents), (SpeedRow, [speed])):
            self._files[kind].write(as_csv([[_text(value) for value in each] for each in rows]))
            self._files[kind].flush()
        if self._board is not None:
            for name, value in row._asdict().items():
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


_FILES: Final[dict[type[Row | AgentRow | SpeedRow], str]] = {Row: CURVES, AgentRow: AGENTS, SpeedRow: SPEED}


def _kinds(kind: type[Row | AgentRow | SpeedRow]) -> dict[str, str]:
    """Columns of a file with the types of their values."""
    return {name: each.__name__ for name, each in get_type_hints(kind).items()}


def read_curves(folder: Path) -> dict[str, list[float]]:
    """Columns of the learning curves in a folder, NaN where undefined; CheckpointError where there are none."""
    rows = rows_of(folder / CURVES, _kinds(Row))
    return {name: [float(row[place] or "nan") for row in rows] for place, name in enumerate(Row._fields)}


def _text(value: float | int | str) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(float(value))
    return str(value)


def _earlier(path: Path, kind: type[Row | AgentRow | SpeedRow], kept: int, agents: Sequence[str]) -> list[list[str]]:
    """Rows of a resumed training that stay."""
    if not kept:
        return []
    if kind is not SpeedRow:
        return kept_rows(path, _kinds(kind), kept, agents)
    try:
        return [row for row in rows_of(path, _kinds(kind)) if int(row[0]) <= kept]
    except CheckpointError:
        return []


def _opened(path: Path, kind: type[Row | AgentRow | SpeedRow], rows: Sequence[Sequence[str]]) -> IO[str]:
    """The file with its head and ``rows``, open at its end."""
    files.replace(path, as_csv([kind._fields, *rows]), durable=False)
    return files.append_to(path)


def _board(folder: Path, kept: int) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    files.make_folder(folder)
    return SummaryWriter(str(folder), purge_step=kept + 1 if kept else None)
