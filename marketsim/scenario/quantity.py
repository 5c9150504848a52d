"""Values of an agent that may be given or drawn: numbers with bounds, and names."""

from __future__ import annotations

from math import inf
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import PlainValidator, WithJsonSchema

from marketsim.scenario.draw import LINK, Draw, is_draw, not_a_draw, read_draw
from marketsim.scenario.problems import Detail, InvalidValue, number_hint

FEEDER: Final = "feeder"
"""Stands for what the feeder's own table says about the bus."""


def _bounds_fault(smallest: float, largest: float, high: float, above: bool) -> str:
    if smallest < 0 or (above and smallest == 0):
        return f"must be {'greater than' if above else 'at least'} 0"
    return f"must be at most {high:g}" if largest > high else ""


def read_number(bounds: dict[str, float], value: object) -> float | Draw:
    """A number, or a distribution all of whose values are within the bounds, one of ``BOUNDS``."""
    above, high = "exclusiveMinimum" in bounds, bounds.get("maximum", inf)
    if isinstance(value, dict):
        if not is_draw(value):
            raise InvalidValue([not_a_draw(value)])
        draw = read_draw(value)
        if draw.law == "choice" and any(not _is_number(each) for each in draw.arguments):
            raise InvalidValue([Detail(("choice",), "must hold numbers", value["choice"])])
        smallest, largest = draw.support()
        # A normal law without bounds of its own is cut off where the field ends.
        largest = min(largest, high) if draw.law == "normal" and len(draw.arguments) == 2 else largest
        fault = _bounds_fault(smallest, largest, high, above and draw.law != "normal")
        if fault:
            raise InvalidValue([Detail((), f"every value drawn {fault}", value)])
        return draw
    if not _is_number(value):
        hint = number_hint(value) if isinstance(value, str) else ""
        raise InvalidValue([Detail((), "must be a number or a distribution such as {uniform: [1, 5]}", value, hint)])
    number = float(value)  # type: ignore[arg-type]
    fault = _bounds_fault(number, number, high, above)
    if fault:
        raise InvalidValue([Detail((), fault, value)])
    return number


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def read_text(value: object) -> str | Draw | None:
    """A name, or a choice among names; None as it is."""
    if isinstance(value, dict) and is_draw(value):
        draw = read_draw(value)
        if draw.law == "choice" and all(isinstance(each, str) and each for each in draw.arguments):
            return draw
    if value is None or (isinstance(value, str) and value):
        return value
    raise InvalidValue([Detail((), "must be a name or {choice: [names]}", value)])


def read_bus(value: object) -> str:
    """A bus by its name or index."""
    if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
        return str(value)
    raise InvalidValue([Detail((), "must be the name or the index of a bus", value)])


BOUNDS: Final[dict[str, dict[str, float]]] = {
    "at_least_0": {"minimum": 0},
    "above_0": {"exclusiveMinimum": 0},
    "above_0_to_1": {"exclusiveMinimum": 0, "maximum": 1},
}
"""Of the numbers below, by the names that their distributions have in the schema."""


def _number(name: str, *others: str | None) -> tuple[PlainValidator, WithJsonSchema]:
    """Annotations of a number within ``BOUNDS[name]``, of a law all of whose values are, or of one of ``others``."""
    bounds = BOUNDS[name]
    words = [{"type": "null"} if each is None else {"const": each} for each in others]
    schema = WithJsonSchema({"anyOf": [{"type": "number", **bounds}, {LINK: f"distribution:{name}"}, *words]})
    return PlainValidator(lambda value: value if value in others else read_number(bounds, value)), schema


_TEXT: Final = {"anyOf": [{"type": "string", "minLength": 1}, {LINK: "distribution:text"}, {"type": "null"}]}
_BUS: Final[dict[str, Any]] = {"type": ["string", "integer"], "minLength": 1}

NonNegative = Annotated[float | Draw, *_number("at_least_0")]
MaybeNonNegative = Annotated[float | Draw | None, *_number("at_least_0", None)]
MaybePositive = Annotated[float | Draw | None, *_number("above_0", None)]
MaybePeak = Annotated[float | Draw | Literal["feeder"] | None, *_number("at_least_0", FEEDER, None)]
DrawnPowerFactor = Annotated[float | Draw | Literal["feeder"], *_number("above_0_to_1", FEEDER)]
MaybeText: TypeAlias = Annotated[str | Draw | None, PlainValidator(read_text), WithJsonSchema(_TEXT)]
Bus: TypeAlias = Annotated[str, PlainValidator(read_bus), WithJsonSchema(_BUS)]
