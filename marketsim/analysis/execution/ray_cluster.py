"""Jobs on a Ray cluster: one that runs somewhere, or one that is started on this machine for the study."""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import re
import socket
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

from marketsim.analysis.execution.port import MOST_ATTEMPTS, Function, JobOutcome, attempt, failure_of, lost
from marketsim.core.errors import MissingDependency, RunError

LOCAL: Final = "local"
_HOST_PORT: Final = re.compile(r"(?:ray://)?([^/:\s]+):(\d+)")
_CONNECT_S: Final = 5.0


class RayCluster:
    """Port ``Executor`` on the cluster at ``address``; ``local`` starts one with ``workers`` processors here."""

    def __init__(self, address: str, workers: int) -> None:
        self._address, self._workers = address, workers

    def run(self, function: Function, payloads: Sequence[Any]) -> Iterator[tuple[int, JobOutcome]]:
        """All jobs at once; Ray gives each to a processor that is free."""
        ray = _import_ray()
        with self._connected(ray):
            yield from _run(ray, function, payloads)

    @contextlib.contextmanager
    def _connected(self, ray: Any) -> Iterator[None]:
        if ray.is_initialized():
            yield  # the user's own session, which stays
            return
        _demand_reachable(self._address)
        where = {"num_cpus": self._workers} if self._address == LOCAL else {}
        try:
            with _quiet():
                ray.init(
                    address=self._address,
                    include_dashboard=False if self._address == LOCAL else None,
                    log_to_driver=False,
                    logging_level=logging.CRITICAL,
                    configure_logging=False,
                    **where,
                )
        except (ConnectionError, RuntimeError, ValueError, TimeoutError, OSError) as error:
            raise RunError(f"cannot use Ray at {self._address!r}: {error}") from error
        try:
            yield
        finally:
            with _quiet():
                ray.shutdown()


def _demand_reachable(address: str) -> None:
    """RunError at once where nothing listens; Ray itself tries for minutes."""
    found = _HOST_PORT.fullmatch(address)
    if found is None:
        return
    try:
        socket.create_connection((found[1], int(found[2])), timeout=_CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise RunError(f"cannot use Ray at {address!r}: {error}; 'local' starts a cluster on this machine") from error


def _run(ray: Any, function: Function, payloads: Sequence[Any]) -> Iterator[tuple[int, JobOutcome]]:
    task = ray.remote(max_retries=0, num_cpus=1)(_attempt_packed)
    packed = ray.put(pickle.dumps(function))
    attempts = [1] * len(payloads)
    waiting = {task.remote(packed, payload): position for position, payload in enumerate(payloads)}
    try:
        while waiting:
            (reference,), _ = ray.wait(list(waiting), num_returns=1)
            position = waiting.pop(reference)
            outcome = _outcome(ray, reference)
            if isinstance(outcome, str):
                if attempts[position] < MOST_ATTEMPTS:
                    attempts[position] += 1
                    waiting[task.remote(packed, payloads[position])] = position
                    continue
                outcome = lost(MOST_ATTEMPTS, outcome)
            yield position, outcome._replace(attempts=attempts[position])
    finally:
        for reference in waiting:
            ray.cancel(reference, force=True)


def _attempt_packed(function: bytes, payload: Any) -> JobOutcome:
    return attempt(pickle.loads(function), payload)


def _outcome(ray: Any, reference: Any) -> JobOutcome | str:
    """What a task came to, or how its worker was lost."""
    try:
        outcome: JobOutcome = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        return JobOutcome(failure=failure_of(error.cause or error))
    except ray.exceptions.RayError as error:
        return type(error).__name__
    return outcome


def _import_ray() -> Any:
    # Ray announces a change of its defaults for GPUs, which no job of ours has.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        with _quiet():
            import ray
            import ray.exceptions
    except ImportError as error:
        raise MissingDependency("ray", "ray", "a study on a Ray cluster") from error
    return ray


_quiet = partial(warnings.catch_warnings, action="ignore")
"""Holds back Ray's warnings about itself, about which the user of a study can do nothing."""
