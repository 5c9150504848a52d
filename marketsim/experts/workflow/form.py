"""Fills the form from a description, whoever reads it, and takes nothing that does not stand in the text.

A reader (a language model, or the rules of ``words.py``) answers one question a field with a quotation and a number. Both
are looked for in the text, the unit is read there by rules, and every number of the text that nobody used is told.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from pydantic_core import ValidationError

from marketsim.core.plain_text import plain
from marketsim.experts.model import ProsumerModel
from marketsim.experts.workflow.claims import NO_ANSWER, TakenNumber, claimed
from marketsim.experts.workflow.fields import BY_PATH, FieldSpec
from marketsim.experts.workflow.quantities import Quantity, line_of, quantities
from marketsim.experts.workflow.reading import DescriptionReader
from marketsim.experts.workflow.strangers import strange_wishes

MOST_CHARACTERS: Final = 4_000
_AROUND: Final = 60
_ROUND_TRIP: Final = re.compile(r"round[- ]?trip|both ways|in and out|there and back", re.IGNORECASE)


class FormEntry(NamedTuple):
    """A filled field."""

    path: str
    value: float
    """In the unit of the field."""
    quote: str
    """The words that say so; empty: the default, which nobody stated."""
    line: int
    """Of the quotation; 0 for a default."""


class FormRefusal(NamedTuple):
    """Why there is no model of a description."""

    line: int
    path: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.path + ': ' if self.path else ''}{self.reason}"


class FilledForm(NamedTuple):
    """The form of a description: a model, or why there is none."""

    entries: tuple[FormEntry, ...]
    model: ProsumerModel | None
    refusals: tuple[FormRefusal, ...]


def filled(text: str, reader: DescriptionReader) -> FilledForm:
    """The form of a description as ``reader`` reads it."""
    early = list(_unfit(text)) or strange_wishes(text)
    if early:
        return FilledForm((), None, tuple(FormRefusal(*each) for each in early))
    found = claimed(text, reader)
    entries, refusals = [_entry(each, text) for each in found.taken], [FormRefusal(*each) for each in found.refused]
    if not any(each.reason.startswith(NO_ANSWER) for each in refusals):
        refusals += [FormRefusal(*each) for each in _unused(text, {each.quantity for each in found.taken})]
    model = None
    if not refusals:
        model, refusals = _model(entries)
    if model is not None:
        entries += _defaults(model, {entry.path for entry in entries})
    return FilledForm(tuple(entries), model, tuple(sorted(refusals)))


def _unfit(text: str) -> Iterator[tuple[int, str, str]]:
    if not text.strip():
        yield 1, "", "the description is empty"
    elif len(text) > MOST_CHARACTERS:
        yield 1, "", f"the description has {len(text)} characters, at most {MOST_CHARACTERS} are read"
    elif any(not letter.isprintable() and letter not in "\n\r\t" for letter in text):
        place = next(at for at, letter in enumerate(text) if not letter.isprintable() and letter not in "\n\r\t")
        yield line_of(text, place), "", f"the description has the control character {text[place]!r}"


def _entry(taken: TakenNumber, text: str) -> FormEntry:
    """A field with the number that states it."""
    at, end = taken.quantity.start, taken.quantity.end
    around = text[max(0, at - _AROUND) : end + _AROUND]
    return FormEntry(taken.field.path, _value(taken.field, taken.quantity, around), taken.quote, line_of(text, at))


def _value(field: FieldSpec, found: Quantity, around: str) -> float:
    """In the unit of the field; where the words around speak of a round trip, an efficiency is that of both ways."""
    value = round(found.value, 12)
    if field.path == "battery.efficiency" and _ROUND_TRIP.search(around) and value > 0.0:
        return math.sqrt(value)
    return value


def _unused(text: str, used: set[Quantity]) -> Iterator[tuple[int, str, str]]:
    """Quantities that no field took, unless they say again what another did: a model would leave out what the text says."""
    every = [each for each in quantities(text) if each.dimension != "number" or _is_ratio(each)]
    known = {(each.dimension, each.value) for each in every if each in used}
    for each in every:
        if (each.dimension, each.value) not in known:
            why = f"{plain(each.text, 40)!r} belongs to no field that was read, or contradicts another number"
            yield line_of(text, each.start), "", why


def _is_ratio(found: Quantity) -> bool:
    """Whether a number without a unit is one of a model: a decimal below 1 is no year and no count of things."""
    return "." in found.text and 0.0 < found.value < 1.0


def _model(entries: list[FormEntry]) -> tuple[ProsumerModel | None, list[FormRefusal]]:
    """The model of the entries; refusals with their lines where pydantic has some."""
    tree: dict[str, Any] = {}
    for entry in entries:
        *above, name = entry.path.split(".")
        place = tree.setdefault(above[0], {}) if above else tree
        place[name] = entry.value
    try:
        return ProsumerModel.model_validate(tree), []
    except ValidationError as error:
        return None, [_refused(dict(each), entries) for each in error.errors()]


def _refused(problem: dict[str, Any], entries: list[FormEntry]) -> FormRefusal:
    path = ".".join(map(str, problem["loc"]))
    lines = [entry.line for entry in entries if entry.path == path or entry.path.startswith(f"{path}.")]
    said = str(problem["msg"]).removeprefix("Value error, ")
    seen = f" (got {problem['input']:g})" if isinstance(problem.get("input"), float) else ""
    return FormRefusal(max(lines, default=1), path, f"{said[:1].lower()}{said[1:]}{seen}")


def _defaults(model: ProsumerModel, stated: set[str]) -> list[FormEntry]:
    """Fields that nobody stated, with what the model takes for them."""
    found = []
    for path in BY_PATH:
        *above, name = path.split(".")
        owner = getattr(model, above[0]) if above else model
        value = None if owner is None else getattr(owner, name)
        if path not in stated and isinstance(value, float) and not (path == "pv_kw" and value == 0.0):
            found.append(FormEntry(path, value, "", 0))
    return found
