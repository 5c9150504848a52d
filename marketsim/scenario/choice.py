"""Parts chosen by name: ``tariff: {flat: {retail: 0.30}}``, ``profiles: {source: ...}``, ``critic: {kind: ...}``."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Protocol

from pydantic import ConfigDict, PlainSerializer, PlainValidator, ValidationError, ValidationInfo, WithJsonSchema

from marketsim.core.blame import told
from marketsim.core.build import Choice
from marketsim.core.errors import InputError
from marketsim.core.interrupts import is_interrupt
from marketsim.core.params import Params
from marketsim.scenario.draw import LINK
from marketsim.scenario.problems import MOST_DETAILS, UNSEEN, Detail, InvalidValue, details_of, did_you_mean
from marketsim.scenario.tree import Loc


class Catalog(Protocol):
    """What validation must know of the registered parts; the registry is one."""

    def names(self, kind: str) -> tuple[str, ...]:
        """Registered names of a kind."""
        ...

    def params(self, kind: str, name: str) -> type[Params]:
        """Parameter model of a part."""
        ...

    def traits(self, kind: str, name: str) -> frozenset[str]:
        """Facts about a part, such as ``pairwise``."""
        ...


class Unchecked(Params):
    """Parameters of a part that only a plugin knows, which was not loaded; kept as written."""

    model_config = ConfigDict(extra="allow")


@dataclass(frozen=True)
class Context:
    """Handed to every validator of a scenario."""

    catalog: Catalog
    folder: Path
    tolerant: bool = False
    """Whether unknown names may belong to plugins that are not loaded."""
    unchecked: list[str] = field(default_factory=list)
    """Names passed over for that reason, as ``kind name``."""
    missed: list[str] = field(default_factory=list)
    """Names that there are not, of those that were looked for."""

    def near(self, name: str, known: Sequence[str]) -> str:
        """A hint with the nearest name; none where many were not found, for looking for it takes its time."""
        self.missed.append(name)
        return did_you_mean(name, known) if len(self.missed) <= MOST_DETAILS else ""


def context_of(info: ValidationInfo) -> Context:
    """The context of a validation; every scenario is validated with one."""
    if not isinstance(info.context, Context):
        raise TypeError("a scenario is validated by load_scenario, which brings the catalogue")
    return info.context


def find_model(kind: str, name: str, context: Context, loc: Loc = ()) -> type[Params]:
    """Parameter model of a part; ``InvalidValue`` with the nearest name if there is none."""
    known = context.catalog.names(kind)
    if name in known:
        try:
            return context.catalog.params(kind, name)
        except InputError as error:
            details = [Detail(loc, problem.message, name, problem.hint) for problem in error.problems]
            raise InvalidValue(details) from error
    if context.tolerant:
        context.unchecked.append(f"{kind} {name}")
        return Unchecked
    raise InvalidValue([Detail(loc, f"there is no {kind} of this name", name, context.near(name, known), at_key=False)])


def validate_params(model: type[Params], raw: object, loc: Loc = (), beside: tuple[str, ...] = ()) -> Params:
    """Parameters by a part's own model; ``InvalidValue`` with paths below ``loc``. ``beside``: further keys a user may mean.

    Strict, as JSON: text is no number, 1 is not true, but lists serve as tuples and text as dates.
    """
    text = json.dumps(raw)
    try:
        return _validated(model, text, loc, strict=True)
    except ValidationError as error:
        strict = error
    try:
        params = _validated(model, text, loc)
        found = _details(strict, model, raw, beside, _SCALAR_TYPES)
    except ValidationError as error:
        found = _details(error, model, raw, beside)
        places = {detail.loc for detail in found}
        found += [each for each in _details(strict, model, raw, beside, _SCALAR_TYPES) if each.loc not in places]
    else:
        if not found:
            # Behind a model's ``before`` validator strictness refuses lists for tuples and the like.
            return params
    raise InvalidValue([detail._replace(loc=(*loc, *detail.loc)) for detail in found])


def _validated(model: type[Params], text: str, loc: Loc, *, strict: bool | None = None) -> Params:
    """By the model; ``InvalidValue`` with the line where one of a plugin fails otherwise than by a ValidationError."""
    try:
        params = model.model_validate_json(text, strict=strict)
        if not _is_of_package(model):
            written_params(params)  # as the folder of a run will have it
        return params
    except ValidationError:
        raise
    except BaseException as error:
        if _is_of_package(model) or is_interrupt(error):
            raise
        message = f"the model {model.__name__} of these parameters failed: {told(error)}"
        raise InvalidValue([Detail(loc, message, UNSEEN)]) from error


def _is_of_package(model: type[Params]) -> bool:
    return model.__module__.partition(".")[0] == "marketsim"


_SCALAR_TYPES: Final = frozenset(("int_type", "float_type", "bool_type", "string_type"))
"""What strictness finds that is wrong indeed: text for a number, a number for a truth value, and so on."""


def _details(
    error: ValidationError,
    model: type[Params],
    raw: object,
    beside: tuple[str, ...],
    only: frozenset[str] | None = None,
) -> list[Detail]:
    return details_of(error, model, raw, lambda loc: () if loc else beside, only)


def chosen(kind: str, value: object) -> tuple[str, dict[str, Any]]:
    """Name and raw parameters of a part chosen by its name as the only key, or by the bare name."""
    if isinstance(value, str) and value:
        return value, {}
    example = "write its name, or {name: {parameters}}"
    if not isinstance(value, dict) or not value:
        raise InvalidValue([Detail((), f"must name one {kind}", value, example)])
    if len(value) > 1:
        keys = ", ".join(value)
        hint = f"parameters of {next(iter(value))} go below its name, not beside it"
        raise InvalidValue([Detail((), f"must name one {kind}, but has the keys {keys}", UNSEEN, hint)])
    name, raw = next(iter(value.items()))
    return name, _parameters(raw, (name,))


def _parameters(raw: object, loc: Loc) -> dict[str, Any]:
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise InvalidValue([Detail(loc, "must be a mapping of parameters", raw)])
    return raw


def tagged(kind: str, tag: str, value: object, known: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Name and raw parameters of a part whose name stands under ``tag`` beside its parameters, or a bare name."""
    hint = f"write {tag}: and one of {', '.join(known)}"
    if isinstance(value, str) and value:
        return value, {}
    if not isinstance(value, dict):
        raise InvalidValue([Detail((), f"must name one {kind}", value, hint)])
    if not isinstance(value.get(tag), str):
        seen = value.get(tag, UNSEEN)
        raise InvalidValue([Detail((tag,), f"must name one {kind}", seen, hint, at_key=tag not in value)])
    return value[tag], {key: item for key, item in value.items() if key != tag}


