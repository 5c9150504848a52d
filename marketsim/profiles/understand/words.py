"""Names of columns: what they hold by their words, in which unit, and whose they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias
from unicodedata import category

from marketsim.profiles.file_params import Values
from marketsim.profiles.understand.vocabulary import (
    Meaning,
    is_calendar,
    is_of_people,
    plain,
    says,
    whole_words,
    without,
    word_of,
)

ColumnRole: TypeAlias = Literal["load", "pv", "heat", "net", "export", "part", "other", "unclear"]
"""What a column is for: a series of an agent (``net``: load less PV), what is fed in, a part of a load, something
else, or what its values say is no load, while no word says what it is."""
Basis: TypeAlias = Literal["said", "household", "nothing"]
"""What a role rests on."""
SERIES_ROLES: Final = ("load", "pv", "heat", "net")


_POWERS: Final = whole_words(r"power|\w*leistung|puissance|potenza|potencia")
_ENERGIES: Final = whole_words(r"energy|\w*energie|arbeit|energia")
_ELECTRIC: Final = whole_words(r"electric(ity|al)?|strom")
_COUNTERS: Final = re.compile(r"counter|reading|stand\b|z(ä|ae)hlerstand|register|cumul|kumul")
_UNIT: Final[Sequence[tuple[Values, re.Pattern[str]]]] = (
    ("w_per_kw", re.compile(r"(^|[^a-z])w ?(/|per|_per_) ?kwp?($|[^a-z])")),
    ("kw", re.compile(r"(^|[^a-z])kwh ?/ ?h($|[^a-z])")),
    ("kwh", re.compile(r"(^|[^a-z])kwh($|[^a-z0-9])")),
    ("wh", re.compile(r"(^|[^a-z])wh($|[^a-z0-9])")),
    ("kw", re.compile(r"(^|[^a-z])kw($|[^a-z0-9])|kilowatt($|[^a-z])")),
    ("w", re.compile(r"[\[(]w[\])]|_w$|^w$|(power|leistung|load|pv)[ ,_]*w$|(^|[^a-z])watts?($|[^a-z])")),
)
LARGE_UNITS: Final = {"mwh": "kWh (times 1000)", "gwh": "kWh", "mw": "kW (times 1000)", "gw": "kW"}
"""Units of energy and power that are not read, and what to write in their place."""
_FOREIGN: Final = (
    *(
        "kva",
        "va",
        "mva",
        "kvar",
        "var",
        "kvarh",
        "varh",
        "m3",
        "m³",
        "m^3",
        "%",
        "°c",
        "°f",
        "hz",
        "kvah",
        "co2",
        "mj",
        "gj",
    ),
    *(
        "kj",
        "j",
        "m/s",
        "w/m2",
        "w/m²",
        "w/m^2",
        "kg",
        "g",
        "ppm",
        "bar",
        "mbar",
        "eur",
        "€",
        "ct",
        "usd",
        "$",
        "gbp",
        "£",
    ),
    *("therm", "therms", "btu", "liter", "litre"),
)
_FOREIGN_IN_BRACKETS: Final = frozenset((*_FOREIGN, *LARGE_UNITS, "a", "v", "l", "c", "k", "kv", "ma"))
_FOREIGN_AT_THE_END: Final = frozenset((*_FOREIGN, *LARGE_UNITS)) - {"g", "j", "va", "var", "bar", "ct", "co2"}
_BRACKETS: Final = re.compile(r"[\[(]\s*([^\[\]()]+?)\s*[\])]")
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
_GENERAL: Final = frozenset(
    "of the and a l1 total sensor ac dc electric electrical facility system non shiftable".split()
)
"""Words of no household beside those that are dropped from the names of agents."""
_PHASE: Final = whole_words(r"l[123]|phase ?[123abcrst]")
_MAYBE_PHASE: Final = whole_words(r"p[123]|[abc]")
_CONVENTION: Final = re.compile(r"._(load|pv|heat)_kwh?$")
_MOST_LETTERS: Final = 80
"""Of the name of an agent; a scenario takes a few more."""


def role_of(name: str) -> ColumnRole:
    """What a column is for, by the words of its name: a load where nothing says otherwise (``basis_of``)."""
    if (says(name, "no_energy") or is_calendar(name)) and not is_of_people(name):
        return "other"
    if says(name, "own_use") or says(name, "part") or (says(name, "heat") and _ELECTRIC.search(plain(name))):
        return "part"
    if says(name, "fed_in"):
        return "export"
    if foreign_unit(name) in LARGE_UNITS:
        return "pv" if says(name, "plant") else "load"
    if foreign_unit(name) or (unit_of(name) is None and says(name, "no_unit")):
        return "other"
    return "pv" if says(name, "plant") else "heat" if says(name, "heat") else "load"


def basis_of(name: str) -> Basis:
    """What the role of a column rests on: a word that says it, one of a household, or none that is known."""
    meanings: tuple[Meaning, ...] = ("load", "drawn", "fed_in", "plant", "heat", "net", "own_use", "part", "no_energy")
    if any(says(name, meaning) for meaning in meanings):
        return "said"
    return "household" if says(name, "household") or is_of_people(name) else "nothing"


def nets(name: str) -> bool:
    """Whether a name says that it is of load less PV."""
    return says(name, "net")


def imports(name: str) -> bool:
    """Whether a name says that it is of what a meter drew, and not of all that a household takes."""
    return says(name, "drawn")


def is_sum(name: str) -> bool:
    """Whether a name says that a column is of a sum, and of nobody."""
    return says(name, "total") and not stem_of(without(name, "total"))


def register_of(name: str) -> tuple[str, str]:
    """Which register of a meter a column is, by its tariff, and its name without that; ('', name) where it is none."""
    tariff = word_of(name, "tariff")
    return (tariff, without(name, "tariff")) if tariff else ("", name)


def unit_of(name: str) -> Values | None:
    """The unit that a name has, counters not told apart; None where it has none."""
    lower = name.lower()
    return next((values for values, pattern in _UNIT if pattern.search(lower)), None)


def foreign_unit(name: str) -> str:
    """The unit of something else, or one that is not read (MWh), in small letters; '' where a name has none."""
    if unit_of(name) is not None:
        return ""
    lower = name.lower().strip()
    in_brackets = next((unit for unit in _BRACKETS.findall(lower) if unit in _FOREIGN_IN_BRACKETS), "")
    end = re.split(r"[\s_]", lower)[-1]
    return in_brackets or (end if end in _FOREIGN_AT_THE_END else "")


def says_power(name: str) -> bool | None:
    """Whether a name says that it is of power (True) or of energy (False); None where it says neither, or both."""
    lower = plain(name)
    power, energy = _POWERS.search(lower) is not None, _ENERGIES.search(lower) is not None
    return None if power == energy else power


def counts(name: str) -> bool:
    """Whether a name says that it is of readings."""
    return _COUNTERS.search(name.lower()) is not None


def stem_of(name: str) -> str:
    """Whose a column is: its name without words for series and units, as an agent can be called; '' where nothing is left."""
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
    bare = without(_OBIS.sub(" ", name))
    return " ".join(part for part in _MARKS.split(bare) if part and part not in _DROPPED and part not in _GENERAL)


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
