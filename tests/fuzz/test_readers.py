"""Every reader on mutated files: a clear refusal or a right result, whatever is wrong with the file.

Never a traceback, more than 10 s or 2 GB, a file outside the folder, an import, a process or a connection. The mutations
are functions of their number; ``--tier`` says how many: 20 (quick), 100 (full) or 2,000 (nightly) for each reader.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
READERS = (
    *(
        "scenario",
        "extends",
        "prices",
        "series",
        "series_parquet",
        "series_guessed",
        "series_parquet_guessed",
        "given",
        "plans",
        "net",
        "described",
        "run",
        "tables",
        "interrupted",
        "study",
    ),
    *("resumed_study", "training", "resumed_training", "checkpoint", "surrogate", "replay", "samples", "answers"),
)
MUTATIONS = {"quick": 20, "full": 100, "nightly": 2_000}
MOST_CPU_S, MOST_WALL_S, MOST_MB = 10.0, 90.0, 2_048


class Worker:
    """A process that reads mutations; another one where it died or hangs."""

    def __init__(self, artefacts: Path, reader: str, folder: Path, environment: dict[str, str]) -> None:
        self._command = [sys.executable, str(HERE / "worker.py"), str(artefacts), reader]
        self._folder, self._environment = folder, environment

    def rows(self, count: int) -> Iterator[dict[str, Any]]:
        """What became of each of the first ``count`` mutations."""
        first = 0
        while first < count:
            for row in self._from(first, count):
                first = row["n"] + 1
                yield row

    def _from(self, first: int, count: int) -> Iterator[dict[str, Any]]:
        """Rows from ``first`` on; the last one says so where the process did not come to its end."""
        errors = self._folder / "errors.txt"
        with errors.open("w") as file, subprocess.Popen(
            [*self._command, str(first), str(count - first), str(self._folder)],
            stdout=subprocess.PIPE, stderr=file, env=self._environment,
        ) as process:  # fmt: skip
            current = first
            for line in _lines(process):
                found = json.loads(line)
                assert "broken" not in found, f"the file as written is refused: {found['broken']}"
                current = found.get("next", current)
                if "outcome" in found:
                    yield found
                    current = found["n"] + 1
            process.kill()
            process.wait()
        if current < count:
            said = f"ended with {process.returncode} or took more than {MOST_WALL_S} s: {errors.read_text()[-300:]}"
            yield {"n": current, "how": "?", "outcome": "fault", "said": said, "cpu_s": 0.0, "peak_mb": 0}


def _lines(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """Whole lines, until the process ends or says nothing for too long."""
    assert process.stdout is not None
    handle, held, until = process.stdout.fileno(), b"", time.monotonic() + 3 * MOST_WALL_S
    while select.select([handle], [], [], max(until - time.monotonic(), 0.0))[0]:
        more = os.read(handle, 1 << 16)
        if not more:
            return
        *whole, held = (held + more).split(b"\n")
        yield from whole
        until = time.monotonic() + MOST_WALL_S


def faults(row: dict[str, Any]) -> list[str]:
    found = [row["said"]] if row["outcome"] == "fault" else []
    found += [f"took {row['cpu_s']} s"] if row["cpu_s"] > MOST_CPU_S else []
    found += [f"took {row['peak_mb']} MB"] if row["peak_mb"] > MOST_MB else []
    return [f"{row['n']} {row['how']}: {each}" for each in found]


@pytest.mark.parametrize("reader", READERS)
def test_mutated_files_are_refused_or_read(
    reader: str,
    artefacts: Path,
    tmp_path: Path,
    environment: Any,
    request: pytest.FixtureRequest,
    record_property: Any,
) -> None:
    """Each mutation of each kind of file ends in one of the two."""
    count = MUTATIONS[request.config.getoption("--tier")]
    rows = list(Worker(artefacts, reader, tmp_path, environment()).rows(count))
    assert [row["n"] for row in rows] == list(range(count))
    outcomes = Counter(row["outcome"] for row in rows)
    slowest, peak = max(row["cpu_s"] for row in rows), max(row["peak_mb"] for row in rows)
    wrong = [each for row in rows for each in faults(row)]
    record_property(
        "fuzz",
        f"{reader}: {count} mutations, {outcomes['refused']} refused, {outcomes['read']} read, {len(wrong)} faults; "
        f"slowest {slowest:.1f} s, at most {peak} MB",
    )
    assert outcomes["refused"] >= count // 10, "mutations that nobody notices test nothing"
    assert not wrong, "\n".join(wrong[:40])


def test_every_reader_is_tried(python: Any) -> None:
    """The table of readers and the list here are the same."""
    said = python("-c", f"import sys; sys.path.insert(0, {str(HERE)!r}); import readers; print(*readers.READERS)")
    assert said.out.split() == list(READERS), said.err
