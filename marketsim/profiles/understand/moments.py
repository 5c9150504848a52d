"""Times of a sheet: which columns tell them, how they are written, and where on earth they may be from."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from marketsim.profiles.day_columns import clock_columns, numbered_columns
from marketsim.profiles.table import CellTable
from marketsim.profiles.time_formats import SINCE_1970, SPREADSHEET, likely_format, other_orders, parser, tells_hours
from marketsim.profiles.times import Clocks, steps_of, told_times
from marketsim.profiles.understand.sheet import Sheet, are_ids, is_numeric, sample

_TIME_WORDS: Final = re.compile(r"time|date|zeit|datum|stamp|unix|epoch|utc|beginn?|start|von", re.IGNORECASE)
_END_WORDS: Final = re.compile(r"\b(end|ende|bis|to)\b|end[_ ]|_end|interval.?end|ending", re.IGNORECASE)
_UTC: Final = re.compile(r"(?<![a-z])(utc|gmt)(?![a-z])", re.IGNORECASE)
_CLOCK: Final = re.compile(r"\d{1,2}:\d{2}(:\d{2})?(\s?[AaPp][Mm])?", re.ASCII)
_LEAST_CLOCKS: Final = 12
"""Columns called by times of the day that make a table with a day a row."""
PLACES: Final = ("Europe/Berlin", "Europe/London", "America/New_York", "Australia/Sydney", "Pacific/Auckland")
"""One place for each rule by which clocks are changed."""
_MOST_OFFSET: Final = timedelta(hours=14)
_NO_LIMIT: Final = timedelta(days=36_500)


_NOT_COUNTED: Final[Mapping[str, object]] = {}


class SheetTimes(NamedTuple):
    """How a sheet tells times."""

    columns: tuple[str, ...]
    """Columns of which times are made; () where none was found."""
    date_format: str | None = None
    ends: bool = False
    """Whether a row stands at the end of its step."""
    utc_offset_hours: float | None = None
    time_zone: str | None = None
    by_days: bool = False
    """Whether each row is a day."""
    other_formats: tuple[str, ...] = ()
    """Formats with day, month and year in another order that fit the cells as well."""
    doubts: tuple[str, ...] = ()
    counted: Mapping[str, object] = _NOT_COUNTED
    """Begin and length of the rows' steps as ``profiles`` has them, where no column tells times."""

    def clocks(self, decimal: str) -> Clocks:
        """The same as the reader takes it."""
        date_format = None if self.by_days else self.date_format
        return Clocks(self.utc_offset_hours, date_format, decimal, self.time_zone, self.ends)


def columns_of_times(sheet: Sheet) -> SheetTimes:
    """Columns of times and how they are written, before anything is known of offsets and steps."""
    kinds = {name: _kind(name, cells, sheet, place) for place, (name, cells) in enumerate(sheet.table.columns.items())}
    whole = [name for name, (kind, _) in kinds.items() if kind == "time"]
    dates = [name for name, (kind, _) in kinds.items() if kind == "date"]
    clocks = [name for name, (kind, _) in kinds.items() if kind == "clock"]
    whole.sort(key=lambda name: (_END_WORDS.search(name) is not None, _only_says_utc(name, sheet, kinds[name][1])))
    clocks.sort(key=lambda name: _END_WORDS.search(name) is not None)
    paired = dates and clocks and _tell_more(sheet.table, (dates[0], clocks[0]), whole[:1])
    if whole and not paired:
        (name, *_) = whole
        return _told((name,), kinds[name][1], sample(sheet.table.columns[name]), _END_WORDS.search(name) is not None)
    if dates and clocks:
        joined = [f"{day} {clock}" for day, clock in _pairs(sheet.table, dates[0], clocks[0])]
        date_format = None if _all_read(joined, None) else likely_format(joined) or None
        return _told((dates[0], clocks[0]), date_format, joined, _END_WORDS.search(clocks[0]) is not None)
    if dates and len(clock_columns(list(sheet.table.columns))) >= _LEAST_CLOCKS:
        name = dates[0]
        moments = _told((name,), kinds[name][1], sample(sheet.table.columns[name]), False)
        clocks_of_day = clock_columns(list(sheet.table.columns))
        first = next(iter(clocks_of_day.values()))
        moments = moments._replace(by_days=True, ends=first != timedelta(0))
        called = list(clocks_of_day)
        if called == numbered_columns(called):
            named = f"Columns {called[0]} to {called[-1]}"
            doubt = f"{named} are taken for the {len(called)} steps of a day, the first from midnight on."
            moments = moments._replace(doubts=(doubt,))
        return moments
    if dates:
        return _told((dates[0],), kinds[dates[0]][1], sample(sheet.table.columns[dates[0]]), False)
    return SheetTimes(())


def _only_says_utc(name: str, sheet: Sheet, date_format: str | None) -> bool:
    """Whether times are in UTC by the name of their column and not by themselves, so that others are better."""
    told = parser(date_format, sheet.decimal)(next(iter(sample(sheet.table.columns[name]))))
    return _UTC.search(name) is not None and told is not None and told.tzinfo is None


def _tell_more(table: CellTable, pair: tuple[str, str], whole: Sequence[str]) -> bool:
    """Whether a date and a clock tell more rows apart than a time in one column, which may be that of a revision."""
    pairs = set(_pairs(table, *pair))
    return all(len(pairs) > len(set(map(str, table.columns[name][:1_000]))) for name in whole)


