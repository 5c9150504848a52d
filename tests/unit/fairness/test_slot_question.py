"""What is asked about a slot, and what is kept of the answer: found again, whichever version wrote it."""

import json

import pytest

from marketsim.core.language_model import Identity
from marketsim.fairness.params import OllamaCriticParams
from marketsim.fairness.slot_question import KEPT, kept_answer, slot_question
from marketsim.llm.answer_cache import AnswerCache, all_kept, default_folder, question_key

OPTIONS = {"temperature": 0.0, "seed": 1, "num_ctx": 8192, "num_predict": 256, "think": True}
WHO = Identity("gemma3:4b", "abc", "0.12.3", thinks=False)
KEY = "f06934bbcecb5405b2e0552bca3c9247e7df9b07"
EARLIER = (
    '{"format": "marketsim critique 1", "key": "f06934bbcecb5405b2e0552bca3c9247e7df9b07", "scores": [0.8, 0.7, 0.6], '
    '"model": "gemma3:4b", "digest": "abc", "text": "{\\"retail\\":0.3}", "features": [0.5, 0.25], '
    '"check": "874eeb17a38da933"}'
)
"""A file as it was written before other parts than critics could ask."""


def question(wording="formulas"):
    return slot_question(wording, '{"retail":0.3}', (0.5, 0.25))


def test_answers_of_earlier_versions_are_found(tmp_path):
    """Under their keys, in their folder, and by who learns from them."""
    assert question_key(question(), "abc", OPTIONS) == KEY
    assert question_key(question("plain"), "abc", OPTIONS) == "cee4bbfc3cf70fadb67fca190924d5e6453aea76"
    (tmp_path / KEY[:2]).mkdir()
    (tmp_path / KEY[:2] / f"{KEY}.json").write_text(EARLIER)
    assert AnswerCache(tmp_path).get(KEY, question()) == (0.8, 0.7, 0.6)
    assert list(all_kept(tmp_path, KEPT, kept_answer)) == [((0.8, 0.7, 0.6), (0.5, 0.25))]
    assert default_folder(OllamaCriticParams.answers).name == "critiques"


def test_what_is_kept_is_what_earlier_versions_kept(tmp_path):
    """The same values under the same names, with the same checksum."""
    AnswerCache(tmp_path).put(KEY, question(), (0.8, 0.7, 0.6), WHO)
    (place,) = tmp_path.rglob("*.json")
    assert json.loads(place.read_text()) == json.loads(EARLIER)


@pytest.mark.parametrize(
    "changes",
    [
        {"scores": None},
        {"scores": [1.5, 0.0, 0.0]},
        {"scores": [True, 0.5, 0.5]},
        {"scores": ["0.5", 0.5, 0.5]},
        {"scores": [None, 0.5, 0.5]},
        {"scores": {"0.1": 1, "0.2": 1, "0.3": 1}},
        {"scores": [0.5, 0.5]},
        {"features": None},
        {"features": "111"},
        {"features": ["0.5"]},
        {"features": [1e300]},
        {"features": [[0.5]]},
    ],
)
def test_what_is_no_answer_is_not_believed(changes):
    with pytest.raises(ValueError, match="score|features"):
        kept_answer({**json.loads(EARLIER), **changes})
