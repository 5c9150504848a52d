"""What a reader says that a text states, held against the text: words, numbers and units, and no number for two fields.

A field is asked for where the text has a number of its kind. A reader whose answer is not borne out is asked to choose among what
does stand there. So it is where two fields claim one number: a text rarely says two things by one, and a reader that sees a
number everywhere is not to fill a form with it.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as kept
from typing import Final, NamedTuple, TypeAlias

from marketsim.core.language_model import Failure
from marketsim.core.plain_text import plain
from marketsim.experts.workflow.fields import DEVICES, FIELDS, FieldSpec
from marketsim.experts.workflow.quantities import Quantity, line_of, places_of_quote, quantities
from marketsim.experts.workflow.reading import DescriptionReader, FieldFinding
from marketsim.experts.workflow.vocabulary import NAMES, is_about, mentions

NO_ANSWER: Final = "the model gave no answer"
FormReason: TypeAlias = tuple[int, str, str]
"""Line, path and reason of a refusal."""
_SAME: Final = 1e-9
_WHO_SAYS: Final = "Which of these says that there is {}?"
_WHICH_IS: Final = "Which of these is {}?"
_BEFORE, _BEHIND = 50, 25
"""Letters around a number by which it is told apart."""
_END: Final = re.compile(r"[.;](?:\s|$)|\n(?=\s*(?:\n|[-*•]))")
_SENTENCE: Final = re.compile(r"(?<=[.;])\s+|\n\s*\n|\n(?=\s*[-*•])")
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


class TakenNumber(NamedTuple):
    """A number of the text that states a field."""

    field: FieldSpec
    quantity: Quantity
    quote: str


class Claims(NamedTuple):
    """What a text states, by a reader that was held to it."""

    taken: list[TakenNumber]
    """In the order of the fields."""
    refused: list[FormReason]


@dataclass
class _Claim:
    """A field with the numbers that may state it, the likeliest first."""

    field: FieldSpec
    quote: str
    fitting: list[Quantity]
    lost: set[Quantity] = kept(default_factory=set)
    again: bool = False
    """Whether it was asked for among what was left when others had theirs."""

    @property
    def open(self) -> list[Quantity]:
        """Those that no other field has been found to be."""
        return [each for each in self.fitting if each not in self.lost]


class _NotThere(Exception):
    """A finding that the text does not bear out."""

    def __init__(self, line: int, reason: str) -> None:
        self.line = line
        super().__init__(reason)


class _OtherKind(_NotThere):
    """A quantity of another kind: nothing is stated of the field; what the text states of it is left over, and told."""


def claimed(text: str, reader: DescriptionReader) -> Claims:
    """What a reader says that a text states, as far as the text bears it out, and why the rest is refused."""
    there, refused = _devices(text, reader)
    claims = list[_Claim]()
    for spec in FIELDS:
        if spec.device and spec.device not in there:
            continue
        try:
            found = _asked(spec, text, reader)
        except Failure as failure:
            refused.append((1, spec.path, f"{NO_ANSWER}: {failure}"))
        except _NotThere as missing:
            if spec.needed or not isinstance(missing, _OtherKind):
                refused.append((missing.line, spec.path, str(missing)))
        else:
            if found is not None:
                claims.append(found)
            elif spec.needed:
                refused.append((there.get(spec.device, 1), spec.path, f"{spec.question} is not stated"))
    taken, lost = _settled(claims, text, reader)
    return Claims(taken, [*refused, *lost])


def _devices(text: str, reader: DescriptionReader) -> tuple[dict[str, int], list[FormReason]]:
    """The devices that there are, with their lines."""
    there, refused = dict[str, int](), list[FormReason]()
    for device, name in DEVICES.items():
        try:
            quote = reader.has(device, text)
            if quote is not None and not places_of_quote(text, quote):
                quote = _named(device, text) or reader.choose(_WHO_SAYS.format(name), _sentences(text), text)
        except Failure as failure:
            refused.append((1, device, f"{NO_ANSWER}: {failure}"))
            continue
        places = [] if quote is None else places_of_quote(text, quote)
        about = [start for start, end in places if is_about(device, text, start, end)]
        if about:
            there[device] = line_of(text, about[0])
    return there, refused


def _named(device: str, text: str) -> str:
    """The word by which a text names a device that it does not deny; empty: none."""
    return next((each[0] for each in mentions(text, NAMES[device])), "")


def _sentences(text: str) -> list[str]:
    """Sentences and lines of a text, each once."""
    return list(dict.fromkeys(" ".join(each.split()) for each in _SENTENCE.split(text) if each.strip()))


def _no_words(quote: str) -> str:
    return f"the words {plain(quote, 80)!r} do not stand in the text"


def _asked(spec: FieldSpec, text: str, reader: DescriptionReader) -> _Claim | None:
    """What is said of a field, chosen from what stands there if need be; _NotThere where the text says otherwise."""
    fitting = [each for each in quantities(text) if _fits(spec, each)]
    if not fitting:
        return None
    try:
        return _held(spec, reader.find(spec, text), text)
    except _NotThere as wrong:
        if isinstance(wrong, _OtherKind) and not spec.needed:
            raise
        phrases = _phrases(fitting, text)
        said = reader.choose(_WHICH_IS.format(spec.question), list(phrases), text)
        if said in phrases:
            return _Claim(spec, plain(phrases[said].text), [phrases[said]])
        if spec.needed:
            raise
        return None


def _phrases(fitting: Sequence[Quantity], text: str) -> dict[str, Quantity]:
    """Quantities with the words around them, by which they can be told apart."""
    found = dict[str, Quantity]()
    for each in fitting:
        phrase = _around(each, text)
        found[phrase if phrase not in found else f"{phrase} ({len(found) + 1})"] = each
    return found


def _around(quantity: Quantity, text: str) -> str:
    """A quantity within its sentence, with whole words before and behind it."""
    start, end = max(0, quantity.start - _BEFORE), quantity.end + _BEHIND
    before, behind = _END.split(text[start : quantity.start])[-1], _END.split(text[quantity.end : end])[0]
    if start and len(before) == _BEFORE:
        before = before.partition(" ")[2]
    if end < len(text) and len(behind) == _BEHIND:
        behind = behind.rpartition(" ")[0]
    return " ".join(f"{before}{text[quantity.start : quantity.end]}{behind}".split())


def _held(spec: FieldSpec, finding: FieldFinding | None, text: str) -> _Claim | None:
    """A finding with the numbers of the text that it may mean; _NotThere where there are none."""
    if finding is None:
        return None
    places = places_of_quote(text, finding.quote)
    if not places:
        return _in_other_words(spec, finding, text)
    within = [each for each in quantities(text) if any(start <= each.start < end for start, end in places)]
    same = [each for each in within if _is(each.written, finding.number)]
    same = same or [each for each in within if _fits(spec, each) and _is(each.value, finding.number)]
    if not same:
        line = line_of(text, places[0][0])
        raise _NotThere(line, f"the number {finding.number:g} does not stand in {plain(finding.quote, 80)!r}")
    fitting = [each for each in same if _fits(spec, each)]
    if not fitting:
        seen, has_unit = plain(same[0].text, 40), same[0].dimension not in ("number", "unknown")
        kind = _OtherKind if has_unit else _NotThere
        raise kind(line_of(text, same[0].start), f"{seen!r} is no {_KINDS[spec.dimension]}")
    return _Claim(spec, plain(finding.quote), fitting)


def _in_other_words(spec: FieldSpec, finding: FieldFinding, text: str) -> _Claim:
    """A quotation that is a number with its unit, written otherwise than in the text; _NotThere for any other."""
    alone = finding.quote.strip(" .,;")
    said = [
        (each.dimension, each.value)
        for each in quantities(alone)
        if each.text == alone and _is(each.written, finding.number)
    ]
    same = [each for each in quantities(text) if _fits(spec, each) and (each.dimension, each.value) in said]
    if not same:
        raise _NotThere(1, _no_words(finding.quote))
    return _Claim(spec, plain(same[0].text), same)


def _is(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_SAME)


def _fits(spec: FieldSpec, found: Quantity) -> bool:
    if found.dimension == spec.dimension:
        return True
    return found.dimension == "number" and spec.dimension == "share" and 0.0 <= found.written <= 1.0


def _settled(claims: list[_Claim], text: str, reader: DescriptionReader) -> tuple[list[TakenNumber], list[FormReason]]:
    """Every number for one field; a field that loses all of its numbers is asked for among those left, or is not stated."""
    owners, waiting, lost = dict[Quantity, _Claim](), deque(claims), list[_Claim]()
    while waiting:
        claim = waiting.popleft()
        free = [each for each in claim.open if each not in owners]
        try:
            if free:
                owners[free[0]] = claim
            elif claim.open:
                rivals = [owners.pop(claim.open[0]), claim]
                _part(rivals, claim.open[0], text, reader)
                waiting.extendleft(reversed(rivals))
            elif claim.field.needed and not claim.again:
                waiting.append(_left_over(claim, owners, text, reader))
            else:
                lost.append(claim)
        except Failure as failure:
            return [], [(1, claim.field.path, f"{NO_ANSWER}: {failure}")]
    taken = [TakenNumber(claim.field, quantity, claim.quote) for quantity, claim in owners.items()]
    order = [each.path for each in FIELDS]
    return sorted(taken, key=lambda each: order.index(each.field.path)), list(_unstated(lost, text))


def _part(rivals: Sequence[_Claim], quantity: Quantity, text: str, reader: DescriptionReader) -> None:
    """Ask which of them a number states; it is lost to the others."""
    said = reader.choose(_what_is(quantity, text), [each.field.question for each in rivals], text)
    for each in rivals:
        if each.field.question != said:
            each.lost.add(quantity)


def _left_over(claim: _Claim, owners: Mapping[Quantity, _Claim], text: str, reader: DescriptionReader) -> _Claim:
    """A field whose numbers are others', chosen from what no field has."""
    left = [
        each for each in quantities(text) if _fits(claim.field, each) and each not in owners and each not in claim.lost
    ]
    phrases = _phrases(left, text)
    said = reader.choose(_WHICH_IS.format(claim.field.question), list(phrases), text) if left else None
    fitting = [phrases[said]] if said in phrases else claim.fitting
    quote = plain(fitting[0].text) if said in phrases else claim.quote
    return _Claim(claim.field, quote, fitting, claim.lost, again=True)


def _what_is(quantity: Quantity, text: str) -> str:
    return f"What is {' '.join(quantity.text.split())} in the words {_around(quantity, text)!r}?"


def _unstated(lost: Sequence[_Claim], text: str) -> Iterator[FormReason]:
    for claim in lost:
        if claim.field.needed:
            seen = plain(claim.fitting[0].text, 40)
            reason = f"{claim.field.question} is not stated: {seen!r} was said to be this and something else"
            yield line_of(text, claim.fitting[0].start), claim.field.path, reason
