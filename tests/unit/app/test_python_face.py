"""The Python face says in one of its own errors what it was given instead of what it takes."""

from __future__ import annotations

import pytest

import marketsim as ms
from marketsim.core.errors import (
    ImportedDataError,
    InputError,
    NetworkError,
    ProfileError,
    RunFolderError,
    ScenarioError,
)

SCENARIO = {
    "clock": {"start": "2016-07-12", "slots": 2, "slot_minutes": 60},
    "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
    "agents": [{"name": "roof", "kind": "prosumer", "pv_kw": 5}, {"name": "home", "kind": "consumer"}],
}


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: ms.load_scenario(123), ScenarioError, "a path, a mapping or YAML text, not int"),
        (lambda: ms.load_scenario(b"name: x\n"), ScenarioError, "a path, a mapping or YAML text, not bytes"),
        (lambda: ms.load_scenario(SCENARIO, {3: 1}), ScenarioError, "overrides map paths to values"),
        (lambda: ms.load_scenario(SCENARIO, [("seed", 1)]), ScenarioError, "overrides map paths to values"),
        (lambda: ms.load_scenario(SCENARIO, {"grid..gate": 1}), ScenarioError, r"is not a path such as agents\[0\]"),
        (lambda: ms.load_scenario(SCENARIO, {"seed": object()}), ScenarioError, "cannot hold an object of type object"),
        (lambda: ms.load_scenario({**SCENARIO, "seed": float("nan")}), ScenarioError, "seed: must be a finite number"),
        (lambda: ms.simulate(None), ScenarioError, "not NoneType"),
        (lambda: ms.simulate("nowhere.yaml"), ScenarioError, "nowhere.yaml: there is no such file"),
        (lambda: ms.simulate(SCENARIO, out=3), RunFolderError, "a run folder is a path, not int"),
        (lambda: ms.open_run(None), RunFolderError, "a run folder is a path, not NoneType"),
        (lambda: ms.open_run("/nowhere"), RunFolderError, "no such run folder"),
        (lambda: ms.feeder(3), NetworkError, "a feeder is named, such as 'feeder141', not int"),
        (lambda: ms.feeder("feeder142"), NetworkError, "unknown feeder"),
        (lambda: ms.parallel_env(3), ScenarioError, "not int"),
        (lambda: ms.open_study(3), RunFolderError, "a study is a path, not int"),
        (lambda: ms.open_study("/nowhere"), RunFolderError, "no study"),
        (lambda: ms.check_data(3), ProfileError, "a table is a path, not int"),
        (lambda: ms.check_data("nowhere.csv"), ProfileError, "nowhere.csv: there is no such file"),
        (
            lambda: ms.import_scenario("pandapower", 3, "x"),
            ImportedDataError,
            "a source is named by a path or a text, not int",
        ),
        (lambda: ms.import_scenario("panda", "x", "y"), ImportedDataError, "did you mean pandapower"),
        (lambda: ms.whatif(SCENARIO, {}), ScenarioError, "nothing is varied"),
        (lambda: ms.whatif(SCENARIO, {"clock.slotz": [1]}), ScenarioError, "did you mean slots"),
    ],
)
def test_misuse_is_an_error_of_our_own(call, kind, message):
    """Its class, exit code 2, and a message in the words of the documentation; nothing of Python's own."""
    with pytest.raises(kind, match=message) as caught:
        call()
    assert isinstance(caught.value, InputError)
    assert caught.value.exit_code == 2
    assert str(caught.value.problems[0]) in str(caught.value)


@pytest.mark.parametrize(("agent", "market"), [("stranger", 0), (7, 0), (-1, 0), (None, 0), ("roof", 1)])
def test_a_bill_of_nobody_names_who_there_is(agent, market):
    """By a name, an index or a market that the run does not have."""
    with pytest.raises(InputError, match=r"no such agent in this run|there is no market 1: this run has 1"):
        ms.simulate(SCENARIO).bill(agent, market)


def test_what_takes_a_scenario_takes_it_in_every_form(tmp_path):
    """A mapping, a path, YAML text and what ``load_scenario`` returned give the same tables."""
    import yaml

    text = yaml.safe_dump(SCENARIO)
    path = tmp_path / "two.yaml"
    path.write_text(text)
    runs = [ms.simulate(form) for form in (SCENARIO, path, str(path), text, ms.load_scenario(SCENARIO))]
    assert all(run.agents.equals(runs[0].agents) for run in runs[1:])


def test_a_path_that_is_none_is_told_and_where_overrides_go():
    """Of a run's folder before anything is computed, and of the tables."""
    with pytest.raises(RunFolderError, match=r"a run folder is a path, not dict\n.*ms\.load_scenario\(scenario, {"):
        ms.simulate("nowhere.yaml", {"seed": 2})
    with pytest.raises(RunFolderError, match="the folder of the tables is a path, not NoneType"):
        ms.simulate(SCENARIO).to_csv(None)


def test_a_run_without_a_grid_has_no_worst_buses():
    run = ms.simulate(SCENARIO)
    for ask in (run.worst_buses, run.worst_branches):
        with pytest.raises(InputError, match="this run has no grid: it has no buses"):
            ask()


def test_errors_speak_of_arguments_in_python_and_of_options_on_the_command_line(cli, tmp_path):
    """One table of words, used where the error is read; a command that is to be typed stays as it is."""
    with pytest.raises(ScenarioError, match="^overrides clock.slotz: unknown key"):
        ms.load_scenario(SCENARIO, {"clock.slotz": 1})
    ms.simulate(SCENARIO, tmp_path / "run")
    with pytest.raises(RunFolderError, match="choose another out, or replace it with force=True"):
        ms.simulate(SCENARIO, tmp_path / "run")
    said = cli("run", tmp_path / "run" / "scenario.yaml", "--out", tmp_path / "run").err
    assert "choose another --out, or replace it with --force" in said
    said = cli("run", tmp_path / "run" / "scenario.yaml", "--set", "clock.slotz=1").err
    assert "--set clock.slotz" in said
    from marketsim.core.face import worded

    assert worded("choose it by --set learning.game=market") == "choose it by overrides {'learning.game': 'market'}"
    assert worded("go on: marketsim whatif --resume --out x") == "go on: marketsim whatif --resume --out x"


def test_a_run_without_a_grid_has_no_net():
    with pytest.raises(InputError, match="no grid to build a net from"):
        ms.simulate(SCENARIO).net(slot=0)
