"""Times in files of users, where they are written in one way: ISO 8601, local standard time."""

from __future__ import annotations

from datetime import datetime


def local_time(text: str) -> datetime:
    """A time; ValueError that says what to write for anything else."""
    try:
        time = datetime.fromisoformat(text.strip()) if text.isascii() else None
    except ValueError:
        time = None
    if time is None or time.tzinfo is not None:
        raise ValueError("write local standard time without an offset, in ISO 8601, e.g. 2016-07-12T13:00")
    return time
