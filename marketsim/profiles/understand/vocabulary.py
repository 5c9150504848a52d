"""Words by which the columns of tables are called, by what they say and in which language; whole words, in small letters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

Meaning: TypeAlias = Literal[
    "load",
    "drawn",
    "fed_in",
    "plant",
    "heat",
    "net",
    "own_use",
    "part",
    "no_energy",
    "no_unit",
    "total",
    "household",
    "tariff",
]
"""What a word says: all that a household takes, what its meter drew, what it fed in, what a plant yields, and so on."""

WORDS: Final[Mapping[Meaning, Mapping[str, str]]] = {
    "load": {
        "en": r"loads?|p.?load|demand|consum(ption|ed|e)|usage|use|used",
        "de": r"\w*verbrauch\w*|\w*bedarf|last|lastgang|haushalts?strom",
        "nl": r"verbruik\w*|verbruikt",
        "fr": r"consommation\w*|consomm(é|e)e?s?|conso",
        "es, it, pt": r"consumos?|consumi|consumid\w*|demanda|domanda",
        "nordic": r"f(ö|o)rbrukning\w*|forbruk\w*|forbrug\w*|kulutus",
        "pl, cz, hu": r"zu(ż|z)yci\w*|spot(ř|r)eb\w*|fogyaszt(á|a)s\w*",
        "ausgrid": r"gc",
    },
    "drawn": {
        "en": r"import(s|ed)?|purchased?|purchases|bought|delivered(?!.to.grid)|(from|of)(.the)?.grid|grid"
        r"|(energy|power|kwh).in|drawn",
        "de": r"\w*bezug|\w*bezogen\w*|netzentnahme|entnahme",
        "nl": r"afname|levering|geleverd\w*",
        "fr": r"soutir\w*|pr(é|e)l(è|e|é)v\w*",
        "es, it, pt": r"importad\w*|preliev\w*|prelevat\w*|entrante",
        "nordic": r"uttag\w*|uttak",
        "pl, cz, hu": r"pob(ó|o)r\w*|pobran\w*|odb(ě|e)r\w*|odebran\w*|v(é|e)telez\w*",
        "obis": r"1\.(4|5|6|7|8|9|29)\.\d",
    },
    "fed_in": {
        "en": r"export(s|ed)?|feed.?in|fed.?in|injecti\w*|surplus|to(.the)?.grid|sold|returned"
        r"|received(?!.from.(the.)?grid)|(energy|power|kwh).out",
        "de": r"\w*einspeis\w*|\w*eingespeist\w*|\w*r(ü|ue)cklief\w*|\w*lieferung|\w*geliefert\w*|\w*abgabe"
        r"|\w*(ü|ue)bersch(u|ü|ue)ss\w*",
        "nl": r"terug.?(ge)?lever\w*|invoeding|injectie|geinjecteerd|ge(ï|i)njecteerd\w*",
        "fr": r"inject(é|e)\w*|exc(é|e)dents?|refoul\w*",
        "es, it, pt": r"vertid\w*|excedente\w*|inyec\w*|exportad\w*|saliente|immission[ei]|immess\w*|inje(ç|c)\w*|injetad\w*",
        "nordic": r"inmatning\w*|innmating\w*|indf(ø|o)dning\w*|salg|s(å|a)lt",
        "pl, cz, hu": r"oddan\w*|oddawan\w*|dod(á|a)vk\w*|dodan\w*|bet(á|a)pl\w*",
        "obis": r"2\.(4|5|6|7|8|9|29)\.\d",
    },
    "plant": {
        "en": r"pv|p.?pv|e.?pv|pac|eac|solar|photovolt\w*|generat(ion|ed)|gen|produced|yield|inverter|(ac|inverter).output\w*"
        r"|production(?! *(hall|site|line|building|floor))",
        "de": r"solar(anlage|ertrag|erzeugung|strom|energie|produktion|leistung|ernte)|\w*erzeug(ung|t)\w*|\w*ertrag|produktion"
        r"|wechselrichter\w*|produziert\w*",
        "nl": r"opwek\w*|opgewekt\w*|opbrengst\w*|productie|zonne(panelen|stroom|energie)",
        "fr": r"solaire|produite?s?",
        "es, it, pt": r"generaci(ó|o)n|generad\w*|producci(ó|o)n|producid\w*|fotovolt\w*|produzion\w*|prodott\w*"
        r"|produ(ç|c)(ã|a)o|gera(ç|c)(ã|a)o|gerad\w*|produzid\w*",
        "nordic": r"produksjon\w*|produktion\w*|tuotanto|solceller|solcelle\w*|solkraft",
        "pl, cz, hu": r"produkcj\w*|generacj\w*|wytworzon\w*|wyprodukowan\w*|fotowolt\w*|v(ý|y)rob\w*|vyroben\w*|termel\w*",
        "ausgrid": r"gg",
    },
    "heat": {"en": r"heat(ing)?|thermal|dhw", "de": r"\w*w(ä|ae)rme\w*|heizung\w*"},
    "net": {"en": r"net|balance|residual", "de, nl, it": r"netto|saldo|saldiert|neto"},
    "own_use": {
        "en": r"self.?(consumption|consumed|use|used)",
        "de, nl": r"eigen.?verbrauch\w*|direkt.?verbrauch\w*|eigen.?verbruik\w*",
        "fr, es, it, pt": r"auto.?cons\w*",
    },
    "part": {
        "en": r"dish.?wash(er|ing)?|wash(er|ing)?|washing.?machine|fridge|refrigerator|freezer|oven|dryer|circulation"
        r"|sub.?meter(s|ing)?|heat.?pumps?|ev|cl|controlled|furnace|hvac|air\d|car\d|microwave|outlets|lights?|lighting"
        r"|powerwall|batter(y|ies)|storage|appliances?|plug.?loads?|(dis)?charged?|(dis)?charging|charger|electric.vehicle\w*",
        "de": r"waschmaschine|sp(ü|ue)lmaschine|k(ü|ue)hlschrank|gefrier\w*|backofen|trockner|w(ä|ae)rmepumpe\w*|wallbox|wp"
        r"|heizstrom|e.?auto|elektroauto|ladestation|lades(ä|ae)ule|(ent)?ladung|batterie\w*|akku\w*|\w*speicher",
        "nl, fr, es, it": r"warmtepomp\w*|laadpaal|pompe.(à|a).chaleur|bater(í|i)a\w*|batteria|pompa.di.calore",
    },
    "no_energy": {
        "en": r"forecast\w*|predict(ed|ion)|previous.(year|month|week|day)|last.(year|month|week)|neighbou?rs?|maximum|minimum"
        r"|standing.charge|wind|windspeed|irradi\w*|radiation|humidity|post.?code|react(ive)?|kvarh?|gas|water|soc|co2|emissions?"
        r"|power.?factor|cos.?(phi|φ)|pulses?|chp",
        "de": r"\w*prognose\w*|vorjahr\w*|vormonat\w*|nachbar\w*|plz|blind\w*|wasser|\w*strahlung|impulse?|bhkw",
        "fr, es, it": r"pr(é|e)vision\w*|previsi(ó|o)n\w*|vecinos?|voisins?",
        "weather": r"ghi|dni|dhi|epex|spot",
    },
    "no_unit": {
        "en": r"temp(erature)?s?|prices?|costs?|amount|tax|flag|quality|capacity|voltage|current|intensity|interpolated|notes"
        r"|frequency|status\w*|codes?|time.?step|index",
        "de": r"temperatur|preise?|kosten|betrag|tarif\w*|spannung|frequenz|\w*status|\w*code",
        "fr, es, it, pt": r"co(û|u)ts?|prix|coste|precio|costo|prezzo|importo|pre(ç|c)o|custo",
        "nordic, pl, cz": r"kostnad\w*|pris(er)?|koszt\w*|cena|ceny",
        "money": r"eur|usd|gbp|chf|sek|nok|dkk|kr|pln|czk|huf|ct|cents?",
    },
    "total": {"all": r"totals?|gesamt\w*|insgesamt|summen?|sum|aggregated?|totale?|totaal|celkem|suma|summa"},
    "household": {
        "en": r"house\w*|home|flat|apartment|building|customers?|consumer|meters?|famil(y|ies)|shop|office|farm|school|site",
        "de": r"haus\w*|wohnung\w*|geb(ä|ae)ude|kunde\w*|z(ä|ae)hler\w*|z(ä|ae)hlpunkt\w*|familie|hof|laden|b(ü|ue)ro|schule",
        "others": r"woning|huis|maison|logement|foyer|casa|vivienda|hogar|hus|bolig|talo|dom|d(ů|u)m|cups|pod|nmi|mpan|lclid",
    },
    "tariff": {
        "all": r"ht|nt|t1|t2|t3|hochtarif|niedertarif|tarief.?\d|tariff?.?\d|dag|nacht|tag|day|night|peak|off.?peak|laag|hoog"
        r"|heures (pleines|creuses)|hp|hc|punta|valle|llano|f1|f2|f3"
    },
}
"""Regular expressions of words by what they say and by language; more languages are more rows."""
_STREETS: Final = r"famil\w*|lane|street|stra(ß|ss)e|road|weg|gasse|platz|avenue"
"""Words of addresses and people: a name that has one is a household, whatever else it says."""


def whole_words(pattern: str) -> re.Pattern[str]:
    """Whole words: neither a letter before nor behind, so that Wheatley has no heat and Washington washes nothing."""
    return re.compile(rf"(?<![^\W\d_])(?:{pattern})(?![^\W\d_])")


_FOUND: Final[Mapping[Meaning, re.Pattern[str]]] = {
    meaning: whole_words("|".join(words.values()).replace(r"\w", r"[^\W\d_]")) for meaning, words in WORDS.items()
}
_SIGNED: Final[Mapping[Meaning, re.Pattern[str]]] = {
    "drawn": re.compile(r"(?:^|(?<=[\s(\[;,:/|]))(?:\+ ?[ap]|[ap]\+)(?=$|[\s)\];,:/|])"),
    "fed_in": re.compile(r"(?:^|(?<=[\s(\[;,:/|]))(?:[-\u2212] ?[ap]|[ap][-\u2212])(?=$|[\s)\];,:/|])"),
}
"""Registers by their signs: +A, A+ and P+ are what a meter drew, -A, A- and P- what it fed in."""
_OF_PEOPLE: Final = whole_words(_STREETS)
_CAMEL: Final = re.compile(r"(?<=[a-zäöü]{2})(?=[A-ZÄÖÜ])")
_MONEY: Final = r"ct|cents?|c|p|eur|€|\$|usd|£|gbp|chf|rp|sek|nok|dkk|kr|pln|z(ł|l)|czk|k(č|c)|huf|ft|(ö|ø)re"
_PER_ENERGY: Final = re.compile(
    rf"(?:^|(?<![^\W\d_]))(?:{_MONEY}|g|kg|t) ?/ ?[km]?wh(?![a-z])|(?<![a-z])(per|pro|par|por|je|al) [km]wh(?![a-z])"
)
"""Prices and emissions of energy: the unit below the line is none of the column."""
_CALENDAR: Final = re.compile(r"^(hour|month|year|day|week|weekday)(_\w+)?$")
_EXTREME: Final = re.compile(r"(?<![^\W\d_])(max|min)\.?(?![^\W\d_]).*(?<![a-z])(k?w|k?va|v|a|hz)(?![a-z])")
"""The largest power within a step, or the smallest: no mean of it. In kWh, Max is a household."""


def plain(name: str) -> str:
    """A name in small letters, words that capitals tell apart told apart by blanks."""
    return _CAMEL.sub(" ", name).lower()


def says(name: str, meaning: Meaning) -> bool:
    """Whether a word of a name says so."""
    lower = plain(name)
    if _FOUND[meaning].search(lower) or (meaning in _SIGNED and _SIGNED[meaning].search(lower)):
        return True
    return meaning == "no_energy" and bool(_PER_ENERGY.search(lower) or _EXTREME.search(lower))


def word_of(name: str, meaning: Meaning) -> str:
    """The word of a name that says so, in small letters; '' without one."""
    found = _FOUND[meaning].search(plain(name))
    return found[0] if found else ""


def is_calendar(name: str) -> bool:
    """Whether a name is that of a part of the calendar."""
    return _CALENDAR.search(plain(name)) is not None


def is_of_people(name: str) -> bool:
    """Whether a name has a word of addresses or of people."""
    return _OF_PEOPLE.search(plain(name)) is not None


def without(name: str, *meanings: Meaning) -> str:
    """A name in small letters without the words that say one of these; of all without naming any."""
    lower = plain(name)
    for meaning in meanings or tuple(WORDS):
        lower = _FOUND[meaning].sub(" ", lower)
        if meaning in _SIGNED:
            lower = _SIGNED[meaning].sub(" ", lower)
    return " ".join(lower.split())
