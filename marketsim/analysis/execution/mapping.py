"""``map_runs``: many jobs, none of them done twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, NamedTuple, Protocol, cast

from marketsim.analysis.execution.in_process import InProcess
from marketsim.analysis.execution.pool import ProcessPool
from marketsim.analysis.execution.port import Executor, Function, JobOutcome
from marketsim.analysis.execution.ray_cluster import RayCluster
from marketsim.core.progress import ProgressCallback


class Job(NamedTuple):
    """Something to be done, and the name under which its outcome is kept."""

    key: str
    """Unique among the jobs, and a good name of a file."""
    payload: Any


class Store(Protocol):
    """Keeps outcomes."""

    def load(self, key: str) -> JobOutcome | None:
        """The outcome of a job that need not be done again."""
        ...

    def save(self, key: str, outcome: JobOutcome) -> None:
        """Keep an outcome."""
        ...


def map_runs(
    function: Function,
    jobs: Sequence[Job],
    executor: Executor,
    store: Store | None = None,
    progress: ProgressCallback | None = None,
    prepare: Callable[[], None] | None = None,
) -> list[JobOutcome]:
    """What each job came to, in the order of the jobs, whatever the executor.

    What ``store`` has already is not done again; the rest is kept there as soon as it ends, so that after
    an interruption the same call goes on where it stopped. ``prepare`` is called first if anything is to be done.
    """
    outcomes: list[JobOutcome | None] = [None if store is None else store.load(job.key) for job in jobs]
    missing = [position for position, outcome in enumerate(outcomes) if outcome is None]
    done = len(jobs) - len(missing)
    if progress is not None:
        progress(done, len(jobs))
    if missing:
        if prepare is not None:
            prepare()
        running = executor.run(function, [jobs[position].payload for position in missing])
        with closing(cast("Any", running)) as ended:
            for index, outcome in ended:
                position = missing[index]
                if store is not None:
                    store.save(jobs[position].key, outcome)
                outcomes[position] = outcome
                done += 1
                if progress is not None:
                    progress(done, len(jobs))
    return cast("list[JobOutcome]", outcomes)


def executor_for(workers: int | None = None, ray: str | None = None) -> Executor:
    """The executor that is asked for: Ray at an address, else processes, else (one worker) this process.

    ``workers`` None: one for each processor that this process may use.
    """
    count = available() if workers is None else workers
    if ray is not None:
        return RayCluster(ray, count)
    return InProcess() if count <= 1 else ProcessPool(count)


def available() -> int:
    """Processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1
