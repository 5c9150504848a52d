"""Distributions of scenario values."""

from __future__ import annotations

from statistics import mean, stdev
from typing import Any

import pytest

from marketsim.scenario.draw import Draw, fill, is_draw, read_draw, read_template, varies
from marketsim.scenario.problems import InvalidValue

GRID = [(position + 0.5) / 4000 for position in range(4000)]


def sample(value: dict[str, Any]) -> list[Any]:
    draw = read_draw(value)
    return [draw.at(u) for u in GRID]


@pytest.mark.parametrize(
    ("value", "centre", "spread"),
    [
        ({"uniform": [200, 800]}, 500.0, 600 / 12**0.5),
        ({"normal": [100, 5]}, 100.0, 5.0),
        ({"normal": [0, 1]}, (2 / 3.141592653589793) ** 0.5, (1 - 2 / 3.141592653589793) ** 0.5),
        ({"normal": [0, 1, -10, 10]}, 0.0, 1.0),
        ({"triangular": [0, 3, 6]}, 3.0, 6 / 24**0.5),
        ({"integers": [1, 6]}, 3.5, (35 / 12) ** 0.5),
        ({"choice": [1, 1, 4]}, 2.0, 2**0.5),
    ],
)
def test_moments_are_those_of_the_law(value: dict[str, Any], centre: float, spread: float) -> None:
    """Quantiles on a fine grid have the mean and the deviation of the law; normal means half-normal at 0."""
    values = sample(value)
    assert mean(values) == pytest.approx(centre, abs=0.01 * spread)
    assert stdev(values) == pytest.approx(spread, rel=0.01)


def test_values_keep_within_the_support() -> None:
    """Rounding to six digits never steps over a bound."""
    low, high = 0.12345678, 0.12345679
    assert all(low <= each <= high for each in sample({"uniform": [low, high]}))
    assert min(sample({"normal": [1, 5]})) >= 0.0
    assert read_draw({"triangular": [2, 2, 2]}).at(0.3) == 2.0
    assert read_draw({"normal": [3, 0]}).at(0.3) == 3.0


def test_drawn_numbers_are_readable() -> None:
    """Six significant digits."""
    assert read_draw({"uniform": [0, 1]}).at(1 / 3) == 0.333333


def test_choices_are_left_as_they_are() -> None:
    """Text, numbers and null are chosen unchanged."""
    values = ["low", 0.123456789, None, True]
    assert {str(each) for each in sample({"choice": values})} == {str(each) for each in values}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"uniform": 5}, "must be a list"),
        ({"uniform": [1]}, "must hold 2 numbers"),
        ({"uniform": [2, 1]}, "ascending"),
        ({"uniform": ["a", 1]}, "must hold numbers"),
        ({"uniform": [True, 1]}, "must hold numbers"),
        ({"normal": [1, 2, 3]}, "2 or 4 numbers"),
        ({"normal": [1, -2]}, "must not be negative"),
        ({"normal": [-1, 2]}, "within the bounds"),
        ({"triangular": [1, 3, 2]}, "ascending"),
        ({"integers": [1, 2.5]}, "whole numbers"),
        ({"choice": []}, "must be a list"),
        ({"choice": [[1]]}, "plain values"),
        ({"uniform": [0, float("inf")]}, "finite"),
    ],
)
def test_senseless_arguments_are_refused(value: dict[str, Any], message: str) -> None:
    """Each law says what it needs."""
    with pytest.raises(InvalidValue, match=message) as caught:
        read_draw(value, ("pv_kw",))
    assert caught.value.details[0].loc == ("pv_kw", next(iter(value)))
    assert caught.value.details[0].hint.startswith("write ")


def test_only_a_law_alone_is_a_distribution() -> None:
    """A mapping with further keys is a mapping."""
    assert is_draw({"uniform": [1, 2]})
    assert not is_draw({"uniform": [1, 2], "x": 1})
    assert not is_draw({"even": [1, 2]})
    assert not is_draw([1])


def test_templates_are_filled_by_path() -> None:
    """Every distribution, however deep, is replaced at the number of its own path."""
    template = read_template({"a": {"uniform": [0, 1]}, "b": [{"c": {"uniform": [0, 1]}}], "d": 5})
    uniforms = {("a",): 0.25, ("b", 0, "c"): 0.75}
    assert fill(template, uniforms.__getitem__) == {"a": 0.25, "b": [{"c": 0.75}], "d": 5}
    assert varies(template)
    assert not varies({"a": [1, {"b": None}]})


def test_malformed_distributions_of_a_template_come_at_once() -> None:
    """All that are wrong are named with their paths."""
    with pytest.raises(InvalidValue) as caught:
        read_template({"a": {"uniform": 1}, "b": [{"normal": []}]}, ("battery",))
    assert [detail.loc for detail in caught.value.details] == [
        ("battery", "a", "uniform"),
        ("battery", "b", 0, "normal"),
    ]


def test_support_of_unbounded_normal() -> None:
    """Without bounds it begins at 0 and never ends."""
    assert Draw("normal", (1.0, 1.0)).support() == (0.0, float("inf"))
    assert Draw("normal", (1.0, 1.0, -1.0, 3.0)).support() == (-1.0, 3.0)
