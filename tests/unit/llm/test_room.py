"""Tokens are counted from above: what a real vocabulary makes of our texts is less."""

import pytest

from marketsim.core.language_model import Failure
from marketsim.llm.room import Room, most_tokens

MEASURED = {
    "fairness": 2,
    '{"share":49,"offered":100}': 13,
    "The quick brown fox jumps over the lazy dog.": 10,
}
"""Tokens in the vocabulary of Qwen 2.5."""


@pytest.mark.parametrize("text", MEASURED)
def test_the_count_is_one_from_above(text):
    assert MEASURED[text] <= most_tokens(text) <= 2 * MEASURED[text]


def test_other_alphabets_count_by_the_byte():
    assert most_tokens("é日") == 2 + 3


def test_a_question_needs_room_for_its_answer_too():
    said = [{"role": "user", "content": "7" * 100}]
    assert Room(512, 32).holds(said)
    assert not Room(512, 410).holds(said)
    with pytest.raises(Failure, match="raise it"):
        Room(512, 410).demand(said)
