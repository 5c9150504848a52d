"""What is varied: ranges, lists, paired values, and every way in which a user may get them wrong."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.analysis.studies.axes import Axis, Span, axes_of, axes_of_texts
from marketsim.core.errors import ScenarioError
from marketsim.core.face import command_line


def values(text):
    (axis,) = axes_of_texts([f"a.b={text}"])
    return [level[0] for level in axis.levels]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0:4:9", [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4]),
        ("0:20:5", [0, 5, 10, 15, 20]),
        ("0.0:20:5", [0.0, 5.0, 10.0, 15.0, 20.0]),
        ("4:0:3", [4, 2, 0]),
        ("0:0.3:4", [0.0, 0.1, 0.2, 0.3]),
        ("0.1:10:3:log", [0.1, 1.0, 10.0]),
        ("1:100:3:log", [1, 10, 100]),
        ("-1:1:3", [-1, 0, 1]),
        ("7:9:1", [7]),
        ("ac,observe", ["ac", "observe"]),
        ("ac", ["ac"]),
        ("1, 2.5 ,3", [1, 2.5, 3]),
        ("0:1:3,5", [0, 0.5, 1, 5]),
        ("true,false,null", [True, False, None]),
        ("[0.95, 1.05],[0.9, 1.1]", [[0.95, 1.05], [0.9, 1.1]]),
        ("{flat: {retail: 0.3, feed_in: 0.1}},time_of_use", [{"flat": {"retail": 0.3, "feed_in": 0.1}}, "time_of_use"]),
        ("2016-07-12,2016-01-12", ["2016-07-12", "2016-01-12"]),
        ("'a,b',c", ["a,b", "c"]),
    ],
)
def test_values_are_read_as_a_scenario_reads_them(text, expected):
    """Ranges with both ends; whole numbers are whole where both ends are written so; anything else is YAML."""
    assert values(text) == expected
    assert [type(value) for value in values(text)] == [type(value) for value in expected]


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.integers(2, 50))
def test_a_range_has_both_ends_and_equal_steps(start, stop, count):
    """To twelve digits, which is what a person may have meant."""
    if start == stop or f"{start:.12g}" == f"{stop:.12g}" or abs(start - stop) < 1e-5 * (abs(start) + abs(stop)):
        return
    found = values(f"{start!r}:{stop!r}:{count}")
    assert len(found) == count
    assert [found[0], found[-1]] == pytest.approx([start, stop], rel=1e-11, abs=1e-300)
    steps = [b - a for a, b in pairwise(found)]
    assert steps == pytest.approx([(stop - start) / (count - 1)] * (count - 1), rel=1e-3)


@pytest.mark.parametrize(
    ("text", "span"),
    [("0:4", Span(0.0, 4.0)), ("-1.5:2e1", Span(-1.5, 20.0)), ("0:20:int", Span(0.0, 20.0, whole=True))],
)
def test_a_range_without_a_count_is_to_be_sampled(text, span):
    assert axes_of_texts([f"a={text}"]) == (Axis(("a",), (), span),)


def test_python_takes_what_the_command_line_takes():
    """Text in the same form, sequences, and tuples of paths whose values go together."""
    assert axes_of({"a": "0:1:2", "b": ["x", "y"]}) == axes_of_texts(["a=0:1:2", "b=x,y"])
    assert axes_of({("a", "b"): [(1, "x"), (2, "y")]}) == axes_of_texts([], ["a=1,2", "b=x,y"])


def test_numpy_numbers_are_plain_numbers():
    import numpy as np

    (axis,) = axes_of({"a": np.linspace(0, 1, 3)})
    assert axis.levels == ((0.0,), (0.5,), (1.0,))
    assert type(axis.levels[0][0]) is float


def test_paired_values_are_one_axis_beside_the_others():
    axes = axes_of_texts(["c=1,2"], ["a=1:3:3", "b=x,y,z"])
    assert axes[1] == Axis(("a", "b"), ((1, "x"), (2, "y"), (3, "z")))
    assert [axis.label for axis in axes] == ["c", "a & b"]
    assert [axis.numeric for axis in axes] == [True, False]


FORMS = "write START:STOP:COUNT, or values separated by commas: profiles.pv_scale=0:4:9, grid.gate=ac,observe"


@pytest.mark.parametrize(
    ("vary", "paired", "message"),
    [
        ([], [], f"--vary: nothing is varied\n    {FORMS}"),
        (["a"], [], f"--vary: must read PATH=VALUES (got 'a')\n    {FORMS}"),
        (["a="], [], f"--vary: must read PATH=VALUES (got 'a=')\n    {FORMS}"),
        (["=1"], [], f"--vary: must read PATH=VALUES (got '=1')\n    {FORMS}"),
        (["a..b=1"], [], "--vary: is not a path such as agents[0].pv_kw (got 'a..b')"),
        (["a=1,1"], [], f"--vary: a: the same value stands here twice (got '1,1')\n    {FORMS}"),
        (["a=1", "a=2"], [], "--vary: a: is varied twice"),
        (["a=1"], ["a=2"], "--zip: a: is varied twice"),
        (["seed=1,2"], [], "--vary: seed: seeds are a dimension of every study\n    use --seeds"),
        (["a=4:0"], [], f"--vary: a: must be LOW:HIGH with LOW below HIGH, whole numbers for :int (got '4:0')\n    {FORMS}"),
        (["a=0:1.5:int"], [], f"--vary: a: must be LOW:HIGH with LOW below HIGH, whole numbers for :int (got '0:1.5:int')\n    {FORMS}"),
        (["a=0:1:0"], [], f"--vary: a: the count of a range must be 1 to 100000 (got '0:1:0')\n    {FORMS}"),
        (["a=0:1:3:log"], [], f"--vary: a: a logarithmic range must be of positive numbers (got '0:1:3:log')\n    {FORMS}"),
        (["a=0:1,5"], [], f"--vary: a: a range in a list needs a count (got '0:1')\n    {FORMS}"),
        ([], ["a=1,2", "b=1,2,3"], "--zip: values that go together must be equally many (got a has 2, b has 3)"),
    ],
)  # fmt: skip
def test_what_cannot_be_varied_says_why(vary, paired, message):
    with command_line(), pytest.raises(ScenarioError) as caught:
        axes_of_texts(vary, paired)
    with command_line():
        assert str(caught.value) == message


def test_text_that_is_no_yaml_names_its_path():
    with command_line(), pytest.raises(ScenarioError, match=r"^--vary a\.b: not valid YAML.*\(got '\[1, 2'\)"):
        axes_of_texts(["a.b=[1, 2"])


def test_all_problems_come_at_once():
    with pytest.raises(ScenarioError) as caught:
        axes_of({"a": [], "seed": [1], ("b", "c"): [(1, 2), (3,)], ("d", "e"): "1,2"})
    assert [problem.path for problem in caught.value.problems] == ["a", "seed", "b & c", "d & e"]


def test_values_that_no_scenario_can_hold_are_refused():
    for value in (float("nan"), object(), 2**70):
        with pytest.raises(ScenarioError):
            axes_of({"a": [value]})
