"""Reads a description by rules, for when there is no language model: words of devices, and the unit of each number near them.

It knows plain technical English. What it cannot place it leaves, and the form then refuses the description: it never guesses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from marketsim.experts.workflow.fields import FieldSpec
from marketsim.experts.workflow.quantities import Quantity, quantities
from marketsim.experts.workflow.reading import FieldFinding
from marketsim.experts.workflow.vocabulary import NAMES, mentions

_BREAK: Final = re.compile(r"(?<=[.;])\s+|\n\s*\n|\n(?=\s*[-*•])|\n(?=[^\n.,;]{0,60}[=:])")
_LOW: Final = re.compile(r"\b(?:min|least|below|lowest|floor|reserve|empt|down to)\w*", re.IGNORECASE)
_HIGH: Final = re.compile(r"\b(?:max|most|above|highest|ceiling|up to|over)\w*", re.IGNORECASE)
_RANGE: Final = re.compile(r"(?:between|from|within|window of|-|–)\s*$", re.IGNORECASE)
_RANGE_END: Final = re.compile(r"(?:%|per\s?cent|\d)\s*(?:and|to|-|–)\s*$", re.IGNORECASE)
_EFFICIENT: Final = re.compile(r"efficien|round[- ]?trip|loss", re.IGNORECASE)
_POWER_FACTOR: Final = re.compile(r"(?:power factor|cos ?(?:phi|φ))[^.;\d]{0,40}$", re.IGNORECASE)


class _Placed(NamedTuple):
    """A quantity and the device that it is about."""

    device: str
    quantity: Quantity
    before: str
    """What stands before it in its sentence."""
    sentence: str
    quote: str


class WordReader:
    """Port ``DescriptionReader``, by rules."""

    def has(self, device: str, text: str) -> str | None:
        """The first mention of a device that nothing negates."""
        for found in mentions(text, NAMES[device]):
            return found[0]
        return None

    def find(self, field: FieldSpec, text: str) -> FieldFinding | None:
        """The first quantity of the field's dimension near words of its device; two that differ are none."""
        found = [each for each in _placed(text) if _role(each) == field.path]
        if not found:
            return None
        first = found[0]
        return FieldFinding(first.quote, first.quantity.written)

    def choose(self, question: str, choices: Sequence[str], text: str) -> str | None:  # noqa: ARG002 - part of the port
        """Rules have said what they know."""
        return None


def _placed(text: str) -> Iterator[_Placed]:
    """Every quantity with its device: the nearest that is named in its sentence; else the last one that was named before."""
    last, every = "", quantities(text)
    for start, end in _sentences(text):
        sentence = text[start:end]
        names = _named(sentence)
        for each in every:
            if start <= each.start < end:
                at = each.start - start
                device = _nearest(names, at, each.end - start, sentence) or last
                first = max((begin for begin, _, name in names if name == device and begin <= at), default=at)
                yield _Placed(device, each, sentence[:at], sentence, text[start + first : each.end])
        last = names[-1][2] if names else last


def _named(sentence: str) -> list[tuple[int, int, str]]:
    """Where a sentence names devices; a verb of consumption is one of the load, unless another device has been named before."""
    found = sorted(
        (each.start(), each.end(), device) for device, pattern in NAMES.items() for each in mentions(sentence, pattern)
    )
    names: list[tuple[int, int, str]] = []
    for start, end, device in found:
        subject = names[-1][2] if names else "load"
        names.append((start, end, subject if device == "verb" else device))
    return names


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    for found in _BREAK.finditer(text):
        yield at, found.start()
        at = found.end()
    yield at, len(text)


def _nearest(names: list[tuple[int, int, str]], start: int, end: int, sentence: str) -> str:
    """The device that a number is about: named right behind it, or last before it."""
    for at, _, device in names:
        if at >= end and not re.search(r"[,;.]|\b(?:and|which|with|at|to|of which)\b", sentence[end:at]):
            return device
    before = [device for _, until, device in names if until <= start]
    after = [device for at, _, device in names if at >= end]
    return before[-1] if before else after[0] if after else ""


def _role(placed: _Placed) -> str:
    """Path of the field that a quantity fills; empty: none that the rules know."""
    kind, device = placed.quantity.dimension, placed.device
    if kind == "number" and _POWER_FACTOR.search(placed.before):
        return "min_power_factor"
    if device in ("load", "") and kind in ("share", "price") and re.search(NAMES["curtailable"], placed.sentence):
        device = "curtailable"
    if device == "generator" and kind == "power":
        return "generator.min_kw" if _is_low(placed.before) else "generator.max_kw"
    if device == "battery" and kind == "share":
        return _battery_share(placed)
    return _BY_KIND.get((device, kind), "")


_BY_KIND: Final = {
    ("load", "power"): "load_peak_kw",
    ("pv", "power"): "pv_kw",
    ("battery", "energy"): "battery.energy_kwh",
    ("battery", "power"): "battery.power_kw",
    ("battery", "price"): "battery.wear_per_kwh",
    ("generator", "ramp"): "generator.ramp_kw_per_h",
    ("generator", "price"): "generator.cost_per_kwh",
    ("generator", "quadratic"): "generator.quadratic_cost",
    ("curtailable", "share"): "curtailable.share",
    ("curtailable", "price"): "curtailable.cost_per_kwh",
}


def _is_low(before: str) -> bool:
    """Whether the last word of an end of a range, before a number, is of its lower end."""
    low, high = _last(_LOW, before), _last(_HIGH, before)
    return low > high


def _last(words: re.Pattern[str], text: str) -> int:
    return max((found.start() for found in words.finditer(text)), default=-1)


def _battery_share(placed: _Placed) -> str:
    clause = re.split(r"[,;]", placed.before)[-1]
    after = placed.sentence[len(placed.before) : len(placed.before) + 40]
    if _RANGE_END.search(placed.before):
        return "battery.max_soc"
    if _RANGE.search(placed.before) and re.search(r"(?:%|\d)\s*(?:and|to|-|–)\s*\d", after):
        return "battery.min_soc"
    if _EFFICIENT.search(clause) or _EFFICIENT.search(after):
        return "battery.efficiency"
    low, high = _last(_LOW, clause), _last(_HIGH, clause)
    return "" if low == high else "battery.min_soc" if low > high else "battery.max_soc"
