"""``load_scenario``: from what the user wrote to a validated scenario with its agents, or every problem at once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import ValidationError

from marketsim.core.build import AgentSpec
from marketsim.core.errors import InputError, PluginError, Problem, ScenarioError
from marketsim.core.fence import TRUST
from marketsim.scenario.agents import OWNER_SHARE
from marketsim.scenario.choice import Catalog, Context
from marketsim.scenario.facts import FeederFacts
from marketsim.scenario.model import MAX_PARTS, Scenario
from marketsim.scenario.prepare import prepared
from marketsim.scenario.problems import UNSEEN, Detail, details_of, to_problems
from marketsim.scenario.resolve import resolved
from marketsim.scenario.rules import period_fits_memory, scenario_details, slot_fits_int64
from marketsim.scenario.source import ScenarioSource, read_source
from marketsim.scenario.tree import Loc, child, plain, shorten
from marketsim.scenario.yamltext import uncollected

FeederLookup = Callable[[Scenario], FeederFacts | None]
"""Facts of the feeder that a scenario names; None: not to be loaded now; InputError where there is none."""

Check = Callable[[ScenarioSource, Scenario, tuple[AgentSpec, ...]], object]
"""Looks at a scenario whose keys are valid and at its agents, without their places; InputError for what is wrong."""


_MOST_PROBLEMS: Final = 150
"""That are told one by one."""


class Loaded(NamedTuple):
    """A scenario that can be run."""

    scenario: Scenario
    agents: tuple[AgentSpec, ...]
    """Agents of one market; without buses and nominal loads where the feeder was not loaded."""
    source: ScenarioSource
    """As written; overrides of it give variants of the scenario."""
    plugins: tuple[Path, ...]
    """Plugin files that it names."""
    unchecked: tuple[str, ...]
    """Names that only plugins know which were not loaded, as ``kind name``; empty where plugins are loaded."""


def load_scenario(
    scenario: str | Path | Mapping[str, object] | ScenarioSource,
    overrides: Mapping[str, object] | None = None,
    *,
    catalog: Catalog,
    load_plugins: Callable[[tuple[Path, ...]], object] | None = None,
    feeder: FeederLookup | None = None,
    before_feeder: Check | None = None,
    tolerant: bool = False,
    trust: bool = False,
) -> Loaded:
    """Read, validate and resolve a scenario; ScenarioError with every problem.

    ``scenario`` is a path, a mapping, YAML text (with a line break) or what ``read_source`` returned. ``load_plugins``
    makes ``catalog`` know the plugin files that the scenario names; without it no plugin code runs, and names that
    may be theirs are listed as unchecked. ``tolerant`` allows this also where the scenario names no plugin file
    (installed plugins that were not loaded). ``feeder`` answers for buses and nominal loads; ``before_feeder`` is asked
    before it, where nothing is wrong so far, also if there is none. ``trust``: the scenario is
    the user's own; without it, plugins of a scenario that a run, training or study wrote, or whose ``folder`` leads out
    of where it lies, are refused by PluginError.
    """
    source = source_of(scenario, overrides, trust=trust)
    problems, plugins = _plugin_files(source)
    if plugins and load_plugins is not None and not problems:
        demand_trust(source)
        load_plugins(plugins)
    unloaded = bool(problems) or (bool(plugins) and load_plugins is None)
    context = Context(catalog, source.folder, tolerant or unloaded)
    valid, details = validate_source(source, context)
    agents: tuple[AgentSpec, ...] = ()
    if valid is not None:
        if before_feeder is not None and not details and not problems:
            _check_early(before_feeder, source, valid)
        agents, wrong = _resolve(valid, feeder, context)
        known = {detail.loc for detail in details}
        details += [detail for detail in wrong if detail.loc not in known]
    problems += to_problems(details, source.root)
    if problems or valid is None:
        raise ScenarioError(_shortened(_by_place(problems)))
    return Loaded(valid, agents, source, plugins, tuple(dict.fromkeys(context.unchecked)))


def source_of(
    scenario: str | Path | Mapping[str, object] | ScenarioSource, overrides: Mapping[str, object] | None, *, trust: bool
) -> ScenarioSource:
    """The scenario as written, with overrides in place; of what ``read_source`` returned, what it says of trust is kept."""
    if not isinstance(scenario, ScenarioSource):
        return read_source(scenario, overrides, trust=trust)
    source = scenario.override(overrides) if overrides else scenario
    return source._replace(trust=source.trust or trust)


def validate_source(source: ScenarioSource, context: Context) -> tuple[Scenario | None, list[Detail]]:
    """The model of a tree, None if a value is invalid; and everything wrong in values and between them."""
    with uncollected():
        return _validated(source, context)


def _validated(source: ScenarioSource, context: Context) -> tuple[Scenario | None, list[Detail]]:
    def device_keys(loc: Loc) -> Sequence[str]:
        if len(loc) == 2 and loc[0] == "agents":
            return context.catalog.names("device")
        return (OWNER_SHARE,) if len(loc) == 4 and loc[2] == "devices" else ()

    values = plain(source.root)
    if values.get("name") is None:
        values["name"] = source.name
    filled, wrong = prepared(values, context)
    try:
        scenario = Scenario.model_validate_json(json.dumps(filled), strict=True, context=context)
    except ValidationError as error:
        found = details_of(error, Scenario, filled, device_keys)
        return None, [*wrong, *(detail._replace(loc=_without_holder(detail.loc)) for detail in found)]
    return scenario, [*wrong, *scenario_details(scenario, context.catalog, context.tolerant)]


def _without_holder(loc: Loc) -> Loc:
    """Devices are gathered under one field; the user wrote them as keys of the agent."""
    gathered = len(loc) > 3 and loc[0] == "agents" and loc[2] == "devices"
    return (*loc[:2], *loc[3:]) if gathered else loc


def _resolve(
    scenario: Scenario, lookup: FeederLookup | None, context: Context
) -> tuple[tuple[AgentSpec, ...], list[Detail]]:
    facts: FeederFacts | None = None
    name = scenario.grid.feeder
    if lookup is not None and name is not None:
        try:
            facts = lookup(scenario)
        except InputError as error:
            if context.tolerant:
                # The feeder may be that of a plugin; without its table agents cannot be placed.
                return _unplaced(scenario, context, f"grid {name}")
            return (), [_of_feeder(each) for each in error.problems]
        if facts is None:
            return _unplaced(scenario, context, f"the net {name} and its buses")
    with uncollected():
        agents, wrong = resolved(scenario, facts)
        return agents, [*wrong, *_sizes_fit(scenario, agents, context)]


def _check_early(check: Check, source: ScenarioSource, scenario: Scenario) -> None:
    agents, wrong = resolved(scenario, None, placed=False)
    if not wrong and not list(slot_fits_int64(scenario, agents)):
        check(source, scenario, agents)


def _sizes_fit(scenario: Scenario, agents: tuple[AgentSpec, ...], context: Context) -> list[Detail]:
    return [*slot_fits_int64(scenario, agents), *period_fits_memory(scenario, agents, context.catalog)]


def _unplaced(scenario: Scenario, context: Context, unchecked: str) -> tuple[tuple[AgentSpec, ...], list[Detail]]:
    """Agents where the feeder is not loaded; what depends on its table stays unchecked."""
    context.unchecked.append(unchecked)
    if any("feeder" in (entry.load.peak_kw, entry.load.power_factor) for entry in scenario.agents):
        context.unchecked.append(f"nominal loads of {scenario.grid.feeder}")
    agents, wrong = resolved(scenario, None, placed=False)
    return agents, [*wrong, *_sizes_fit(scenario, agents, context)]


def _of_feeder(problem: Problem) -> Detail:
    """A feeder's problem at the line that names the feeder, with its own place in words."""
    line = f"line {problem.line}, column {problem.column}" if problem.line else ""
    if problem.line and not problem.column:  # of a plugin's source
        line = f"{problem.file}:{problem.line}"
    message = ": ".join(part for part in (problem.path, line, problem.message) if part)
    return Detail(("grid", "feeder"), message, problem.value or UNSEEN, problem.hint)


