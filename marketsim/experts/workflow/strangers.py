"""What a description may say that the model of a prosumer has no place for: refused by rule, whoever reads it."""

from __future__ import annotations

import re
from typing import Final

from marketsim.experts.workflow.quantities import line_of

_DEVICES: Final = (
    *("wind", "electroly[sz]er", "heat pump", "electric vehicle", "electric car", "charging station", "wallbox"),
    *(
        "flywheel",
        "hydro(?:power|electric)?",
        "pumped storage",
        "fuel cell",
        "hydrogen",
        "geothermal",
        "tidal",
        "boiler",
    ),
)
_NOT_CONVEX: Final = {
    r"start[- ]?up (?:cost|time)|cost of (?:a|each|every) start": "what a start costs is a whole number of starts",
    r"(?:either|it is) (?:stands? still|off|switched off)[^.\n]*\bor\b|on[/ -]or[/ -]off|on/off only|all or nothing": (
        "either off or above a power is not convex"
    ),
    r"minimum (?:up|down|run)[- ]?time|once (?:started|on)[^.\n]*for at least": "a least time of running is not convex",
    r"at most \w+ (?:cycles|starts|switching)": "a number of cycles or starts is whole",
}


def strange_wishes(text: str) -> list[tuple[int, str, str]]:
    """Line, path (none) and reason of each device and each wish that a convex model of a prosumer cannot have."""
    found = [
        (line_of(text, each.start()), "", f"the model has no place for {each[0].lower()!r}")
        for each in re.finditer(rf"\b(?:{'|'.join(_DEVICES)})s?\b", text, re.IGNORECASE)
    ]
    for pattern, reason in _NOT_CONVEX.items():
        found += [(line_of(text, each.start()), "", reason) for each in re.finditer(pattern, text, re.IGNORECASE)]
    return sorted(found)