def _by_key(kind: str, value: object, info: ValidationInfo) -> Choice:
    if isinstance(value, Choice):
        return value
    name, raw = chosen(kind, value)
    model = find_model(kind, name, context_of(info))
    return Choice(name, validate_params(model, raw, (name,)))


def _by_tag(kind: str, tag: str, value: object, info: ValidationInfo) -> Choice:
    if isinstance(value, Choice):
        return value
    context = context_of(info)
    name, raw = tagged(kind, tag, value, context.catalog.names(kind))
    model = find_model(kind, name, context, (tag,) if isinstance(value, dict) else ())
    return Choice(name, validate_params(model, raw, beside=(tag,)))


def written_params(params: Params) -> dict[str, Any]:
    """Parameters as a scenario writes them."""
    return params.model_dump(mode="json", by_alias=True)


def written(choice: Choice) -> dict[str, Any]:
    """A choice by key as a scenario writes it."""
    return {choice.name: written_params(choice.params)}


def _written_bare(choice: Choice) -> dict[str, Any] | str:
    """The same, by the bare name where there is nothing to say of it."""
    return written(choice) if written_params(choice.params) else choice.name


def _written_tagged(tag: str, choice: Choice) -> dict[str, Any]:
    return {tag: choice.name, **written_params(choice.params)}


def default(name: str) -> Any:
    """A field's default as scenarios would write it; validation makes the value of it."""
    return name


def by_key(kind: str, *, bare: bool = False) -> tuple[Any, ...]:
    """Annotations of a field that chooses a part of ``kind`` by key; ``bare``: without parameters written as its name."""
    return _annotations(kind, partial(_by_key, kind), _written_bare if bare else written)


def by_tag(kind: str, tag: str) -> tuple[Any, ...]:
    """Annotations of a field that chooses a part of ``kind`` by the key ``tag``."""
    return _annotations(f"{kind}:{tag}", partial(_by_tag, kind, tag), partial(_written_tagged, tag))


def _annotations(
    reference: str, read: Callable[[object, ValidationInfo], Choice], write: Callable[[Choice], Any]
) -> tuple[Any, ...]:
    schema = WithJsonSchema({LINK: f"choice:{reference}"})
    return PlainValidator(read), PlainSerializer(write), schema


TariffChoice = Annotated[Choice, *by_key("tariff")]
EngineChoice = Annotated[Choice, *by_key("engine")]
ChargesChoice = Annotated[Choice, *by_key("charges")]
AllocationChoice = Annotated[Choice, *by_key("allocation")]
ReactiveChoice = Annotated[Choice, *by_key("reactive")]
GateChoice = Annotated[Choice, *by_key("gate", bare=True)]
SettlementChoice = Annotated[Choice, *by_key("settlement", bare=True)]
SharingChoice = Annotated[Choice, *by_key("sharing", bare=True)]
MetricChoice = Annotated[Choice, *by_key("metric")]
LearnerChoice = Annotated[Choice, *by_key("learner")]
GameChoice = Annotated[Choice, *by_key("game")]
ExpertChoice = Annotated[Choice, *by_key("expert")]
ProfileChoice = Annotated[Choice, *by_tag("profile", "source")]
CriticChoice = Annotated[Choice, *by_tag("critic", "kind")]
