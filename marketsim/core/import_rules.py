"""What an importer may return: plain values, files with plain names, sentences, finite sums."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from marketsim.core.imported import HELD, ImportedQuantity, ImportedScenario
from marketsim.core.rule_terms import Call, record_of, wrong

SCENARIO: Final = "scenario.yaml"
REPORT: Final = "import.json"
OWN: Final = frozenset((SCENARIO, REPORT))
"""What the program writes beside the tables."""
_FILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)+")
_LONGEST_NAME: Final = 100
_LONGEST_SENTENCE: Final = 1_000


def imported(call: Call) -> ImportedScenario:
    """A scenario made of data of others."""
    found = record_of(call.result, ImportedScenario)
    if not isinstance(found.scenario, Mapping) or not all(isinstance(key, str) for key in found.scenario):
        wrong("scenario has to be a mapping of sections")
    tables = _tables(found.tables)
    return ImportedScenario(
        scenario=dict(found.scenario),
        tables=tables,
        sources=_sources(found.sources),
        taken=_sentences("taken", found.taken),
        assumed=_sentences("assumed", found.assumed),
        left_out=_sentences("left_out", found.left_out),
        quantities=tuple(_quantity(each, tables) for each in found.quantities),
    )


def _sentences(name: str, sentences: Any) -> tuple[str, ...]:
    if not isinstance(sentences, tuple | list) or not all(map(_is_sentence, sentences)):
        wrong(f"{name} has to hold sentences of at most {_LONGEST_SENTENCE} letters that can be printed")
    return tuple(sentences)


def _is_sentence(text: Any) -> bool:
    return isinstance(text, str) and text.isprintable() and 0 < len(text) <= _LONGEST_SENTENCE


def _tables(tables: Any) -> dict[str, bytes]:
    if not isinstance(tables, Mapping):
        wrong(f"tables has to hold bytes by file name, not {type(tables).__name__}")
    for name, data in tables.items():
        if not isinstance(name, str) or len(name) > _LONGEST_NAME or not _FILE.fullmatch(name):
            wrong(f"a table has to have a plain file name such as series.csv, not {name!r:.120}")
        if name in OWN:
            wrong(f"the program itself writes {name}; give the table another name")
        if not isinstance(data, bytes):
            wrong(f"the table {name} has to be bytes, not {type(data).__name__}")
    return dict(tables)


def _sources(sources: Any) -> dict[str, str]:
    if not isinstance(sources, Mapping) or not all(map(_is_sentence, (*sources, *sources.values()))):
        wrong("sources has to hold the SHA-256 of each file that was read by its name")
    return dict(sources)


def _quantity(given: Any, tables: Mapping[str, bytes]) -> ImportedQuantity:
    quantity: ImportedQuantity = record_of(given, ImportedQuantity, "each of its quantities")
    words = (quantity.what, quantity.source, quantity.unit, quantity.column)
    if not all(map(_is_sentence, words)):
        wrong(f"what, source, unit and column of a quantity have to be texts, not {words!r:.200}")
    if quantity.held not in HELD:
        wrong(f"held of a quantity has to be one of {', '.join(HELD)}, not {quantity.held!r:.60}")
    if (quantity.file or None) not in ({None} if quantity.held == "agents" else set(tables)):
        wrong(f"the quantity {quantity.what!r:.100} names the file {quantity.file!r:.100}, which is none of the tables")
    if isinstance(quantity.amount, bool) or not isinstance(quantity.amount, int | float):
        wrong(f"the amount of {quantity.what!r:.100} has to be a number, not {type(quantity.amount).__name__}")
    if not math.isfinite(quantity.amount):
        wrong(f"the amount of {quantity.what!r:.100} has to be finite")
    return quantity._replace(amount=float(quantity.amount))
