"""Descriptions in words: quantities, what rules read, what the form refuses, and wishes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.core.language_model import Failure
from marketsim.experts.model import BatteryModel, GeneratorModel, ProsumerModel
from marketsim.experts.workflow.benchmark import descriptions, differences, judged, read_all
from marketsim.experts.workflow.fields import BY_PATH, DEVICES
from marketsim.experts.workflow.form import MOST_CHARACTERS, filled
from marketsim.experts.workflow.quantities import line_of, places_of_quote, quantities
from marketsim.experts.workflow.reading import FieldFinding
from marketsim.experts.workflow.wishes import WordWishes, hours_in, read_wishes, split_wishes
from marketsim.experts.workflow.words import WordReader

QUANTITIES = {
    "2,100 kW": ("power", 2100.0),
    "2 100 kW": ("power", 2100.0),
    "2.8 MWp": ("power", 2800.0),
    "4500 W": ("power", 4.5),
    "two megawatts": ("power", 2000.0),
    "0.5 MWh": ("energy", 500.0),
    "10kWh": ("energy", 10.0),
    "6 megawatt-hours": ("energy", 6000.0),
    "15 %": ("share", 0.15),
    "20 per cent": ("share", 0.2),
    "a quarter": ("share", 0.25),
    "40 ct/kWh": ("price", 0.4),
    "40 cents per kWh": ("price", 0.4),
    "170 EUR/MWh": ("price", 0.17),
    "1.5 euros per kWh": ("price", 1.5),
    "0.4 per kilowatt-hour": ("price", 0.4),
    "250 kW per hour": ("ramp", 250.0),
    "10 kW per minute": ("ramp", 600.0),
    "2 MW/h": ("ramp", 2000.0),
    "0.0002 EUR/(kW² h)": ("quadratic", 2e-4),
    "2e-4 currency/(kW^2 h)": ("quadratic", 2e-4),
    "300 Ah": ("unknown", 300.0),
    "in 1974": ("number", 1974.0),
    "at 18:00": ("number", 18.0),
}


@pytest.mark.parametrize("text", QUANTITIES)
def test_a_quantity_is_read_in_its_unit(text):
    first = quantities(f"It has {text}.")[0]
    assert (first.dimension, first.value) == (QUANTITIES[text][0], pytest.approx(QUANTITIES[text][1]))


@given(st.floats(0.001, 1e6), st.sampled_from(("kW", "MW", "kWh", "%", "ct/kWh")))
def test_any_number_is_read_as_it_is_written(number, unit):
    (found,) = quantities(f"x {number!r} {unit} y")
    assert found.written == number
    assert found.text == f"{number!r} {unit}"


@given(st.text(max_size=200))
def test_any_text_is_read_without_an_error(text):
    """By numbers, by the form and by wishes: a model, or refusals with a line of the text."""
    for each in quantities(text):
        assert text[each.start : each.end] == each.text
    body, wishes = split_wishes(text)
    form = filled(body, WordReader())
    assert (form.model is None) == bool(form.refusals)
    assert all(1 <= each.line <= text.count("\n") + 1 for each in form.refusals)
    read_wishes(wishes, ProsumerModel(), WordWishes())


def test_a_quotation_is_found_whatever_its_blanks_and_capitals():
    text = "a Battery\n of  50 kW, a battery of 50 kW"
    assert [line_of(text, start) for start, _ in places_of_quote(text, "battery of 50 kW")] == [1, 2]
    assert places_of_quote(text, "battery of 60 kW") == []
    assert places_of_quote(text, "  ") == []


BENCH = descriptions()


def test_there_are_thirty_descriptions():
    """Ten are ill-posed, and all have names of their own."""
    assert len({each.name for each in BENCH}) == 30
    assert sum(each.model is None for each in BENCH) == 10


def test_the_rules_are_never_wrong_about_them():
    """Of the well-posed they read 19 and leave one, of the ill-posed they refuse each at its line."""
    read = list(read_all(WordReader()))
    assert [each.name for each in read if each.valid and not each.right] == []
    assert [each.name for each in read if not each.valid] == ["cents"]


def test_a_wrong_number_is_valid_and_not_right():
    """The measure itself."""
    case = next(each for each in BENCH if each.name == "watts")
    right = filled(case.text, WordReader())
    assert judged(case, right)[2:] == (True, True, "")
    wrong = right._replace(model=right.model.model_copy(update={"pv_kw": 9.0, "battery": None}))
    told = judged(case, wrong)
    assert (told.valid, told.right) == (True, False)
    assert "pv_kw is 9, not 9.9; battery.energy_kwh is not there, not 10" in told.told
    ill = next(each for each in BENCH if each.model is None)
    assert judged(ill, right)[2:4] == (False, False)


def test_equal_models_do_not_differ():
    for case in BENCH:
        if case.model is not None:
            assert differences(case.model, case.model) == []


class Says:
    """A reader that says what it was told to."""

    def __init__(self, found, devices=(), chosen=()):
        """``chosen``: what it picks where a question has these words."""
        self._found, self._devices, self._chosen, self.told = found, dict(devices), dict(chosen), []

    def has(self, device, text):
        return self._devices.get(device)

    def find(self, field, text):
        answer = self._found.get(field.path)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def choose(self, question, choices, text):
        self.told.append((question, choices))
        return next((own for words, own in self._chosen.items() if words in question), None)


TEXT = "A mill with 70 kW of load.\nPV of 90 kW, in 1974."
LOAD, PV = FieldFinding("70 kW of load", 70.0), FieldFinding("PV of 90 kW", 90.0)


def test_what_a_reader_finds_is_filled_in_with_its_words_and_its_line():
    form = filled(TEXT, Says({"load_peak_kw": LOAD, "pv_kw": PV}, {"pv": "PV"}))
    assert form.model == ProsumerModel(load_peak_kw=70, pv_kw=90)
    assert [(each.path, each.value, each.quote, each.line) for each in form.entries] == [
        ("load_peak_kw", 70.0, "70 kW of load", 1),
        ("pv_kw", 90.0, "PV of 90 kW", 2),
        ("min_power_factor", 0.95, "", 0),
    ]


REFUSED = {
    "line 1: load_peak_kw: the words '70 kW of sun' do not stand in the text": {
        "load_peak_kw": FieldFinding("70 kW of sun", 70)
    },
    "line 1: load_peak_kw: the number 80 does not stand in '70 kW of load'": {
        "load_peak_kw": FieldFinding("70 kW of load", 80)
    },
    "line 2: load_peak_kw: the number 70 does not stand in 'PV of 90 kW'": {
        "load_peak_kw": FieldFinding("PV of 90 kW", 70)
    },
    "line 2: load_peak_kw: '1974' is no power (kW, MW)": {"load_peak_kw": FieldFinding("in 1974", 1974)},
    "line 1: load_peak_kw: the largest load (peak demand) is not stated": {},
    "line 1: load_peak_kw: the model gave no answer: timeout: no answer within 3 s": {
        "load_peak_kw": Failure("timeout", "no answer within 3 s")
    },
    "line 1: '70 kW' belongs to no field that was read, or contradicts another number": {"load_peak_kw": PV},
}


@pytest.mark.parametrize("told", REFUSED)
def test_what_the_text_does_not_bear_out_is_refused(told):
    """Invented words, invented numbers, the wrong unit, no answer, and numbers that are left over."""
    form = filled(TEXT, Says({"pv_kw": PV, **REFUSED[told]}, {"pv": "PV"}))
    assert form.model is None
    assert told in [str(each) for each in form.refusals]


def test_a_number_of_another_kind_states_nothing_of_a_field_that_has_a_default():
    """The default stands, to be confirmed; what the text does say of the field is left over and refused."""
    text = "Load 3 kW. Battery: 10 kWh, 5 kW{}."
    found = {
        "load_peak_kw": FieldFinding("Load 3 kW", 3),
        "battery.energy_kwh": FieldFinding("10 kWh", 10),
        "battery.power_kw": FieldFinding("5 kW", 5),
        "battery.efficiency": FieldFinding("10 kWh", 10),
    }
    says = Says(found, {"battery": "Battery"})
    assert filled(text.format(""), says).model.battery.efficiency == 0.95
    told = filled(text.format(", efficiency 90 %"), says).refusals
    assert [str(each) for each in told] == [
        "line 1: '90 %' belongs to no field that was read, or contradicts another number"
    ]


GENSET = "Load 3 kW. A diesel of 4 kW, 0.3 EUR/kWh. No battery."
RUNS = {
    "load_peak_kw": FieldFinding("Load 3 kW", 3),
    "generator.max_kw": FieldFinding("4 kW", 4),
    "generator.min_kw": FieldFinding("A diesel of 4 kW", 4),
    "generator.cost_per_kwh": FieldFinding("0.3 EUR/kWh", 0.3),
}


def test_no_number_states_two_fields():
    """A reader that sees one number in both is asked which it is; the one with a default keeps its default."""
    most, least = "the largest power of the generator", "the smallest power of the generator"
    says = Says(RUNS, {"generator": "A diesel"}, {"What is 4 kW": most})
    own = filled(GENSET, says).model.generator
    assert (own.max_kw, own.min_kw) == (4.0, 0.0)
    assert says.told == [("What is 4 kW in the words 'A diesel of 4 kW, 0.3 EUR/kWh'?", [most, least])]


@pytest.mark.parametrize("means", ["the smallest power of the generator", None])
def test_a_number_that_is_another_one_s_leaves_a_field_unstated(means):
    """It is needed, and the text has no other number for it."""
    told = filled(GENSET, Says(RUNS, {"generator": "A diesel"}, {"What is 4 kW": means})).refusals
    why = "the largest power of the generator is not stated: '4 kW' was said to be this and something else"
    assert f"line 1: generator.max_kw: {why}" in map(str, told)


def test_a_field_whose_number_is_another_one_s_is_asked_for_among_what_is_left():
    """By what others have; of them it may still be none."""
    text, found = "Load 9 kW, PV 5 kW.", {"load_peak_kw": FieldFinding("9 kW", 9), "pv_kw": FieldFinding("9 kW", 9)}
    chosen = {
        "What is 9 kW": "the largest load (peak demand)",
        "Which of these is the rated power": "Load 9 kW, PV 5 kW",
    }
    says = Says(found, {"pv": "PV"}, chosen)
    model = filled(text, says).model
    assert (model.load_peak_kw, model.pv_kw) == (9.0, 5.0)
    assert says.told[1] == ("Which of these is the rated power of the PV?", ["Load 9 kW, PV 5 kW"])
    del chosen["Which of these is the rated power"]
    assert filled(text, Says(found, {"pv": "PV"}, chosen)).model is None


def test_a_number_that_stands_twice_may_state_two_fields():
    found = {"load_peak_kw": FieldFinding("9 kW", 9), "pv_kw": FieldFinding("9 kW", 9)}
    model = filled("Load 9 kW, PV 9 kW.", Says(found, {"pv": "PV"})).model
    assert (model.load_peak_kw, model.pv_kw) == (9.0, 9.0)


@pytest.mark.parametrize(("quote", "there"), [
    ("No battery", False),
    ("Load 3 kW", False),
    ("A diesel of 4 kW, 0.3 EUR/kWh. No battery", False),
    ("Accumulator", True),
    ("akku", True),
])  # fmt: skip
def test_a_quotation_that_denies_a_device_or_is_about_others_says_nothing_of_it(quote, there):
    """Words that nobody here knows are left to whoever reads."""
    text = f"{GENSET} {'' if quote in GENSET else quote}"
    without = {key: own for key, own in RUNS.items() if key != "generator.min_kw"}
    form = filled(text, Says(without, {"generator": "A diesel", "battery": quote}))
    assert [each.path for each in form.refusals] == (["battery.energy_kwh", "battery.power_kw"] if there else [])


def test_a_number_that_is_converted_to_the_unit_of_the_question_is_what_stands_there():
    """And none that is not."""
    found = {"load_peak_kw": FieldFinding("1.2 MW", 1200)}
    assert filled("Load 1.2 MW.", Says(found)).model.load_peak_kw == 1200.0
    assert filled("Load 1.2 MW.", Says({"load_peak_kw": FieldFinding("1.2 MW", 120)})).model is None


def test_what_is_not_borne_out_may_be_chosen_from_what_stands_there():
    """A device from the sentences, a number from those of its kind, each with the words before it."""
    chosen = {"there is a battery": "PV of 90 kW, in 1974.", "largest load": "A mill with 70 kW of load"}
    says = Says(
        {"load_peak_kw": FieldFinding("70 kW of sun", 70), "pv_kw": PV}, {"pv": "PV", "battery": "accu"}, chosen
    )
    form = filled(TEXT, says)
    assert form.model == ProsumerModel(load_peak_kw=70, pv_kw=90)
    assert [(each.path, each.quote, each.line) for each in form.entries[:2]] == [
        ("load_peak_kw", "70 kW", 1),
        ("pv_kw", "PV of 90 kW", 2),
    ]
    assert [choices for _, choices in says.told] == [
        ["A mill with 70 kW of load.", "PV of 90 kW, in 1974."],
        ["A mill with 70 kW of load", "PV of 90 kW, in 1974"],
    ]
    wrong = filled(TEXT, Says({"load_peak_kw": LOAD, "pv_kw": FieldFinding("PV", 9)}, {"pv": "PV"}, {"PV": None}))
    assert "line 2: pv_kw: the number 9 does not stand in 'PV'" in map(str, wrong.refusals)


@pytest.mark.parametrize(("quote", "number", "said"), [
    ("1050 kW", 1050, "1050 kilowatts"),
    ("1.05 MW", 1.05, "1050 kilowatts"),
    ("1050 kWh", 1050, None),
    ("1050 kW", 1, None),
    ("1060 kW", 1060, None),
])  # fmt: skip
def test_a_quantity_in_other_words_is_the_one_that_stands_there(quote, number, said):
    """By number and unit together, quoted as the text has it."""
    form = filled("The load is 1050 kilowatts.", Says({"load_peak_kw": FieldFinding(quote, number)}))
    assert ([each.quote for each in form.entries[:1]] == [said]) == (said is not None)
    assert (form.model is not None) == (said is not None)


def test_a_device_that_is_quoted_in_other_words_is_there_where_the_text_names_it():
    """Where it denies it, or names none, a sentence would have to be chosen."""
    text = "Load 3 kW.\nPV of 5 kW."
    found = {"load_peak_kw": FieldFinding("3 kW", 3), "pv_kw": FieldFinding("5 kW", 5)}
    says = Says(found, {"pv": "solar panels of 5 kW"})
    assert filled(text, says).model == ProsumerModel(load_peak_kw=3, pv_kw=5)
    assert says.told == []
    for other in ("Load 3 kW.\nNo PV.", "Load 3 kW.\nA lake."):
        says = Says(found, {"pv": "solar panels of 5 kW"})
        assert filled(other, says).model == ProsumerModel(load_peak_kw=3)
        assert says.told[0][1] == other.split("\n")


def test_a_field_of_whose_kind_there_is_no_number_is_not_asked_for():
    """Nothing can be said of it, whatever a reader sees there; what is needed is not stated."""
    found = {"load_peak_kw": FieldFinding("3 kW", 3), "battery.efficiency": FieldFinding("3 kW", 3)}
    form = filled("Load 3 kW. A battery.", Says(found, {"battery": "A battery"}))
    assert [str(each) for each in form.refusals] == [
        "line 1: battery.energy_kwh: the capacity of the battery is not stated",
        "line 1: battery.power_kw: the charging and discharging power of the battery is not stated",
    ]


def test_a_decimal_below_one_that_nobody_took_is_told():
    """A power factor that was overlooked; counts and years are not numbers of a model."""
    found = {"load_peak_kw": FieldFinding("3 kW", 3)}
    text = "Load 3 kW, since 1974, 2 floors. The power factor is {}."
    told = "line 1: '0.9' belongs to no field that was read, or contradicts another number"
    assert [str(each) for each in filled(text.format("0.9"), Says(found)).refusals] == [told]
    assert filled(text.format("good"), Says(found)).model is not None


def test_a_device_that_is_invented_is_not_there():
    """No word of the text says so, nor one of its sentences when it is asked; what is stated of it would be left over, and told."""
    says = Says({"load_peak_kw": LOAD, "pv_kw": PV}, {"pv": "PV", "battery": "a battery"})
    assert filled(TEXT, says).model == ProsumerModel(load_peak_kw=70, pv_kw=90)
    assert says.told == [
        (
            "Which of these says that there is a battery or another electric store?",
            ["A mill with 70 kW of load.", "PV of 90 kW, in 1974."],
        )
    ]
    form = filled(f"{TEXT}\nAn accu of 5 kWh.", says)
    assert [str(each) for each in form.refusals] == [
        "line 3: '5 kWh' belongs to no field that was read, or contradicts another number"
    ]


@pytest.mark.parametrize(("text", "told"), [
    ("", "line 1: the description is empty"),
    ("x" * (MOST_CHARACTERS + 1), f"line 1: the description has {MOST_CHARACTERS + 1} characters, at most {MOST_CHARACTERS} are read"),
    ("a\n\x1b[31mload 3 kW", "line 2: the description has the control character '\\x1b'"),
    ("load 3 kW\nheat pump of 5 kW", "line 2: the model has no place for 'heat pump'"),
    ("load 3 kW\nEach start-up costs 5 EUR: a start-up cost.", "line 2: what a start costs is a whole number of starts"),
    ("load 3 kW\nOnce started it runs for at least two hours.", "line 2: a least time of running is not convex"),
])  # fmt: skip
def test_what_no_convex_model_has_is_refused_whoever_reads(text, told):
    assert told in map(str, filled(text, Says({})).refusals)


def test_what_is_said_of_both_ways_is_the_efficiency_of_both():
    text = "Load 3 kW. Battery: 10 kWh, 5 kW, {}."
    for words, one_way in (
        ("efficiency 81 % one way", 0.81),
        ("round-trip efficiency 81 %", 0.9),
        ("81 % efficient there and back", 0.9),
    ):
        model = filled(text.format(words), WordReader()).model
        assert model.battery.efficiency == pytest.approx(one_way)
        assert math.isclose(model.battery.efficiency_out, one_way)


def test_every_field_is_one_of_the_model():
    """And what is asked for is a question's end."""
    whole = ProsumerModel(battery=BatteryModel(energy_kwh=1, power_kw=1), generator=GeneratorModel(max_kw=1))
    for path in BY_PATH:
        owner = whole
        for name in path.split(".")[:-1]:
            owner = getattr(owner, name) or type(whole).model_fields[name].annotation.__args__[0]
        assert path.split(".")[-1] in (owner if isinstance(owner, type) else type(owner)).model_fields
        assert BY_PATH[path].device in {"", *DEVICES}


