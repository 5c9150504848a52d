"""The port of an executor, and what one job comes to."""

from __future__ import annotations

import contextlib
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from marketsim.core.errors import MarketsimError

MOST_ATTEMPTS: Final = 3
"""How often a job is given to a worker, if its workers die."""

Function: TypeAlias = Callable[[Any], Any]
"""What is done with each payload; picklable, for it travels to the workers once. So are payloads and results."""


class JobFailure(NamedTuple):
    """Why a job has no result."""

    kind: str
    """Class of the error."""
    message: str
    traceback: str = ""
    """Of an error that is not one of marketsim's own."""

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


class JobOutcome(NamedTuple):
    """What a job came to: a result or a failure."""

    value: Any = None
    failure: JobFailure | None = None
    wall_s: float = 0.0
    """Time that the job itself took."""
    attempts: int = 1
    """Workers that began it; more than one where workers died."""


class Executor(Protocol):
    """Does jobs, in any order and on any number of workers."""

    def run(self, function: Function, payloads: Sequence[Any]) -> Iterator[tuple[int, JobOutcome]]:
        """Positions of payloads and what they came to, in the order in which they end.

        A job that fails is an outcome; a worker that dies is replaced and its job given to another one, at most
        ``MOST_ATTEMPTS`` times. Closing the iterator stops the workers. RunError where no worker can be started.
        """
        ...


def attempt(function: Function, payload: Any) -> JobOutcome:
    """Do one job; whatever it raises becomes its failure, what it prints goes to standard error."""
    began = time.perf_counter()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            value = function(payload)
    except (Exception, SystemExit) as error:
        return JobOutcome(failure=failure_of(error), wall_s=_since(began))
    return JobOutcome(value, wall_s=_since(began))


def failure_of(error: BaseException) -> JobFailure:
    """The failure that an error stands for."""
    text = "" if isinstance(error, MarketsimError) else "".join(traceback.format_exception(error))
    return JobFailure(type(error).__name__, str(error), text)


def lost(attempts: int, reason: str) -> JobOutcome:
    """What a job comes to whose workers all died."""
    message = f"its worker died {attempts} times ({reason}); too little memory is the usual cause"
    return JobOutcome(failure=JobFailure("WorkerLost", message), attempts=attempts)


def _since(began: float) -> float:
    return round(time.perf_counter() - began, 3)
