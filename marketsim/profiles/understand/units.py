"""Units that names of columns have: those of energy and power, spelled out or not, and those of something else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from marketsim.profiles.file_params import Values


def _whole(pattern: str) -> str:
    """Neither a letter before nor a letter or digit behind."""
    return rf"(?<![^\W\d_])(?:{pattern})(?![^\W_])"


_HOURS: Final = (
    r"[ -]?(?:hours?|hrs?|stunden?|uur|uren|heures?|ora|ore|horas?|timmar|timme|timer|time|godzin\w*|hodin\w*)"
)
_PER: Final = r"(?:/|\bper |\bje |\bpro |\bpar |_per_) ?"
"""What stands before the unit of what something is a price or a share of."""
_HOUR_OF_WATT: Final = rf"wh(?:rs?)?|watts?{_HOURS}|watt{_HOURS}|vatios?[ -]?horas?|watogodzin\w*|wattim\w+"
_HOUR_OF_KILOWATT: Final = (
    rf"kwh(?:rs?)?|kilo-?watts?{_HOURS}|[kq]u?ilovatios?[ -]?horas?|quilowatts?{_HOURS}|kilowatogodzin\w*|kilowattim\w+"
)
_NOT_PRICED: Final = r"(?<!/)(?<!/ )(?<!per )(?<!_per_)(?<!je )(?<!pro )(?<!par )"
_BEFORE_W: Final = (
    r"power|leistung|load|pv|solar|consumption|verbrauch|usage|demand|production|erzeugung|grid|netz|bezug|total|active"
    r"|avg|mean|max|min|ø|l[123]|house|home"
)
"""Words behind which a W alone is a unit, and no initial of a name."""
_UNIT: Final[Sequence[tuple[Values, re.Pattern[str]]]] = (
    ("w_per_kw", re.compile(r"(^|[^a-z])w ?(/|per|_per_) ?kwp?($|[^a-z])")),
    ("kw", re.compile(r"(^|[^a-z])kwh ?/ ?h($|[^a-z])")),
    ("kwh", re.compile(_NOT_PRICED + _whole(_HOUR_OF_KILOWATT))),
    ("wh", re.compile(_NOT_PRICED + _whole(_HOUR_OF_WATT))),
    ("kw", re.compile(_NOT_PRICED + _whole(r"kw|kilo-?watts?|kilovatios?|quilowatts?"))),
    ("w", re.compile(rf"[\[(]w[\])]|_w$|^w$|(^|[^a-zäöü])({_BEFORE_W})[ ,._]*w$|(^|[^a-z])(?<!kilo)(?<!kilo-)watts?($|[^a-z])")),
)  # fmt: skip
LARGE_UNITS: Final = {"mwh": "kWh (times 1000)", "gwh": "kWh", "mw": "kW (times 1000)", "gw": "kW"}
"""Units of energy and power that are not read, and what to write in their place."""
_MILLI: Final = {"mWh": "kWh (divided by 1,000,000)", "mW": "kW (divided by 1,000,000)"}
"""Those that are a billionth of what they look like in capitals."""
_MONEY: Final = ("eur", "€", "ct", "cent", "cents", "usd", "$", "gbp", "£", "p", "chf", "sek", "nok", "dkk", "pln", "czk", "huf",
                 "ron", "aud", "nzd", "cad", "jpy", "inr", "brl", "zar", "kr", "zł", "kč", "öre", "rp", "rappen")  # fmt: skip
_OTHERS: Final = (
    *("kva", "va", "mva", "kvar", "var", "kvarh", "varh", "kvah", "vah", "mvah", "ah", "mah", "hz", "m3", "m³", "m^3", "%"),
    *("°c", "°f", "deg c", "mj", "gj", "kj", "j", "joule", "joules", "m/s", "km/h", "w/m2", "w/m²", "w/m^2", "kwh/m2", "kwh/m²"),
    *("kg", "g", "t", "ppm", "bar", "mbar", "hpa", "pa", "lux", "rpm", "db", "dbm", "co2", "therm", "therms", "btu", "kbtu"),
    *("mmbtu", "ccf", "mcf", "liter", "litre", "gal", "kcal", "cal", "kwp", "wp", "kw/h", "w/h"),
)  # fmt: skip
_ENERGIES: Final = frozenset(("mj", "gj", "kj", "j", "joule", "joules", "btu", "kbtu", "mmbtu", "vah", "kvah", "kcal"))
_FOREIGN: Final = (*_OTHERS, *_MONEY)
_ONE_LETTER: Final = ("a", "v", "l", "c", "k", "kv", "ma", "mv")
_FOREIGN_IN_BRACKETS: Final = frozenset((*_FOREIGN, *LARGE_UNITS, *_ONE_LETTER))
_FOREIGN_AT_THE_END: Final = frozenset((*_FOREIGN, *LARGE_UNITS)) - frozenset(
    (
        "g",
        "j",
        "t",
        "p",
        "va",
        "var",
        "bar",
        "ct",
        "co2",
        "kr",
        "rp",
        "cal",
        "gal",
        "cent",
        "pa",
        "db",
        "wp",
        "kwp",
        "ah",
    )
)
_BRACKETS: Final = re.compile(r"[\[(]\s*([^\[\]()]+?)\s*[\])]")
_PRICE: Final = re.compile(rf"[a-z€$£¢%²³]+ ?{_PER}k?wh")
"""Money, or emissions, of an energy."""
_RATE: Final = re.compile(rf"k?wh ?{_PER}(day|tag|d|week|woche|month|monat|year|jahr|a|annum|m2|m²|person|kwp)")
_SCALED: Final = re.compile(
    r"(?:[x×*] ?)?\d+(?:[.,]\d+)? ?(?:[x×*] ?)?(?:k?wh?|kilowatt\w*|watt\w*)|(?:k?wh?) ?[x×*/] ?\d+(?:[.,]\d+)?",
    re.IGNORECASE,
)
"""A unit with a factor, or the rating of something."""
_NO_UNIT: Final = re.compile(r"(?<![a-z])k?w ?/ ?h(?![a-z])")
"""Written by those who mean the one or the other."""
_COUNTERS: Final = re.compile(r"counter|reading|stand\b|z(ä|ae)hlerstand|register|cumul|kumul")


def unit_of(name: str) -> Values | None:
    """The unit of energy or power that a name has, counters not told apart; None where it has none."""
    lower = name.lower()
    if _odd_unit(name):
        return None
    return next((values for values, pattern in _UNIT if pattern.search(lower)), None)


def foreign_unit(name: str) -> str:
    """The unit of something else, or one that is not read (MWh), in small letters; '' where a name has none."""
    if unit_of(name) is not None:
        return ""
    lower = name.lower().strip()
    odd = _odd_unit(name)
    if odd:
        return odd.lower()
    in_brackets = next((unit for unit in _BRACKETS.findall(lower) if unit in _FOREIGN_IN_BRACKETS), "")
    end = re.split(r"[\s_]", lower)[-1]
    return in_brackets or (end if end in _FOREIGN_AT_THE_END else "")


def _odd_unit(name: str) -> str:
    """What stands where a unit does and is none that is read: a price, a rate, a unit with a factor, ``kW/h``; '' without."""
    lower = name.lower().strip()
    scaled = next((each for each in _BRACKETS.findall(name) if _SCALED.fullmatch(each)), "")
    if scaled and len(_BRACKETS.findall(name)) == 1:
        return scaled
    for pattern in (_NO_UNIT, _RATE):
        found = pattern.search(lower)
        if found:
            return found[0]
    price = _PRICE.search(lower)
    rest = f"{lower[: price.start()]} {lower[price.end() :]}" if price else lower
    if price and not any(pattern.search(rest) for _, pattern in _UNIT):
        return price[0]
    return ""


def is_of_energy(unit: str) -> bool:
    """Whether a unit that is not read is one of energy or power all the same, so that its column may be a load."""
    return unit in LARGE_UNITS or unit in _ENERGIES or any(each.fullmatch(unit) for each in (_NO_UNIT, _RATE, _SCALED))


def as_written(name: str, unit: str) -> str:
    """A unit in the letters of the name that has it, and in capitals where a name has none: mwh is MWh, and mWh is not."""
    found = re.search(rf"(?<![^\W\d_]){re.escape(unit)}(?![^\W\d_])", name, re.IGNORECASE)
    written = found[0] if found else unit
    return written.upper().replace("H", "h") if written in LARGE_UNITS else written


def what_to_write(name: str, unit: str) -> str:
    """What to do about a column in a unit that is not read."""
    written = as_written(name, unit)
    if written in _MILLI:
        return f"write it in {_MILLI[written]}; if {written.upper().replace('H', 'h')} is meant, in {LARGE_UNITS[unit]}"
    if unit in LARGE_UNITS:
        return f"write it in {LARGE_UNITS[unit]}"
    if _NO_UNIT.fullmatch(unit):
        energy, power = ("kWh", "kW") if unit.startswith("k") else ("Wh", "W")
        return f"write {energy} if it is the energy of a step, {power} if it is power"
    if _RATE.fullmatch(unit):
        return "write the energy of each step in kWh, or its mean power in kW"
    if _SCALED.fullmatch(unit):
        return (
            "write plain kWh or kW; the rating of a plant or a connection without brackets, such as 'PV 10 kWp (kWh)'"
        )
    return "write energy in kWh, or power in kW"


def counts(name: str) -> bool:
    """Whether a name says that it is of readings."""
    return _COUNTERS.search(name.lower()) is not None
