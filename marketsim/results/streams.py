"""Tables on their way to the disk.

While a run goes, each table is an Arrow stream that can be read up to its last whole batch, whatever kills the process.
When the run is complete the streams become Parquet, a row group for each group of slots, and are renamed into place.
A batch carries the number of its group, so that batches written early (in a slow run) do not change the final bytes.
What was gathered last is held until more comes, so that a run of one group never takes the way through a stream.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain, groupby, islice
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from marketsim.core import files
from marketsim.results.parquet import demand_file

STREAM_SUFFIX: Final = ".arrows"
FINAL_SUFFIX: Final = ".parquet"

_GROUP: Final = b"group"
_DAMAGED: Final = (OSError, ValueError, TypeError, KeyError, MemoryError, pa.ArrowException)
"""What reading a damaged stream raises."""
_FILE_BUFFER: Final = 1 << 20  # many small writes are slow on some file systems


class TableBatch(NamedTuple):
    """A piece of a table and the group of slots that it belongs to."""

    group: int
    data: pa.RecordBatch


class DiskSink:
    """A table in a run folder."""

    def __init__(self, folder: Path, name: str, schema: pa.Schema) -> None:
        self._stream_path = folder / (name + STREAM_SUFFIX)
        self._final_path = folder / (name + FINAL_SUFFIX)
        self._partial_path = files.partial_path(self._final_path)
        self._schema = schema
        self._held: list[TableBatch] = []
        self._file: IO[bytes] | None = None
        self._stream: Any = None
        self.rows = 0
        """Rows taken in."""

    def hold(self, batch: TableBatch) -> None:
        """Take in the next batch."""
        self._held.append(batch)
        self.rows += batch.data.num_rows

    def spill(self) -> None:
        """Append what is held to the stream; it has reached the operating system when this returns."""
        held, self._held = self._held, []  # never written twice, also where writing fails half-way
        for batch in held:
            if self._file is None:
                self._file = files.create(self._stream_path, buffering=_FILE_BUFFER)
                options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
                self._stream = pa.ipc.new_stream(self._file, self._schema, options=options)
            self._stream.write_batch(batch.data, custom_metadata={_GROUP: str(batch.group).encode()})
            self._file.flush()

    def close(self) -> None:
        """End the stream and close its file, whether or not the end can be written."""
        if self._file is None or self._file.closed:
            return
        try:
            self._stream.close()
        finally:
            self._file.close()

    def convert(self) -> None:
        """Write everything as Parquet beside the final place, down to the disk. OSError if the stream lost rows."""
        spilt = read_stream(self._stream_path) if self._file is not None else iter(())
        rows = write_parquet(self._partial_path, self._schema, chain(spilt, self._held))
        if rows != self.rows:
            raise OSError(f"{self._stream_path.name} gives back {rows} of {self.rows} rows")

    def place(self) -> None:
        """Rename the Parquet file into place."""
        self._partial_path.replace(self._final_path)

    def discard_partial(self) -> None:
        """Remove a Parquet file that was not finished."""
        self._partial_path.unlink(missing_ok=True)

    def discard_stream(self) -> None:
        """Remove the stream: the Parquet file is in place."""
        self.close()
        self._stream_path.unlink(missing_ok=True)


class MemorySink:
    """A table kept in memory."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._batches: list[pa.RecordBatch] = []

    def hold(self, batch: TableBatch) -> None:
        """Take in the next batch."""
        self._batches.append(batch.data)

    def spill(self) -> None:
        """Memory is as safe as it gets."""

    def close(self) -> None:
        """Nothing to release."""

    def table(self) -> pa.Table:
        """Everything taken in so far."""
        return pa.Table.from_batches(self._batches, self._schema)


Sink = DiskSink | MemorySink
"""Where a table's batches go."""


def read_stream(path: Path) -> Iterator[TableBatch]:
    """Whole batches of a stream, in order; one that the end of the file cuts off ends it like the end itself."""
    with pa.memory_map(str(path)) as file:
        try:
            reader = pa.ipc.open_stream(file)
            while True:
                data, metadata = reader.read_next_batch_with_custom_metadata()
                data.validate(full=True)
                yield TableBatch(int(metadata[_GROUP]), data)
        except (StopIteration, *_DAMAGED):
            return


def count_batches(path: Path) -> int:
    """Whole batches in a stream; 0 where there is none."""
    return sum(1 for _ in read_stream(path)) if os.path.lexists(path) and demand_file(path) else 0


def stream_table(path: Path, most: int) -> pa.Table:
    """The first whole batches of a stream, at most so many; without columns where not even those were written."""
    if not os.path.lexists(path) or not demand_file(path):
        return pa.table({})
    batches = [batch.data for batch in islice(read_stream(path), most)]
    if batches:
        return pa.Table.from_batches(batches)
    try:
        with pa.memory_map(str(path)) as file:
            return pa.ipc.open_stream(file).schema.empty_table()
    except _DAMAGED:
        return pa.table({})


def write_parquet(path: Path, schema: pa.Schema, batches: Iterator[TableBatch]) -> int:
    """Write batches, a row group for each of their groups, down to the disk; returns the number of rows."""
    rows = 0
    with files.create(path, buffering=_FILE_BUFFER) as file:
        with _parquet_writer(file, schema) as writer:
            for _, group in groupby(batches, key=lambda batch: batch.group):
                table = pa.Table.from_batches([batch.data for batch in group], schema)
                if table.num_rows:
                    writer.write_table(table, row_group_size=table.num_rows)
                    rows += table.num_rows
        file.flush()
        os.fsync(file.fileno())
    return rows


def _parquet_writer(file: IO[bytes], schema: pa.Schema) -> Any:
    """A writer whose bytes depend on the tables alone: fixed settings, no times, no names of machines.

    Integers are packed by their differences, floats split by bytes: half the time and less space than plain pages.
    """
    encodings = {field.name: _encoding(field.type) for field in schema}
    return pq.ParquetWriter(
        file,
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=[name for name, encoding in encodings.items() if not encoding],
        column_encoding={name: encoding for name, encoding in encodings.items() if encoding},
    )


def _encoding(kind: pa.DataType) -> str:
    """Encoding of a column; empty for texts and names, which go into a dictionary."""
    if pa.types.is_floating(kind):
        return "BYTE_STREAM_SPLIT"
    if pa.types.is_integer(kind) or pa.types.is_timestamp(kind):
        return "DELTA_BINARY_PACKED"
    return "PLAIN" if pa.types.is_boolean(kind) else ""
