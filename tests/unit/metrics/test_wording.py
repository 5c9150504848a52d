"""Numbers as people read them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.metrics.wording import number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        ("text", "text"),
        (0.0, "0"),
        (0.23634, "0.2363"),
        (1.0189, "1.019"),
        (-29.558, "-29.56"),
        (629.24, "629.2"),
        (18_332.7, "18,333"),
        (17, "17"),
        (1_234_567, "1,234,567"),
    ],
)
def test_a_number_is_as_long_as_its_size_asks_for(value, text):
    assert number(value) == text


@pytest.mark.parametrize(("value", "text"), [(1.05, "1.0500"), (0.95, "0.9500"), (-0.00004, "-0.0000")])
def test_voltages_have_four_decimals(value, text):
    assert number(value, "p.u.") == text


@pytest.mark.parametrize(("value", "text"), [(3.0, "+3.000"), (-3.0, "-3.000"), (5, "+5"), (1e6, "+1,000,000")])
def test_a_sign_is_written_where_it_is_asked_for(value, text):
    assert number(value, sign=True) == text


@given(st.floats(min_value=0.1, max_value=1e9))
def test_four_digits_are_right(value):
    """What is read back is the value to four significant digits, or to one."""
    read = float(number(value).replace(",", ""))
    assert abs(read - value) <= max(5.1e-4 * value, 5e-5) or abs(read - value) <= 0.5


@given(st.floats(min_value=-1e9, max_value=1e9))
def test_only_digits_point_commas_and_sign(value):
    assert re.fullmatch(r"-?\d{1,3}(,\d{3})*(\.\d+)?", number(value))
