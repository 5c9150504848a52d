"""What names of columns and lines above the header say of the clocks by which times were written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from marketsim.profiles.table import CellTable
from marketsim.profiles.time_formats import SINCE_1970, parser
from marketsim.profiles.time_zones import standard_time, zone_of
from marketsim.profiles.understand.moments import SheetTimes

_UTC: Final = re.compile(r"(?<![A-Za-z\d])(?:UTC|GMT|[Zz]ulu|utc|gmt|Utc)(?![A-Za-z\d]|\s?[+-]\s?\d)")
_OFFSET: Final = re.compile(r"(?<![A-Za-z\d])(?:UTC|GMT)\s?[+-]\s?\d{1,2}(?::\d{2})?")
_EXPORTED: Final = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?\s*(?:UTC|GMT|[A-Z]{3,4})\b")
"""A time that the lines above tell themselves, such as that of the export."""
_SUMMERS: Final = {
    "MESZ": "Europe/Berlin", "CEST": "Europe/Berlin", "BST": "Europe/London", "WEST": "Europe/Lisbon", "EEST": "Europe/Helsinki",
    "EDT": "America/New_York", "CDT": "America/Chicago", "MDT": "America/Denver", "PDT": "America/Los_Angeles",
    "AEDT": "Australia/Sydney", "ACDT": "Australia/Adelaide", "NZDT": "Pacific/Auckland",
}  # fmt: skip
"""Clocks of daylight saving, and a place that has them."""
_SUMMER: Final = re.compile(rf"(?<![A-Za-z\d])(?:{'|'.join(_SUMMERS)})(?![A-Za-z\d])")
_PLACE: Final = re.compile(
    r"(?<![\w/])(?:Europe|America|Australia|Pacific|Asia|Africa|Atlantic)/[A-Z][A-Za-z_]+(?![\w/])"
)


def zoned(moments: SheetTimes, above: str, table: CellTable, time: str, decimal: str) -> SheetTimes:
    """The same with the zone that a name or the lines above tell, where times carry no offset themselves."""
    if not moments.columns or moments.utc_offset_hours is not None or moments.date_format in SINCE_1970:
        return moments
    names, lines = " ".join(moments.columns), _EXPORTED.sub(" ", above)
    for text, where in ((names, f"the column {names!r}"), (lines, "a line above the header")):
        place, summer = _PLACE.search(text), _SUMMER.search(text)
        if place is not None and _is_zone(place[0]):
            return _told(moments, place[0], f"Times are those of clocks in {place[0]}, as {where} says.")
        if summer is not None:
            return _of_summer(moments, summer[0], where, table, time, decimal)
        if _UTC.search(text):
            doubt = (
                f"Times are in UTC, as {where} says, and stay so (time_zone: UTC), so that noon is not that of your place. "
                "To have them turned, write a Z behind each and name your place by time_zone."
            )
            return _told(moments, "UTC", doubt)
        offset = _OFFSET.search(text)
        if offset is not None:
            doubt = f"Times are in {offset[0]}, as {where} says: that has to be the standard time of your place."
            return moments._replace(doubts=(*moments.doubts, doubt))
    return moments


def _of_summer(moments: SheetTimes, word: str, where: str, table: CellTable, time: str, decimal: str) -> SheetTimes:
    zone = _SUMMERS[word]
    if moments.by_days or not _all_in_summer(_some(table, time, moments, decimal), zone):
        doubt = f"{where} says {word}, which is of summer, and not all times are: name your place by time_zone."
        return (
            moments if moments.time_zone else moments._replace(doubts=(*moments.doubts, doubt[:1].upper() + doubt[1:]))
        )
    doubt = (
        f"Times are in {word}, as {where} says, and are turned into standard time as in {zone}: name your own place."
    )
    return _told(moments, zone, doubt)


def _some(table: CellTable, time: str, moments: SheetTimes, decimal: str) -> list[datetime]:
    read = parser(moments.date_format, decimal)
    return [told for told in map(read, table.columns[time]) if told is not None and told.tzinfo is None]


def _all_in_summer(times: Sequence[datetime], name: str) -> bool:
    zone = zone_of(name)
    if not times:
        return False
    standard = standard_time(zone, times[0].year).utcoffset(None)
    offsets = [each.replace(tzinfo=zone).utcoffset() for each in (times[0], times[-1])]
    return all(offset != standard for offset in offsets) and times[-1] - times[0] < timedelta(days=365)


def _told(moments: SheetTimes, zone: str, doubt: str) -> SheetTimes:
    guessed = [each for each in moments.doubts if not each.startswith("Clocks are changed as in")]
    return moments._replace(time_zone=zone, doubts=(*guessed, doubt))


def _is_zone(name: str) -> bool:
    try:
        zone_of(name)
    except ValueError:
        return False
    return True
