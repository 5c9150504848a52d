"""A language model as a reader of descriptions: one question a field, each answer by a JSON Schema.

The model copies a phrase and a number; it converts nothing and works nothing out. What the phrase means is left to ``form.py``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

from marketsim.core.files import strict_json
from marketsim.core.language_model import Failure
from marketsim.experts.workflow.fields import DEVICES, FieldSpec
from marketsim.experts.workflow.reading import FieldFinding
from marketsim.llm.interviewer import Interviewer
from marketsim.llm.question import Question, outcomes

V = TypeVar("V")

KIND: Final = "marketsim form 1"
CHOICE: Final = "marketsim choice 1"
_LONGEST_QUOTE: Final = 1_000
_LONGEST_SAID: Final = 300
"""Letters of a quotation that a server lets a model write: a small one does not come to an end by itself."""
_SYSTEM: Final = (
    "You fill in one field of a form about an electricity prosumer from its description. The question is JSON with description "
    "and field. Answer with one JSON object. stated: true only if the description itself says it; false if it does not, or says "
    "that there is none. quote: the few words of the description that say it, copied letter by letter, with the number and its "
    "unit. number: the number as it stands in the quote, not converted. Where stated is false, quote is empty and number is 0."
)
_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "stated": {"type": "boolean"},
        "quote": {"type": "string", "maxLength": _LONGEST_SAID},
        "number": {"type": "number"},
    },
    "required": ["stated", "quote", "number"],
    "additionalProperties": False,
}

_NONE: Final = "none of them"


class _Stated(NamedTuple):
    """An answer."""

    stated: bool
    quote: str
    number: float


class ModelReader:
    """Port ``DescriptionReader``, by a language model; Failure where it gives no answer."""

    def __init__(self, interviewer: Interviewer) -> None:
        self.interviewer = interviewer

    def has(self, device: str, text: str) -> str | None:
        """See the port."""
        answer = self._ask(f"Is there {DEVICES[device]}? In number write 1.", text)
        return answer.quote if answer.stated else None

    def find(self, field: FieldSpec, text: str) -> FieldFinding | None:
        """See the port."""
        unit = f", a number with a unit such as {field.unit}" if field.unit else ", a share in per cent or a number"
        answer = self._ask(f"What is {field.question}{unit}?", text)
        return FieldFinding(answer.quote, answer.number) if answer.stated else None

    def choose(self, question: str, choices: Sequence[str], text: str) -> str | None:
        """See the port."""
        every = [*choices, _NONE]
        ask = f"{question} Answer with choice alone: one of choices, copied letter by letter."
        said = {"description": text, "field": ask, "choices": every}
        form = {
            "type": "object",
            "properties": {"choice": {"type": "string", "enum": every}},
            "required": ["choice"],
            "additionalProperties": False,
        }
        found = partial(_chosen, every)
        messages = _messages(said)  # the same words first as in every question: servers keep what they have read
        choice = asked(
            self.interviewer, Question(CHOICE, messages, form, read_by(found), lambda own: {"choice": own}, found)
        )
        return None if choice == _NONE else choice

    def _ask(self, field: str, text: str) -> _Stated:
        messages = _messages({"description": text, "field": field})
        question = Question(KIND, messages, _FORM, read_by(_found), lambda own: own._asdict(), _found)
        return asked(self.interviewer, question)


def _messages(said: Mapping[str, Any]) -> list[dict[str, str]]:
    own = {"role": "system", "content": _SYSTEM}
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


def _chosen(choices: Sequence[str], kept: Mapping[str, Any]) -> str:
    choice = kept.get("choice")
    if not isinstance(choice, str) or choice not in choices:
        raise ValueError("choice is none of those that there are")
    return choice
