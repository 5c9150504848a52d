"""An interrupt is one, also where it came while compiled code ran."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress

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


def lost(error: BaseException) -> None:
    """An interrupt arrives, what ran loses it, and fails with an error of its own."""
    with suppress(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)
    raise error


def test_an_interrupt_that_compiled_code_lost_is_one():
    """As numba does where it arrives while arguments are made ready: the error has no word of it."""
    with pytest.raises(KeyboardInterrupt) as caught, interruptible():
        lost(TypeError("_get_wrapper_address() missing 1 required positional argument: 'sig'"))
    assert isinstance(caught.value.__cause__, TypeError)
    with pytest.raises(KeyboardInterrupt), interruptible(), interruptible():
        lost(TypeError("x"))


def test_other_errors_after_an_interrupt_and_type_errors_without_one_go_their_way():
    with pytest.raises(ValueError, match="x"), interruptible():
        lost(ValueError("x"))
    with pytest.raises(TypeError, match="y"), interruptible():
        raise TypeError("y")


def test_the_handler_that_was_there_is_there_again():
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with interruptible():
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def own(number: int, frame: object) -> None: ...

    signal.signal(signal.SIGINT, own)
    try:
        with interruptible():
            assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_in_another_thread_no_handler_is_touched():
    found = []

    def run() -> None:
        with interruptible():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]
