"""An interrupt is one, also where it came while compiled code ran."""

from __future__ import annotations

import pytest

from marketsim.core.interrupts import interruptible


def failing(error: BaseException, cause: BaseException | None = None) -> None:
    with interruptible():
        raise error from cause


def test_what_an_interrupt_caused_is_an_interrupt():
    """As Python reports a signal that arrived inside a compiled function."""
    with pytest.raises(KeyboardInterrupt) as caught:
        failing(SystemError("returned a result with an exception set"), KeyboardInterrupt())
    assert isinstance(caught.value.__cause__, SystemError)


def test_an_interrupt_is_found_behind_several_errors():
    """One compiled function calls another, and each wraps what came out of the one below."""
    inner = SystemError("returned a result with an exception set")
    inner.__cause__ = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        failing(SystemError("returned a result with an exception set"), inner)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (SystemError("a fault"), None),
        (SystemError("a fault"), ValueError("x")),
        (ValueError("x"), KeyboardInterrupt()),
        (KeyboardInterrupt(), None),
    ],
)
def test_every_other_error_goes_its_way(error, cause):
    with pytest.raises(type(error)) as caught:
        failing(error, cause)
    assert caught.value is error


def test_nothing_happens_where_nothing_does():
    with interruptible():
        done = True
    assert done
