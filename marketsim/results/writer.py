"""Writes a run while it goes: bounded memory, readable after a kill, complete in one step."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import IO, Final, Self

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]

from marketsim.core.arrays import FloatArray
from marketsim.core.blame import said
from marketsim.core.errors import RunError
from marketsim.core.face import worded
from marketsim.core.files import append_to
from marketsim.core.metric import Value
from marketsim.core.records import SlotRecord
from marketsim.results import folder as folders
from marketsim.results.book_buffer import BookBuffer
from marketsim.results.buffers import AgentBuffer, Arrays, DealBuffer, SlotBuffer, VoltageBuffer
from marketsim.results.manifests import RUN as KEYS
from marketsim.results.reader import Run, RunViews, open_run
from marketsim.results.session import FolderKind, Session
from marketsim.results.streams import DiskSink, MemorySink, Sink, TableBatch
from marketsim.results.table_columns import TableLayout, columns, schema

_MOST_ROWS: Final = 131_072
"""Rows of any table gathered before they are written: bounds the memory of runs with very many agents."""
_MOST_SECONDS: Final = 5.0
"""Longest time for which a slow run keeps slots from the disk."""
_CONVERTERS: Final = 2
"""Tables that become Parquet side by side; nearly all of that is compression, which needs no interpreter."""


RUN: Final = FolderKind("a run", folders.FORMAT, KEYS, resumable=False)


class RunWriter:
    """Takes the records of a run, slot by slot; a context manager.

    Leaving it without ``finish`` keeps what was written; the status is ``interrupted`` or, after an error, ``failed``.

    Parameters
    ----------
    folder
        Run folder to make; None: tables in memory.
    layout
        What the tables depend on.
    manifest
        Facts about the run for ``manifest.json``: seed, versions, scenario hash, plugins, platform.
    scenario_text
        The resolved scenario.
    force
        Replace the run that is there. Without it, and for any folder that is no run: RunFolderError.
    """

    def __init__(
        self,
        folder: Path | None,
        layout: TableLayout,
        *,
        manifest: Mapping[str, object],
        scenario_text: str,
        force: bool = False,
    ) -> None:
        self.folder = folder
        self._scenario_text = scenario_text
        self._schemas = {name: schema(table) for name, table in columns(layout).items()}
        self._capacity = max(1, min(layout.slots_per_day, _MOST_ROWS // max(layout.community.n_agents, 1)))
        self._slots_per_day = layout.slots_per_day
        self._slots = SlotBuffer(layout)
        self._agents = AgentBuffer(layout, self._capacity)
        self._deals = DealBuffer(layout)
        self._asked_for: dict[str, BookBuffer | VoltageBuffer] = {
            **({"book": BookBuffer(layout, self._capacity)} if layout.book else {}),
            **({"voltages": VoltageBuffer(layout, self._capacity)} if layout.voltages else {}),
        }
        """Of the tables that not every run has."""
        self._gathered: list[int] = []
        self._in_group = 0
        self._group = 0
        self._last_spill = time.monotonic()
        self._critic: IO[str] | None = None
        self._critiques: list[dict[str, object]] = []
        self._open = True
        self._session = Session(folder, RUN, force=force)
        agents = {"agents": list(layout.community.names), "agent_markets": layout.community.market.tolist()}
        self._session.begin({**agents, **manifest}, {folders.SCENARIO: scenario_text}, durable=False)
        self._sinks: Mapping[str, Sink] = {
            name: MemorySink(table) if folder is None else DiskSink(folder, name, table)
            for name, table in self._schemas.items()
        }

    def add(
        self,
        record: SlotRecord,
        slot_columns: Mapping[str, Value],
        reference: SlotRecord | None = None,
        planned: FloatArray | None = None,
    ) -> None:
        """Take in the next slot, with the layout's ``slot_columns`` by name, and the same slot of the reference run.

        ``planned``: set-points of all agents as experts plan them, where the layout has them [5, n_agents]; NaN: not planned.
        """
        if not self._gathered:
            self._spill()  # of the last group, now that the run goes on
        row = len(self._gathered)
        self._slots.put(record, slot_columns)
        self._agents.put(row, record, reference, planned)
        self._deals.put(record)
        for buffer in self._asked_for.values():
            buffer.put(row, record)
        self._gathered.append(record.inputs.time.slot)
        self._in_group += 1
        day_ends = record.inputs.time.of_day + 1 == self._slots_per_day
        if day_ends or self._in_group >= self._capacity or self._deals.rows >= _MOST_ROWS:
            self._hold_gathered()
            self._group += 1
            self._in_group = 0
        elif time.monotonic() - self._last_spill > _MOST_SECONDS:
            self._hold_gathered()
            self._spill()

    def critique(self, entry: Mapping[str, object]) -> None:
        """Append a critique to ``critic.jsonl``."""
        if self.folder is None:
            self._critiques.append(dict(entry))
            return
        with self._guarded():
            if self._critic is None:
                self._critic = append_to(self.folder / folders.CRITIC)
            self._critic.write(json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n")

    def note(self, facts: Mapping[str, object]) -> None:
        """Add facts to the manifest that the run brought to light."""
        self._session.note(facts)

    def finish(self, summary: Mapping[str, object], views: RunViews | None = None) -> Run:
        """Complete the run: all tables and the summary in place, then the manifest says so. Returns the run."""
        summary_text = folders.json_text(summary)
        self._hold_gathered()
        if self.folder is None:
            self._open = False
            self._session.end(folders.COMPLETE)
            return Run(
                manifest=self._session.manifest,
                summary=json.loads(summary_text),
                scenario_text=self._scenario_text,
                tables={name: sink.table() for name, sink in self._sinks.items() if isinstance(sink, MemorySink)},
                critiques=self._critiques,
                views=views,
            )
        with self._guarded():
            self._complete(self.folder, summary_text)
        return open_run(self.folder, views)

    def _complete(self, folder: Path, summary_text: str) -> None:
        sinks = self._disk_sinks()
        with ThreadPoolExecutor(_CONVERTERS) as pool:
            list(pool.map(DiskSink.convert, sinks))
        if self._critic:
            self._critic.close()
        folders.write_text(folder / folders.SUMMARY, summary_text)
        for sink in sinks:
            sink.place()
        self._session.end(folders.COMPLETE)
        _sync_folder(folder)
        self._open = False
        for sink in sinks:  # from here on the Parquet files are the run, whether or not the streams go
            with contextlib.suppress(OSError):
                sink.discard_stream()

    def _disk_sinks(self) -> list[DiskSink]:
        return [sink for sink in self._sinks.values() if isinstance(sink, DiskSink)]

    def abort(self, status: str = folders.INTERRUPTED, error: str = "") -> None:
        """End the run without completing it: keep what there is, say why. Of no effect on a finished run."""
        if not self._open:
            return
        self._hold_gathered()
        self._spill()
        self._close(status, error)

    def _close(self, status: str, error: str) -> None:
        """Keep what can be kept: a full disk may take no more, then the end of the process tells the status."""
        self._open = False
        sinks = self._disk_sinks()
        steps: list[Callable[[], object]] = [sink.discard_partial for sink in sinks]
        steps += [step for sink in sinks for step in (sink.spill, sink.close)]
        steps += [self._critic.close] if self._critic else []
        steps.append(partial(self._session.end, status, error))
        for step in steps:
            with contextlib.suppress(OSError, pa.ArrowInvalid):
                step()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        if error is None or isinstance(error, KeyboardInterrupt):
            self.abort(folders.INTERRUPTED)
        else:
            self.abort(folders.FAILED, said(error))

    def _hold_gathered(self) -> None:
        """Hand the gathered columns of all tables to their sinks."""
        if not self._gathered:
            return
        slots = np.array(self._gathered, dtype=np.int64)
        self._gathered.clear()
        trades, rejects = self._deals.take(len(slots))  # of the next, an interrupt may have left a part
        columns: dict[str, Arrays] = {
            "slots": self._slots.take(self._schemas["slots"], len(slots)),
            "agents": self._agents.take(slots),
            "trades": trades,
            "rejects": rejects,
            **{name: buffer.take(slots) for name, buffer in self._asked_for.items()},
        }
        for name, arrays in columns.items():
            own = self._schemas[name]
            batch = pa.record_batch([arrays[column] for column in own.names], schema=own)
            self._sinks[name].hold(TableBatch(self._group, batch))

    def _spill(self) -> None:
        self._last_spill = time.monotonic()
        with self._guarded():
            for sink in self._sinks.values():
                sink.spill()
            if self._critic:
                self._critic.flush()

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """A disk that takes no more ends the run with the status ``failed`` and a RunError that says so."""
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            self._close(folders.FAILED, reason)
            raise RunError(
                f"cannot write the run to {self.folder}: {reason}. What was written before can be opened. "
                f"{worded('Free space, or choose another --out, and run it again.')}"
            ) from error


def _sync_folder(folder: Path) -> None:
    """Make the new names of a folder's files last; a no-op where folders cannot be synced."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
