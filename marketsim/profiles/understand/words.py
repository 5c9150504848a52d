"""Names of columns: what they hold by their words, and whose they are."""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias

from marketsim.profiles.understand.units import foreign_unit, is_of_energy, unit_of

ColumnRole: TypeAlias = Literal["load", "pv", "heat", "net", "export", "part", "other"]
"""What a column is for: a series of an agent (``net``: load less PV), what is fed in, a part of a load, or something else."""
SERIES_ROLES: Final = ("load", "pv", "heat", "net")


def _words(pattern: str) -> re.Pattern[str]:
    """Whole words: neither a letter before nor behind, so that Wheatley has no heat and Washington washes nothing."""
    return re.compile(rf"(?<![^\W\d_])(?:{pattern})(?![^\W\d_])")


_PARTS: Final = _words(
    r"dish.?wash(er|ing)?|wash(er|ing)?|washing.?machine|waschmaschine|sp(ü|ue)lmaschine|fridge|refrigerator|freezer"
    r"|k(ü|ue)hlschrank|gefrier\w*|oven|backofen|dryer|trockner|circulation|sub.?meter(s|ing)?|heat.?pumps?"
    r"|w(ä|ae)rmepumpe\w*|wallbox|ev|cl|controlled|furnace|hvac|air\d|car\d|microwave|outlets|lights?|lighting"
    r"|powerwall|batter(y|ies)|batterie\w*|akku\w*|\w*speicher|storage|eigenverbrauch|self.?(consumption|use)"
)
_EXPORTS: Final = _words(
    r"export(s|ed)?|\w*einspeis\w*|feed.?in|fed.?in|\w*r(ü|ue)cklief\w*|injecti\w*|inyecci\w*|excedentes?|teruglevering"
    r"|immission[ei]|surplus|to.grid|2\.(8|29)\.\d"
)
_ALWAYS_OTHERS: Final = _words(
    r"wind|windspeed|irradi\w*|humidity|post.?code|plz|react(ive)?|blind\w*|kvarh?|gas|water|wasser|soc|co2|emissions?"
)
"""Energies, too, but none that a household takes from the grid."""
_OTHERS: Final = re.compile(
    _words(
        r"temp(erature|eratur)?s?|preise?|prices?|costs?|kosten|tarif\w*|flag|quality|capacity|voltage|spannung|current"
        r"|intensity|interpolated|notes|frequency|frequenz"
    ).pattern
    + r"|^(hour|month|year|day|week|weekday)(_\w+)?$"
)
"""Words of what is no energy; a name with a unit of energy or power has them for another reason (the Price family)."""
_PLANTS: Final = _words(
    r"pv|solar(anlage|ertrag|erzeugung|strom|energie)?|photovolt\w*|gen|generation|\w*erzeug(ung|t)|gg|\w*ertrag|produktion"
    r"|production(?! *(hall|site|line|building|floor))"
)
_HEATS: Final = _words(r"heat(ing)?|\w*w(ä|ae)rme\w*|thermal|dhw|heizung\w*")
_IMPORTS: Final = _words(r"import(s|ed)?|\w*bezug|(from|of).grid|grid|afname|1\.(8|29)\.\d")
_NETS: Final = _words(r"net|netto|saldo|saldiert|balance|residual")
_TOTALS: Final = _words(r"totals?|gesamt\w*|insgesamt|summen?|sum|aggregated?")
_REGISTERS: Final = _words(
    r"ht|nt|hochtarif|niedertarif|dag|nacht|tag|day|night|peak|off.?peak|heures (pleines|creuses)|hp|hc"
)
"""Tariffs that have registers of their own in one meter."""
_POWERS: Final = _words(r"power|\w*leistung|puissance|potenza|potencia")
_ENERGIES: Final = _words(r"energy|\w*energie|arbeit|energia")
_CAMEL: Final = re.compile(r"(?<=[a-zäöü]{2})(?=[A-ZÄÖÜ])")
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
_OBIS: Final = re.compile(r"(\d+-\d+:)?[12]\.(8|29)\.\d(\*\d+)?")
"""Codes of what a meter counts: 1.8.0 what was drawn, 2.8.0 what was fed in."""
_MARKS: Final = re.compile(r"[\s_\-./()\[\]]+")
_AGENT_NAME: Final = re.compile(r"[\w][\w .:+-]*")
_MOST_LETTERS: Final = 80
"""Of the name of an agent; a scenario takes a few more."""


def role_of(name: str) -> ColumnRole:
    """What a column is for, by the words of its name: a load where nothing says otherwise."""
    lower = _CAMEL.sub(" ", name).lower()
    unit = unit_of(name)
    if _PARTS.search(lower):
        return "part"
    if _EXPORTS.search(lower):
        return "export"
    if is_of_energy(foreign_unit(name)) and not _ALWAYS_OTHERS.search(lower):
        return "pv" if _PLANTS.search(lower) else "load"
    if foreign_unit(name) or _ALWAYS_OTHERS.search(lower) or (unit is None and _OTHERS.search(lower)):
        return "other"
    return "pv" if _PLANTS.search(lower) else "heat" if _HEATS.search(lower) else "load"


def nets(name: str) -> bool:
    """Whether a name says that it is of load less PV."""
    return _NETS.search(name.lower()) is not None


def imports(name: str) -> bool:
    """Whether a name says that it is of what a meter drew, and not of all that a household takes."""
    return _IMPORTS.search(_CAMEL.sub(" ", name).lower()) is not None


def is_sum(name: str) -> bool:
    """Whether a name says that a column is of a sum, and of nobody."""
    return _TOTALS.search(name.lower()) is not None and not stem_of(_TOTALS.sub(" ", name.lower()))


def register_of(name: str) -> tuple[str, str]:
    """Which register of a meter a column is, by its tariff, and its name without that; ('', name) where it is none."""
    lower = name.lower()
    found = _REGISTERS.search(lower)
    return (found[0], " ".join(_REGISTERS.sub(" ", lower).split())) if found else ("", name)


def says_power(name: str) -> bool | None:
    """Whether a name says that it is of power (True) or of energy (False); None where it says neither, or both."""
    lower = _CAMEL.sub(" ", name).lower()
    power, energy = _POWERS.search(lower) is not None, _ENERGIES.search(lower) is not None
    return None if power == energy else power


def stem_of(name: str) -> str:
    """Whose a column is: its name without words for series and units, as an agent can be called; '' where nothing is left."""
    plain = _OBIS.sub(" ", name)
    parts = [part for part in _MARKS.split(plain) if part]
    left = [part for part in parts if part.lower() not in _DROPPED]
    stem = (
        name.strip() if plain == name and len(left) == len(parts) else (" " if " " in name.strip() else "_").join(left)
    )
    called = stem if _AGENT_NAME.fullmatch(stem) else "_".join(re.findall(r"\w+", stem))
    return called[:_MOST_LETTERS].strip()
