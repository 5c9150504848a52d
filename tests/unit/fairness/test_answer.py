"""What a model returns is read as scores or as a reason."""

import json
import re

import numpy as np
import pytest

from marketsim.core.language_model import REASONS, Failure
from marketsim.fairness.answer import read_answer
from marketsim.fairness.prompt import SCORES, WORDINGS, answer_schema, messages
from marketsim.fairness.slot_view import SideOfMarket, SlotView
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
    schema = answer_schema(SCORES)
    for score in ("ftg", "fbs", "fpp"):
        assert schema["properties"][score] == {"type": "integer", "minimum": 0, "maximum": 100}
    assert schema["required"] == ["ftg", "fbs", "fpp"]
    json.dumps(schema)


def test_what_was_not_asked_for_is_neither_needed_nor_read():
    """Scores that are undefined: the form has no place for them, and what a model says of them all the same is dropped."""
    assert set(answer_schema(["ftg", "fpp"])["properties"]) == {"ftg", "fpp"}
    for text in ('{"ftg": 80, "fpp": 100}', '{"ftg": 80, "fbs": 170, "fpp": 100}'):
        assert read_answer(text, ("ftg", "fpp")) == (0.8, None, 1.0)
    with pytest.raises(Failure, match="lacks fpp"):
        read_answer('{"ftg": 80}', ("ftg", "fpp"))


@pytest.mark.parametrize("wording", WORDINGS)
def test_a_question_has_definitions_and_the_slot(wording):
    """The system text explains every name of the slot's text, lists and groups; the user text is the slot and nothing else."""
    sellers = SideOfMarket(
        np.array([60, 40]), np.array([60, 40]), np.zeros(2), np.array([40, 40]), np.array([9.0, 55.0])
    )
    buyers = SideOfMarket(
        np.array([90, 0]), np.array([90, 0]), np.full(2, 100.0), np.array([80, 0]), np.array([36.0, np.nan])
    )
    view = SlotView(90, 40.0, sellers, buyers)
    system, user = messages(wording, view.text())
    assert (system["role"], user) == ("system", {"role": "user", "content": view.text()})
    names = set(re.findall(r'"(\w+)"', view.text() + view.grouped()))
    told = set(re.findall(r"\w+", system["content"]))
    assert names - {"sellers", "buyers"} <= told
    assert {"seller", "buyer"} <= told
