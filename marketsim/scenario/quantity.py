"""Values of an agent that may be given or drawn: numbers with bounds, and names."""

from __future__ import annotations

from functools import partial
from math import inf
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import PlainValidator, WithJsonSchema

from marketsim.scenario.draw import LINK, Draw, is_draw, not_a_draw, read_draw
from marketsim.scenario.problems import Detail, InvalidValue, number_hint

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
            raise InvalidValue([not_a_draw(value)])
        draw = read_draw(value)
        if draw.law == "choice" and any(not _is_number(each) for each in draw.arguments):
            raise InvalidValue([Detail(("choice",), "must hold numbers", value["choice"])])
        smallest, largest = draw.support()
        # A normal law without bounds of its own is cut off where the field ends.
        largest = min(largest, high) if draw.law == "normal" and len(draw.arguments) == 2 else largest
        fault = _bounds_fault(low, high, smallest, largest, above and draw.law != "normal")
        if fault:
            raise InvalidValue([Detail((), f"every value drawn {fault}", value)])
        return draw
    if not _is_number(value):
        hint = number_hint(value) if isinstance(value, str) else ""
        raise InvalidValue([Detail((), "must be a number or a distribution such as {uniform: [1, 5]}", value, hint)])
    number = float(value)  # type: ignore[arg-type]
    fault = _bounds_fault(low, high, number, number, above)
    if fault:
        raise InvalidValue([Detail((), fault, value)])
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
        if draw.law == "choice" and all(isinstance(each, str) and each for each in draw.arguments):
            return draw
    if isinstance(value, str) and value:
        return value
    raise InvalidValue([Detail((), "must be a name or {choice: [names]}", value)])


def read_bus(value: object) -> str:
    """A bus by its name or index."""
    if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
        return str(value)
    raise InvalidValue([Detail((), "must be the name or the index of a bus", value)])


def _optional(read: Any, value: object) -> Any:
    return None if value is None else read(value)


def _number(name: str, **bounds: float) -> dict[str, Any]:
    """Schema of a number within bounds, or of a law all of whose values are; ``name`` is that of the law's definition."""
    return {"anyOf": [{"type": "number", **bounds}, {LINK: f"distribution:{name}"}]}


BOUNDS: Final[dict[str, dict[str, float]]] = {
    "at_least_0": {"minimum": 0},
    "above_0": {"exclusiveMinimum": 0},
    "above_0_to_1": {"exclusiveMinimum": 0, "maximum": 1},
}
"""Of the numbers below, by the names that their distributions have in the schema."""
_NOT_NEGATIVE, _POSITIVE, _SHARE = (_number(name, **bounds) for name, bounds in BOUNDS.items())
_TEXT: Final = {"anyOf": [{"type": "string", "minLength": 1}, {LINK: "distribution:text"}]}
_BUS: Final[dict[str, Any]] = {"type": ["string", "integer"], "minLength": 1}


def _or(schema: dict[str, Any], *others: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [*schema["anyOf"], *others]})


_NULL: Final = {"type": "null"}
_WORD: Final = {"const": FEEDER}


NonNegative: TypeAlias = Annotated[
    float | Draw, PlainValidator(partial(read_number, 0.0, inf, False)), _or(_NOT_NEGATIVE)
]
MaybeNonNegative: TypeAlias = Annotated[
    float | Draw | None,
    PlainValidator(partial(_optional, partial(read_number, 0.0, inf, False))),
    _or(_NOT_NEGATIVE, _NULL),
]
MaybePositive: TypeAlias = Annotated[
    float | Draw | None, PlainValidator(partial(_optional, partial(read_number, 0.0, inf, True))), _or(_POSITIVE, _NULL)
]
MaybePeak: TypeAlias = Annotated[
    float | Draw | Literal["feeder"] | None,
    PlainValidator(partial(_optional, partial(read_number_or_feeder, 0.0, inf, False))),
    _or(_NOT_NEGATIVE, _WORD, _NULL),
]
DrawnPowerFactor: TypeAlias = Annotated[
    float | Draw | Literal["feeder"],
    PlainValidator(partial(read_number_or_feeder, 0.0, 1.0, True)),
    _or(_SHARE, _WORD),
]
MaybeText: TypeAlias = Annotated[str | Draw | None, PlainValidator(partial(_optional, read_text)), _or(_TEXT, _NULL)]
Bus: TypeAlias = Annotated[str, PlainValidator(read_bus), WithJsonSchema(_BUS)]
