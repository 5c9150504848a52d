"""Names of columns: what they hold by their words, in which unit, and whose they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

from marketsim.profiles.file_params import Values

ColumnRole: TypeAlias = Literal["load", "pv", "heat", "net", "export", "part", "other"]
"""What a column is for: a series of an agent (``net``: load less PV), what is fed in, a part of a load, or something else."""
SERIES_ROLES: Final = ("load", "pv", "heat", "net")

_PARTS: Final = re.compile(
    r"dish.?wash|wash|fridge|refriger|freezer|oven|dryer|circulation|sub.?meter|heat.?pump|w(ä|ae)rmepumpe|wallbox"
    r"|(^|[\W_])(ev|cl)($|[\W_])|controlled"
)
_OTHERS: Final = re.compile(
    r"(^|[\W_])(temp\w*|preis\w*|price\w*|costs?|kosten|tarif\w*|wind\w*|irradi\w*|humid\w*|post.?code|plz|flag|quality|capacity"
    r"|voltage|spannung|current|intensity|react\w*|blind\w*|kvarh?|interpolated|notes)($|[\W_])"
    r"|^(hour|month|year|day|week|weekday)(_\w+)?$"
)
_ROLES: Final[Sequence[tuple[ColumnRole, re.Pattern[str]]]] = (
    ("part", _PARTS),
    ("export", re.compile(r"export|einspeis|feed.?in|r(ü|ue)cklief|netzeinsp")),
    ("other", _OTHERS),
    ("pv", re.compile(r"(^|[\W_\d])pv($|[\W_\d])|solar|photovolt|generation|erzeug|production|(^|[\W_])gg($|[\W_])")),
    ("heat", re.compile(r"heat|w(ä|ae)rme|thermal|dhw")),
)
_NETS: Final = re.compile(r"(^|[\W_])(net|netto|saldo|saldiert|balance|residual)($|[\W_])")
_COUNTERS: Final = re.compile(r"counter|reading|stand\b|z(ä|ae)hlerstand|register|cumul|kumul")
_UNIT: Final[Sequence[tuple[Values, re.Pattern[str]]]] = (
    ("w_per_kw", re.compile(r"(^|[^a-z])w ?(/|per|_per_) ?kwp?($|[^a-z])")),
    ("kwh", re.compile(r"(^|[^a-z])kwh($|[^a-z0-9])")),
    ("wh", re.compile(r"(^|[^a-z])wh($|[^a-z0-9])")),
    ("kw", re.compile(r"(^|[^a-z])kw($|[^a-z0-9])|kilowatt($|[^a-z])")),
    ("w", re.compile(r"[\[(]w[\])]|_w$|^w$|(power|leistung|load|pv)[ ,_]*w$|(^|[^a-z])watts?($|[^a-z])")),
)
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
    ]
)
"""Words that say what a column holds, and not whose it is."""
_MARKS: Final = re.compile(r"[\s_\-./()\[\]]+")
_AGENT_NAME: Final = re.compile(r"[\w][\w .:+-]*")
_MOST_LETTERS: Final = 80
"""Of the name of an agent; a scenario takes a few more."""


def role_of(name: str) -> ColumnRole:
    """What a column is for, by its name: a load where nothing says otherwise."""
    lower = name.lower()
    return next((role for role, pattern in _ROLES if pattern.search(lower)), "load")


def nets(name: str) -> bool:
    """Whether a name says that it is of load less PV."""
    return _NETS.search(name.lower()) is not None


def unit_of(name: str) -> Values | None:
    """The unit that a name has, counters not told apart; None where it has none."""
    lower = name.lower()
    return next((values for values, pattern in _UNIT if pattern.search(lower)), None)


def counts(name: str) -> bool:
    """Whether a name says that it is of readings."""
    return _COUNTERS.search(name.lower()) is not None


def stem_of(name: str) -> str:
    """Whose a column is: its name without words for series and units, as an agent can be called; '' where nothing is left."""
    parts = [part for part in _MARKS.split(name) if part]
    left = [part for part in parts if part.lower() not in _DROPPED]
    stem = name.strip() if len(left) == len(parts) else (" " if " " in name.strip() else "_").join(left)
    called = stem if _AGENT_NAME.fullmatch(stem) else "_".join(re.findall(r"\w+", stem))
    return called[:_MOST_LETTERS].strip()
