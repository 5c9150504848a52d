"""What is asked about a slot, and what is kept of the answer: found again, and not taken for another one."""

import json

import numpy as np
import pytest

from marketsim.core.language_model import Failure, Identity
from marketsim.fairness.params import OllamaCriticParams
from marketsim.fairness.slot_question import KEPT, TRIED, fitting_text, kept_answer, slot_question
from marketsim.fairness.slot_view import SideOfMarket, SlotView
from marketsim.llm.answer_cache import AnswerCache, all_kept, default_folder, question_key
from marketsim.llm.room import Room

OPTIONS = {"temperature": 0.0, "seed": 1, "num_ctx": 8192, "num_predict": 256, "think": True}
WHO = Identity("gemma3:4b", "abc", "0.12.3", thinks=False)
TWO = ("ftg", "fpp")
KEPT_SCORES = {"scores": [0.8, None, 0.6], "features": [0.5, 0.25], "wording": "formulas"}


def question(wording="formulas", names=TWO, kind=KEPT):
    return slot_question(wording, '{"traded":80}', names, (0.5, 0.25), kind)


def test_an_answer_is_found_again_with_what_it_was_asked_in(tmp_path):
    key = question_key(question(), "abc", OPTIONS)
    AnswerCache(tmp_path).put(key, question(), (0.8, None, 0.6), WHO)
    assert AnswerCache(tmp_path).get(key, question()) == (0.8, None, 0.6)
    assert list(all_kept(tmp_path, KEPT, kept_answer)) == [((0.8, None, 0.6), (0.5, 0.25), "formulas")]
    assert default_folder(OllamaCriticParams.answers).name == "critiques"


def test_answers_to_other_questions_are_not_taken_for_it(tmp_path):
    """In other words, for other scores, or of an audit's trial: another key, and what a trial brought nobody learns from."""
    keys = {
        question_key(each, "abc", OPTIONS)
        for each in (question(), question("plain"), question(names=("ftg", "fbs", "fpp")), question(kind=TRIED))
    }
    assert len(keys) == 4
    key = question_key(question(kind=TRIED), "abc", OPTIONS)
    AnswerCache(tmp_path).put(key, question(kind=TRIED), (0.8, None, 0.6), WHO)
    assert list(all_kept(tmp_path, KEPT, kept_answer)) == []


def test_an_answer_for_other_scores_under_its_key_is_not_believed(tmp_path):
    key = question_key(question(), "abc", OPTIONS)
    AnswerCache(tmp_path).put(key, question(), (0.8, 0.7, 0.6), WHO)
    assert AnswerCache(tmp_path).get(key, question()) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"scores": None},
        {"scores": [1.5, 0.0, 0.0]},
        {"scores": [True, 0.5, 0.5]},
        {"scores": ["0.5", 0.5, 0.5]},
        {"scores": [None, None, None]},
        {"scores": {"0.1": 1, "0.2": 1, "0.3": 1}},
        {"scores": [0.5, 0.5]},
        {"features": None},
        {"features": "111"},
        {"features": ["0.5"]},
        {"features": [1e300]},
        {"features": [[0.5]]},
        {"wording": None},
        {"wording": "kind"},
        {"wording": ["plain"]},
    ],
)
def test_what_is_no_answer_is_not_believed(changes):
    kept_answer(KEPT_SCORES)
    with pytest.raises(ValueError, match="score|features|wording"):
        kept_answer({**KEPT_SCORES, **changes})


def community_of(n):
    """A slot in which ``n`` sellers of different size meet ``n`` buyers."""
    supply, demand = np.arange(1, n + 1) * 10, np.arange(1, n + 1) * 6
    sellers = SideOfMarket(supply, supply, np.zeros(n), supply // 2, np.full(n, 40.0))
    buyers = SideOfMarket(demand, demand, np.full(n, 100.0), demand * 5 // 6, np.full(n, 40.0))
    return SlotView(int(demand.sum()), 0.0, sellers, buyers)


def test_a_long_community_is_summed_up_and_never_cut():
    """One by one while it fits; then in groups, in which everybody counts; 10,000 are no longer than 200."""
    room = Room(8192, 256)
    assert len(json.loads(fitting_text(community_of(20), "formulas", room))["sellers"]) == 20
    for n in (200, 10_000):
        text = fitting_text(community_of(n), "formulas", room)
        groups = json.loads(text)["sellers"]
        assert sum(group["count"] for group in groups) == n
        room.demand([{"role": "user", "content": text}, *question().messages[:1]])


def test_a_question_that_cannot_fit_is_refused_before_it_is_asked():
    text = fitting_text(community_of(200), "formulas", Room(512, 256))
    with pytest.raises(Failure, match=r"prompt_cut: not asked: up to \d+ tokens needed, num_ctx is 512"):
        Room(512, 256).demand(slot_question("formulas", text, TWO, ()).messages)
