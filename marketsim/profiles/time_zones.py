"""Times of a place: its standard time, and clocks on the wall that are changed twice a year."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones


def zone_of(name: str) -> ZoneInfo:
    """The time zone of this name; ValueError with the closest ones where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        close = difflib.get_close_matches(name, available_timezones(), n=1)
        hint = f"did you mean {close[0]!r}?" if close else "write a place such as 'Europe/Berlin'"
        raise ValueError(f"there is no time zone {name!r}; {hint}") from None


def standard_time(zone: ZoneInfo, year: int) -> timezone:
    """The zone's time without daylight saving, which is that of the half-year in which clocks are behind."""
    offsets = [datetime(year, month, 1, tzinfo=zone).utcoffset() for month in (1, 7)]
    return timezone(min(offset for offset in offsets if offset is not None))


def from_wall(times: Sequence[datetime], zone: ZoneInfo) -> tuple[list[datetime], list[int]]:
    """Times that clocks on the wall showed, in their order, as times with an offset; and places of those that none showed.

    Of an hour that stands twice the second time is that which does not lie after the row above.
    """
    told: list[datetime] = []
    wrong: list[int] = []
    before, was_second = datetime.min, False
    for place, time in enumerate(times):
        first, second = (time.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
        twice = _is_shown(first) and first.utcoffset() != second.utcoffset()
        is_second = twice and (time <= before or was_second)
        told.append(second if is_second else first)
        if not _is_shown(first):
            wrong.append(place)
        before, was_second = time, is_second
    return told, wrong


def _is_shown(time: datetime) -> bool:
    return time.astimezone(UTC).astimezone(time.tzinfo).replace(tzinfo=None) == time.replace(tzinfo=None)


def hours_ahead(standard: timezone) -> float:
    """Hours by which a standard time is ahead of UTC [h]."""
    return (standard.utcoffset(None) or timedelta(0)) / timedelta(hours=1)
