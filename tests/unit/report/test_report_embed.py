"""Data on its way into a page."""

import base64
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from marketsim.report.embed import packed, script_json, shown


@given(
    st.recursive(
        st.none() | st.text() | st.integers(-9, 9), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_text_comes_back_and_none_can_leave_its_element(content):
    """What a parser of HTML could take for markup is not there, and JSON reads the same again."""
    text = str(script_json(content))
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == content


def unpacked(made):
    codes = np.frombuffer(base64.b64decode(made["data"]), dtype="<u2").reshape(-1, made["columns"]).astype(float)
    values = made["low"] + codes * (made["high"] - made["low"]) / 65534
    return np.where(codes == 65535, np.nan, values)


@given(st.lists(st.floats(0.85, 1.15), min_size=1, max_size=20))
def test_packing_errs_by_half_a_step(values):
    matrix = np.array([values, values])
    low, high = min(values), max(values)
    back = unpacked(packed(matrix, low, high))
    assert back.shape == matrix.shape
    assert np.abs(back - matrix).max() <= (max(high - low, 0.0) / 65534) / 2 + 1e-12


def test_what_is_undefined_stays_undefined():
    back = unpacked(packed(np.array([[1.0, np.nan]]), 0.9, 1.1))
    assert back[0, 0] == pytest.approx(1.0, abs=2e-6)
    assert np.isnan(back[0, 1])


def test_what_acts_on_the_text_around_it_is_shown_as_its_escape() -> None:
    """Directions, controls and halves of characters; in the data they are JSON's escapes. Other scripts stay."""
    for letter in ("\x1b", "\x7f", "\x85", "\u202e", "\u2066", "\ud800"):
        escape = repr(letter)[1:-1]
        assert shown(f"a{letter}b") == f"a{escape}b"
        text = str(script_json({"name": f"a{letter}b"}))
        assert letter not in text
        text.encode()
        assert json.loads(text)["name"] == f"a{letter}b"
    assert shown("Bäcker 日本 عربي\n") == "Bäcker 日本 عربي\n"
    assert shown(Markup("<b>")) == "<b>"
