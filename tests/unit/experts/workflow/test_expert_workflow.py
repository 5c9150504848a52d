"""Five phases from words to an expert: who is asked what, what is corrected, and why something is refused."""

import json

import numpy as np
import pytest

from marketsim.experts.case import random_cases
from marketsim.experts.library.compose import code_of
from marketsim.experts.model import ProsumerModel
from marketsim.experts.sandbox.allowed import SHORT_LIST
from marketsim.experts.workflow.acceptance import LibraryReference
from marketsim.experts.workflow.asking import ModelReader
from marketsim.experts.workflow.params import ReadingParams
from marketsim.experts.workflow.pipeline import ATTEMPTS, NO_OPERATOR, Transcript, Workshop, write_expert
from marketsim.experts.workflow.wishes import ModelWishes, WordWishes
from marketsim.experts.workflow.words import WordReader
from marketsim.experts.workflow.writers import LibraryWriter, ModelWriter
from marketsim.llm.interviewer import Interviewer
from marketsim.llm.model_server import ModelServer
from marketsim.testing.ollama_server import OllamaServer

TEXT = "A mill with 70 kW of load.\nPV of 90 kW.\nA battery of 60 kWh and 30 kW."
MODEL = ProsumerModel.model_validate({"load_peak_kw": 70, "pv_kw": 90, "battery": {"energy_kwh": 60, "power_kw": 30}})
GOOD = code_of(MODEL)


class Rules(WordReader, WordWishes):
    """Reads by rules."""


class Says:
    """A writer that has its codes ready, and keeps what it was told."""

    may_correct = True

    def __init__(self, *codes):
        self.codes, self.told = list(codes), []

    def retrieve(self, model, preferences):
        return ("sum",)

    def write(self, request, last, fault):
        self.told.append((last, fault))
        return self.codes.pop(0)


class Operator:
    """An operator whose feeder takes no more than so much PV."""

    def __init__(self, most_kw):
        self.most_kw = most_kw

    def days(self, model):
        return [each._replace(pv_available_kw=each.pv_available_kw + 50.0) for each in random_cases(model, 9, 2)]

    def broken(self, day, plan, load_kw):
        slot = int(np.argmax(plan.pv_kw))
        over = plan.pv_kw[slot] > self.most_kw
        return [f"bus 7 has 1.062 p.u. in slot {slot}, at most 1.05 is allowed"] if over else []


def shop_of(sandbox, writer=None, operator=None, confirm=True, reader=None):
    return Workshop(
        reader or Rules(), writer or LibraryWriter(), sandbox, LibraryReference(sandbox), operator, lambda *_: confirm
    )


def written(sandbox, text=TEXT, **who):
    transcript = Transcript()
    return write_expert(text, shop_of(sandbox, **who), transcript), transcript


def test_the_library_s_expert_is_accepted_when_the_operator_agrees(sandbox):
    """Without any server: read by rules, put together of reviewed blocks, tried, traded and verified."""
    done, transcript = written(sandbox, operator=Operator(1e9))
    assert (done.accepted, done.refusals, done.attempts) == (True, (), 1)
    assert done.form.model == MODEL
    assert done.code == GOOD
    assert [row["phase"] for row in transcript.rows] == [
        *("model", "model", "retrieval", "code", "correction", "integration", "integration")
    ]


def test_without_an_operator_nothing_is_accepted(sandbox):
    done, _ = written(sandbox)
    assert done.refusals == (NO_OPERATOR,)
    assert done.code == GOOD


def test_an_operator_refuses_with_bus_and_slot(sandbox):
    done, transcript = written(sandbox, operator=Operator(10.0))
    assert done.refusals[0].startswith("day 1 of the operator: bus 7 has 1.062 p.u. in slot ")
    assert transcript.rows[-1]["operator"] == done.refusals[0]


def test_a_form_that_is_not_confirmed_ends_it(sandbox):
    done, transcript = written(sandbox, confirm=False)
    assert done.refusals == ("the form was not confirmed",)
    assert done.code == ""
    assert transcript.rows[-1] == {"phase": "model", "confirmed": False}


def test_an_ill_posed_description_is_refused_with_line_and_reason(sandbox):
    done, _ = written(sandbox, "A mill with 70 kW of load.\nA wind turbine of 5 kW.\n")
    assert done.refusals == ("line 2: the model has no place for 'wind'",)


