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
        if isinstance(error.__cause__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise
