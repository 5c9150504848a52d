"""What a model says about a value, in plain words and with its place.

Models and validators report ``Detail`` records: a path, a message, the value. Validators of this package raise
``InvalidValue`` with several of them at once; what pydantic itself reports is translated here.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ValidationError

from marketsim.core.errors import Problem
from marketsim.core.field_docs import field_docs
from marketsim.scenario.tree import Loc, Node, dotted, key_place, locate, shorten
from marketsim.scenario.yamltext import resolve_scalar

MOST_DETAILS: Final = 100
"""Of one kind of check that are listed; to tell of hundred thousands helps nobody and takes minutes."""
UNSEEN: Final = object()
"""Stands for "no value to show"."""


class Detail(NamedTuple):
    """One thing wrong at ``loc``, relative to whoever reports it."""

    loc: Loc
    message: str
    value: object = UNSEEN
    hint: str = ""
    at_key: bool = False
    """Whether the key is wrong rather than its value."""


class InvalidValue(ValueError):
    """Raised by validators; carries everything that is wrong below one value."""

    def __init__(self, details: Sequence[Detail]) -> None:
        self.details = tuple(details)
        super().__init__("; ".join(detail.message for detail in details))


def did_you_mean(name: str, known: Iterable[str], what: str = "there are") -> str:
    """A hint with the nearest name, or with all of them where none is near."""
    names = list(known)
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return f"{what}: {', '.join(names)}" if names else ""


_KEY_HINTS: Final[dict[Loc, str]] = {
    ("clock",): "for example clock: {start: 2016-07-12, slots: 96, slot_minutes: 15}",
    ("tariff",): "for example tariff: {flat: {retail: 0.30, feed_in: 0.08}}",
    ("agents",): "for example agents: [{kind: prosumer, count: 10, pv_kw: 5, load: {annual_kwh: 4000}}]",
    ("market", "rounds"): "it belongs to the engine: market: {engine: {double_auction: {rounds: 20}}}",
    ("market", "price_rule"): "it belongs to the engine: market: {engine: {double_auction: {price_rule: midpoint}}}",
}


def details_of(
    error: ValidationError,
    model: type[BaseModel],
    written: object,
    extra: Callable[[Loc], Sequence[str]],
    only: frozenset[str] | None = None,
) -> list[Detail]:
    """Everything that pydantic found in ``written``, or what is of the types ``only``.

    ``extra(loc)`` names keys that are valid at ``loc`` beside the model's own.
    """
    raws = [raw for raw in error.errors(include_url=False) if only is None or raw["type"] in only]
    # A list of which items are wrong also counts as too short.
    holders = {tuple(raw["loc"][:end]) for raw in raws for end in range(len(raw["loc"]))}
    raws = [raw for raw in raws if raw["type"] != "too_short" or tuple(raw["loc"]) not in holders]
    more = len(raws) - MOST_DETAILS
    found = _one_a_place([detail for raw in raws[:MOST_DETAILS] for detail in _translate(raw, model, written, extra)])
    if more <= 0:
        return found
    return [*found, found[-1]._replace(message=f"and {more:,} more problems", value=UNSEEN, hint="")]


def _translate(
    raw: Any, model: type[BaseModel], written: object, extra: Callable[[Loc], Sequence[str]]
) -> Iterator[Detail]:
    cause = raw.get("ctx", {}).get("error")
    if isinstance(cause, InvalidValue):
        yield from (detail._replace(loc=(*raw["loc"], *detail.loc)) for detail in cause.details)
    else:
        detail = _detail(raw, model, extra)
        yield detail._replace(loc=_as_written(detail.loc, detail.at_key, written))


def _detail(raw: Any, model: type[BaseModel], extra: Callable[[Loc], Sequence[str]]) -> Detail:
    loc, kind, context = tuple(raw["loc"]), raw["type"], raw.get("ctx", {})
    if kind == "extra_forbidden":
        holder = _model_at(model, loc[:-1])
        near = did_you_mean(str(loc[-1]), [*(keys_of(holder) if holder else ()), *extra(loc[:-1])], "keys here")
        hint = _KEY_HINTS.get(loc[-2:], "") or near or "there are no keys here"
        return Detail(loc, "unknown key", UNSEEN, hint, at_key=True)
    if kind == "missing":
        return Detail(loc, "is missing", UNSEEN, _KEY_HINTS.get(loc, "") or _describe(model, loc), at_key=True)
    if kind == "string_pattern_mismatch":
        return Detail(loc, "is not of the form that is needed here", raw["input"], _describe(model, loc))
    return Detail(loc, _message(raw, kind, context), raw["input"], _type_hint(raw["input"], kind))


def _as_written(loc: Loc, at_key: bool, written: Any) -> Loc:
    """The path without the names of branches that pydantic adds to it at unions."""
    kept: list[str | int] = []
    for part in loc:
        if holds(written, part):
            written = written[part]
        elif not (at_key and part == loc[-1]):
            continue
        kept.append(part)
    return tuple(kept)


def holds(written: object, part: str | int) -> bool:
    """Whether plain data has something under a key or at a position."""
    if isinstance(written, dict):
        return part in written
    return isinstance(written, list) and isinstance(part, int) and part < len(written)


_MESSAGES: Final = {
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "the whole number is too large",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "date_type": "must be a date such as 2016-07-12",
    "date_parsing": "must be a date such as 2016-07-12",
    "date_from_datetime_parsing": "must be a date such as 2016-07-12",
    "date_from_datetime_inexact": "must be a date without a time, such as 2016-07-12",
    "path_type": "must be the path of a file",
    "none_required": "must be null",
}
_BOUNDS: Final = {
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "too_short": "needs more items: at least {min_length}",
    "too_long": "has too many items: at most {max_length}",
    "string_too_short": "must have at least {min_length} letters",
    "string_too_long": "must have at most {max_length} letters",
}


def _message(raw: Any, kind: str, context: dict[str, Any]) -> str:
    if kind in _MESSAGES:
        return _MESSAGES[kind]
    if kind in _BOUNDS:
        return _BOUNDS[kind].format(**{key: _readable(item) for key, item in context.items()})
    if kind in ("value_error", "assertion_error") and "error" in context:
        return str(context["error"])
    message = str(raw["msg"])
    return message[:1].lower() + message[1:]


def _readable(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value


def _type_hint(value: object, kind: str) -> str:
    """What people usually mean where text stands for something else."""
    if not isinstance(value, str):
        return ""
    if kind.startswith("bool") and value.lower() in ("yes", "no", "on", "off", "y", "n", "true", "false"):
        return "write true or false: other words are text"
    if kind.startswith(("int", "float")):
        return number_hint(value)
    return ""


def number_hint(text: str) -> str:
    """Why text is no number."""
    bare = text.replace("_", "").replace("'", "").strip()
    first = bare.partition(" ")[0]
    candidates = (
        (text, "without quotes"),
        (bare, "without separators"),
        (first, "without a unit"),
        (bare.replace(",", "."), "with a decimal point"),
    )
    return next((f"write {candidate} {why}" for candidate, why in candidates if _is_number(candidate)), "")


def _is_number(text: str) -> bool:
    value = resolve_scalar(text)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _describe(model: type[BaseModel], loc: Loc) -> str:
    """The first line of a missing field's description."""
    holder = _model_at(model, loc[:-1])
    if holder is None:
        return ""
    for name, field in holder.model_fields.items():
        if loc[-1] in (name, field.alias):
            return " ".join(field_docs(holder).get(name, "").replace("``", "").split())
    return ""


