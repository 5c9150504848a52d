"""Ctrl-C while compiled code runs.

A signal that arrives inside a compiled function is raised by Python when that function returns a result, as a
SystemError ("returned a result with an exception set") caused by the KeyboardInterrupt. It is an interrupt all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt for a SystemError that one caused; every other error goes its way."""
    try:
        yield
    except SystemError as error:
        if is_interrupt(error):
            raise KeyboardInterrupt from error
        raise


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