def _plugin_files(source: ScenarioSource) -> tuple[list[Problem], tuple[Path, ...]]:
    """Plugin files that a scenario names, before anything else is known of it; and what is wrong with them."""
    listed = child(source.root, "plugins")
    if listed is None or not isinstance(listed.value, list) or len(listed.value) > MAX_PARTS:
        # Absent, null, of a wrong type or too many, which validation says.
        return [], ()
    start = source.fence.folder
    problems: list[Problem] = []
    paths: list[Path] = []
    for position, item in enumerate(listed.value):
        if not isinstance(item.value, str):
            continue
        path = start / item.value
        fault = _file_fault(path)
        paths.append(path)
        if fault:
            where = f"plugins[{position}]"
            problems.append(Problem(fault, where, shorten(item.value), f"looked for {path}", *item.place))
    return problems, tuple(paths)


def demand_trust(source: ScenarioSource) -> None:
    """PluginError for the plugins of a scenario whose files are not where a scenario's own files are."""
    fence, listed = source.fence, child(source.root, "plugins")
    if fence.is_open or not (source.made or fence.leaves) or listed is None or not isinstance(listed.value, list):
        return
    why = "lies in a folder that a run, training or study wrote" if source.made else "has a folder outside of its own"
    problems = [
        Problem(
            f"this plugin is not executed: the scenario {why}",
            f"plugins[{position}]",
            shorten(str(fence.folder / item.value), 200),
            f"a plugin is a program and can do whatever you can; {TRUST}",
            *item.place,
        )
        for position, item in enumerate(listed.value)
        if isinstance(item.value, str) and item.value not in fence.own
    ]
    if problems:
        raise PluginError(problems)


def _file_fault(path: Path) -> str:
    if path.suffix != ".py":
        return "a plugin must be a .py file"
    return "" if os.path.isfile(path) else "there is no such plugin file"


def _shortened(problems: list[Problem]) -> list[Problem]:
    """The first of very many problems, and how many more there are."""
    more = len(problems) - _MOST_PROBLEMS
    return problems if more <= 0 else [*problems[:_MOST_PROBLEMS], Problem(f"and {more:,} more problems")]


def _by_place(problems: list[Problem]) -> list[Problem]:
    """In the order of each file; overrides and what has no line last."""

    def order(problem: Problem) -> tuple[bool, str, int, int]:
        return not problem.line or problem.file.startswith("--set"), problem.file, problem.line, problem.column

    return sorted(problems, key=order)
