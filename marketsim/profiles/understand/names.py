"""Whose a column is by its name: what is left of it without the words that say what it holds."""

from __future__ import annotations

import re
from typing import Final
from unicodedata import category

from marketsim.profiles.understand.units import unit_of
from marketsim.profiles.understand.vocabulary import plain, says, whole_words, without, word_of
from marketsim.profiles.understand.words import basis_of

_DROPPED: Final = frozenset(
    [
        *(
            "load",
            "demand",
            "consumption",
            "verbrauch",
            "bezug",
            "netzbezug",
            "import",
            "usage",
            "energy",
            "power",
            "pv",
            "solar",
        ),
        *(
            "generation",
            "erzeugung",
            "heat",
            "grid",
            "net",
            "netto",
            "saldo",
            "total",
            "general",
            "kwh",
            "kw",
            "wh",
            "w",
            "in",
            "per",
            "half",
            "hour",
            "hh",
        ),
        *(
            "gc",
            "gg",
            "value",
            "wert",
            "active",
            "global",
            "leistung",
            "arbeit",
            "energie",
            "zählerstand",
            "zaehlerstand",
            "reading",
            "kwp",
        ),
        *(
            "use",
            "gen",
            "from",
            "to",
            "export",
            "exported",
            "imported",
            "feed",
            "fed",
            "einspeisung",
            "netzeinspeisung",
        ),
        *(
            "afname",
            "injectie",
            "injection",
            "production",
            "produktion",
            "ertrag",
            "wirkleistung",
            "electricity",
            "strom",
        ),
    ]
)
"""Words that say what a column holds, and not whose it is."""
_OBIS: Final = re.compile(r"(\d+-\d+:)?[12]\.(4|5|6|7|8|9|29)\.\d(\*\d+)?")
"""Codes of what a meter counts: 1.8.0 what was drawn, 2.8.0 what was fed in."""
_MARKS: Final = re.compile(r"[\s_\-./()\[\]]+")
_AGENT_NAME: Final = re.compile(r"[\w][\w .:+-]*")
_OF_A_STEP: Final = re.compile(r"¼ ?h|1/4 ?h|\d+ ?min", re.IGNORECASE)
_GENERAL: Final = whole_words(
    r"of|the|and|total|sensor|ac|dc|electric\w*|facility|system|non|shiftable|energ\w*|wirk\w*|output|today|your|out|na|rede"
)
"""Words of no household beside those that are dropped from the names of agents."""
_PHASE: Final = whole_words(r"l[123]|phase ?[123abcrst]")
_MAYBE_PHASE: Final = whole_words(r"p[123]|[abc]")
_CONVENTION: Final = re.compile(r"._(load|pv|heat)_kwh?$")
_MOST_LETTERS: Final = 80
"""Of the name of an agent; a scenario takes a few more."""


def is_sum(name: str) -> bool:
    """Whether a name says that a column is of a sum, and of nobody."""
    return says(name, "total") and not stem_of(without(name, "total"))


def register_of(name: str) -> tuple[str, str]:
    """Which register of a meter a column is, by its tariff, and its name without that; ('', name) where it is none."""
    tariff = word_of(name, "tariff")
    return (tariff, without(name, "tariff")) if tariff else ("", name)


def stem_of(name: str) -> str:
    """Whose a column is: its name without words for series and units, as an agent can be called; '' where nothing is left."""
    if not key_of(name) and basis_of(name) == "said" and not (says(name, "household") or says(name, "total")):
        return ""
    bare = _OBIS.sub(" ", name)
    parts = [part for part in _MARKS.split(bare) if part]
    left = [part for part in parts if part.lower() not in _DROPPED and not _OF_A_STEP.fullmatch(part)]
    stem = (
        name.strip() if bare == name and len(left) == len(parts) else (" " if " " in name.strip() else "_").join(left)
    )
    called = stem if _AGENT_NAME.fullmatch(stem) else "_".join(re.findall(r"\w+", stem))
    return "".join(letter for letter in called if category(letter) != "No")[:_MOST_LETTERS].strip()


def key_of(name: str) -> str:
    """What is left of a name without any word that is known, which is the same for columns of one household."""
    bare = _GENERAL.sub(" ", without(_OF_A_STEP.sub(" ", _OBIS.sub(" ", name))))
    return " ".join(part for part in _MARKS.split(bare) if part and part not in _DROPPED)


def phase_of(name: str) -> tuple[str, str]:
    """Which phase of a meter a column is of, and its name without that; ('', name) where it is of none."""
    lower = plain(name)
    found = _PHASE.search(lower)
    if found is None and unit_of(name) in ("w", "wh"):  # as meters in switchboards write it
        found = _MAYBE_PHASE.search(lower)
    return (found[0], " ".join((lower[: found.start()] + lower[found.end() :]).split())) if found else ("", name)


def is_by_convention(name: str) -> bool:
    """Whether a column is called as those that are found by the name of their agent."""
    return _CONVENTION.search(name.lower()) is not None
