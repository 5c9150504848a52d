"""Fills the form from a description, whoever reads it, and takes nothing that does not stand in the text.

A reader (a language model, or the rules of ``words.py``) answers one question a field with a quotation and a number. Both
are looked for in the text, the unit is read there by rules, and every number of the text that nobody used is told.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, Protocol

from pydantic_core import ValidationError

from marketsim.core.language_model import Failure
from marketsim.core.plain_text import plain
from marketsim.experts.model import ProsumerModel
from marketsim.experts.workflow.fields import BY_PATH, DEVICES, FIELDS, FieldSpec
from marketsim.experts.workflow.quantities import Quantity, line_of, places_of_quote, quantities
from marketsim.experts.workflow.strangers import strange_wishes

MOST_CHARACTERS: Final = 4_000
_SAME: Final = 1e-9
_AROUND: Final = 60
_NO_ANSWER: Final = "the model gave no answer"
_ROUND_TRIP: Final = re.compile(r"round[- ]?trip|both ways|in and out|there and back", re.IGNORECASE)


class FieldFinding(NamedTuple):
    """What a reader says that the text states."""

    quote: str
    """The words of the text, as they stand there."""
    number: float
    """The number as it stands there."""


class DescriptionReader(Protocol):
    """Whoever reads a description; None: the text does not state it. Failure where there is no answer."""

    def has(self, device: str, text: str) -> str | None:
        """A quotation that says that there is a device of ``DEVICES``."""
        ...

    def find(self, field: FieldSpec, text: str) -> FieldFinding | None:
        """What the text states of a field."""
        ...


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
    entries, refusals, used = _read(text, reader)
    if not any(each.reason.startswith(_NO_ANSWER) for each in refusals):
        refusals += [FormRefusal(*each) for each in _unused(text, used)]
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


def _read(text: str, reader: DescriptionReader) -> tuple[list[FormEntry], list[FormRefusal], list[tuple[int, int]]]:
    entries, refusals, used = list[FormEntry](), list[FormRefusal](), list[tuple[int, int]]()
    there = {}
    for device in DEVICES:
        try:
            quote = reader.has(device, text)
        except Failure as failure:
            refusals.append(FormRefusal(1, device, f"{_NO_ANSWER}: {failure}"))
            continue
        places = [] if quote is None else places_of_quote(text, quote)
        if places:
            there[device] = line_of(text, places[0][0])
        elif quote is not None:
            refusals.append(FormRefusal(1, device, f"the words {plain(quote, 80)!r} do not stand in the text"))
    for field in FIELDS:
        if field.device and field.device not in there:
            continue
        try:
            found = _checked(field, reader.find(field, text), text, used)
        except Failure as failure:
            refusals.append(FormRefusal(1, field.path, f"{_NO_ANSWER}: {failure}"))
            continue
        except _OtherKind as other:
            if field.needed:
                refusals.append(FormRefusal(other.line, field.path, str(other)))
            continue
        except _NotThere as missing:
            refusals.append(FormRefusal(missing.line, field.path, str(missing)))
            continue
        if found is not None:
            entries.append(found[0])
            used.append(found[1])
        elif field.needed:
            refusals.append(FormRefusal(there.get(field.device, 1), field.path, f"{field.question} is not stated"))
    return entries, refusals, used


class _NotThere(Exception):
    """A finding that the text does not bear out."""

    def __init__(self, line: int, reason: str) -> None:
        self.line = line
        super().__init__(reason)


class _OtherKind(_NotThere):
    """A quantity of another kind: nothing is stated of the field; what the text states of it is left over, and told."""


def _checked(
    field: FieldSpec, finding: FieldFinding | None, text: str, used: list[tuple[int, int]]
) -> tuple[FormEntry, tuple[int, int]] | None:
    """The entry of a finding, and where its number stands; _NotThere where the text says otherwise."""
    if finding is None:
        return None
    places = places_of_quote(text, finding.quote)
    if not places:
        raise _NotThere(1, f"the words {plain(finding.quote, 80)!r} do not stand in the text")
    within = [each for each in quantities(text) if any(start <= each.start < end for start, end in places)]
    same = [each for each in within if math.isclose(each.written, finding.number, rel_tol=_SAME)]
    if not same:
        line = line_of(text, places[0][0])
        raise _NotThere(line, f"the number {finding.number:g} does not stand in {plain(finding.quote, 80)!r}")
    fitting = [each for each in same if _fits(field, each)]
    if not fitting:
        seen, has_unit = plain(same[0].text, 40), same[0].dimension not in ("number", "unknown")
        kind = _OtherKind if has_unit else _NotThere
        raise kind(line_of(text, same[0].start), f"{seen!r} is no {_KINDS[field.dimension]}")
    fresh = [each for each in fitting if (each.start, each.end) not in used]
    taken = (fresh or fitting)[0]
    quote, line = plain(finding.quote), line_of(text, taken.start)
    around = text[max(0, taken.start - _AROUND) : taken.end + _AROUND]
    return FormEntry(field.path, _value(field, taken, around), quote, line), (taken.start, taken.end)


_KINDS: Final = {
    "energy": "energy (kWh, MWh)",
    "power": "power (kW, MW)",
    "share": "share (%, or a number up to 1)",
    "price": "price (currency/kWh, ct/kWh, currency/MWh)",
    "ramp": "change of power in a time (kW/h, kW per minute)",
    "quadratic": "quadratic cost (currency/(kW² h))",
    "number": "number without a unit",
    "unknown": "quantity",
}


def _fits(field: FieldSpec, found: Quantity) -> bool:
    if found.dimension == field.dimension:
        return True
    return found.dimension == "number" and field.dimension == "share" and 0.0 <= found.written <= 1.0


def _value(field: FieldSpec, found: Quantity, around: str) -> float:
    """In the unit of the field; where the words around speak of a round trip, an efficiency is that of both ways."""
    value = round(found.value, 12)
    if field.path == "battery.efficiency" and _ROUND_TRIP.search(around) and value > 0.0:
        return math.sqrt(value)
    return value


def _unused(text: str, used: list[tuple[int, int]]) -> Iterator[tuple[int, str, str]]:
    """Quantities that no field took, unless they say again what another did: a model would leave out what the text says."""
    every = [each for each in quantities(text) if each.dimension != "number"]
    known = {(each.dimension, each.value) for each in every if (each.start, each.end) in used}
    for each in every:
        if (each.dimension, each.value) not in known:
            why = f"{plain(each.text, 40)!r} belongs to no field that was read, or contradicts another number"
            yield line_of(text, each.start), "", why


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
