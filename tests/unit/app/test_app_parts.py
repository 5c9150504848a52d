"""Parts from their factories: what is wrong with one stands where the scenario chose it."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketsim.app.checks import checked
from marketsim.app.parts import context_of, profiles_of
from marketsim.app.ready import check_scenario, load_scenario
from marketsim.app.wiring import build
from marketsim.core.errors import InputError, ProfileError, ScenarioError
from marketsim.core.units import UNLIMITED_WH

HEAD = "clock: {start: 2016-07-12, slots: 4, slot_minutes: 60}\n"
AGENTS = "agents:\n  - {name: a, kind: consumer, load: {annual_kwh: 4000}, connection_kw: {import: 7}}\n"
FLAT = "tariff: {flat: {retail: 0.30, feed_in: 0.08}}\n"
SHORT = "tariff: {series: {retail: [0.3, 0.2], feed_in: 0.08}}\n"


def part_problems(ready):
    """What is wrong with the files of a scenario that is valid by itself, and with its tariff and shapes."""
    return [problem for error in checked(ready).faults for problem in error.problems]


@pytest.fixture
def wrong(scenario_file):
    """``wrong(text, overrides)``: problems of a scenario whose values are valid, and the file's path."""

    def problems(text, overrides=None):
        path = scenario_file(text)
        return part_problems(load_scenario(path, overrides, files_too=False)), str(path)

    return problems


def test_a_problem_of_a_part_has_the_line_of_its_key(wrong):
    """The path that the part reports is one within its own parameters."""
    (problem,), path = wrong(HEAD + SHORT + AGENTS)
    assert (problem.path, problem.file, problem.line, problem.column) == ("tariff.series.retail", path, 2, 27)
    assert problem.value == "2 values"


def test_a_path_from_the_root_stays_one(wrong):
    """A profile source names the agent's key."""
    text = HEAD + FLAT + "agents:\n  - {kind: consumer, load: {annual_kwh: 1, shape: H0-Z}}\n"
    (problem,), path = wrong(text)
    assert (problem.path, problem.file, problem.line, problem.column) == ("agents[0].load.shape", path, 4, 51)


def test_all_parts_are_checked_at_once(wrong):
    """Tariff and shapes, in one go."""
    text = HEAD + SHORT + "agents:\n  - {kind: consumer, load: {annual_kwh: 1, shape: H0-Z}}\n"
    assert [problem.path for problem in wrong(text)[0]] == ["tariff.series.retail", "agents[0].load.shape"]


def test_what_was_set_from_outside_is_named_as_such(wrong):
    """``--set`` has no line; the option is the place."""
    (problem,), _ = wrong(HEAD + FLAT + AGENTS, {"tariff": {"series": {"retail": [0.3], "feed_in": 0.1}}})
    assert (problem.path, problem.file, problem.line) == ("tariff.series.retail", "--set tariff", 0)
    assert str(problem).startswith("overrides tariff: tariff.series.retail: the prices cover")


def test_a_value_from_an_extended_file_stands_there(scenario_file):
    """The place is in the file below."""
    below = scenario_file(HEAD + SHORT + AGENTS, "below.yaml")
    (problem,) = part_problems(load_scenario(scenario_file("extends: below.yaml\n", "above.yaml"), files_too=False))
    assert (problem.file, problem.line) == (str(below), 2)


def test_a_mapping_has_paths_and_no_lines():
    """The Python face says the same without a place."""
    flat = {"clock": {"start": "2016-07-12", "slots": 4, "slot_minutes": 60}, "agents": [{"kind": "consumer"}]}
    ready = load_scenario({**flat, "tariff": {"series": {"retail": [0.3, 0.2], "feed_in": 0.08}}}, files_too=False)
    (problem,) = part_problems(ready)
    assert str(problem).startswith("tariff.series.retail: the prices cover neither")


def test_a_line_of_a_data_file_is_its_own_place(wrong, scenario_file):
    """What is wrong inside a price file stands at its line; a file that is missing, where it is named."""
    scenario_file("retail,feed_in\n0.3,0.08\n-4,0.08\n", "prices.csv")
    found, _ = wrong(HEAD + "tariff: {series: {file: prices.csv}}\n" + AGENTS)
    assert ("prices.csv", 3) in {(Path(problem.file).name, problem.line) for problem in found}
    (missing,), path = wrong(HEAD + "tariff: {series: {file: nowhere.csv}}\n" + AGENTS)
    assert (missing.path, missing.file, missing.line, missing.column) == ("tariff.series.file", path, 2, 25)
    assert missing.value.endswith("nowhere.csv")


@pytest.mark.parametrize("use", [check_scenario, lambda path: build(load_scenario(path))], ids=["validate", "run"])
def test_validating_and_running_raise_the_same(scenario_file, use):
    """The class of the error is the part's own, with the place."""
    with pytest.raises(ScenarioError, match=r"s\.yaml:2:27: tariff\.series\.retail"):
        use(scenario_file(HEAD + SHORT + AGENTS))


def test_a_profile_file_keeps_its_class_of_error(scenario_file):
    """``profiles: {source: file}`` raises ProfileError when it is built, with the line of the scenario."""
    text = HEAD + FLAT + "profiles: {source: file, path: day.txt}\n" + AGENTS
    match = r"s\.yaml:3:32: profiles\.path: there is no such file"
    with pytest.raises(ProfileError, match=match):
        load_scenario(scenario_file(text))
    with pytest.raises(ProfileError, match=match):
        profiles_of(load_scenario(scenario_file(text), files_too=False))
    with pytest.raises(InputError, match="profiles.path"):
        check_scenario(scenario_file(text))


def test_the_context_has_as_many_copies_as_seeds(scenario_file):
    """Names tell copies apart where there are several; limits are Wh of a slot, and unlimited where none is given."""
    text = HEAD.replace("slot_minutes: 60", "slot_minutes: 30") + FLAT + AGENTS + "  - {name: b, kind: consumer}\n"
    ready = load_scenario(scenario_file(text))
    one, two = (context_of(ready, seeds).community for seeds in ((1,), (1, 2)))
    assert (one.names, two.names) == (("a", "b"), ("a#0", "b#0", "a#1", "b#1"))
    assert two.import_limit_wh.tolist() == [3_500, UNLIMITED_WH] * 2
    assert two.export_limit_wh.tolist() == [UNLIMITED_WH] * 4
