"""Bytes with their length on pipes, read until a deadline and no further than a limit."""

from __future__ import annotations

import os
import select
import struct
import time
from typing import Final, NamedTuple

_HEAD: Final = struct.Struct("=Q")
_CHUNK: Final = 65_536


class Ended(Exception):
    """The other end has closed the pipe."""


class Late(Exception):
    """The deadline is over."""


class Flood(Exception):
    """More came than was to be read."""


class Gathered(NamedTuple):
    """What came through a pipe until it ended, or why no more was waited for."""

    data: bytes
    why: str
    """``ended``, ``deadline`` or ``flood``."""


def put(handle: int, data: bytes) -> None:
    """Write a frame; OSError where nobody reads any more."""
    write_all(handle, _HEAD.pack(len(data)) + data)


def write_all(handle: int, data: bytes) -> None:
    """Write all bytes."""
    left = memoryview(data)
    while left:
        left = left[os.write(handle, left) :]


def take(handle: int, most: int, deadline_s: float | None = None) -> bytes:
    """Read a frame of at most ``most`` bytes; Ended, Late or Flood where there is none."""
    until = None if deadline_s is None else time.monotonic() + deadline_s
    (size,) = _HEAD.unpack(_exactly(handle, _HEAD.size, until))
    if size > most:
        raise Flood(f"a frame of {size} bytes")
    return _exactly(handle, size, until)


def _exactly(handle: int, size: int, until: float | None) -> bytes:
    parts, left = [], size
    while left:
        if not _readable(handle, until):
            raise Late
        part = os.read(handle, min(left, _CHUNK))
        if not part:
            raise Ended
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def gather(handle: int, most: int, deadline_s: float) -> Gathered:
    """Everything until the other end closes, but no more than ``most`` bytes, and not beyond the deadline."""
    until, parts, size = time.monotonic() + deadline_s, list[bytes](), 0
    while _readable(handle, until):
        part = os.read(handle, _CHUNK)
        if not part:
            return Gathered(b"".join(parts), "ended")
        parts.append(part)
        size += len(part)
        if size > most:
            return Gathered(b"", "flood")
    return Gathered(b"", "deadline")


def _readable(handle: int, until: float | None) -> bool:
    if until is None:
        return True
    left = until - time.monotonic()
    if left <= 0:
        return False
    waiting = select.poll()
    waiting.register(handle, select.POLLIN)
    return bool(waiting.poll(left * 1000))
