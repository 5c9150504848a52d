"""Jobs side by side in processes of this machine, each with one thread.

Every worker has a thread here that hands it one job at a time. So it is known which job a worker had when it died, and
only that one is done again; the pool of the standard library breaks as a whole.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import threading
from collections.abc import Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import IO, Any, Final, cast

from marketsim.analysis.execution.port import MOST_ATTEMPTS, Function, JobOutcome, lost
from marketsim.analysis.execution.worker import READY
from marketsim.core.child import module_command, module_environment
from marketsim.core.errors import RunError

_ONE_THREAD: Final = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
_END_S: Final = 5.0
"""How long a worker that stopped answering has to end by itself."""
_MODULE: Final = "marketsim.analysis.execution.worker"


class ProcessPool:
    """Port ``Executor`` on ``workers`` processes."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def run(self, function: Function, payloads: Sequence[Any]) -> Iterator[tuple[int, JobOutcome]]:
        """Jobs in order, each to the worker that is free."""
        jobs: SimpleQueue[tuple[int, Any]] = SimpleQueue()
        for job in enumerate(payloads):
            jobs.put(job)
        ended: SimpleQueue[tuple[int, JobOutcome] | BaseException] = SimpleQueue()
        packed = pickle.dumps(function)
        hands = [_Hand(packed, jobs, ended) for _ in range(min(self._workers, len(payloads)))]
        try:
            for hand in hands:
                hand.start()
            for _ in payloads:
                outcome = ended.get()
                if isinstance(outcome, BaseException):
                    raise outcome
                yield outcome
        finally:
            for hand in hands:
                hand.stop()
            for hand in hands:
                hand.join()


class WorkerLost(Exception):
    """A worker process has ended although it had a job."""


class _Hand:
    """Leads one worker process, and replaces it when it dies."""

    def __init__(
        self,
        function: bytes,
        jobs: SimpleQueue[tuple[int, Any]],
        ended: SimpleQueue[tuple[int, JobOutcome] | BaseException],
    ) -> None:
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._function, self._jobs, self._ended = function, jobs, ended
        self._worker: _Worker | None = None
        self._lock = threading.Lock()
        self._stopped = False

    def start(self) -> None:
        """Begin with the first job that is left."""
        self._thread.start()

    def join(self) -> None:
        """Wait for the last job to end; after ``stop``."""
        if self._thread.ident is not None:
            self._thread.join()

    def _serve(self) -> None:
        """Until there are no more jobs; what goes wrong here is raised where the outcomes are awaited."""
        try:
            while not self._stopped:
                position, payload = self._jobs.get_nowait()
                outcome = self._done(payload)
                if not self._stopped:
                    self._ended.put((position, outcome))
        except Empty:
            self.stop()
        except BaseException as error:
            if not self._stopped:
                self._ended.put(error)

    def stop(self) -> None:
        """Kill the worker, whatever it does."""
        with self._lock:
            self._stopped = True
            if self._worker is not None:
                self._worker.stop()

    def _done(self, payload: Any) -> JobOutcome:
        reason = ""
        for attempt in range(1, MOST_ATTEMPTS + 1):
            worker = self._prepared_worker()
            try:
                return worker.do(payload)._replace(attempts=attempt)
            except WorkerLost as error:
                reason = str(error)
                self._worker = None
                if self._stopped:
                    break
        return lost(MOST_ATTEMPTS, reason)

    def _prepared_worker(self) -> _Worker:
        with self._lock:
            if self._stopped:
                raise RunError("the pool of workers has been stopped")
            if self._worker is None:
                self._worker = _Worker()
            worker = self._worker
        worker.prepare(self._function)
        return worker


class _Worker:
    """A process that does one job after the other."""

    def __init__(self) -> None:
        # Ctrl-C is the parent's to handle: workers are in a process group of their own.
        self._process = subprocess.Popen(
            module_command(_MODULE),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(),
            process_group=0 if os.name == "posix" else None,
        )
        self._prepared = False

    def prepare(self, function: bytes) -> None:
        """Hand over what is to be done with each payload; RunError where the process does not even start."""
        if self._prepared:
            return
        try:
            self._jobs.write(function)
            self._jobs.flush()
            ready = self._answer() == READY
        except (OSError, WorkerLost) as error:
            raise RunError(
                f"a worker process cannot start ({error or 'it ended at once'}); its own words are above. "
                "With one worker everything runs in this process."
            ) from error
        self._prepared = ready

    def do(self, payload: Any) -> JobOutcome:
        """One job; WorkerLost if the process dies."""
        data = pickle.dumps(payload)
        try:
            self._jobs.write(data)
            self._jobs.flush()
        except OSError as error:
            raise WorkerLost(self._last_words()) from error
        return cast("JobOutcome", self._answer())

    def stop(self) -> None:
        """Kill the process and take its end in."""
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):  # what was still to be written has no reader
            self._jobs.close()
        cast("IO[bytes]", self._process.stdout).close()

    @property
    def _jobs(self) -> IO[bytes]:
        return cast("IO[bytes]", self._process.stdin)

    def _answer(self) -> Any:
        try:
            return pickle.load(cast("IO[bytes]", self._process.stdout))
        except (EOFError, OSError, ValueError, pickle.UnpicklingError) as error:
            raise WorkerLost(self._last_words()) from error

    def _last_words(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):  # it may be alive and have said nonsense
            self._process.wait(_END_S)
        self.stop()
        code = self._process.returncode
        return f"signal {-code}" if code < 0 else f"exit code {code}"


def _environment() -> dict[str, str]:
    """Of this process, with one thread a worker and the same path of imports."""
    return {**module_environment(), **_ONE_THREAD}
