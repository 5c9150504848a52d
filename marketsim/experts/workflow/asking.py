"""A language model as a reader of descriptions: one question a field, each answer by a JSON Schema.

The model copies a phrase and a number; it converts nothing and works nothing out. What the phrase means is left to ``form.py``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from marketsim.core.files import strict_json
from marketsim.core.language_model import Failure
from marketsim.experts.workflow.fields import BY_PATH, DEVICES, FieldSpec
from marketsim.experts.workflow.quantities import Quantity
from marketsim.experts.workflow.reading import FieldFinding
from marketsim.llm.interviewer import Interviewer
from marketsim.llm.question import Question, outcomes

V = TypeVar("V")

KIND: Final = "marketsim form 1"
WHICH: Final = "marketsim form number 1"
_LONGEST_QUOTE: Final = 1_000
_SYSTEM: Final = (
    "You fill in one field of a form about an electricity prosumer from its description. The question is JSON with description "
    "and field. Answer with one JSON object. stated: true only if the description itself says it; false if it does not, or says "
    "that there is none. quote: the few words of the description that say it, copied letter by letter, with the number and its "
    "unit. number: the number as it stands in the quote, not converted. Where stated is false, quote is empty and number is 0."
)
_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"stated": {"type": "boolean"}, "quote": {"type": "string"}, "number": {"type": "number"}},
    "required": ["stated", "quote", "number"],
    "additionalProperties": False,
}

_AROUND: Final = 60
_NONE: Final = "none of them"
_SYSTEM_WHICH: Final = (
    "You say what a number in the description of an electricity prosumer means. The question is JSON with description, number, "
    "words (where the number stands) and choices. Answer with one JSON object. means: the one of the choices that the number is."
)


class _Stated(NamedTuple):
    """An answer."""

    stated: bool
    quote: str
    number: float


class ModelReader:
    """Port ``DescriptionReader``, by a language model; Failure where it gives no answer."""

    def __init__(self, interviewer: Interviewer) -> None:
        self.interviewer = interviewer

    def has(self, device: str, text: str, wrong: str = "") -> str | None:
        """See the port."""
        answer = self._ask(f"Is there {DEVICES[device]}? In number write 1.", text, wrong)
        return answer.quote if answer.stated else None

    def find(self, field: FieldSpec, text: str, wrong: str = "") -> FieldFinding | None:
        """See the port."""
        unit = f", a number with a unit such as {field.unit}" if field.unit else ", a share in per cent or a number"
        answer = self._ask(f"What is {field.question}{unit}?", text, wrong)
        return FieldFinding(answer.quote, answer.number) if answer.stated else None

    def which(self, quantity: Quantity, fields: Sequence[FieldSpec], text: str) -> str | None:
        """See the port."""
        words = " ".join(text[max(0, quantity.start - _AROUND) : quantity.end + _AROUND].split())
        choices = {each.question: each.path for each in fields}
        said = {"description": text, "number": quantity.text, "words": words, "choices": [*choices, _NONE]}
        form = {
            "type": "object",
            "properties": {"means": {"type": "string", "enum": said["choices"]}},
            "required": ["means"],
            "additionalProperties": False,
        }
        messages = _messages(_SYSTEM_WHICH, said)
        question = Question(WHICH, messages, form, read_by(_meant), lambda means: {"means": means}, _meant)
        return choices.get(asked(self.interviewer, question))

    def _ask(self, field: str, text: str, wrong: str) -> _Stated:
        said = {"description": text, "field": field}
        if wrong:
            said["wrong_with_your_last_answer"] = wrong
        question = Question(KIND, _messages(_SYSTEM, said), _FORM, read_by(_found), lambda own: own._asdict(), _found)
        return asked(self.interviewer, question)


def _messages(system: str, said: Mapping[str, Any]) -> list[dict[str, str]]:
    own = {"role": "system", "content": system}
    return [own, {"role": "user", "content": json.dumps(said, ensure_ascii=False)}]


def asked(interviewer: Interviewer, question: Question[V]) -> V:
    """The value of an answer; Failure where there is none."""
    (reply,) = outcomes([interviewer.begin(question)], interviewer.patience_s)
    if reply.value is None:
        reason, _, detail = (reply.error or "empty").partition(": ")
        raise Failure(reason, detail)
    return reply.value


def read_by(found: Callable[[Mapping[str, Any]], V]) -> Callable[[str | None], V]:
    """Reads an answer by what ``found`` makes of its object; Failure for anything else, a ValueError of ``found`` among it."""

    def read(content: str | None) -> V:
        try:
            return found(_object(content))
        except ValueError as error:
            raise Failure("incomplete", str(error)) from error

    return read


def _object(content: str | None) -> dict[str, Any]:
    """The JSON object that an answer is; Failure for anything else."""
    if content is None or not content.strip():
        raise Failure("empty", "the answer has no text")
    try:
        found = strict_json(content.strip())
    except (ValueError, RecursionError) as error:
        raise Failure("not_json", str(error)) from error
    if not isinstance(found, dict):
        raise Failure("not_json", f"the answer is no object but {type(found).__name__}")
    return found


def _found(kept: Mapping[str, Any]) -> _Stated:
    stated, quote, number = (kept.get(name) for name in ("stated", "quote", "number"))
    if not isinstance(stated, bool) or not isinstance(quote, str) or len(quote) > _LONGEST_QUOTE:
        raise ValueError("stated is no boolean, or quote no short text")
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        raise ValueError("number is none")
    return _Stated(stated, quote, float(number))


def _meant(kept: Mapping[str, Any]) -> str:
    means = kept.get("means")
    if not isinstance(means, str) or means not in _CHOICES:
        raise ValueError("means is none of the choices")
    return means


_CHOICES: Final = {_NONE, *(each.question for each in BY_PATH.values())}
