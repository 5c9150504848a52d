"""From a scenario as written to one that is ready to run."""

from __future__ import annotations

import pytest
import yaml

from marketsim.app.ready import check_scenario, full_registry, load_scenario
from marketsim.core.errors import PluginError, ScenarioError

HOUSES = {
    "name": "houses",
    "clock": {"start": "2016-04-12", "slots": 4, "slot_minutes": 60},
    "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
    "profiles": {"source": "simbench_2016"},
    "agents": [
        {"name": "roof", "kind": "prosumer", "pv_kw": 5, "load": {"annual_kwh": 3000}},
        {"name": "home", "kind": "consumer", "load": {"annual_kwh": 3000}},
    ],
}
PLUGIN = '''
import pathlib

import marketsim as ms

pathlib.Path({trace!r}).write_text("ran")


class Calm(ms.Prosumer):
    """Sells at the feed-in tariff."""


@ms.hookimpl
def marketsim_parts():
    return [ms.Entry(kind="agent", name="calm", build=lambda params, context: Calm, summary="calm")]
'''


@pytest.fixture
def written(tmp_path):
    """The scenario as a file."""
    path = tmp_path / "street.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in HOUSES.items() if key != "name"}))
    return path


@pytest.fixture
def with_plugin(tmp_path):
    """A scenario with a plugin of its own, which leaves a trace when it runs."""
    trace = tmp_path / "trace"
    (tmp_path / "plugin.py").write_text(PLUGIN.format(trace=str(trace)))
    agents = [{**HOUSES["agents"][0], "kind": "calm"}, HOUSES["agents"][1]]
    (tmp_path / "s.yaml").write_text(yaml.safe_dump({**HOUSES, "agents": agents, "plugins": ["plugin.py"]}))
    return tmp_path / "s.yaml", trace


def test_a_mapping_is_a_scenario():
    """Name, seed and resolved agents are those of the mapping, in its order; without a grid there is no feeder."""
    ready = load_scenario(HOUSES)
    assert (ready.name, ready.seed, ready.feeder) == ("houses", ready.model.seed, None)
    assert [agent.name for agent in ready.agents] == ["roof", "home"]
    assert ready.agents[0].pv_kw == 5.0
    assert ready.plugin_files == ()


@pytest.mark.parametrize("as_type", [str, lambda path: path, lambda path: path.read_text()])
def test_path_and_text_give_the_same_agents(written, as_type):
    """A path, its string and the text of the file describe the same agents."""
    assert load_scenario(as_type(written)).agents == load_scenario(HOUSES).agents


def test_a_file_without_a_name_gives_its_own(written):
    """The stem of the file names the scenario."""
    assert load_scenario(written).name == "street"


def test_overrides_reach_any_path(written):
    """Dotted paths set values, in lists too, whatever the scenario comes from."""
    for scenario in (HOUSES, written):
        ready = load_scenario(scenario, {"seed": 9, "clock.slots": 2, "agents.0.pv_kw": 7.5})
        assert (ready.seed, ready.model.clock.slots, ready.agents[0].pv_kw) == (9, 2, 7.5)


def test_a_variant_changes_what_it_is_told_and_nothing_else():
    """A variant is a scenario of its own; the one that it came from stays as it is."""
    ready = load_scenario(HOUSES, {"clock.slots": 3})
    variant = ready.variant({"seed": 11})
    assert (variant.seed, variant.model.clock.slots, variant.agents) == (11, 3, load_scenario(HOUSES).agents)
    assert ready.seed != 11


def test_every_problem_is_told_at_once():
    """Two mistakes are two problems, each at its place."""
    with pytest.raises(ScenarioError) as caught:
        load_scenario(HOUSES, {"clock.slots": 0, "agents.1.load.annual_kwh": -5})
    assert {problem.path for problem in caught.value.problems} == {"clock.slots", "agents[1].load.annual_kwh"}


def test_a_feeder_comes_with_the_scenario():
    """The feeder is loaded, and buses that it does not have are found."""
    grid = {"grid": {"feeder": "feeder141"}}
    agents = [{**agent, "bus": bus} for agent, bus in zip(HOUSES["agents"], (48, 127), strict=True)]
    ready = load_scenario({**HOUSES, **grid, "agents": agents})
    assert ready.feeder is not None
    assert [agent.bus for agent in ready.agents] == ["48", "127"]
    with pytest.raises(ScenarioError, match="9999"):
        load_scenario({**HOUSES, **grid, "agents": [agents[0], {**agents[1], "bus": 9999}]})


def test_checking_runs_no_plugin_code(with_plugin):
    """``check_scenario`` accepts the plugin's kind unseen; ``load_scenario`` runs the plugin."""
    scenario, trace = with_plugin
    checked = check_scenario(scenario)
    assert not trace.exists()
    assert checked.scenario.agents[0].kind == "calm"
    assert [path.name for path in checked.plugins] == ["plugin.py"]
    ready = load_scenario(scenario)
    assert trace.read_text() == "ran"
    assert [file.path.name for file in ready.plugin_files] == ["plugin.py"]
    assert "calm" in ready.registry.names("agent")


def test_checking_finds_what_is_wrong():
    """A value out of range is found without running anything."""
    with pytest.raises(ScenarioError, match=r"clock\.slots"):
        check_scenario(HOUSES, {"clock.slots": 0})


def test_a_plugin_of_one_scenario_is_unknown_to_others(with_plugin):
    """Each scenario has a registry of its own."""
    load_scenario(with_plugin[0])
    assert "calm" not in full_registry().names("agent")


def test_a_plugin_that_fails_is_named(with_plugin):
    """An exception in a plugin file is a PluginError that names the file."""
    scenario, _ = with_plugin
    scenario.with_name("plugin.py").write_text("raise RuntimeError('broken')\n")
    with pytest.raises(PluginError, match=r"plugin\.py"):
        load_scenario(scenario)


def test_a_scenario_is_a_line_in_a_terminal_and_a_table_in_a_notebook(root):
    """However many agents it has: what a reader wants to know first, and not 97,673 characters."""
    ready = load_scenario(root / "scenarios" / "ieee141.yaml")
    assert repr(ready) == (
        "<ReadyScenario ieee141 (seed 1): 20 prosumers, 84 consumers, 96 slots of 15 minutes from 2016-07-12, "
        "feeder feeder141, gate ac, engine double_auction>"
    )
    shown = ready._repr_html_()
    assert len(shown) < 2_000
    assert "flat [currency/kWh]" in shown
    alone = repr(load_scenario(HOUSES))
    assert "1 prosumer, 1 consumer" in alone
    assert "no feeder" in alone