def test_a_wish_is_part_of_the_expert(sandbox):
    """And one that is none is refused at its line."""
    done, transcript = written(sandbox, f"{TEXT}\nwish: never export more than 10 kW", operator=Operator(1e9))
    assert done.accepted
    assert [str(each) for each in done.preferences] == ["export at most 10 kW, 0 h to 24 h"]
    assert "cp.pos(sell - 10.0)" in done.code
    assert transcript.rows[1]["wishes"] == ["export at most 10 kW, 0 h to 24 h"]
    done, _ = written(sandbox, f"{TEXT}\nwish: be nice")
    assert done.refusals[0].startswith("line 4: wish: 'be nice' is no wish about")


def test_the_same_words_give_the_same_transcript(sandbox):
    one, two = (written(sandbox, operator=Operator(1e9))[1].text() for _ in range(2))
    assert one == two
    assert all(json.loads(line)["phase"] for line in one.splitlines())


MISTAKES = {
    "no loss of the battery": (GOOD.replace("0.95 * charge", "1.0 * charge"), "the stored energy of slot "),
    "free wear": (
        GOOD.replace("0.01 * cp.sum(charge + discharge)", "0 * cp.sum(charge)").replace("2e-5", "0"),
        "case ",
    ),
    "no sun": (
        GOOD.replace('pv_kw <= state["pv_available_kw"]', 'pv_kw <= 0 * state["pv_available_kw"]'),
        "the plan costs ",
    ),
    "too much sun": (
        GOOD.replace('pv_kw <= state["pv_available_kw"]', 'pv_kw <= 1 + state["pv_available_kw"]'),
        "pv_kw of slot ",
    ),
    "an objective of zero": (GOOD.replace('"objective": cost', '"objective": 0'), "case 1, "),
    "another objective": (GOOD.replace('"objective": cost', '"objective": cost + 1000'), "objective is "),
    "a loop": (
        GOOD.replace("constraints = []", "constraints = []\n    while True: pass"),
        "line 12: a while loop may not be used",
    ),
    "not convex": (
        GOOD.replace("cost = hours *", "cost = -cp.sum_squares(buy) + hours *"),
        "objective is not convex by the rules",
    ),
    "a name that is none": (GOOD.replace("cp.sum(charge", "cp.total(charge"), "cp.total is not available here"),
    "an index": (GOOD.replace("stored[slots] -", "stored[slots + 1] -"), "IndexError"),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_told_to_its_author_and_corrected(sandbox, what):
    """The second code gets the first one and what is wrong with it."""
    code, told = MISTAKES[what]
    assert code != GOOD
    writer = Says(code, GOOD)
    done, transcript = written(sandbox, writer=writer, operator=Operator(1e9))
    assert done.accepted
    assert done.attempts == 2
    assert writer.told[0] == ("", "")
    assert writer.told[1][0] == code
    assert told in writer.told[1][1], writer.told[1][1]
    faults = [row["fault"] for row in transcript.rows if row["phase"] == "correction"]
    assert faults == [writer.told[1][1], ""]


def test_a_writer_who_never_learns_is_given_up(sandbox):
    code = MISTAKES["no sun"][0]
    done, _ = written(sandbox, writer=Says(*[code] * ATTEMPTS), operator=Operator(1e9))
    assert done.attempts == ATTEMPTS
    assert done.refusals[0].startswith(f"after {ATTEMPTS} attempts, case 1, ")
    assert done.code == ""


def test_a_writer_that_repeats_itself_is_asked_another_question_each_time(sandbox):
    code = MISTAKES["no sun"][0]
    writer = Says(*[code] * ATTEMPTS)
    done, _ = written(sandbox, writer=writer, operator=Operator(1e9))
    faults = [fault for _, fault in writer.told]
    assert len(set(faults)) == ATTEMPTS == 4
    assert "unchanged" not in faults[1]
    assert faults[2].startswith(faults[1])
    assert "written 2 times" in faults[2]
    assert "written 3 times" in faults[3]
    assert "unchanged" not in done.refusals[0]


def test_an_expert_that_does_not_trade_is_refused(sandbox):
    """Alone it is as good as any; with a neighbour it is found out."""
    code = GOOD.replace("buy - sell + p2p_kw + injected == 0", "buy - sell + injected == 0").replace(
        "constraints = []", "constraints = [p2p_kw == 0]"
    )
    done, _ = written(sandbox, writer=Says(code), operator=Operator(1e9))
    assert len(done.refusals) == 1
    assert "is p2p_kw in the balance?" in done.refusals[0]


def test_an_expert_that_knows_when_it_is_tried_is_caught_by_the_operator(sandbox):
    """Code may look at the length of a case; what it then returns is held to the limits on every day."""
    code = GOOD.replace("    return {", "    pv_kw = pv_kw + (5.0 if state['hour'][0] < 1 else 0.0)\n    return {")

    class Daily(Operator):
        def days(self, model):
            return [each._replace(hour=each.hour - each.hour[0]) for each in random_cases(model, 9, 1)]

        def broken(self, day, plan, load_kw):
            return []

    done, _ = written(sandbox, writer=Says(code), operator=Daily(1e9))
    assert done.refusals[0].startswith("day 1 of the operator: pv_kw of slot ")


def judge(answers):
    """A server's answers by the field or the wish that is asked for; keeps what it was asked."""

    def answer(view):
        return next((own for words, own in answers.items() if words in json.dumps(view)), answers[""])

    return answer


NO = {"stated": False, "quote": "", "number": 0}
FORM = {
    "Is there photovoltaic": {"stated": True, "quote": "PV", "number": 1},
    "Is there a battery": {"stated": True, "quote": "A battery", "number": 1},
    "largest load": {"stated": True, "quote": "70 kW of load", "number": 70},
    "rated power of the PV": {"stated": True, "quote": "PV of 90 kW", "number": 90},
    "capacity of the battery": {"stated": True, "quote": "battery of 60 kWh", "number": 60},
    "charging and discharging": {"stated": True, "quote": "60 kWh and 30 kW", "number": 30},
    '"wish"': {"quantity": "export_kw", "number": 10, "from_hour": 0, "to_hour": 24},
    "last_code": {"code": f"```python\n{GOOD}```"},
    "functions": {"code": MISTAKES["a name that is none"][0]},
    "choices": {"choice": "none of them"},
    "": NO,
}


class Asks(ModelReader, ModelWishes):
    """Asks a language model."""


@pytest.fixture
def asked(tmp_path):
    """Makes an interviewer of a server with these answers."""
    made = []

    def make(answers, faults=()):
        server = OllamaServer(faults, judge=judge(answers)).__enter__()
        params = ReadingParams(host=server.url, cache_folder=str(tmp_path), load_deadline_s=0, deadline_s=20)
        interviewer = Interviewer(params, ModelServer(params.settings()))
        made.append((server, interviewer))
        return interviewer, server

    yield make
    for server, interviewer in made:
        interviewer.close()
        server.__exit__()


@pytest.mark.full
def test_a_language_model_reads_writes_and_corrects(sandbox, asked):
    """One question a field, a wish, a code with a name that is none, and the code again with what was wrong."""
    interviewer, server = asked(FORM)
    text = f"{TEXT}\nwish: never export more than 10 kW"
    done, _ = written(sandbox, TEXT, reader=Asks(interviewer), writer=ModelWriter(interviewer), operator=Operator(1e9))
    assert (done.accepted, done.attempts) == (True, 2), done.refusals
    assert done.form.model == MODEL
    assert done.code == GOOD.strip() + "\n"
    last = json.loads(server.questions[-1]["messages"][-1]["content"])
    assert "cp.total is not available here" in last["what_is_wrong_with_it"]
    assert {f"cp.{name}" for name in SHORT_LIST} <= set(last["functions"])
    assert last["prosumer"]["battery"]["energy_kwh"] == 60
    asked_before = len(server.questions)
    again, _ = written(sandbox, text, reader=Asks(interviewer), operator=Operator(1e9))
    assert again.accepted
    assert [str(each) for each in again.preferences] == ["export at most 10 kW, 0 h to 24 h"]
    assert len(server.questions) == asked_before + 8 + 1  # the text differs, so nothing but code was kept
    repeated, _ = written(sandbox, text, reader=Asks(interviewer), operator=Operator(1e9))
    assert len(server.questions) == asked_before + 9
    assert repeated == again


NONE = {"choices": {"choice": "none of them"}}
"""Where it is asked to choose; first, for a question has the words of others."""
LIES = {
    "an invented number": (
        {**NONE, "largest load": {"stated": True, "quote": "70 kW of load", "number": 75}},
        "the number 75 does not stand",
    ),
    "an invented quotation": (
        {**NONE, "largest load": {"stated": True, "quote": "75 kW of load", "number": 75}},
        "do not stand in the text",
    ),
    "a number that is converted": (
        {**NONE, "largest load": {"stated": True, "quote": "70 kW of load", "number": 70000}},
        "the number 70000 does not stand",
    ),
    "the number of another unit": (
        {**NONE, "capacity of the battery": {"stated": True, "quote": "60 kWh and 30 kW", "number": 30}},
        "'30 kW' is no energy (kWh, MWh)",
    ),
    "nothing where something is": ({"largest load": NO}, "the largest load (peak demand) is not stated"),
    "no PV": ({"Is there photovoltaic": NO}, "'90 kW' belongs to no field"),
    "no number": (
        {**NONE, "largest load": {"stated": True, "quote": "70 kW", "number": None}},
        "gave no answer: incomplete",
    ),
    "another form": ({"largest load": {"answer": 70}}, "gave no answer: incomplete"),
}


@pytest.mark.parametrize("what", LIES)
def test_a_language_model_that_is_wrong_is_not_believed(sandbox, asked, what):
    """No number comes into the form that does not stand in the text with its unit."""
    changed, told = LIES[what]
    interviewer, _ = asked({**changed, **{key: own for key, own in FORM.items() if key not in changed}})
    done, _ = written(sandbox, reader=Asks(interviewer), operator=Operator(1e9))
    assert not done.accepted
    assert any(told in each for each in done.refusals), done.refusals


def test_a_language_model_is_asked_which_of_two_fields_a_number_is(sandbox, asked):
    """It took the battery's power for that of the PV: it says which it is, and what is left is the PV's."""
    twice = {"stated": True, "quote": "A battery of 60 kWh and 30 kW", "number": 30}
    power = {"choice": "the charging and discharging power of the battery"}
    left = {"choice": "PV of 90 kW"}
    changed = {
        "What is 30 kW in the words": power,
        "Which of these is the rated power": left,
        "rated power of the PV": twice,
    }
    interviewer, server = asked({**changed, **{key: own for key, own in FORM.items() if key not in changed}})
    done, _ = written(sandbox, reader=Asks(interviewer), operator=Operator(1e9))
    first, last = (json.loads(each["messages"][-1]["content"]) for each in server.questions[-2:])
    assert first["field"].startswith("What is 30 kW in the words 'A battery of 60 kWh and 30 kW'?")
    assert first["choices"] == [
        "the rated power of the PV",
        "the charging and discharging power of the battery",
        "none of them",
    ]
    assert last["choices"] == ["PV of 90 kW", "none of them"]
    assert done.form.model == MODEL


def test_a_choice_that_there_is_not_is_no_answer(sandbox, asked):
    twice = {"stated": True, "quote": "A battery of 60 kWh and 30 kW", "number": 30}
    changed = {"choices": {"choice": "love"}, "rated power of the PV": twice}
    interviewer, _ = asked({**changed, **{key: own for key, own in FORM.items() if key not in changed}})
    done, _ = written(sandbox, reader=Asks(interviewer), operator=Operator(1e9))
    assert any("gave no answer: incomplete: choice is none" in each for each in done.refusals)


@pytest.mark.parametrize("fault", ["500", "html", "prose", "empty", "cut_json", "list"])
def test_a_server_that_fails_ends_in_a_reason(sandbox, asked, fault):
    """Each field that was not answered is told."""
    interviewer, _ = asked(FORM, lambda number: fault)
    done, _ = written(sandbox, reader=Asks(interviewer))
    assert "gave no answer: " in done.refusals[0]


def test_a_model_that_writes_no_code_is_told(sandbox, asked):
    interviewer, _ = asked({**FORM, "functions": {"code": ""}})
    done, transcript = written(sandbox, writer=ModelWriter(interviewer), operator=Operator(1e9))
    assert done.refusals == ("no code was written: incomplete: code is no text, or longer than code may be",)
    assert transcript.rows[-1]["failed"].startswith("incomplete")
