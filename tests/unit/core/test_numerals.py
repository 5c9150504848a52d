"""Numbers of files: digits, and nothing else that Python would read."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.core.numerals import number, numbers

SOME = st.text(st.sampled_from("0123456789+-.,eE_ xnaif\n\t１٣"), max_size=8)


@pytest.mark.parametrize(
    "text", ["1_0", "１", "٣", "nan", "inf", "-Infinity", "0x1", "1 0", "1\n2", "", ".", "e1", "1e", "--1"]
)
def test_what_is_no_plain_number_is_none(text: str) -> None:
    assert math.isnan(number(text))
    assert math.isnan(numbers(["1", text])[1])


@pytest.mark.parametrize(
    ("text", "value"), [("-12.5", -12.5), ("1e3", 1e3), (" +.5\n", 0.5), ("7.", 7.0), ("1e999", math.inf)]
)
def test_plain_numbers_are_what_they_are(text: str, value: float) -> None:
    assert number(text) == value
    assert number(text.replace(".", ","), ",") == value


@given(st.lists(SOME, max_size=5), st.sampled_from(".,"))
def test_many_are_read_as_one_by_one(texts: list[str], decimal: str) -> None:
    """The quick way and the careful way agree, whatever stands in a column."""
    together, each = numbers(texts, decimal), [number(text, decimal) for text in texts]
    assert [str(value) for value in together.tolist()] == [str(value) for value in each]
