"""A part asks a question of its own kind: in its own form, read by its own reader, kept under its own name."""

import json

import pytest

from marketsim.core.language_model import Failure, Identity
from marketsim.llm.interviewer import Interviewer
from marketsim.llm.params import AskingParams
from marketsim.llm.question import Question, outcomes


class Clerk:
    """A language model that says what it was told to, one text after the other, and then the last one."""

    url = "this process"

    def __init__(self, *texts):
        self.texts, self.asked = list(texts), []

    def options(self, seed):
        return {"seed": seed}

    async def identify(self, deadline_s):
        return Identity("clerk", "clerk-1", "none", thinks=False)

    async def load(self, messages, seed, deadline_s):
        pass

    async def ask(self, messages, form, seed, deadline_s):
        self.asked.append((messages, form, seed))
        return self.texts.pop(0) if len(self.texts) > 1 else self.texts[0]

    async def close(self):
        pass


def read_price(text):
    """The price in an answer; Failure where there is none."""
    try:
        return json.loads(text)["price"]
    except (ValueError, LookupError) as error:
        raise Failure("incomplete", "there is no price") from error


def price(text, kind="price 1"):
    message = {"role": "user", "content": text}
    form = {"type": "object", "required": ["price"]}
    return Question(kind, [message], form, read_price, lambda value: {"price": value}, lambda kept: kept["price"])


def words(text):
    return Question(
        "words 1", [{"role": "user", "content": text}], {}, str.split,
        lambda value: {"words": value}, lambda kept: list(kept["words"]),
    )  # fmt: skip


@pytest.fixture
def asked(tmp_path):
    """``asked(model, *questions)``: replies of one interviewer, closed at the end of the test."""
    made = []

    def ask(model, *questions, **changes):
        params = AskingParams(cache_folder="kept", load_deadline_s=0, deadline_s=20, **changes)
        made.append(Interviewer(params, model, tmp_path))
        return [reply for question in questions for reply in outcomes([made[-1].begin(question)], 20.0)]

    yield ask
    for each in made:
        each.close()


def test_a_question_is_sent_as_it_is_and_read_by_its_reader(asked):
    model = Clerk('{"price": 0.21}')
    (reply,) = asked(model, price("what is it worth?"))
    assert (reply.value, reply.error, reply.attempts, reply.cached) == (0.21, None, 1, False)
    assert reply.identity.model == "clerk"
    assert model.asked == [([{"role": "user", "content": "what is it worth?"}], price("").form, 1)]


def test_what_the_reader_refuses_is_asked_for_once_more(asked):
    model = Clerk("dear me", '{"price": 0.21}', "{}")
    first, second = asked(model, price("one"), price("two"))
    assert (first.value, first.attempts) == (0.21, 2)
    assert (second.value, second.error, second.attempts) == (None, "incomplete: there is no price", 2)
    assert [seed for _, _, seed in model.asked] == [1, 2, 1, 2]


def test_a_value_is_kept_as_its_part_says(asked, tmp_path):
    """And found by the next one who asks the same; a later version of the kind asks anew."""
    model = Clerk('{"price": 0.21}')
    asked(model, price("one"))
    (place,) = (tmp_path / "kept").rglob("*.json")
    kept = json.loads(place.read_text())
    assert (kept["format"], kept["price"], kept["text"]) == ("price 1", 0.21, "one")
    (again,) = asked(model, price("one"))
    assert (again.value, again.cached, len(model.asked)) == (0.21, True, 1)
    asked(model, price("one", kind="price 2"))
    assert len(model.asked) == 2


def test_one_interviewer_takes_questions_of_several_kinds(asked):
    """The same text asked in two ways is two questions, also in the cache."""
    model = Clerk('{"price": 1}')
    for cached in (False, True):
        replies = asked(model, price("one"), words("one"))
        assert [reply.value for reply in replies] == [1, ['{"price":', "1}"]]
        assert [reply.cached for reply in replies] == [cached] * 2


def test_who_answers_is_told_as_far_as_it_is_known(tmp_path):
    interviewer = Interviewer(
        AskingParams(model="clerk:1b", cache=False, load_deadline_s=0), Clerk('{"price": 1}'), tmp_path
    )
    unknown = {"host": "this process", "model": "clerk:1b", "digest": None, "server": None}
    assert interviewer.facts() == unknown
    try:
        outcomes([interviewer.begin(price("one"))], 20.0)
        assert interviewer.facts() == {**unknown, "model": "clerk", "digest": "clerk-1", "server": "none"}
    finally:
        interviewer.close()
