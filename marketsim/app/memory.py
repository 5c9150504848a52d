"""Memory that arrays gave back is kept for the next ones.

A slot makes and drops hundreds of arrays, an update of policies thousands. Beyond 128 KiB the C library of Linux returns
each to the system and asks for it again, and every page of it is then cleared once more: a third of the time with 10,000
agents, and a quarter of an update.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Final

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # names of the GNU C library's mallopt(3)
_OPTIONS: Final = {_MMAP_THRESHOLD: 32 << 20, _TRIM_THRESHOLD: 512 << 20, _TOP_PAD: 16 << 20}


@cache
def keep_memory() -> bool:
    """Ask the C library to keep up to 512 MiB of freed memory; whether it will. No result depends on it."""
    if not sys.platform.startswith("linux"):
        return False
    change = getattr(ctypes.CDLL(None), "mallopt", None)
    return change is not None and all(change(option, size_bytes) == 1 for option, size_bytes in _OPTIONS.items())
