"""What a worker process of the pool runs: one job after the other, read from standard input.

A process of our own rather than one of ``multiprocessing``: that would import the user's script again, which then needs
a guard around everything that it does.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
import time
from typing import IO, Any, Final

from marketsim.analysis.execution.port import JobOutcome, attempt, failure_of

READY: Final = "ready"
_WATCH_S: Final = 1.0


def main() -> None:
    """Serve until standard input ends, which it does when the parent has gone."""
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()
    jobs, answers = sys.stdin.buffer, _private_output()
    function = pickle.load(jobs)
    _answer(answers, READY)
    while True:
        try:
            payload = pickle.load(jobs)
        except EOFError:
            return
        _answer(answers, attempt(function, payload))


def _private_output() -> IO[bytes]:
    """Standard output for answers alone: what anybody else prints, compiled code included, goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _answer(answers: IO[bytes], answer: Any) -> None:
    try:
        data = pickle.dumps(answer)
    except Exception as error:  # a result that cannot travel is the job's failure
        data = pickle.dumps(JobOutcome(failure=failure_of(error)))
    answers.write(data)
    answers.flush()


def _watch(parent: int) -> None:
    """End with the parent, also in the middle of a job."""
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    os._exit(1)


if __name__ == "__main__":
    main()