WISHES = {
    "keep at least 30 % in the battery after 18:00": "stored at least 300 kWh, 18 h to 24 h",
    "a reserve of 200 kWh is stored from 6 pm to midnight": "stored at least 200 kWh, 18 h to 24 h",
    "the generator is off between 22:00 and 6:00": "generator at most 0 kW, 22 h to 6 h",
    "never export more than 100 kW": "export at most 100 kW, 0 h to 24 h",
    "draw no more than 0.25 MW from the grid before 7 am": "import at most 250 kW, 0 h to 7 h",
}
MODEL = ProsumerModel(battery=BatteryModel(energy_kwh=1000, power_kw=100), generator=GeneratorModel(max_kw=50))


@pytest.mark.parametrize("text", WISHES)
def test_a_wish_is_read_by_rules(text):
    (found,), refused = read_wishes({3: text}, MODEL, WordWishes())
    assert (str(found), refused) == (WISHES[text], [])


class Wishes:
    """A reader of wishes that says what it was told to."""

    def __init__(self, *answers):
        self._answers = list(answers)

    def wish(self, text):
        return self._answers.pop(0)


@pytest.mark.parametrize(("text", "finding", "told"), [
    ("make me happy", None, "'make me happy' is no wish about"),
    ("no more than 5 kW of load is shed", ("curtailed_kw", 5.0, 0.0, 24.0), "a wish about curtailed_kw, and there is no curtailable"),
    ("export at most 5 kW", ("export_kw", 6.0, 0.0, 24.0), "the number 6 does not stand in it with the unit kW"),
    ("export at most 5 kWh", ("export_kw", 5.0, 0.0, 24.0), "the number 5 does not stand in it with the unit kW"),
    ("export at most 5 kW after 18:00", ("export_kw", 5.0, 17.0, 24.0), "the hours 17 to 24 do not stand in it"),
])  # fmt: skip
def test_a_wish_that_its_line_does_not_bear_out_is_refused(text, finding, told):
    from marketsim.experts.workflow.wishes import WishFinding

    found, (refused,) = read_wishes({4: text}, MODEL, Wishes(None if finding is None else WishFinding(*finding)))
    assert found == []
    assert str(refused).startswith(f"line 4: wish: {told}")


def test_wishes_are_taken_out_of_a_description_and_lines_keep_their_numbers():
    body, wishes = split_wishes("Load 3 kW.\n- Wish: export at most 1 kW\nPV 5 kW.\npreference: no export")
    assert body == "Load 3 kW.\n\nPV 5 kW.\n"
    assert wishes == {2: "export at most 1 kW", 4: "no export"}


def test_hours_are_read_in_the_usual_forms():
    assert hours_in("from 6 pm, 18:30, 7 am, 12 am, 22 h, noon to midnight, at 99:00") == [
        18.0,
        18.5,
        7.0,
        0.0,
        22.0,
        12.0,
        24.0,
    ]
