"""A circuit breaker: after repeated failures a server is left alone, then tried by one question."""

from __future__ import annotations

import time
from collections.abc import Callable


class Breaker:
    """Closed: everything passes. Open: nothing does for ``pause_s``. Half open: one question passes and decides.

    Parameters
    ----------
    failures
        Failures in a row that open it.
    pause_s
        How long it stays open [s].
    clock
        Seconds that only go forward.
    """

    def __init__(self, failures: int, pause_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._pause_s, self._clock = failures, pause_s, clock
        self._in_a_row = 0
        self._opened: float | None = None
        self._probing = False

    @property
    def state(self) -> str:
        """``closed``, ``open`` or ``half_open``."""
        if self._opened is None:
            return "closed"
        return "half_open" if self._clock() - self._opened >= self._pause_s else "open"

    def admits(self) -> bool:
        """Whether a question may be sent now; whoever is admitted tells how it went by ``record`` or ``forget``."""
        if self._opened is None:
            return True
        if self._probing or self.state == "open":
            return False
        self._probing = True
        return True

    def forget(self) -> None:
        """An admitted question ended without saying anything of the server."""
        self._probing = False

    def record(self, *, good: bool) -> None:
        """How an admitted question went."""
        self._probing = False
        if good:
            self._in_a_row, self._opened = 0, None
            return
        self._in_a_row += 1
        if self._opened is not None or self._in_a_row >= self._limit:
            self._opened = self._clock()
