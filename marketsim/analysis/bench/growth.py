"""How time and memory grow with the number of agents and of slots; reported without targets."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from marketsim.analysis.bench.rows import BenchFailed, BenchRow

AGENTS: Final = (100, 300, 1_000, 3_000)
SLOTS: Final = (96, 4 * 96, 16 * 96)
_BASE_SLOTS: Final = 96
_BASE_AGENTS: Final = 100

_MEASURE: Final = """
import json, sys, tempfile, time
from marketsim.analysis.bench.runs import INNER_BUSES, peak_rss_mb, prosumers, written
agents, slots = map(int, sys.argv[1:])
with tempfile.TemporaryDirectory() as folder:
    written(prosumers(_BASE, "feeder141", INNER_BUSES, (4, 12), slots=1), folder + "/warm")()
    ready = prosumers(agents, "feeder141", INNER_BUSES, (0.4, 1.2), slots=slots)
    began = time.perf_counter()
    written(ready, folder + "/run")()
    print(json.dumps([time.perf_counter() - began, peak_rss_mb()]))
""".replace("_BASE", str(_BASE_AGENTS))


def measured(agents: int, slots: int) -> tuple[float, float]:
    """Wall time of a run [s] and peak memory [MB] of a process of its own."""
    command = [sys.executable, "-c", _MEASURE, str(agents), str(slots)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchFailed(f"a run of {agents} agents and {slots} slots failed: {done.stderr}")
    taken_s, peak_mb = json.loads(done.stdout.splitlines()[-1])
    return taken_s, peak_mb


def _rows(label: str, sizes: Sequence[int], found: Sequence[tuple[float, float]]) -> list[BenchRow]:
    first_s, first_mb = found[0]
    rows = []
    for size, (taken_s, peak_mb) in zip(sizes, found, strict=True):
        grown = f"{size / sizes[0]:.0f}x the {label}: {taken_s / first_s:.1f}x the time, {peak_mb / first_mb:.2f}x the memory"
        rows.append(BenchRow(f"{size:,} {label}", taken_s, "s", None, None, False, f"{grown} ({peak_mb:.0f} MB)"))
    return rows


def rows() -> list[BenchRow]:
    """A day of more and more prosumers, and more and more days of 100 of them, each in a process of its own."""
    return [
        *_rows("agents", AGENTS, [measured(agents, _BASE_SLOTS) for agents in AGENTS]),
        *_rows("slots", SLOTS, [measured(_BASE_AGENTS, slots) for slots in SLOTS]),
    ]
