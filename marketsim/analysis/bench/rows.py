"""A measured row, and how times are taken."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple


class BenchRow(NamedTuple):
    """One line of the bench."""

    name: str
    value: float
    unit: str
    target: float | None
    """None: reported without one."""
    stretch: float | None
    higher_is_better: bool
    detail: str
    """Workload, and the times behind a ratio."""

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None without one."""
        if self.target is None:
            return None
        return self.value >= self.target if self.higher_is_better else self.value <= self.target


class BenchFailed(AssertionError):
    """A result differs from its reference, so its time says nothing."""


def median_s(call: Callable[[], Any], repeats: int = 5) -> float:
    """Median wall time of a call [s]; one call before it warms caches."""
    call()
    return statistics.median(once_s(call) for _ in range(repeats))


def once_s(call: Callable[[], Any]) -> float:
    """Wall time of one call [s]."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
