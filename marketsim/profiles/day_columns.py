"""Columns of a table with a day a row: those that are called by times of the day, by begin and end, or by numbers of steps."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

_CLOCK: Final = re.compile(r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(:00)?", re.ASCII)
_UNIT: Final = r"(?: ?[\[(]?(?:kwh|wh|kw|w)[\])]?)?"
_LOOSE: Final = re.compile(
    r"(?:t|kwh|wh|kw|w)?[ _]?(?P<hour>\d{1,2})(?P<mark>[:h._]?)(?P<minute>\d{2})(?::00)? ?(?P<half>[ap])?(?:(?<=[ap])\.? ?m\.?)?"
    + _UNIT,
    re.ASCII | re.IGNORECASE,
)
"""A time of the day written in another way: ``0015``, ``T0015``, ``00h15``, ``12:15 AM``, ``00:15 kWh``."""
_RANGE: Final = re.compile(
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::00)? ?(?:-|–|to|bis) ?(?P<end>\d{1,2}:\d{2})(?::00)?", re.ASCII
)
_NUMBERED: Final = re.compile(
    r"(?P<word>(?:[^\W\d]|[ _.\-])*?)[ _.\-]*(?P<number>\d{1,3})(?: ?h)?" + _UNIT, re.ASCII | re.IGNORECASE
)
_HOUR_WORDS: Final = ("", "h", "hr", "he", "hour", "hora", "ora", "heure", "stunde", "std", "uur")
_STEP_WORDS: Final = frozenset((
    *_HOUR_WORDS,
    *("hh", "q", "qh", "v", "t", "p", "e", "sp", "ts", "val", "value", "wert", "kwh", "wh", "kw", "w", "int", "interval"),
    *("period", "periode", "slot", "step", "schritt", "time", "zeit", "half hour", "half_hour", "halfhour", "quarter"),
))  # fmt: skip
"""What stands before the number of a step, and hardly before that of a household."""
_PARTS_OF_A_DAY: Final = (24, 48, 96)
"""Steps that a day has, where columns are called by their numbers or by their begin and end."""
_OF_CHANGES: Final = (23, 25, 46, 50, 92, 100)
"""Steps of the days on which clocks change."""
_MANY: Final = 12
_DAY: Final = timedelta(days=1)
_NOON: Final = 12


def clock_columns(names: Sequence[str]) -> dict[str, timedelta]:
    """Columns that are called by a time of the day, with that time; 0:00 behind another is the end of the day.

    Where fewer than two are: those called by a time in another way (``0015``, ``00h15``, ``12:15 AM``), by begin and end of
    each step (``00:00-01:00``), or by the numbers of all steps of a day (``H01`` to ``H24``, ``hh_0`` to ``hh_47``, ``1`` to
    ``96``), with the time at which the step begins.
    """
    found = _called_by_time(names)
    return found if len(found) > 1 else _loosely(names) or _ranges(names) or _numbered(names)


def odd_clocks(names: Sequence[str]) -> list[str]:
    """Columns beside those called by times of the day that are called by one and more, such as a second ``02:00B``."""
    found = _called_by_time(names)
    return (
        [name for name in names if name not in found and re.match(r"\d{1,2}:\d{2}\W?\w", name.strip())] if found else []
    )


def numbered_columns(names: Sequence[str]) -> list[str]:
    """Columns that may be the steps of a day by their numbers: called so, or as many as a day has."""
    every = [
        list(own)
        for word, own in _families(names).items()
        if len(own) in (*_PARTS_OF_A_DAY, *_OF_CHANGES) or (len(own) >= _MANY and word in _HOUR_WORDS)
    ]
    return max(every, key=len, default=[])


def _families(names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Numbers of columns by what stands before them."""
    found: dict[str, dict[str, int]] = {}
    for name in names:
        matched = _NUMBERED.fullmatch(name.strip())
        if matched is not None:
            found.setdefault(matched["word"].strip(" _.-").lower(), {})[name] = int(matched["number"])
    return found


def _numbered(names: Sequence[str]) -> dict[str, timedelta]:
    for word, own in _families(names).items():
        numbers = list(own.values())
        counted = numbers == list(range(numbers[0], numbers[0] + len(numbers))) and numbers[0] in (0, 1)
        if word in _STEP_WORDS and len(own) in _PARTS_OF_A_DAY and counted:
            return {name: (number - numbers[0]) * _DAY / len(own) for name, number in own.items()}
    return {}


def _ranges(names: Sequence[str]) -> dict[str, timedelta]:
    matched = {name: found for name in names if (found := _RANGE.fullmatch(name.strip())) is not None}
    begins = {name: _time(clock) for name, clock in matched.items()}
    return begins if _are_steps(list(begins.values()), 0) else {}


def _called_by_time(names: Sequence[str]) -> dict[str, timedelta]:
    return _in_order({name: _time(clock) for name in names if (clock := _CLOCK.fullmatch(name.strip())) is not None})


def _loosely(names: Sequence[str]) -> dict[str, timedelta]:
    """Those of all steps of a day alone: 2016 may be a year."""
    matched = {name: clock for name in names if (clock := _LOOSE.fullmatch(name.strip())) is not None}
    marks = {(clock["mark"], clock["half"] is None) for clock in matched.values()}
    found = _in_order({name: _time(clock) for name, clock in matched.items()})
    times = list(found.values())
    right = len({mark for mark, _ in marks}) == 1 and (_are_steps(times, 0) or _are_steps(times, 1))
    return found if right else {}


def _are_steps(times: Sequence[timedelta], first: int) -> bool:
    n_steps = len(times)
    return n_steps in _PARTS_OF_A_DAY and list(times) == [(place + first) * _DAY / n_steps for place in range(n_steps)]


def _in_order(times: Mapping[str, timedelta]) -> dict[str, timedelta]:
    """Midnight behind another time is the end of the day."""
    found: dict[str, timedelta] = {}
    for name, time in times.items():
        found[name] = time + _DAY if found and not time else time
    return found


def _time(clock: re.Match[str]) -> timedelta:
    hour, half = int(clock["hour"]), (clock.groupdict().get("half") or "").lower()
    if half:
        hour = hour % _NOON + (_NOON if half == "p" else 0)
    return timedelta(hours=hour, minutes=int(clock["minute"]))
