"""Properties of what scenarios are made of: text that reads back, and draws that stay where they belong."""

from __future__ import annotations

from math import isfinite
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.core.errors import ScenarioError
from marketsim.core.files import decoded
from marketsim.scenario.draw import read_draw
from marketsim.scenario.dump import flow
from marketsim.scenario.switches import merge
from marketsim.scenario.tree import from_python, plain
from marketsim.scenario.yamltext import parse

text = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=12)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text
)
keys = text.filter(lambda key: key != "<<")
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)
finite = st.floats(-1e6, 1e6)


@given(st.dictionaries(keys, values, max_size=4))
def test_written_values_read_back_exactly(value: dict[str, Any]) -> None:
    """Whatever plain data is written, the same is read, floats to the last bit, and of the same type."""
    again = plain(parse(flow(value), ""))
    assert repr(again) == repr(value)


@given(st.dictionaries(keys, values, max_size=4))
def test_python_values_are_taken_unchanged(value: dict[str, Any]) -> None:
    """A tree of plain data is that data."""
    assert plain(from_python(value)) == value


@given(st.binary(max_size=200))
@settings(max_examples=300)
def test_arbitrary_bytes_never_escape_as_other_errors(data: bytes) -> None:
    """Any file is a tree or a ScenarioError."""
    try:
        parse(decoded(data, "f", ScenarioError), "f")
    except ScenarioError as error:
        assert error.problems  # noqa: PT017


@given(st.text(alphabet=list("ab:-[]{}&*!|>'\"#?,%@` \n\t0.e<~"), max_size=60))
@settings(max_examples=500)
def test_arbitrary_yaml_never_escapes_as_other_errors(source: str) -> None:
    """Any text is a tree or a ScenarioError, whatever of YAML it uses."""
    try:
        plain(parse(source, "f"))
    except ScenarioError as error:
        assert all(problem.message for problem in error.problems)  # noqa: PT017


@given(st.dictionaries(keys, values, max_size=4), st.dictionaries(keys, values, max_size=4))
def test_laying_over_is_idempotent_and_keeps_the_upper_keys(base: dict[str, Any], over: dict[str, Any]) -> None:
    """What lies above is all there, and laying it on again changes nothing."""
    once = merge(from_python(base), from_python(over))
    assert set(plain(once)) == {*base, *over}
    assert plain(merge(once, from_python(over))) == plain(once)


@given(
    st.sampled_from(["uniform", "triangular"]),
    st.lists(finite, min_size=3, max_size=3).map(sorted),
    st.lists(st.floats(0, 1, exclude_max=True), min_size=2, max_size=2).map(sorted),
)
def test_quantiles_ascend_within_the_support(law: str, numbers: list[float], at: list[float]) -> None:
    """A quantile function never falls, and no draw leaves the support."""
    draw = read_draw({law: numbers if law == "triangular" else [numbers[0], numbers[2]]})
    low, high = (draw.at(u) for u in at)
    assert numbers[0] <= low <= high <= numbers[2]  # type: ignore[operator]


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1, exclude_max=True))
def test_normal_draws_are_not_negative(mean: float, deviation: float, u: float) -> None:
    """The normal law of a rating is cut at 0, and always finite."""
    value = read_draw({"normal": [mean, deviation]}).at(u)
    assert isinstance(value, float)
    assert value >= 0.0
    assert isfinite(value)
