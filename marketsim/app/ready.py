"""From a scenario as written to one that is ready to run: parts known, feeder loaded, agents resolved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from marketsim.app.checks import checked, demand_files
from marketsim.app.foreign import owner
from marketsim.app.plugin_feeders import feeder_of_plugin
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.builtin import built_in_registry
from marketsim.core.build import AgentSpec, FileContext
from marketsim.core.errors import ScenarioError
from marketsim.core.fence import Fence
from marketsim.extension import files
from marketsim.extension.entry_points import installed_plugins, load_installed
from marketsim.extension.files import PluginFile
from marketsim.extension.registry import Registry
from marketsim.grid.net import names
from marketsim.grid.net.feeder import Feeder, FeederOptions
from marketsim.scenario.facts import FeederFacts
from marketsim.scenario.load import Loaded, source_of
from marketsim.scenario.load import load_scenario as read_scenario
from marketsim.scenario.model import Scenario
from marketsim.scenario.source import ScenarioSource

ScenarioLike = str | Path | Mapping[str, object] | ScenarioSource


def full_registry(plugin_files: tuple[Path, ...] = (), tell: Callable[[Path], None] | None = None) -> Registry:
    """Built-in parts, installed plugins, and those of some files, which are executed; ``tell`` gets each path before."""
    registry = built_in_registry()
    load_installed(registry, installed_plugins())
    files.load_files(registry, plugin_files, tell)
    return registry


def feeder_options(model: Scenario) -> FeederOptions:
    """What a scenario changes about its feeder."""
    grid = model.grid
    return FeederOptions(grid.source_pu, grid.voltage_band_pu, grid.line_rating_a)


def load_feeder(model: Scenario, registry: Registry, fence: Fence) -> Feeder | None:
    """The feeder that a scenario names, by a plugin or by the package; NetworkError if it cannot be used."""
    name = model.grid.feeder
    if name is None:
        return None
    from marketsim.grid.net import feeders

    kind, _, argument = name.partition(":")
    if kind not in registry.names("grid"):
        return feeders.load(name, fence.opened_for(name), feeder_options(model))
    build, context = registry.builder("grid", kind), FileContext(fence)
    who = owner(registry, "grid", kind)
    if who is not None:
        return feeder_of_plugin(who, build, argument, context, feeder_options(model))
    made: Feeder = build(argument, context)
    return made


def facts_of(feeder: Feeder) -> FeederFacts:
    """What resolving a scenario needs of a feeder."""
    network = feeder.network
    loaded = (network.load_kw != 0.0) | (network.load_kvar != 0.0)
    return FeederFacts(
        nodes=feeder.nodes,
        load_buses=tuple(bus for bus, has_load in zip(network.bus_names, loaded, strict=True) if has_load),
        nominal_kw=network.load_kw.tolist(),
        nominal_kvar=network.load_kvar.tolist(),
        reasons=feeder.reasons,
    )


def ready_of(
    loaded: Loaded, registry: Registry, plugin_files: tuple[PluginFile, ...] = (), feeder: Feeder | None = None
) -> ReadyScenario:
    """What was read and resolved, with everything that it names."""
    return ReadyScenario(
        loaded.scenario, loaded.agents, loaded.source, registry, plugin_files, feeder, read=load_scenario
    )


def load_scenario(
    scenario: ScenarioLike,
    overrides: Mapping[str, object] | None = None,
    *,
    trust: bool = False,
    tell: Callable[[Path], None] | None = None,
    files_too: bool = True,
) -> ReadyScenario:
    """Read, validate and resolve a scenario, its plugins and its feeder.

    ``scenario`` is a path, a mapping, or YAML text with a line break; ``overrides`` map dotted paths to values. Plugin
    files that it names are executed, each after ``tell`` got its path. ``trust``: the scenario is your own, so its
    files may lie outside of its folder, and its plugins are executed also where a run, training or study wrote it.
    ``files_too``: the files of series, prices, policies and critics that it names are checked before its feeder is loaded;
    who looks at a run needs none of them. Raises InputError with every problem at once, of the class of what is wrong.
    """
    source = _source(scenario, overrides, trust=trust)
    registry = full_registry()
    plugin_files: list[PluginFile] = []
    feeders_seen: list[Feeder | None] = []

    def check(source: ScenarioSource, model: Scenario, agents: tuple[AgentSpec, ...]) -> None:
        if files_too:
            demand_files(ReadyScenario(model, agents, source, registry, (), None, load_scenario))

    def look_up(model: Scenario) -> FeederFacts:
        feeder = load_feeder(model, registry, source.fence)
        feeders_seen.append(feeder)
        if feeder is None:
            raise AssertionError("asked for the facts of no feeder")
        return facts_of(feeder)

    loaded = read_scenario(
        source,
        catalog=registry,
        load_plugins=lambda paths: plugin_files.extend(files.load_files(registry, paths, tell)),
        feeder=look_up,
        before_feeder=check,
    )
    return ready_of(loaded, registry, tuple(plugin_files), feeders_seen[-1] if feeders_seen else None)


def _source(scenario: ScenarioLike, overrides: Mapping[str, object] | None, *, trust: bool) -> ScenarioSource:
    """The scenario as written, with overrides in place."""
    if not isinstance(scenario, str | Path | Mapping | ScenarioSource):
        raise ScenarioError(f"a scenario is a path, a mapping or YAML text, not {type(scenario).__name__}")
    if not isinstance(overrides, Mapping | None) or any(not isinstance(path, str) for path in overrides or ()):
        raise ScenarioError(f"overrides map paths to values, as in {{'grid.gate': 'observe'}}, got {overrides!r}")
    if not isinstance(trust, bool):
        raise ScenarioError(f"trust is True or False, not {type(trust).__name__}")
    return source_of(scenario, overrides, trust=trust)


class CheckedScenario(NamedTuple):
    """A scenario that was checked and not loaded."""

    scenario: Scenario
    agents: tuple[AgentSpec, ...]
    """Agents of one market; without buses and nominal loads where the feeder was not loaded."""
    plugins: tuple[Path, ...]
    """Plugin files that it names."""
    files: tuple[str, ...]
    """Files of series, prices and critics that were read."""
    unchecked: tuple[str, ...]
    """What is checked when it is run."""
    notes: tuple[str, ...]
    """What whoever runs it should know of its series."""


def check_scenario(
    scenario: ScenarioLike, overrides: Mapping[str, object] | None = None, *, trust: bool = False
) -> CheckedScenario:
    """Validate without running any plugin code and without a heavy library; what only plugins know stays unchecked.

    Where all values are valid, tariff and profiles are built, so that the files that they name are checked, too, whatever
    the feeder. The buses of ``feeder141`` are checked; those of other feeders when they are loaded. ScenarioError has
    every problem.
    """
    loaded, registry = _resolved(scenario, overrides, trust=trust)
    found = checked(ready_of(loaded, registry))
    if found.faults:
        raise ScenarioError([problem for error in found.faults for problem in error.problems])
    unchecked = (*loaded.unchecked, *found.unread)
    return CheckedScenario(loaded.scenario, loaded.agents, loaded.plugins, found.files, unchecked, found.notes)


def resolved_scenario(
    scenario: ScenarioLike, overrides: Mapping[str, object] | None = None, *, trust: bool = False
) -> ReadyScenario:
    """A scenario as ``check_scenario`` resolves it, its files not looked at; ScenarioError for what is wrong beside them."""
    loaded, registry = _resolved(scenario, overrides, trust=trust)
    return ready_of(loaded, registry)


def _resolved(
    scenario: ScenarioLike, overrides: Mapping[str, object] | None, *, trust: bool
) -> tuple[Loaded, Registry]:
    """Read and resolved without plugin code and heavy libraries."""
    written = _source(scenario, overrides, trust=trust)
    registry = built_in_registry()

    def look_up(model: Scenario) -> FeederFacts | None:
        base, _ = names.copies(model.grid.feeder or "")
        if base.partition(":")[0] in registry.names("grid"):
            return None
        source, item = names.parse(base)
        if source == "file":
            names.net_file(item, written.fence.opened_for(model.grid.feeder or ""))
        if source != names.FEEDER141:
            return None
        feeder = load_feeder(model, registry, written.fence)
        return None if feeder is None else facts_of(feeder)

    loaded = read_scenario(written, catalog=registry, feeder=look_up, tolerant=bool(installed_plugins()))
    return loaded, registry
