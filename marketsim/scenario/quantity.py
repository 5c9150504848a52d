"""Values of an agent that may be given or drawn: numbers with bounds, and names."""

from __future__ import annotations

from functools import partial
from math import inf
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import PlainValidator, WithJsonSchema

from marketsim.scenario.draw import LINK, Draw, is_draw, not_a_draw, read_draw
from marketsim.scenario.problems import Detail, Wrong, number_hint

FEEDER: Final = "feeder"
"""Stands for what the feeder's own table says about the bus."""


def _bounds_fault(low: float, high: float, smallest: float, largest: float, above: bool) -> str:
    if smallest < low or (above and smallest <= low):
        return f"must be {'greater than' if above else 'at least'} {low:g}"
    return f"must be at most {high:g}" if largest > high else ""


def read_number(low: float, high: float, above: bool, value: object) -> float | Draw:
    """A number, or a distribution all of whose values are within the bounds."""
    if isinstance(value, dict):
        if not is_draw(value):
            raise Wrong([not_a_draw(value)])
        draw = read_draw(value)
        if draw.law == "choice" and any(not _is_number(each) for each in draw.arguments):
            raise Wrong([Detail(("choice",), "must hold numbers", value["choice"])])
        smallest, largest = draw.support()
        # A normal law without bounds of its own is cut off where the field ends.
        largest = min(largest, high) if draw.law == "normal" and len(draw.arguments) == 2 else largest
        fault = _bounds_fault(low, high, smallest, largest, above and draw.law != "normal")
        if fault:
            raise Wrong([Detail((), f"every value drawn {fault}", value)])
        return draw
    if not _is_number(value):
        hint = number_hint(value) if isinstance(value, str) else ""
        raise Wrong([Detail((), "must be a number or a distribution such as {uniform: [1, 5]}", value, hint)])
    number = float(value)  # type: ignore[arg-type]
    fault = _bounds_fault(low, high, number, number, above)
    if fault:
        raise Wrong([Detail((), fault, value)])
    return number


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def read_number_or_feeder(low: float, high: float, above: bool, value: object) -> float | Draw | str:
    """As ``read_number``, or the word ``feeder``."""
    return FEEDER if value == FEEDER else read_number(low, high, above, value)


def read_text(value: object) -> str | Draw:
    """A name, or a choice among names."""
    if isinstance(value, dict) and is_draw(value):
        draw = read_draw(value)
        if draw.law == "choice" and all(isinstance(each, str) for each in draw.arguments):
            return draw
    if isinstance(value, str) and value:
        return value
    raise Wrong([Detail((), "must be a name or {choice: [names]}", value)])


def read_bus(value: object) -> str:
    """A bus by its name or index."""
    if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
        return str(value)
    raise Wrong([Detail((), "must be the name or the index of a bus", value)])


def _optional(read: Any, value: object) -> Any:
    return None if value is None else read(value)


_NUMBER: Final = {"anyOf": [{"type": "number"}, {LINK: "distribution"}]}
_NUMBER_OR_FEEDER: Final = {"anyOf": [*_NUMBER["anyOf"], {"const": FEEDER}]}
_TEXT: Final = {"anyOf": [{"type": "string"}, {LINK: "distribution"}]}
_BUS: Final[dict[str, Any]] = {"type": ["string", "integer"]}


def _or_null(schema: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [*schema["anyOf"], {"type": "null"}]})


NonNegative: TypeAlias = Annotated[
    float | Draw, PlainValidator(partial(read_number, 0.0, inf, False)), WithJsonSchema(_NUMBER)
]
MaybeNonNegative: TypeAlias = Annotated[
    float | Draw | None, PlainValidator(partial(_optional, partial(read_number, 0.0, inf, False))), _or_null(_NUMBER)
]
MaybePositive: TypeAlias = Annotated[
    float | Draw | None, PlainValidator(partial(_optional, partial(read_number, 0.0, inf, True))), _or_null(_NUMBER)
]
MaybePeak: TypeAlias = Annotated[
    float | Draw | Literal["feeder"] | None,
    PlainValidator(partial(_optional, partial(read_number_or_feeder, 0.0, inf, False))),
    _or_null(_NUMBER_OR_FEEDER),
]
PowerFactor: TypeAlias = Annotated[
    float | Draw | Literal["feeder"],
    PlainValidator(partial(read_number_or_feeder, 0.0, 1.0, True)),
    WithJsonSchema(_NUMBER_OR_FEEDER),
]
MaybeText: TypeAlias = Annotated[str | Draw | None, PlainValidator(partial(_optional, read_text)), _or_null(_TEXT)]
Bus: TypeAlias = Annotated[str, PlainValidator(read_bus), WithJsonSchema(_BUS)]
