"""Numbers with units in a text, read by rules alone: whoever claims to have read one is held to this."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

Dimension: TypeAlias = Literal["energy", "power", "share", "price", "ramp", "quadratic", "number", "unknown"]

_WORDS: Final = {
    "half": 0.5,
    "a third": 1 / 3,
    "a quarter": 0.25,
    "a fifth": 0.2,
    "a tenth": 0.1,
    "one": 1.0,
    "two": 2.0,
    "three": 3.0,
    "four": 4.0,
    "five": 5.0,
    "six": 6.0,
    "seven": 7.0,
    "eight": 8.0,
    "nine": 9.0,
    "ten": 10.0,
    "twelve": 12.0,
    "fifteen": 15.0,
    "twenty": 20.0,
    "thirty": 30.0,
    "forty": 40.0,
    "fifty": 50.0,
    "sixty": 60.0,
    "eighty": 80.0,
    "ninety": 90.0,
    "hundred": 100.0,
}
_SHARES: Final = frozenset(("half", "a third", "a quarter", "a fifth", "a tenth"))
_PER: Final = r"(?:\s*/\s*|\s+per\s+|\s+an?\s+|\s+for\s+(?:each|every|an?)\s+)"
_KW: Final = r"(?:kw(?:p|\s*peak)?|kilowatts?(?:\s*peak)?)"
_MW: Final = r"(?:mw(?:p|\s*peak)?|megawatts?(?:\s*peak)?)"
_W: Final = r"(?:w(?:p)?|watts?)"
_KWH: Final = r"(?:kwh|kilowatt[- ]?hours?)"
_MWH: Final = r"(?:mwh|megawatt[- ]?hours?)"
_MONEY: Final = r"(?:eur|euros?|€|\$|dollars?|usd|chf|currency)"
_CENT: Final = r"(?:ct|cents?|c)"
_SQUARED: Final = r"(?:\(?\s*kw\s*(?:²|\^2|2|squared)\s*[·* ]?\s*h(?:our)?\s*\)?)"
_UNITS: Final[tuple[tuple[str, Dimension, float], ...]] = (
    (rf"{_MONEY}?{_PER}{_SQUARED}", "quadratic", 1.0),
    (rf"{_CENT}{_PER}{_SQUARED}", "quadratic", 0.01),
    (rf"{_CENT}{_PER}{_KWH}", "price", 0.01),
    (rf"{_MONEY}?{_PER}{_KWH}", "price", 1.0),
    (rf"{_MONEY}?{_PER}{_MWH}", "price", 0.001),
    (rf"{_KW}{_PER}(?:h|hr|hours?)", "ramp", 1.0),
    (rf"{_MW}{_PER}(?:h|hr|hours?)", "ramp", 1000.0),
    (rf"{_KW}{_PER}min(?:utes?)?", "ramp", 60.0),
    (rf"{_KW}{_PER}quarter(?:[- ]hour)?", "ramp", 4.0),
    (_KWH, "energy", 1.0),
    (_MWH, "energy", 1000.0),
    (r"(?:wh|watt[- ]?hours?)", "energy", 0.001),
    (_KW, "power", 1.0),
    (_MW, "power", 1000.0),
    (_W, "power", 0.001),
    (r"(?:%|per\s?cent)", "share", 0.01),
)
"""Units in the order in which they are tried, what they measure, and their size in kWh, kW, 1, currency/kWh, kW/h."""
_UNIT: Final = tuple(
    (re.compile(rf"[\s-]?(?:{text})(?![a-z0-9²])", re.IGNORECASE), kind, size) for text, kind, size in _UNITS
)
_NUMBER: Final = re.compile(
    r"(?<![\w.,])(?P<digits>[+-]?(?:\d{1,3}(?:[, ]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?:e[+-]?\d{1,3})?)(?![\d])"
    rf"|\b(?P<word>{'|'.join(sorted(_WORDS, key=len, reverse=True))})\b(?!-)",
    re.IGNORECASE,
)
_OTHER_UNIT: Final = re.compile(r"\s?[A-Za-zµΩ°/]{1,12}")
_LONGEST_UNIT: Final = 5


class Quantity(NamedTuple):
    """A number of a text with its unit."""

    written: float
    """The number as it stands there."""
    dimension: Dimension
    """``number`` without a unit, ``unknown`` with one that is none of ours."""
    value: float
    """In kWh, kW, 1, currency/kWh, kW/h or currency/(kW^2 h)."""
    start: int
    end: int
    """Where number and unit stand."""
    text: str


def quantities(text: str) -> list[Quantity]:
    """All of a text, in order; years, hours of the clock and counts of things come as numbers without a dimension."""
    return list(_found(text))


def _found(text: str) -> Iterator[Quantity]:
    for found in _NUMBER.finditer(text):
        word = (found["word"] or "").lower()
        written = _WORDS[word] if word else float(re.sub(r"[, ](?=\d{3})", "", found["digits"]))
        dimension, size, end = _unit(text, found.end())
        if dimension == "number" and word in _SHARES:
            dimension = "share"
        elif dimension == "number" and word:
            continue
        yield Quantity(written, dimension, written * size, found.start(), end, text[found.start() : end])


def _unit(text: str, at: int) -> tuple[Dimension, float, int]:
    for pattern, dimension, size in _UNIT:
        if found := pattern.match(text, at):
            return dimension, size, found.end()
    other = _OTHER_UNIT.match(text, at)
    if other is not None and _is_unit(other[0].strip()):
        return "unknown", 1.0, other.end()
    return "number", 1.0, at


def _is_unit(word: str) -> bool:
    """Whether a word after a number looks like a unit: short, with a capital within, such as Ah, kVA, BTU."""
    return len(word) <= _LONGEST_UNIT and any(letter.isupper() for letter in word)


def line_of(text: str, at: int) -> int:
    """The line, from 1, in which a place of a text stands."""
    return text.count("\n", 0, at) + 1


def places_of_quote(text: str, quote: str) -> list[tuple[int, int]]:
    """Where a quotation stands in a text, blanks and capitals aside; empty: nowhere."""
    words = quote.split()
    if not words:
        return []
    pattern = r"\s+".join(map(re.escape, words))
    return [found.span() for found in re.finditer(pattern, text, re.IGNORECASE)]
