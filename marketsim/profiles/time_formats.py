"""Times as files write them: ISO 8601, a stated format, serial days of spreadsheets, seconds since 1970."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Final

from marketsim.core.numerals import number

SINCE_1970: Final = {"unix": 1.0, "unix_ms": 1e3, "unix_us": 1e6, "unix_ns": 1e9}
"""Numbers of a second since 1970 in UTC, by the names of ``date_format``."""
SPREADSHEET: Final = "excel"
"""Days since the end of 1899."""
YEARS: Final = 1900, 2200
OTHER_YEARS: Final = f"times lie in the years {YEARS[0]} to {YEARS[1]}: write ISO 8601, e.g. 2016-07-12T14:15"
"""What to do about one of other years."""
_DAY: Final = timedelta(days=1)
_FIRST_DAY: Final = datetime(1899, 12, 30)
_MIDNIGHT: Final = re.compile(r"(?<![\d:])24:00(:00(?:\.0+)?)?(?=$|[Z+\-])", re.ASCII)
_CLOCK: Final = (
    r"(?P<clock>(?P<gap>,? |T)\d{1,2}(?P<colon>[:.h])\d{2}(?P<seconds>(?P=colon)\d{2})?(?P<half>\s?[AaPp][Mm])?)?"
)
_NUMBERED: Final = re.compile(r"(?P<a>\d{1,4})(?P<mark>[./-])(?P<b>\d{1,2})(?P=mark)(?P<c>\d{2,4})" + _CLOCK, re.ASCII)
_NAMED: Final = re.compile(r"\d{1,2}(?P<mark>[- ])[A-Za-z]{3}(?P=mark)(?P<year>\d{4}|\d{2})" + _CLOCK, re.ASCII)
_DIGITS: Final = {8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_SPANS: Final = {
    SPREADSHEET: (2e4, 9e4), "unix": (1e8, 5e9), "unix_ms": (1e11, 5e12), "unix_us": (1e14, 5e15), "unix_ns": (1e17, 5e18)
}  # fmt: skip
"""Numbers that times of these kinds have, roughly from 1973 to 2128."""

Parse = Callable[[object], datetime | None]


def parser(date_format: str | None, decimal: str) -> Parse:
    """What reads a cell as a time; it gives None for what is none in the years 1900 to 2200."""

    def read(cell: object) -> datetime | None:
        if isinstance(cell, datetime):
            return _within(cell)
        if isinstance(cell, date):
            return _within(datetime.combine(cell, datetime.min.time()))
        with contextlib.suppress(ValueError, OverflowError):
            if date_format in SINCE_1970 or date_format == SPREADSHEET:
                return _within(_of_number(cell, str(date_format), decimal))
            if isinstance(cell, str) and cell.isascii():
                return _within(_of_text(cell.strip(), date_format))
        return None

    return read


def _within(time: datetime) -> datetime | None:
    return time if YEARS[0] <= time.year <= YEARS[1] else None


def _of_number(cell: object, date_format: str, decimal: str) -> datetime:
    if isinstance(cell, bool) or not isinstance(cell, str | int | float | Decimal):
        raise ValueError
    value = number(cell, decimal) if isinstance(cell, str) else float(cell)
    if not isfinite(value):
        raise ValueError
    if date_format == SPREADSHEET:
        # a second is 1.2e-5 of a day, and spreadsheets write some ten decimals
        return _FIRST_DAY + timedelta(seconds=round(value * 86_400))
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=round(value / SINCE_1970[date_format], 3))


def _of_text(text: str, date_format: str | None) -> datetime:
    """A time from text; 24:00 is the midnight that ends the day."""
    midnight = _MIDNIGHT.search(text)
    if midnight:
        text = text[: midnight.start()] + midnight[0].replace("24:00", "00:00", 1) + text[midnight.end() :]
    time = datetime.fromisoformat(text) if date_format is None else datetime.strptime(text, date_format)
    return time + _DAY if midnight else time


def outside_years(cell: object) -> bool:
    """Whether a cell is a time of years that are not read."""
    if isinstance(cell, date):
        return not YEARS[0] <= cell.year <= YEARS[1]
    text = str(cell).strip()
    for date_format in (None, *_written([text])):
        with contextlib.suppress(ValueError, OverflowError):
            return _within(_of_text(text, date_format)) is None
    return False


def likely_format(cells: Sequence[object]) -> str:
    """The ``date_format`` that reads the first cells, or '' where none is known that does."""
    some = [str(cell).strip() for cell in cells[:10_000] if cell is not None and str(cell).strip()]
    if not some:
        return ""
    for guess in (*_numeric(some), *_written(some)):
        if all(parser(guess, ",")(text) or parser(guess, ".")(text) for text in some):
            return guess
    return ""


def _numeric(some: Sequence[str]) -> list[str]:
    """Formats that numbers may have, the likelier first."""
    values = [number(text.replace(",", ".")) for text in some]
    if not all(isfinite(value) for value in values):
        return []
    digits = _DIGITS.get(len(some[0])) if some[0].startswith(("19", "20")) else None
    spans = [name for name, (low, high) in _SPANS.items() if all(low <= value <= high for value in values)]
    return [digits, *spans] if digits else spans


def _written(some: Sequence[str]) -> list[str]:
    """Formats that the first text may have, the likelier first."""
    found = _NUMBERED.fullmatch(some[0])
    if found is None:
        named = _NAMED.fullmatch(some[0])
        if named is None:
            return []
        return [f"%d{named['mark']}%b{named['mark']}{_year(named['year'])}{_clock(named)}"]
    mark, clock = found["mark"], _clock(found)
    if len(found["a"]) == 4:
        return [f"%Y{mark}%m{mark}%d{clock}"]
    guesses = [f"{order}{_year(found['c'])}{clock}" for order in (f"%d{mark}%m{mark}", f"%m{mark}%d{mark}")]
    return [*guesses, f"%y{mark}%m{mark}%d{clock}"] if len(found["c"]) == 2 else guesses


def _year(text: str) -> str:
    return "%Y" if len(text) == 4 else "%y"


def _clock(found: re.Match[str]) -> str:
    if not found["clock"]:
        return ""
    half = found["half"] or ""
    hour = "%I" if half else "%H"
    colon = found["colon"]
    seconds = f"{colon}%S" if found["seconds"] else ""
    return f"{found['gap']}{hour}{colon}%M{seconds}{' %p' if half[:1] == ' ' else '%p' if half else ''}"


def is_ambiguous(guess: str) -> bool:
    """Whether a guessed format may have day and month the wrong way round: dots are for days first everywhere."""
    return guess.startswith(("%d/%m", "%m/%d", "%d-%m", "%m-%d"))


def both_orders(cells: Sequence[object], guess: str) -> str:
    """The format with day and month exchanged, if it reads the first cells as well; else ''."""
    other = guess.replace("%d", "%_").replace("%m", "%d").replace("%_", "%m")
    texts = [str(cell) for cell in cells[:10_000]]
    return other if is_ambiguous(guess) and all(parser(other, ".")(text) for text in texts) else ""


def other_orders(cells: Sequence[object], guess: str) -> tuple[str, ...]:
    """Formats with day, month and year in another order that read the first cells as well."""
    both = both_orders(cells, guess)
    mark = guess[2:3]
    turned = re.sub(r"^(%d.%m|%m.%d).%y", f"%y{mark}%m{mark}%d", guess)
    texts = [str(cell) for cell in cells[:10_000]]
    year_first = is_ambiguous(guess) and turned != guess and all(parser(turned, ".")(text) for text in texts)
    return (*([both] if both else []), *([turned] if year_first else []))


def demand_format(text: str) -> None:
    """ValueError unless ``text`` is a ``date_format`` from which year, month and day can be read, and the hour if any."""
    if text in SINCE_1970 or text == SPREADSHEET:
        return
    try:
        again = _read_back(text)
    except (ValueError, re.error) as error:
        raise ValueError(f"cannot read times as {text!r}: {error}") from None
    if again not in (_SOME_TIME, _SOME_TIME.replace(hour=0)):
        known = ", ".join((SPREADSHEET, *SINCE_1970))
        raise ValueError(
            f"{text!r} does not tell year, month, day and hour; write codes such as %d.%m.%Y %H:%M, or one of {known}"
        )


def tells_hours(text: str) -> bool:
    """Whether a ``date_format`` has the hour of the day, and not the date alone."""
    return text in SINCE_1970 or text == SPREADSHEET or _read_back(text) == _SOME_TIME


def _read_back(text: str) -> datetime:
    """A time written and read as ``text`` says."""
    return datetime.strptime(_SOME_TIME.strftime(text), text).replace(tzinfo=UTC)


_SOME_TIME: Final = datetime(2016, 11, 28, 13, 0, tzinfo=UTC)
