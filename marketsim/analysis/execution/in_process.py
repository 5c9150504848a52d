"""Jobs one after the other, in this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from marketsim.analysis.execution.port import Function, JobOutcome, attempt


class InProcess:
    """Port ``Executor`` without workers: the slowest to finish, the quickest to start."""

    def run(self, function: Function, payloads: Sequence[Any]) -> Iterator[tuple[int, JobOutcome]]:
        """Each job when it is asked for."""
        for position, payload in enumerate(payloads):
            yield position, attempt(function, payload)
