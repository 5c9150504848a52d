"""No text that a model can return makes the parser raise, or yields a score outside [0, 1]."""

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from marketsim.core.language_model import REASONS, Failure
from marketsim.fairness.answer import read_answer
from marketsim.fairness.prompt import SCORES

numbers = st.integers() | st.floats() | st.integers(-(10**400), 10**400) | st.integers(0, 100)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(SCORES) | st.text(max_size=5), inner),
    max_leaves=12,
)
near = st.fixed_dictionaries({}, optional=dict.fromkeys(SCORES, values))
prose = st.text(max_size=60)


@st.composite
def answers(draw):
    """Any text; any JSON; nearly right JSON, alone, fenced, in prose, cut short or doubled."""
    text = json.dumps(draw(values | near)) if draw(st.booleans()) else draw(prose)
    before, after = (
        draw(st.sampled_from(["", "```json\n", "```", "Well: "]) | prose),
        draw(st.sampled_from(["", "\n```"]) | prose),
    )
    whole = before + text * draw(st.integers(1, 2)) + after
    return whole[: draw(st.integers(0, len(whole)))] if draw(st.booleans()) else whole


def is_sound(content):
    try:
        scores = read_answer(content)
    except Failure as failure:
        return failure.reason in REASONS
    return len(scores) == 3 and all(isinstance(score, float) and 0.0 <= score <= 1.0 for score in scores)


@given(answers())
@settings(max_examples=150)
@example('{"ftg": -0.0, "fbs": 100.0, "fpp": 0}')
@example('{"ftg": 1e999, "fbs": -1e999, "fpp": 1}')
@example("[" * 19_999)
@example('{"ftg":' * 2_800)
@example('{"ftg": 0' + "0" * 19_000)
@example("\ud800")
def test_any_text_is_read_soundly(text):
    """Scores in [0, 1], or a reason."""
    assert is_sound(text)


@given(values)
def test_anything_but_text_is_no_answer(value):
    """Whatever JSON a reply holds in the place of the text."""
    assert is_sound(value)


@given(st.tuples(*(st.integers(0, 100),) * 3), prose.filter(lambda text: "{" not in text and "`" not in text))
def test_what_is_right_is_read_exactly(scores, talk):
    """Whole numbers from 0 to 100 are hundredths, whatever is said around them."""
    text = json.dumps(dict(zip(SCORES, scores, strict=True)))
    assert read_answer(f"{talk}{text}{talk}") == tuple(score / 100 for score in scores)
