"""Ctrl-C while compiled code runs.

A signal that arrives inside a compiled function is raised by Python when that function returns a result, as a
SystemError ("returned a result with an exception set") caused by the KeyboardInterrupt. Where it arrives while arguments are
made ready for one, numba may lose it and fail with a TypeError of which it is no cause. It is an interrupt all the same.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final


class _Arrivals:
    """Handles SIGINT as Python does, and counts."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        signal.default_int_handler(number, frame)

    def begin(self) -> bool:
        """Take the place of Python's own handler; whether it did: only a main thread may, and nobody else's is replaced."""
        main = threading.current_thread() is threading.main_thread()
        if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            return False
        signal.signal(signal.SIGINT, self)
        return True


_ARRIVALS: Final = _Arrivals()


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt for an error of compiled code that one caused; every other error goes its way."""
    taken, before = _ARRIVALS.begin(), _ARRIVALS.count
    try:
        yield
    except (SystemError, TypeError) as error:
        if _ARRIVALS.count > before or (isinstance(error, SystemError) and is_interrupt(error)):
            raise KeyboardInterrupt from error
        raise
    finally:
        if taken:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def is_interrupt(error: BaseException) -> bool:
    """Whether an interrupt is behind an error; each compiled caller on the way out wraps it once more."""
    behind: BaseException | None = error
    seen: set[int] = set()
    while behind is not None and id(behind) not in seen:
        if isinstance(behind, KeyboardInterrupt):
            return True
        seen.add(id(behind))  # ``raise error from error`` stands behind itself
        behind = behind.__cause__ or behind.__context__
    return False