def keys_of(model: type[BaseModel]) -> list[str]:
    """Keys of a model as scenarios write them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_at(model: type[BaseModel], loc: Loc) -> type[BaseModel] | None:
    """The model that reads the mapping at ``loc``."""
    current: type[BaseModel] | None = model
    for part in loc:
        if isinstance(part, int):
            continue
        if current is None:
            return None
        fields = {field.alias or name: field for name, field in current.model_fields.items()}
        current = _model_in(fields[part].annotation) if part in fields else None
    return current


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(argument) for argument in typing.get_args(annotation))
    return next((model for model in found if model), None)


def _one_a_place(details: list[Detail]) -> list[Detail]:
    """Alternatives of a union become one detail: pydantic puts the branch at the end of the path."""
    merged: dict[tuple[Loc, bool], Detail] = {}
    for detail in details:
        key = detail.loc, detail.at_key
        known = merged.get(key)
        merged[key] = detail if known is None else _joined(known, detail)
    return list(merged.values())


def _joined(first: Detail, second: Detail) -> Detail:
    if second.message in first.message.split(", or "):
        return first
    shorter = second.message.removeprefix("must ")
    return first._replace(message=f"{first.message}, or {shorter}", hint=first.hint or second.hint)


def to_problems(details: Iterable[Detail], root: Node) -> list[Problem]:
    """Details with paths from the root, as problems with the places where they were written."""
    return [_to_problem(detail, root) for detail in details]


def _to_problem(detail: Detail, root: Node) -> Problem:
    place = key_place(root, detail.loc) if detail.at_key and detail.loc else locate(root, detail.loc)[1].place
    value = "" if detail.value is UNSEEN else shorten(detail.value)
    return Problem(detail.message, dotted(detail.loc), value, detail.hint, *place)
