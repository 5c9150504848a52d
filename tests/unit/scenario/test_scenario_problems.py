"""Plain words for what a model finds wrong, and where it was written."""

from __future__ import annotations

from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError

from marketsim.core.params import Params
from marketsim.scenario.problems import Detail, details_of, did_you_mean, keys_of, number_hint, to_problems
from marketsim.scenario.yamltext import parse


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Inner(Params):
    depth: Annotated[int, Field(gt=0, lt=10)] = 1
    """How deep."""


class Everything(Params):
    number: Annotated[float, Field(le=1e6)] = 0.0
    step: Annotated[int, Field(multiple_of=5)] = 5
    code: Annotated[str, Field(min_length=2, max_length=4, pattern="^[a-z]*$")] = "ab"
    """Two to four small letters."""
    day: date = date(2016, 1, 1)
    colour: Colour = Colour.RED
    word: Literal["a", "b"] = "a"
    items: Annotated[tuple[int, ...], Field(min_length=1, max_length=2)] = (1,)
    table: dict[str, float] = Field(default={})
    either: int | Inner = 1
    inner: Inner = Inner()
    short: Annotated[float, Field(alias="import")] = 0.0


def found(raw: dict[str, Any]) -> list[Detail]:
    with pytest.raises(ValidationError) as caught:
        Everything.model_validate(raw)
    return details_of(caught.value, Everything, raw, lambda loc: ("battery",) if not loc else ())


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"number": "x"}, "must be a number"),
        ({"number": 2e6}, "must be at most 1000000"),
        ({"number": float("nan")}, "must be a finite number"),
        ({"step": 7}, "must be a multiple of 5"),
        ({"step": 1.5}, "must be a whole number"),
        ({"code": "a"}, "must have at least 2 letters"),
        ({"code": "abcde"}, "must have at most 4 letters"),
        ({"code": "AB"}, "is not of the form that is needed here"),
        ({"day": "soon"}, "must be a date such as 2016-07-12"),
        ({"colour": "green"}, "must be 'red' or 'blue'"),
        ({"word": "c"}, "must be 'a' or 'b'"),
        ({"items": []}, "needs more items: at least 1"),
        ({"items": [1, 2, 3]}, "has too many items: at most 2"),
        ({"table": 3}, "must be a mapping of keys to values"),
        ({"inner": 3}, "must be a mapping of keys to values"),
        ({"inner": {"depth": 0}}, "must be greater than 0"),
        ({"inner": {"depth": 10}}, "must be less than 10"),
        ({"either": "x"}, "must be a whole number, or be a mapping of keys to values"),
    ],
)
def test_messages_are_plain(raw: dict[str, Any], message: str) -> None:
    """No message speaks of types, parsing or branches."""
    (detail,) = found(raw)
    assert detail.message == message


def test_unknown_keys_know_the_keys_of_their_own_place() -> None:
    """Hints come from the model that reads the mapping, by the names that users write, and from further keys."""
    hints = {detail.loc: detail.hint for detail in found({"imprt": 1, "batery": 1, "inner": {"dept": 1, "zzz": 1}})}
    assert hints == {
        ("imprt",): "did you mean import?",
        ("batery",): "did you mean battery?",
        ("inner", "dept"): "did you mean depth?",
        ("inner", "zzz"): "keys here: depth",
    }


def test_wrong_items_do_not_make_a_list_too_short() -> None:
    """A list whose only item is wrong has one problem."""
    assert [detail.loc for detail in found({"items": ["x"]})] == [("items", 0)]


def test_patterns_are_explained_by_the_description() -> None:
    """Nobody has to read a regular expression."""
    (detail,) = found({"code": "AB"})
    assert detail.hint == "Two to four small letters."


def test_keys_are_those_that_users_write() -> None:
    """Aliases stand for their fields."""
    assert keys_of(Everything)[-1] == "import"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("5", "write 5 without quotes"),
        ("1_000", "write 1000 without separators"),
        ("1'000", "write 1000 without separators"),
        ("5 kW", "write 5 without a unit"),
        ("many", ""),
        ("", ""),
    ],
)
def test_text_that_looks_like_a_number_gets_a_hint(text: str, hint: str) -> None:
    """What stands in the way of the number is named."""
    assert number_hint(text) == hint


def test_suggestions() -> None:
    """The nearest name, or all names, or nothing where there are none."""
    assert did_you_mean("batery", ["battery", "ev"]) == "did you mean battery?"
    assert did_you_mean("zzz", ["battery", "ev"]) == "there are: battery, ev"
    assert did_you_mean("zzz", []) == ""


def test_places_of_keys_and_values() -> None:
    """A problem with a key points at the key, one with a value at the value, a missing key at its holder."""
    root = parse("a:\n  b: 1\n", "f.yaml")
    details = [
        Detail(("a", "b"), "unknown key", at_key=True),
        Detail(("a", "b"), "is wrong", 1),
        Detail(("a", "c"), "is missing", at_key=True),
        Detail((), "is wrong as a whole"),
    ]
    lines = [str(problem) for problem in to_problems(details, root)]
    assert lines == [
        "f.yaml:2:3: a.b: unknown key",
        "f.yaml:2:6: a.b: is wrong (got 1)",
        "f.yaml:2:3: a.c: is missing",
        "f.yaml:1:1: is wrong as a whole",
    ]