def _told(columns: tuple[str, ...], date_format: str | None, cells: Sequence[object], ends: bool) -> SheetTimes:
    others = other_orders(cells, date_format) if date_format is not None else ()
    return SheetTimes(columns, date_format, ends, other_formats=others)


def _pairs(table: CellTable, first: str, second: str) -> list[tuple[str, str]]:
    rows = zip(table.columns[first][:1_000], table.columns[second][:1_000], strict=True)
    return [(str(one).strip(), str(other).strip()) for one, other in rows]


def _kind(name: str, cells: Sequence[object], sheet: Sheet, place: int) -> tuple[str, str | None]:
    """``time``, ``date``, ``clock`` or '' for what a column holds, and the format of times and dates."""
    some = sample(cells)
    if not some:
        return "", None
    texts = [str(cell).strip() for cell in some]
    if all(_CLOCK.fullmatch(text) for text in texts):
        return "clock", None
    if is_numeric(cells, sheet.decimal):
        likely = (place == 0 and not are_ids(cells)) or _TIME_WORDS.search(name) is not None
        guess = likely_format(some) if likely and _rises(some, sheet.decimal) else ""
        return ("time" if tells_hours(guess) else "date", guess) if guess else ("", None)
    if _all_read(some, None):
        short = all(len(text) == 10 for text in texts) and not isinstance(some[0], datetime)
        return "date" if short else "time", None
    guess = likely_format(some)
    if not guess:
        return "", None
    return "time" if tells_hours(guess) else "date", guess


def _rises(cells: Sequence[object], decimal: str) -> bool:
    values = [float(str(cell).replace(",", ".")) for cell in cells if is_numeric([cell], decimal)]
    return len(set(values)) > 1 and all(later >= earlier for earlier, later in itertools.pairwise(values))


def _all_read(cells: Sequence[object], date_format: str | None) -> bool:
    read = parser(date_format, ".")
    return all(read(cell) is not None for cell in cells)


def placed(moments: SheetTimes, table: CellTable, time: str, decimal: str) -> SheetTimes:
    """What offsets, steps and changed clocks tell; ``table`` holds the rows of one meter, ``time`` its times."""
    moments = _in_order(moments, table, time, decimal)
    if moments.by_days:
        return moments
    read = parser(moments.date_format, decimal)
    some = [told for told in map(read, table.columns[time]) if told is not None]
    offsets = {told.utcoffset() for told in some}
    if some and None not in offsets and all(abs(offset) <= _MOST_OFFSET for offset in offsets if offset is not None):
        hours = min(offset for offset in offsets if offset is not None) / timedelta(hours=1)
        moments = moments._replace(utc_offset_hours=hours)
        if moments.date_format in SINCE_1970 or not hours:
            doubt = "Times are in UTC: set utc_offset_hours to that of your place, or name it by time_zone."
        elif len(offsets) == 1:
            doubt = f"All times carry one offset from UTC ({hours:+g} h), which in summer may be daylight saving's: name your "
            doubt += "place by time_zone."
        else:
            doubt = f"Offsets from UTC change; standard time is taken to be {hours:+g} h."
        moments = moments._replace(doubts=(*moments.doubts, doubt))
    times, wrong = told_times(table, time, moments.clocks(decimal))
    if wrong or len(times) < 2:
        return moments
    if not moments.ends and moments.date_format != SPREADSHEET:
        moments = moments._replace(ends=_look_like_ends(times))
    return _with_zone(moments, table, time, decimal)


def _in_order(moments: SheetTimes, table: CellTable, time: str, decimal: str) -> SheetTimes:
    """Day and month the way round that leaves fewer steps out, where both fit the cells."""
    if not moments.other_formats:
        return moments
    lengths: dict[str | None, timedelta] = {}
    for date_format in (moments.date_format, *moments.other_formats):
        cells = [parser(date_format, decimal)(cell) for cell in table.columns[time]]
        times = [told for told in cells if told is not None]
        back = any(later < earlier for earlier, later in itertools.pairwise(times))
        lengths[date_format] = timedelta.max if back or len(times) < len(cells) else times[-1] - times[0]
    shortest = min(lengths.values())
    first, *others = [date_format for date_format, length in lengths.items() if length == shortest]
    moments = moments._replace(date_format=first, other_formats=())
    if not others:
        return moments
    doubt = f"Day and month may be the other way round: date_format {others[0]!r} fits as well."
    return moments._replace(doubts=(*moments.doubts, doubt))


def _look_like_ends(times: Sequence[datetime]) -> bool:
    """Whether times run from the end of a day's first step to the end of its last."""
    step = times[1] - times[0]
    midnight = datetime.combine(times[0].date(), datetime.min.time())
    last = datetime.combine(times[-1].date(), datetime.min.time())
    return times[0] - midnight == step and times[-1] == last


def _with_zone(moments: SheetTimes, table: CellTable, time: str, decimal: str) -> SheetTimes:
    """The place whose clocks the times follow, if they follow any."""
    clocks = moments.clocks(decimal)
    if clocks.keep_standard:
        return moments
    times, _ = told_times(table, time, clocks)
    _, wrong = steps_of(table, time, times, clocks, _NO_LIMIT)
    if not any("daylight saving" in problem.hint for problem in wrong):
        return moments
    for place in PLACES:
        there = clocks._replace(time_zone=place)
        times, unread = told_times(table, time, there)
        if not unread and not steps_of(table, time, times, there)[1]:
            doubt = f"Clocks are changed as in {place}: name your own place by time_zone."
            return moments._replace(time_zone=place, doubts=(*moments.doubts, doubt))
    return moments
