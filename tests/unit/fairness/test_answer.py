"""What a model returns is read as scores or as a reason."""

import json

import pytest

from marketsim.core.language_model import REASONS, Failure
from marketsim.fairness.answer import read_answer
from marketsim.fairness.prompt import ANSWER_SCHEMA, WORDINGS, messages
from marketsim.testing.ollama_server import CONTENTS

GOOD = '{"ftg": 80, "fbs": 0, "fpp": 100}'


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"  \n{GOOD}\n",
        f"```json\n{GOOD}\n```",
        f"```\n{GOOD}```",
        f"Here are my scores: {GOOD}. I hope this helps!",
        f"The set {{a, b}} is fine. {GOOD}",
        '{"ftg": 80.0, "fbs": 0, "fpp": 1e2, "reason": "even"}',
    ],
)
def test_scores_are_found_wherever_they_are_unambiguous(text):
    """Alone, in a fence, once in prose; whole numbers may be written as floats, further keys are passed over."""
    assert read_answer(text) == (0.8, 0.0, 1.0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (CONTENTS["prose"], "prose"),
        (CONTENTS["cut_json"], "not_json"),
        (CONTENTS["empty"], "empty"),
        (" \n\t", "empty"),
        (None, "empty"),
        (CONTENTS["nan"], "out_of_range"),
        (CONTENTS["out_of_range"], "out_of_range"),
        (CONTENTS["floats"], "out_of_range"),
        (CONTENTS["booleans"], "out_of_range"),
        (CONTENTS["huge"], "out_of_range"),
        ('{"ftg": 1' + "0" * 5_000 + ', "fbs": 1, "fpp": 1}', "not_json"),
        (CONTENTS["deep"], "prose"),
        ('{"a":' * 3_000, "not_json"),
        (CONTENTS["incomplete"], "incomplete"),
        (CONTENTS["list"], "not_json"),
        (CONTENTS["twice"], "not_json"),
        ('{"ftg": "80", "fbs": 70, "fpp": 60}', "out_of_range"),
        ('{"ftg": null, "fbs": [70], "fpp": {}}', "out_of_range"),
        ("null", "not_json"),
        ("81", "not_json"),
        ("x" * 30_000, "not_json"),
        (17, "not_json"),
    ],
)
def test_everything_else_is_a_reason(text, reason):
    """Nothing is moved into range and nothing is guessed."""
    with pytest.raises(Failure, match=f"^{reason}: .") as raised:
        read_answer(text)
    assert raised.value.reason == reason
    assert reason in REASONS


def test_the_schema_asks_for_whole_numbers():
    """Grammars enforce ranges of integers only."""
    for score in ("ftg", "fbs", "fpp"):
        assert ANSWER_SCHEMA["properties"][score] == {"type": "integer", "minimum": 0, "maximum": 100}
    assert ANSWER_SCHEMA["required"] == ["ftg", "fbs", "fpp"]
    json.dumps(ANSWER_SCHEMA)


@pytest.mark.parametrize("wording", WORDINGS)
def test_a_question_has_definitions_and_the_slot(wording):
    """The system text names all that the slot's text uses and the scores; the user text is the slot and nothing else."""
    system, user = messages(wording, '{"retail":0.3}')
    assert (system["role"], user) == ("system", {"role": "user", "content": '{"retail":0.3}'})
    for word in (
        "retail",
        "feed_in",
        "tradable_wh",
        "traded_wh",
        "available_wh",
        "offered_wh",
        "sold_wh",
        "ftg",
        "fbs",
        "fpp",
    ):
        assert word in system["content"]
