"""Names of columns: what they hold by their words, in which unit, and whose they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

from marketsim.profiles.file_params import Values
from marketsim.profiles.understand.vocabulary import (
    Meaning,
    is_calendar,
    is_of_people,
    plain,
    says,
    whole_words,
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
