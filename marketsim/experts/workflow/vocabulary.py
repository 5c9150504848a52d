"""Words for devices in a description, and words that say that there is none: by rules, whoever reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

NAMES: Final[dict[str, str]] = {
    "pv": r"pv|solar|photovoltaics?|panels?|modules?",
    "battery": r"batter(?:y|ies)|bess|accumulators?|(?:energy |electric(?:ity)? )?stor(?:e|age)\b|powerwalls?|packs?",
    "generator": r"generators?|gensets?|chp|cogeneration|diesel|gas engine|engines?|gas turbine|turbine|cdg",
    "curtailable": r"curtail\w*|shed(?:ding|dable)?|unserved|interrupt\w*|sheddable|(?:be |left )?switched off|flexib\w+|dropped",
    "load": r"loads?|demands?|consum\w+",
    "verb": r"(?:draws?|needs?|uses?|takes?)\b",
    "inverter": r"inverters?|power factor|cos ?(?:phi|φ)",
}
"""What stands for a device, for the load, for what a load does, and for the inverter."""
_NEGATED: Final = re.compile(r"\b(?:no|not|without|neither|nor|never|none)\b[^,.;\n]{0,25}$", re.IGNORECASE)
_OTHERS: Final = {
    "pv": ("battery", "generator", "curtailable", "load"),
    "battery": ("pv", "generator", "curtailable", "load"),
    "generator": ("pv", "battery", "curtailable", "load"),
    "curtailable": ("pv", "battery", "generator"),
}
"""Whose names show that words are about something else; a part of the load is a load."""


def mentions(text: str, pattern: str) -> Iterator[re.Match[str]]:
    """Where a text names something that nothing negates."""
    return (each for each in _named(text, pattern) if not _NEGATED.search(text[: each.start()]))


def is_about(device: str, text: str, start: int, end: int) -> bool:
    """Whether a quotation of a text can say that there is a device.

    Not where it names it in a negation alone, nor where it names other devices and not this one; words that name none that is
    known here are left to whoever reads.
    """
    own = [each for each in _named(text, NAMES[device]) if start <= each.start() < end]
    if own:
        return any(not _NEGATED.search(text[: each.start()]) for each in own)
    quote = text[start:end]
    return not any(any(_named(quote, NAMES[other])) for other in _OTHERS[device])


def _named(text: str, pattern: str) -> Iterator[re.Match[str]]:
    return re.finditer(rf"\b(?:{pattern})", text, re.IGNORECASE)
